#include "proxy/access/proxy_header.hpp"

#include <gtest/gtest.h>

namespace pgweir {
namespace {

using state = proxy_header_state;
using namespace std::string_literals;

const std::string signature = "\r\n\r\n\0\r\nQUIT\n"s;

/// A header of version 2 with these bytes behind the fixed part.
std::string v2(char version_and_command, char family, const std::string& rest) {
    return signature + version_and_command + family + static_cast<char>(rest.size() >> 8U) +
           static_cast<char>(rest.size() & 0xffU) + rest;
}

const std::string v4_addresses = "\xc0\x00\x02\x01\xc0\x00\x02\x09\x9c\x40\x15\x38"s;
const std::string v6_addresses = "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x01" +
                                 std::string(16, '\0') + "\x9c\x40\x15\x38"s;

std::string peer_of(const std::string& bytes) {
    proxy_header header;
    if (read_proxy_header(bytes, header) != state::complete) return "?";
    return header.peer;
}

state state_of(const std::string& bytes) {
    proxy_header header;
    return read_proxy_header(bytes, header);
}

TEST(ProxyHeader, OfVersion1NamesTheClient) {
    EXPECT_EQ(peer_of("PROXY TCP4 192.0.2.1 192.0.2.9 40000 5432\r\n"), "192.0.2.1:40000");
    EXPECT_EQ(peer_of("PROXY TCP6 2001:DB8::1 ::1 40000 5432\r\n"), "[2001:db8::1]:40000");
    EXPECT_EQ(peer_of("PROXY UNKNOWN\r\n"), "");
    EXPECT_EQ(peer_of("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"), "");
}

TEST(ProxyHeader, OfVersion2NamesTheClient) {
    EXPECT_EQ(peer_of(v2('\x21', '\x11', v4_addresses)), "192.0.2.1:40000");
    EXPECT_EQ(peer_of(v2('\x21', '\x21', v6_addresses)), "[2001:db8::1]:40000");
    EXPECT_EQ(peer_of(v2('\x21', '\x31', std::string(216, 'p'))), "");
    EXPECT_EQ(peer_of(v2('\x21', '\0', "whatever")), "");
    EXPECT_EQ(peer_of(v2('\x20', '\x11', v4_addresses)), "") << "the balancer's own";
    EXPECT_EQ(peer_of(v2('\x20', '\0', "")), "");
}

TEST(ProxyHeader, EndsWhereItSaysHoweverItIsCut) {
    for (const auto& header :
         {"PROXY TCP4 192.0.2.1 192.0.2.9 40000 5432\r\n"s, v2('\x21', '\x11', v4_addresses),
          v2('\x21', '\x21', v6_addresses + "\x04\x00\x02zz"s)}) {
        for (std::size_t cut = 0; cut < header.size(); ++cut)
            EXPECT_EQ(state_of(header.substr(0, cut)), state::incomplete) << cut;
        proxy_header read;
        EXPECT_EQ(read_proxy_header(header + "behind it", read), state::complete);
        EXPECT_EQ(read.size, header.size());
    }
}

TEST(ProxyHeader, ThatIsNoneIsRefusedAtOnce) {
    for (const auto& bytes : {"\0\0\0\x08\x04\xd2\x16\x2f"s, "\x16\x03\x01"s, "G"s, "PROXZ"s,
                              "\r\n\r\r"s, "PROXY TCP4 192.0.2.1 192.0.2.9 40000\r\n"s,
                              "PROXY TCP4 192.0.2.1 192.0.2.9 40000 5432 \r\n"s,
                              "PROXY TCP4 192.0.2.1  192.0.2.9 40000 5432\r\n"s,
                              "PROXY TCP4 192.0.2.1 192.0.2.9 65536 5432\r\n"s,
                              "PROXY TCP4 192.0.2.1 192.0.2.9 -1 5432\r\n"s,
                              "PROXY TCP4 192.0.2 192.0.2.9 40000 5432\r\n"s,
                              "PROXY TCP4 2001:db8::1 ::1 40000 5432\r\n"s,
                              "PROXY TCP6 192.0.2.1 192.0.2.9 40000 5432\r\n"s,
                              "PROXY UDP4 192.0.2.1 192.0.2.9 40000 5432\r\n"s, "PROXY \r\n"s,
                              "PROXY "s + std::string(120, 'x')})
        EXPECT_EQ(state_of(bytes), state::malformed) << bytes;
}

TEST(ProxyHeader, OfVersion2IsBoundedAndSound) {
    EXPECT_EQ(state_of(v2('\x31', '\x11', v4_addresses)), state::malformed) << "version 3";
    EXPECT_EQ(state_of(v2('\x22', '\x11', v4_addresses)), state::malformed) << "no such command";
    EXPECT_EQ(state_of(v2('\x21', '\x12', v4_addresses)), state::malformed) << "datagrams";
    EXPECT_EQ(state_of(v2('\x21', '\x41', v4_addresses)), state::malformed);
    EXPECT_EQ(state_of(v2('\x21', '\x11', v4_addresses.substr(1))), state::malformed);
    EXPECT_EQ(state_of(v2('\x21', '\x21', v4_addresses)), state::malformed);
    EXPECT_EQ(state_of(v2('\x21', '\x11', v4_addresses + "\x04\x00\x03zz"s)), state::malformed);
    EXPECT_EQ(state_of(v2('\x21', '\x11', v4_addresses + "\x04"s)), state::malformed);
    EXPECT_EQ(state_of(signature + "\x21\x11\xff\xff"s), state::malformed)
        << "nobody waits for 64 kB";
}

TEST(ProxyHeader, WithAChecksumMustFitIt) {
    // Computed independently, with the table-driven algorithm of RFC 4960.
    const auto good = v2('\x21', '\x11', v4_addresses + "\x03\x00\x04"s + "\x22\x75\x6f\xdf"s);
    EXPECT_EQ(peer_of(good), "192.0.2.1:40000");
    for (std::size_t at = 16; at < good.size(); ++at) {
        if (at == 28) continue; // the extension's type: then it is no checksum
        auto bad = good;
        bad[at] = static_cast<char>(bad[at] ^ 1);
        EXPECT_EQ(state_of(bad), state::malformed) << at;
    }
}

TEST(ApplicationName, ShowsThePeerWhole) {
    EXPECT_EQ(application_name_with("shop", "192.0.2.1:40000"), "shop - 192.0.2.1:40000");
    EXPECT_EQ(application_name_with("", "unix"), "app - unix");
    const auto longest = application_name_with(std::string(80, 'n'), "192.0.2.1:40000");
    EXPECT_EQ(longest, std::string(45, 'n') + " - 192.0.2.1:40000");
    EXPECT_EQ(longest.size(), 63U);
    const auto umlauts =
        application_name_with(std::string(44, 'n') + "\xc3\xa4\xc3\xa4", "192.0.2.1:40000");
    EXPECT_EQ(umlauts, std::string(44, 'n') + " - 192.0.2.1:40000");
}

} // namespace
} // namespace pgweir
