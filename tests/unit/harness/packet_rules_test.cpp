#include "tests/support/network/packet_rules.hpp"

#include <gmock/gmock.h>

namespace pgweir::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::map<std::string, std::string> addresses{
    {"a", "10.0.0.1"}, {"b", "10.0.0.2"}, {"c", "10.0.0.3"}};

TEST(packet_rules, NothingIsDroppedAtFirst) {
    const packet_rules rules;
    EXPECT_EQ(rules.dropped("a", "b"), 0U);
    EXPECT_THAT(rules.script("a", addresses), Not(HasSubstr("drop")));
}

TEST(packet_rules, ACutIsARuleOfTheReceiverInOneDirection) {
    packet_rules rules;
    rules.drop("a", "b", packet_rules::all);
    EXPECT_THAT(rules.script("b", addresses), HasSubstr("    ip saddr 10.0.0.1 drop\n"));
    EXPECT_THAT(rules.script("a", addresses), Not(HasSubstr("drop")));
    EXPECT_EQ(rules.dropped("a", "b"), 1000U);
    EXPECT_EQ(rules.dropped("b", "a"), 0U);
}

TEST(packet_rules, LossIsRandom) {
    packet_rules rules;
    rules.drop("c", "a", 50);
    EXPECT_THAT(rules.script("a", addresses),
                HasSubstr("ip saddr 10.0.0.3 numgen random mod 1000 < 50 drop\n"));
}

TEST(packet_rules, TheLastWordCounts) {
    packet_rules rules;
    rules.drop("a", "b", packet_rules::all);
    rules.drop("c", "b", 10);
    rules.drop("a", "b", 0);
    EXPECT_THAT(rules.script("b", addresses), Not(HasSubstr("10.0.0.1")));
    EXPECT_THAT(rules.script("b", addresses), HasSubstr("10.0.0.3"));
    rules.clear();
    EXPECT_THAT(rules.script("b", addresses), Not(HasSubstr("drop")));
}

TEST(packet_rules, AScriptReplacesTheOneBefore) {
    EXPECT_TRUE(packet_rules{}
                    .script("a", addresses)
                    .starts_with("add table ip weir\n"
                                 "delete table ip weir\n"));
}

} // namespace
} // namespace pgweir::test
