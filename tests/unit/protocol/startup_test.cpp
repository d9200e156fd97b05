#include "protocol/startup.hpp"
#include "tests/unit/protocol/messages.hpp"

namespace pgweir::protocol {
namespace {

using std::string_view_literals::operator""sv;
using parameters = std::vector<std::pair<std::string, std::string>>;

/// The body of an encoded packet, after checking its length.
template <class Packet> std::string packet_body(const Packet& packet) {
    const auto bytes = encoded(packet);
    EXPECT_EQ(load_uint32(bytes.data()), bytes.size());
    return bytes.substr(4);
}

const startup_message sample{
    protocol_3_0, {{"user", "ann"}, {"database", "shop"}, {"Options", ""}, {"_pq_.extra", "1"}}};

TEST(StartupMessage, KeepsAllParametersInOrder) {
    const auto body = packet_body(sample);
    const auto packet = decode_startup_packet(body);
    ASSERT_TRUE(packet);
    const auto* message = std::get_if<startup_message>(&*packet);
    ASSERT_NE(message, nullptr);
    EXPECT_EQ(message->version, protocol_3_0);
    ASSERT_EQ(message->parameters.size(), 4U);
    EXPECT_EQ(message->parameters[2].name, "Options");
    EXPECT_EQ(message->parameters[3].value, "1");
    EXPECT_EQ(message->find("database"), "shop");
    EXPECT_EQ(message->find("options"), std::nullopt);
    expect_only_whole_bodies(body, [](std::string_view b) { return decode_startup_packet(b); });
}

TEST(StartupMessage, TakesTheLastOfTwoValues) {
    const startup_message message{protocol_3_0, {{"user", "ann"}, {"user", "bob"}}};
    EXPECT_EQ(message.find("user"), "bob");
}

TEST(StartupMessage, OfAnotherMajorVersionIsNotReadFurther) {
    const auto packet = decode_startup_packet("\0\2\0\0garbage"sv);
    ASSERT_TRUE(packet);
    EXPECT_EQ(std::get<startup_message>(*packet).version.major(), 2U);
    EXPECT_TRUE(std::get<startup_message>(*packet).parameters.empty());
}

TEST(StartupMessage, KnowsLaterMinorVersions) {
    const auto body = packet_body(startup_message{protocol_3_2, {}});
    EXPECT_EQ(std::get<startup_message>(*decode_startup_packet(body)).version.minor(), 2U);
}

TEST(StartupPacket, TellsItsSizeFromFourBytes) {
    for (const auto bytes : {""sv, "\0"sv, "\0\0"sv, "\0\0\0"sv})
        EXPECT_EQ(*startup_packet_size(bytes), 0U);
    EXPECT_EQ(*startup_packet_size("\0\0\0\x08"sv), 8U);
    EXPECT_EQ(*startup_packet_size("\0\0\x27\x10"sv), 10'000U);
    EXPECT_EQ(startup_packet_size("\0\0\x27\x11"sv).error(), decode_errc::too_long);
    EXPECT_EQ(*startup_packet_size("\0\0\x27\x11"sv, 20'000), 10'001U);
}

TEST(StartupPacket, RefusesHostileLengths) {
    for (char size = 0; size < 8; ++size) {
        const std::string bytes{'\0', '\0', '\0', size};
        EXPECT_EQ(startup_packet_size(bytes).error(), decode_errc::bad_length);
    }
    for (const auto bytes : {"\x7f\xff\xff\xff"sv, "\xff\xff\xff\xff"sv, "\x80\0\0\0"sv})
        EXPECT_EQ(startup_packet_size(bytes).error(), decode_errc::too_long);
}

TEST(SslAndGssencRequests, AreReadAsWritten) {
    const auto ssl = packet_body(ssl_request{});
    EXPECT_EQ(ssl, "\x04\xd2\x16\x2f"sv);
    EXPECT_TRUE(std::holds_alternative<ssl_request>(*decode_startup_packet(ssl)));
    EXPECT_FALSE(decode_startup_packet(ssl + "x"));
    const auto gss = packet_body(gssenc_request{});
    EXPECT_EQ(gss, "\x04\xd2\x16\x30"sv);
    EXPECT_TRUE(std::holds_alternative<gssenc_request>(*decode_startup_packet(gss)));
    EXPECT_FALSE(decode_startup_packet(gss + "x"));
}

TEST(CancelRequest, HasAKeyOfFourTo256Bytes) {
    for (std::size_t size = 0; size <= 300; ++size) {
        const std::string key(size, 'k');
        const auto body = packet_body(cancel_request{77, key});
        const auto packet = decode_startup_packet(body);
        ASSERT_EQ(packet.has_value(), size >= 4 && size <= 256) << size;
        if (!packet) continue;
        EXPECT_EQ(std::get<cancel_request>(*packet).process_id, 77);
        EXPECT_EQ(std::get<cancel_request>(*packet).secret_key, key);
    }
    EXPECT_FALSE(decode_startup_packet("\x04\xd2\x16\x2e\0\0"sv));
}

TEST(NegotiateProtocolVersion, IsReadAsWritten) {
    const negotiate_protocol_version message{protocol_3_0, {"_pq_.a", "_pq_.b"}};
    const auto body = body_of_only(message);
    const auto read = decode_negotiate_protocol_version(body);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->newest, protocol_3_0);
    EXPECT_EQ(read->unrecognized_options, message.unrecognized_options);
    expect_only_whole_bodies(body, decode_negotiate_protocol_version);
}

TEST(NegotiateProtocolVersion, RefusesCountsThatCannotBe) {
    EXPECT_EQ(decode_negotiate_protocol_version("\0\3\0\0\xff\xff\xff\xff"sv).error(),
              decode_errc::bad_length);
    EXPECT_FALSE(decode_negotiate_protocol_version("\0\3\0\0\x7f\xff\xff\xff"sv));
}

TEST(Options, AreSplitAsPostgreSQLDoes) {
    EXPECT_EQ(*split_options(""), parameters{});
    EXPECT_EQ(*split_options("  \t "), parameters{});
    EXPECT_EQ(*split_options("-c a=b"), (parameters{{"a", "b"}}));
    EXPECT_EQ(*split_options(" -c  a=b --work-mem=64kB -cx=1"),
              (parameters{{"a", "b"}, {"work_mem", "64kB"}, {"x", "1"}}));
    EXPECT_EQ(*split_options("-c a=b=c --d="), (parameters{{"a", "b=c"}, {"d", ""}}));
    EXPECT_EQ(*split_options("-c search_path=a+b,c"), (parameters{{"search_path", "a+b,c"}}));
}

TEST(Options, MayHoldBlanksAndBackslashesBehindABackslash) {
    EXPECT_EQ(*split_options(R"(-c application_name=my\ app\\x)"),
              (parameters{{"application_name", R"(my app\x)"}}));
    EXPECT_EQ(*split_options("-c a=b\\"), (parameters{{"a", "b"}}));
    EXPECT_EQ(*split_options(R"(-c DateStyle=ISO,\ DMY)"), (parameters{{"DateStyle", "ISO, DMY"}}));
}

TEST(Options, AreNothingElse) {
    for (const auto* options : {"-c", "-c a", "a=b", "--a", "-c =b", "--=b", "-d 3", "-", "\\"})
        EXPECT_EQ(split_options(options).error(), decode_errc::bad_value) << options;
}

} // namespace
} // namespace pgweir::protocol
