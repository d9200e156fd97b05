#include "proxy/cluster/node_queries.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgweir::node_queries {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(NodeQueries, ReadAPrimarysLook) {
    const auto answer = read_look({"f", "0000002A00000001000000FF", "1/20", "1/28", std::nullopt,
                                   std::nullopt, "2026-01-01 00:00:00+00"});
    ASSERT_TRUE(answer);
    EXPECT_FALSE(answer->in_recovery);
    EXPECT_EQ(answer->timeline, timeline_id{42});
    EXPECT_EQ(answer->flush, parse_lsn("1/20"));
    EXPECT_EQ(answer->insert, parse_lsn("1/28"));
    EXPECT_FALSE(answer->replay);
    EXPECT_EQ(answer->started, "2026-01-01 00:00:00+00");
}

TEST(NodeQueries, WhatSynchronousStandbysHaveConfirmedIsReadFromThePrimaryAlone) {
    const auto answer = read_look({"f", "000000010000000000000003", "0/30", "0/30", std::nullopt,
                                   std::nullopt, "now", "0/28"});
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->confirmed, parse_lsn("0/28"));
    EXPECT_THAT(look(false, 150000), HasSubstr("synchronous_standby_names"));
    EXPECT_THAT(look(true, 150000), Not(HasSubstr("synchronous_standby_names")));
    EXPECT_THAT(look(false, 90600), Not(HasSubstr("synchronous_standby_names")));
}

TEST(NodeQueries, APromotedServersFrozenReplayPositionIsNotTaken) {
    const auto answer =
        read_look({"f", "000000020000000000000003", "0/30", "0/30", "0/20", "0/20", "now"});
    ASSERT_TRUE(answer);
    EXPECT_FALSE(answer->replay);
    EXPECT_FALSE(answer->received);
}

TEST(NodeQueries, ReadAStandbysLook) {
    const auto answer = read_look({"t", std::nullopt, std::nullopt, std::nullopt, "0/20", "0/30",
                                   "now", "10.0.0.1", "5433", "7"});
    ASSERT_TRUE(answer);
    EXPECT_TRUE(answer->in_recovery);
    EXPECT_EQ(answer->replay, parse_lsn("0/20"));
    EXPECT_EQ(answer->received, parse_lsn("0/30"));
    EXPECT_EQ(answer->timeline, timeline_id{7});
    EXPECT_EQ(answer->receives_from_host, "10.0.0.1");
    EXPECT_EQ(answer->receives_from_port, 5433);
}

TEST(NodeQueries, WhatWasReplayedWasReceived) {
    // After a restart of the receiver it says where streaming began, or nothing at all.
    for (const auto& receive : {std::optional<std::string>{"0/10"}, std::optional<std::string>{}}) {
        const auto answer =
            read_look({"t", std::nullopt, std::nullopt, std::nullopt, "0/20", receive, "now"});
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->received, parse_lsn("0/20"));
    }
}

TEST(NodeQueries, AStandbyThatHasReplayedNothingHasNoPosition) {
    const auto answer = read_look({"t", {}, {}, {}, {}, {}, "now"});
    ASSERT_TRUE(answer);
    EXPECT_FALSE(answer->replay);
    EXPECT_FALSE(answer->received);
    EXPECT_EQ(answer->timeline, timeline_id{0});
}

TEST(NodeQueries, RefuseARowThatIsNoLook) {
    EXPECT_FALSE(read_look({}));
    EXPECT_FALSE(read_look({"t"}));
    EXPECT_FALSE(read_look({std::nullopt, {}, {}, {}, {}, {}, {}}));
}

TEST(NodeQueries, IdentifySystemNamesAStandbysTimelineOnly) {
    node_answer answer;
    answer.in_recovery = true;
    read_identify_system({"7300000000000000001", "3", "0/10", "postgres"}, answer);
    EXPECT_EQ(answer.system_identifier, 7'300'000'000'000'000'001U);
    EXPECT_EQ(answer.timeline, timeline_id{3});
    answer.in_recovery = false;
    read_identify_system({"7300000000000000001", "9", "0/10", "postgres"}, answer);
    EXPECT_EQ(answer.timeline, timeline_id{3});
}

TEST(NodeQueries, OnlyAStandbyIsAskedForItsReceiver) {
    EXPECT_THAT(look(true, 150'000), HasSubstr("pg_stat_wal_receiver"));
    EXPECT_THAT(look(false, 150'000), Not(HasSubstr("pg_stat_wal_receiver")));
    EXPECT_THAT(look(true, 100'000), Not(HasSubstr("sender_host")));
}

TEST(NodeQueries, SettingsAreDefaultsAndWhatTheMonitorNeeds) {
    node_details details;
    const std::vector<row> rows{{"TimeZone", "UTC"},
                                {"cluster_name", "one"},
                                {"search_path", "public"},
                                {"synchronous_commit", "off"},
                                {"wal_writer_delay", "50"}};
    read_settings(rows, details);
    const setting_list expected{{"TimeZone", "UTC"}, {"search_path", "public"}};
    EXPECT_EQ(details.defaults, expected);
    EXPECT_EQ(details.cluster_name, "one");
    EXPECT_TRUE(details.asynchronous_commit);
    EXPECT_EQ(details.wal_writer_delay, std::chrono::milliseconds{50});
}

TEST(NodeQueries, AnAsynchronousRoleIsEnough) {
    node_details details;
    const std::vector<row> some{{"synchronous_commit", "on"}, {"synchronous_commit", "off"}};
    read_settings(some, details);
    EXPECT_TRUE(details.asynchronous_commit);
    const std::vector<row> none{{"synchronous_commit", "on"}};
    read_settings(none, details);
    EXPECT_FALSE(details.asynchronous_commit) << "it has been changed back";
}

TEST(NodeQueries, SendersMayBeInvisible) {
    node_details details;
    const std::vector<row> rows{{"a", "10.0.0.1", "streaming", "async"}, {"b", {}, {}, {}}};
    read_senders(rows, details);
    ASSERT_EQ(details.senders.size(), 2U);
    EXPECT_EQ(details.senders[0].state, "streaming");
    EXPECT_EQ(details.senders[1].state, "");
}

TEST(TimelineHistory, IsReadLineByLine) {
    const auto history = parse_history(
        timeline_id{3}, "1\t0/3000000\tno recovery target specified\n\n2\t0/4000060\treason\n");
    EXPECT_EQ(history.timeline, timeline_id{3});
    ASSERT_EQ(history.forefathers.size(), 2U);
    EXPECT_EQ(history.forefathers[1], std::make_pair(timeline_id{2}, *parse_lsn("0/4000060")));
    EXPECT_TRUE(history.contains(timeline_id{1}));
    EXPECT_TRUE(history.contains(timeline_id{3}));
    EXPECT_FALSE(history.contains(timeline_id{4}));
}

TEST(TimelineHistory, LeavesOutWhatItDoesNotUnderstand) {
    const auto history =
        parse_history(timeline_id{2}, "# comment\n\nx\t0/1\n1\n1\tnowhere\n1\t0/10\tok");
    ASSERT_EQ(history.forefathers.size(), 1U);
    EXPECT_EQ(history.forefathers[0].second, *parse_lsn("0/10"));
}

} // namespace
} // namespace pgweir::node_queries
