#include "proxy/access/hba_address.hpp"
#include "proxy/access/hba_pattern.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>

#include <chrono>

namespace pgweir {
namespace {

host_address at(std::string_view text) {
    const auto parsed = parse_host_address(text);
    EXPECT_TRUE(parsed) << text;
    return parsed.value_or(host_address{});
}

bool fits(std::string_view rule, std::string_view client, std::span<const host_network> own = {}) {
    const auto parsed = parse_hba_address(rule);
    EXPECT_TRUE(parsed) << rule;
    return parsed && is_from(parsed->address, at(client), own);
}

std::string problem(std::string_view rule) {
    const auto parsed = parse_hba_address(rule);
    return parsed ? "" : parsed.error();
}

TEST(HbaAddress, ANetworkHasItsFirstBits) {
    EXPECT_TRUE(fits("10.1.0.0/16", "10.1.255.3"));
    EXPECT_FALSE(fits("10.1.0.0/16", "10.2.0.1"));
    EXPECT_TRUE(fits("10.1.2.3/16", "10.1.9.9")) << "bits behind the mask mean nothing";
    EXPECT_TRUE(fits("192.168.1.64/26", "192.168.1.127"));
    EXPECT_FALSE(fits("192.168.1.64/26", "192.168.1.128"));
    EXPECT_TRUE(fits("fd00::/8", "fdff::1"));
    EXPECT_FALSE(fits("fd00::/8", "fe80::1"));
    EXPECT_TRUE(fits("fe80::/10", "fe80::1%eth0"));
    EXPECT_TRUE(fits("127.0.0.1/32", "127.0.0.1"));
}

TEST(HbaAddress, ANumericAddressIsWhatTheCLibraryTakesForOne) {
    for (const char* const text : {"0.0.0.0",    "255.255.255.255",
                                   "127.0.0.1",  "10.1.20.255",
                                   "1.2.3",      "1.2.3.4.",
                                   "1.2.3.4.5",  ".1.2.3.4",
                                   "1..2.3",     "01.2.3.4",
                                   "1.2.3.00",   "1.2.3.256",
                                   "1.2.3.1000", "1.2.3.4 ",
                                   " 1.2.3.4",   "1.2.3.+4",
                                   "1.2.3.-4",   "0x1.2.3.4",
                                   "",           ".",
                                   "...",        "1",
                                   "a.b.c.d",    "1.2.3.4%eth0"}) {
        host_address expected;
        expected.is_v4 = true;
        const bool is_one = inet_pton(AF_INET, text, expected.bytes.data()) == 1;
        const auto parsed = parse_host_address(text);
        EXPECT_EQ(parsed.has_value(), is_one) << text;
        if (is_one) EXPECT_EQ(parsed, expected) << text;
    }
}

TEST(HbaAddress, OneFamilyIsNotTheOther) {
    EXPECT_TRUE(fits("0.0.0.0/0", "1.2.3.4"));
    EXPECT_FALSE(fits("0.0.0.0/0", "::1"));
    EXPECT_TRUE(fits("::/0", "::1"));
    EXPECT_FALSE(fits("::/0", "1.2.3.4"));
    EXPECT_TRUE(fits("10.0.0.0/8", "::ffff:10.1.1.1")) << "the socket serves both families";
    EXPECT_FALSE(fits("::/0", "::ffff:10.1.1.1"));
}

TEST(HbaAddress, AMaskMayStandBehindTheAddress) {
    const auto parsed = parse_hba_address("10.0.0.1");
    ASSERT_TRUE(parsed);
    EXPECT_TRUE(parsed->needs_mask);
    const auto& address = parsed->address.network.address;
    const auto network = parse_hba_mask(address, "255.0.255.0");
    ASSERT_TRUE(network);
    EXPECT_TRUE(network->contains(at("10.77.0.5"))) << "masks need not be contiguous";
    EXPECT_FALSE(network->contains(at("10.77.1.5")));
    EXPECT_FALSE(parse_hba_mask(address, "ffff::"));
    EXPECT_EQ(parse_hba_mask(address, "255.0")->mask[0], 255) << "as the C library has it";
    EXPECT_FALSE(parse_hba_mask(address, "scram-sha-256"));
}

TEST(HbaAddress, NumbersAreReadAsTheCLibraryReadsThem) {
    EXPECT_TRUE(fits("127.1/32", "127.0.0.1"));
    EXPECT_TRUE(fits("127/8", "0.1.2.3")) << "one number is the whole address";
    EXPECT_TRUE(fits("0x7f.1/32", "127.0.0.1"));
    EXPECT_TRUE(fits("010.0.0.1/8", "8.1.1.1")) << "octal";
    EXPECT_TRUE(fits("2130706433/32", "127.0.0.1"));
    for (const auto* const text : {"10.0.0.0/+8", "10.0.0.0/08", "10.0.0.0/ 8"})
        EXPECT_TRUE(fits(text, "10.1.1.1")) << text;
    EXPECT_TRUE(fits("fe80::1%eth0/128", "fe80::1")) << "zones do not count";
    EXPECT_TRUE(fits("::1%2/128", "::1"));
    EXPECT_EQ(parse_hba_address("::1%lo")->address.what, hba_address::kind::host_name);
}

TEST(HbaAddress, WhatIsNoAddressIsTakenForAName) {
    for (const auto* const text :
         {"300.1.1.1", "1.2.3.4.5", ":::", "", ".", "a b", "*", "10.0.0.1 ", "10.0.0.1%2"}) {
        const auto parsed = parse_hba_address(text);
        ASSERT_TRUE(parsed) << text;
        EXPECT_EQ(parsed->address.what, hba_address::kind::host_name) << text;
        EXPECT_FALSE(may_be_host_name(text)) << text;
    }
    EXPECT_TRUE(may_be_host_name("db-1.example.com"));
    EXPECT_TRUE(may_be_host_name(".example.com"));
}

TEST(HbaAddress, MasksThatCannotBeAreRefused) {
    EXPECT_EQ(problem("10.0.0.0/33"), "invalid CIDR mask in \"10.0.0.0/33\"");
    EXPECT_EQ(problem("::/129"), "invalid CIDR mask in \"::/129\"");
    for (const auto* const text : {"10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0.0/8/8"})
        EXPECT_THAT(problem(text), ::testing::StartsWith("invalid CIDR mask")) << text;
    EXPECT_EQ(problem("db.example.com/8"), "a host name takes no mask: \"db.example.com/8\"");
}

TEST(HbaAddress, NamesOfHostsAreComparedWithoutCase) {
    EXPECT_TRUE(is_named("db.Example.com", "DB.example.COM"));
    EXPECT_FALSE(is_named("db.example.com", "xdb.example.com"));
    EXPECT_TRUE(is_named(".example.com", "db.Example.com"));
    EXPECT_FALSE(is_named(".example.com", "example.com"));
    EXPECT_FALSE(is_named(".example.com", "badexample.com"));
    EXPECT_FALSE(is_named("", ""));
    EXPECT_FALSE(is_named(".", ""));
}

TEST(HbaAddress, SameHostAndSameNetLookAtOwnInterfaces) {
    const std::vector<host_network> own{*network_of(at("10.1.2.3"), 24),
                                        *network_of(at("::1"), 128)};
    hba_address host;
    host.what = hba_address::kind::same_host;
    hba_address net;
    net.what = hba_address::kind::same_net;
    EXPECT_TRUE(is_from(host, at("10.1.2.3"), own));
    EXPECT_TRUE(is_from(host, at("::1"), own));
    EXPECT_FALSE(is_from(host, at("10.1.2.4"), own));
    EXPECT_TRUE(is_from(net, at("10.1.2.4"), own));
    EXPECT_FALSE(is_from(net, at("10.1.3.4"), own));
    EXPECT_FALSE(is_from(net, at("10.1.2.4"), {}));
}

bool found(std::string_view pattern, std::string_view text) {
    const auto compiled = hba_pattern::compile(pattern);
    EXPECT_TRUE(compiled) << pattern << ": " << (compiled ? "" : compiled.error());
    return compiled && compiled->search(text).has_value();
}

TEST(HbaPattern, MeansWhatPostgresqlMeans) {
    EXPECT_TRUE(found("^db\\d{2,4}$", "db123"));
    EXPECT_FALSE(found("^db\\d{2,4}$", "db1"));
    EXPECT_FALSE(found("^db\\d{2,4}$", "db12345"));
    EXPECT_TRUE(found("b", "abc")) << "found anywhere without anchors";
    EXPECT_TRUE(found("^[[:alpha:]_]+$", "a_b"));
    EXPECT_TRUE(found("^[]a]+$", "]a]"));
    EXPECT_FALSE(found("^[^]a]+$", "x]"));
    EXPECT_TRUE(found("^a|b$", "ax"));
    EXPECT_TRUE(found("\\Aab\\Z", "ab"));
    EXPECT_FALSE(found("^a.c$", "a.cx"));
    EXPECT_TRUE(found("^a\\.c$", "a.c"));
    EXPECT_FALSE(found("^a\\.c$", "abc"));
    EXPECT_TRUE(found("^(?:a|b)+$", "abab"));
}

TEST(HbaPattern, ALineEndIsALetterLikeAnyOther) {
    EXPECT_TRUE(found("^a.b$", "a\nb"));
    EXPECT_FALSE(found("^evil$", "evil\nnot")) << "anchors are those of the whole name";
    EXPECT_FALSE(found("^evil$", "not\nevil"));
    EXPECT_FALSE(found("^evil$", "evil\n"));
    EXPECT_TRUE(found("^evil.*$", "evil\n\r"));
}

TEST(HbaPattern, TellsWhatItsFirstGroupFound) {
    const auto compiled = hba_pattern::compile("^(.*)@example\\.com$");
    ASSERT_TRUE(compiled);
    EXPECT_EQ(compiled->search("ann@example.com")->first_group, "ann");
    EXPECT_FALSE(compiled->search("ann@example.org"));
    EXPECT_EQ(compiled->groups(), 1U);
}

TEST(HbaPattern, WhatWouldMeanSomethingElseIsRefused) {
    for (const auto* const text : {"***:a", "(?i)a", "a\\y", "a\\m", "(a)\\1", "[[.a.]]", "[a\\Ab]",
                                   "a\\", "[a", "(a", "a)", "a{", "*", "[b-a]"})
        EXPECT_FALSE(hba_pattern::compile(text)) << text;
}

TEST(HbaPattern, CountsToTwoHundredAndFiftyFive) {
    EXPECT_TRUE(found("^a{255}$", std::string(255, 'a')));
    EXPECT_FALSE(found("^a{3,200}$", "aa"));
    for (const auto* const text :
         {"a{256}", "a{1,256}", "a{99999999999999999999}", "(a{3}){1000,}"})
        EXPECT_FALSE(hba_pattern::compile(text)) << text;
}

TEST(HbaPattern, TakesNoAgesOverANameThatSomebodyMadeUp) {
    const auto before = std::chrono::steady_clock::now();
    EXPECT_FALSE(found("^(a*)*(a|a)*(a+)+$", std::string(1000, 'a') + "b"));
    EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds{2});
    EXPECT_FALSE(found("a", std::string(hba_pattern::longest_text + 1, 'a')));
}

} // namespace
} // namespace pgweir
