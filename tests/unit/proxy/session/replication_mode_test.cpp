#include "proxy/session/replication_mode.hpp"

#include <gtest/gtest.h>

using namespace pgweir;
using namespace std::string_view_literals;

TEST(ReplicationMode, TakesWhatPostgreSQLTakes) {
    for (const auto* yes : {"true", "TRUE", "t", "1", "on", "yes", "Y", "tru"})
        EXPECT_EQ(parse_replication(yes), replication_mode::physical) << yes;
    for (const auto* no : {"false", "f", "0", "off", "of", "no", "N"})
        EXPECT_EQ(parse_replication(no), replication_mode::none) << no;
    EXPECT_EQ(parse_replication("database"), replication_mode::logical);
    for (const auto* wrong : {"", "o", "2", "DATABASE", "data", "truex", "maybe"})
        EXPECT_EQ(parse_replication(wrong), std::nullopt) << wrong;
}

TEST(MessageBoundary, IsBetweenMessagesHoweverTheStreamIsCut) {
    const auto stream = "Z\0\0\0\5I"
                        "d\0\0\0\7abc"
                        "c\0\0\0\4"sv;
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
        message_boundary boundary;
        boundary.pass(stream.substr(0, cut));
        EXPECT_EQ(boundary.is_here(), cut == 0 || cut == 6 || cut == 14 || cut == 19) << cut;
        boundary.pass(stream.substr(cut));
        EXPECT_TRUE(boundary.is_here());
    }
}

TEST(MessageBoundary, IsNeverAgainAfterAnImpossibleLength) {
    message_boundary boundary;
    boundary.pass("Z\0\0\0\1"sv);
    EXPECT_FALSE(boundary.is_here());
    boundary.pass("Z\0\0\0\5I"sv);
    EXPECT_FALSE(boundary.is_here());
}
