// From the first byte to the first ReadyForQuery: negotiation, versions, broken packets.
#include "tests/support/proxied_test.hpp"

namespace pgweir::test {
namespace {

using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::HasSubstr;

class startup : public proxied_test {
protected:
    static wire_client raw() { return wire_client{target_port()}; }

    /// The error that a login with these parameters gets; {} if it succeeds.
    static wire_message refusal(const account& who,
                                const std::string& database,
                                const wire::startup_parameters& more = {}) {
        auto client = raw();
        const auto messages = client.login(who, database, more);
        const auto* error = find(messages, 'E');
        return error == nullptr ? wire_message{} : *error;
    }

    static void expect_still_serving() {
        auto session = connect();
        ASSERT_TRUE(session.connected()) << session.error();
        EXPECT_EQ(session.value("select 1"), "1");
    }
};

std::string login_packet(std::int32_t version = wire::protocol_3_0) {
    return wire::startup({{"user", accounts::app.name}, {"database", "app"}}, version);
}

TEST_F(startup, SslRequestWithoutTlsIsAnsweredNAndTheSameSocketGoesOn) {
    auto client = raw();
    client.send(wire::ssl_request());
    EXPECT_EQ(client.read_byte(), 'N');
    EXPECT_EQ(statuses(client.login(accounts::app)), "I");
}

TEST_F(startup, GssencRequestIsAnsweredNThenSslRequestThenAPlainLogin) {
    PGWEIR_ONLY();
    auto client = raw();
    client.send(wire::gssenc_request());
    EXPECT_EQ(client.read_byte(), 'N');
    client.send(wire::ssl_request());
    EXPECT_EQ(client.read_byte(), 'N');
    EXPECT_EQ(statuses(client.login(accounts::app)), "I");
}

TEST_F(startup, AnIpv4ClientOfASocketForBothFamiliesHasItsIpv4Address) {
    PGWEIR_ONLY();
    pgweir_options options;
    options.settings["listen_address"] = "*";
    const pgweir_process proxy{cluster().addresses(), options};
    auto session = pg_connection{conninfo(proxy.port(), accounts::app, "app")};
    session.must("select 1");
    EXPECT_TRUE(
        wait_until([&] { return proxy.log().find("peer=127.0.0.1:") != std::string::npos; }));
    EXPECT_THAT(proxy.log(), ::testing::Not(::testing::HasSubstr("::ffff:")));
}

TEST_F(startup, LoginWorksWhenEveryByteIsAWriteOfItsOwn) {
    auto client = raw();
    client.send_in_pieces(wire::ssl_request());
    EXPECT_EQ(client.read_byte(), 'N');
    client.send_in_pieces(login_packet());
    EXPECT_FALSE(client.authenticate(accounts::app).has_value());
    EXPECT_EQ(statuses(client.read_until_ready()), "I");
    client.send_in_pieces(wire::query("select 'byte by byte'"));
    EXPECT_EQ(first_columns(client.read_until_ready()), std::vector<std::string>{"byte by byte"});
}

TEST_F(startup, AnswersWithKeyDataAndTheParametersThatDriversNeed) {
    auto client = raw();
    const auto messages = client.login(accounts::app);
    ASSERT_NE(find(messages, 'K'), nullptr);
    EXPECT_EQ(find(messages, 'K')->body.size(), 8U);
    EXPECT_NE(client.pid(), 0);
    std::vector<std::string> names;
    for (const auto& message : messages)
        if (message.type == 'S') names.emplace_back(message.body.c_str());
    for (const char* name :
         {"server_version", "server_encoding", "client_encoding", "application_name",
          "is_superuser", "session_authorization", "DateStyle", "IntervalStyle", "TimeZone",
          "integer_datetimes", "standard_conforming_strings", "in_hot_standby",
          "default_transaction_read_only"})
        EXPECT_THAT(names, Contains(name));
}

TEST_F(startup, AClientWithoutANameHasTheNameOfItsRoleOrNone) {
    const auto name = [](pg_connection& session) {
        return session.value("show application_name") + " " + session.parameter("application_name");
    };
    for (int round = 0; round < 3; ++round) {
        auto nameless = connect();
        EXPECT_EQ(name(nameless), " ");
        // On the same server connection: it carries the client's name while it is the client's.
        auto named = connect(accounts::app, "app", "application_name=named");
        EXPECT_EQ(name(named), "named named");
        named.must("set application_name = 'other'; reset application_name");
        EXPECT_EQ(name(named), "named named");
        EXPECT_EQ(name(nameless), " ");
        nameless.must("set application_name = 'mine'");
        EXPECT_EQ(name(nameless), "mine mine");
        nameless.must("reset application_name");
        EXPECT_EQ(name(nameless), " ");
    }
    cluster().primary().must("alter role other in database app set application_name = 'by role'");
    drop_shared_pgweir(); // and with it the connections that were opened before
    auto other = connect(accounts::other);
    EXPECT_EQ(name(other), "by role by role");
    cluster().primary().must("alter role other in database app reset application_name");
}

TEST_F(startup, AnnouncesAPrimaryEvenThoughReadsRunOnStandbys) {
    auto session = connect();
    EXPECT_EQ(session.parameter("in_hot_standby"), "off");
    EXPECT_EQ(session.parameter("default_transaction_read_only"), "off");
}

TEST_F(startup, Protocol32IsSpokenWithALongCancelKey) {
    PGWEIR_ONLY();
    auto client = raw();
    client.send(login_packet(wire::protocol_3_2));
    EXPECT_FALSE(client.authenticate(accounts::app).has_value());
    const auto welcome = client.read_until_ready();
    EXPECT_EQ(find(welcome, 'v'), nullptr);
    EXPECT_EQ(statuses(welcome), "I");
    const auto* const key = find(welcome, 'K');
    ASSERT_NE(key, nullptr);
    ASSERT_EQ(key->body.size(), 4U + 32U);
    client.send(wire::query("select pg_sleep(600)"));
    EXPECT_TRUE(client.silent_for(100ms));
    auto canceller = raw();
    canceller.send(wire::cancel_request(read_int32(key->body, 0), key->body.substr(4)));
    EXPECT_EQ(sqlstate(client.read_until_ready()), "57014");
}

TEST_F(startup, ALaterProtocolIsNegotiatedDownOnce) {
    auto client = raw();
    client.send(login_packet(wire::protocol_3_2 + 1));
    auto message = client.read();
    ASSERT_TRUE(message.has_value());
    ASSERT_EQ(message->type, 'v');
    EXPECT_EQ(read_int32(message->body, 0), is_direct() ? wire::protocol_3_0 : wire::protocol_3_2);
    EXPECT_EQ(read_int32(message->body, 4), 0);
    EXPECT_FALSE(client.authenticate(accounts::app).has_value());
    const auto rest = client.read_until_ready();
    EXPECT_EQ(find(rest, 'v'), nullptr) << "negotiated twice";
    EXPECT_EQ(statuses(rest), "I");
}

TEST_F(startup, UnknownProtocolOptionsAreNamedInNegotiateProtocolVersion) {
    auto client = raw();
    client.send(wire::startup(
        {{"user", accounts::app.name}, {"database", "app"}, {"_pq_.unheard_of", "1"}}));
    auto message = client.read();
    ASSERT_TRUE(message.has_value());
    ASSERT_EQ(message->type, 'v');
    EXPECT_EQ(read_int32(message->body, 4), 1);
    EXPECT_THAT(message->body, HasSubstr("_pq_.unheard_of"));
    EXPECT_FALSE(client.authenticate(accounts::app).has_value());
    EXPECT_EQ(statuses(client.read_until_ready()), "I");
}

TEST_F(startup, OtherMajorProtocolVersionsAreRefusedReadably) {
    for (const std::int32_t version : {2 << 16, 4 << 16, 1 << 16}) {
        SCOPED_TRACE(version);
        auto client = raw();
        client.send(login_packet(version));
        const auto messages = client.read_to_end();
        const bool old = version < (3 << 16);
        // A protocol 2 error has no fields and no length that we could read as a message of v3.
        if (!old) EXPECT_THAT(sqlstate(messages), AnyOf("0A000", "08P01"));
        EXPECT_TRUE(client.at_end());
    }
    expect_still_serving();
}

TEST_F(startup, LengthsThatCannotBeEndTheConnectionAndNothingElse) {
    for (const std::uint32_t length :
         {0U, 1U, 3U, 4U, 5U, 7U, 0x7fffffffU, 0x80000000U, 0xffffffffU, 70000U}) {
        SCOPED_TRACE(length);
        auto client = raw();
        client.send(wire::int32(static_cast<std::int32_t>(length)) +
                    wire::int32(wire::protocol_3_0));
        EXPECT_TRUE(client.closed_by_peer());
    }
    expect_still_serving();
}

TEST_F(startup, MessageLengthsThatCannotBeAfterLoginAreProtocolViolations) {
    for (const std::uint32_t length : {0U, 1U, 3U, 0x80000000U, 0xffffffffU}) {
        SCOPED_TRACE(length);
        auto client = wire();
        client.send("Q" + wire::int32(static_cast<std::int32_t>(length)) + "garbage");
        const auto messages = client.read_to_end();
        if (!is_direct()) EXPECT_EQ(sqlstate(messages), "08P01"); // PostgreSQL just hangs up
        EXPECT_TRUE(client.at_end());
    }
    expect_still_serving();
}

TEST_F(startup, AnUnknownMessageTypeIsAProtocolViolation) {
    auto client = wire();
    client.send(wire::message('y', "what is this"));
    const auto messages = client.read_to_end();
    EXPECT_EQ(sqlstate(messages), "08P01");
    EXPECT_EQ(field(messages.at(0), 'S'), "FATAL");
}

TEST_F(startup, GarbageInsteadOfAStartupPacketIsRefused) {
    for (const std::string& bytes : {std::string{"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"},
                                     std::string(64, '\xff'), std::string(64, '\0')}) {
        auto client = raw();
        client.send(bytes);
        EXPECT_TRUE(client.closed_by_peer());
    }
    expect_still_serving();
}

TEST_F(startup, AStartupPacketWithoutAUserIsRefused) {
    auto client = raw();
    client.send(wire::startup({{"database", "app"}}));
    const auto messages = client.read_to_end();
    EXPECT_EQ(sqlstate(messages), "28000");
    EXPECT_THAT(field(messages.at(0), 'M'), HasSubstr("no PostgreSQL user name"));
}

TEST_F(startup, AStartupPacketThatIsNotTerminatedIsRefused) {
    auto client = raw();
    auto packet = login_packet();
    packet.pop_back();
    packet.pop_back();
    client.send(wire::int32(static_cast<std::int32_t>(packet.size())) + packet.substr(4));
    EXPECT_EQ(sqlstate(client.read_to_end()), "08P01");
    expect_still_serving();
}

TEST_F(startup, WithoutADatabaseTheUserNameIsMeant) {
    auto client = raw();
    EXPECT_EQ(statuses(client.login(accounts::app, "")), "I");
    EXPECT_EQ(first_columns(client.converse(wire::query("select current_database()"))),
              std::vector<std::string>{"app"});
}

TEST_F(startup, AnUnknownDatabaseIsRefusedWith3D000) {
    const auto error = refusal(accounts::app, "no_such_database");
    EXPECT_EQ(field(error, 'C'), "3D000");
    EXPECT_EQ(field(error, 'S'), "FATAL");
    EXPECT_THAT(field(error, 'M'), HasSubstr("no_such_database"));
    const auto long_name = refusal(accounts::app, std::string(500, 'd'));
    EXPECT_EQ(field(long_name, 'C'), "3D000");
    expect_still_serving();
}

TEST_F(startup, SettingsInTheStartupPacketAndInOptionsHold) {
    auto client = wire(accounts::app, {{"application_name", "startup test"},
                                       {"TimeZone", "Asia/Tokyo"},
                                       {"extra_float_digits", "2"},
                                       {"options", "-c statement_timeout=54321 --lock-timeout=123"
                                                   " -c search_path=ab,public"
                                                   " -c DateStyle=SQL,\\ DMY"}});
    const auto show = [&](const std::string& name) {
        return first_columns(client.converse(wire::query("show " + name))).at(0);
    };
    EXPECT_EQ(show("application_name"), "startup test");
    EXPECT_EQ(show("timezone"), "Asia/Tokyo");
    EXPECT_EQ(show("extra_float_digits"), "2");
    EXPECT_EQ(show("statement_timeout"), "54321ms");
    EXPECT_EQ(show("lock_timeout"), "123ms");
    EXPECT_EQ(show("search_path"), "ab,public");
    EXPECT_EQ(show("DateStyle"), "SQL, DMY");
}

TEST_F(startup, AnInvalidSettingInTheStartupPacketFailsTheLogin) {
    const auto error = refusal(accounts::app, "app", {{"work_mem", "a lot"}});
    EXPECT_EQ(field(error, 'C'), "22023");
    const auto unknown = refusal(accounts::app, "app", {{"no_such_setting", "1"}});
    EXPECT_EQ(field(unknown, 'C'), "42704");
    expect_still_serving();
}

TEST_F(startup, AClientThatSaysNothingIsSentAwayAfterTheLoginTimeout) {
    PGWEIR_ONLY();
    pgweir_options options;
    options.settings["client_login_timeout"] = "300ms";
    const pgweir_process proxy{cluster().addresses(), options};
    wire_client silent{proxy.port()};
    EXPECT_TRUE(silent.closed_by_peer(5s));
    wire_client half{proxy.port()};
    half.send(login_packet());
    EXPECT_TRUE(half.closed_by_peer(5s));
}

TEST_F(startup, CleartextBehindSslRequestInTheSameWriteIsNeverTakenAsAFollowUp) {
    auto client = raw();
    // With TLS on: tls_test.
    client.send(wire::ssl_request() + login_packet());
    EXPECT_EQ(client.read_byte(), 'N');
    EXPECT_EQ(sqlstate(client.read_to_end()), "08P01");
    expect_still_serving();
}

TEST_F(startup, TheUnixSocketServesToo) {
    PGWEIR_ONLY();
    wire_client client{shared_pgweir().socket_file()};
    EXPECT_EQ(statuses(client.login(accounts::app)), "I");
    EXPECT_EQ(first_columns(client.converse(wire::query("select 7"))),
              std::vector<std::string>{"7"});
}

TEST_F(startup, ClientsAboveTheLimitAreRefusedWith53300) {
    PGWEIR_ONLY();
    pgweir_options options;
    options.settings["max_client_connections"] = "3";
    const pgweir_process proxy{cluster().addresses(), options};
    std::vector<wire_client> clients;
    for (int count = 0; count < 3; ++count)
        clients.push_back(logged_in(proxy.port()));
    wire_client refused{proxy.port()};
    refused.send(login_packet());
    const auto messages = refused.read_to_end();
    EXPECT_EQ(sqlstate(messages), "53300");
    ASSERT_NE(find(messages, 'E'), nullptr);
    EXPECT_THAT(field(*find(messages, 'E'), 'M') + field(*find(messages, 'E'), 'D'),
                HasSubstr("max_client_connections"));
    clients.pop_back();
    EXPECT_TRUE(wait_until([&] {
        wire_client again{proxy.port()};
        return statuses(again.login(accounts::app)) == "I";
    }));
}

} // namespace
} // namespace pgweir::test
