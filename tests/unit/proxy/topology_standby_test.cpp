// Which standbys may be read from: RULES A7, C2, lag limits, orders.
#include "tests/unit/proxy/topology_script.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgweir::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

topology_script pair_of_nodes(topology_settings settings = {}) {
    topology_script cluster{2, settings};
    cluster.primary(0);
    cluster.standby(1);
    EXPECT_EQ(cluster.chosen(), 0);
    cluster.standby(1); // lag is known from the second round on
    return cluster;
}

TEST(Topology, AStandbyOnThePrimarysTimelineIsReadable) {
    auto cluster = pair_of_nodes();
    EXPECT_TRUE(cluster.readable(1));
    EXPECT_FALSE(cluster.readable(0));
    EXPECT_EQ(cluster.why_not(0), "a primary");
}

TEST(Topology, ASampleCarriesItsLookNumberAndPositions) {
    auto cluster = pair_of_nodes();
    const auto view = cluster.view();
    EXPECT_EQ(view.nodes[0].sample.number, 1U);
    EXPECT_EQ(view.nodes[0].sample.flush, lsn{1'000});
    EXPECT_EQ(view.nodes[1].sample.number, 3U);
    EXPECT_EQ(view.nodes[1].sample.replay, lsn{1'000});
    EXPECT_FALSE(view.nodes[1].sample.flush);
    EXPECT_FALSE(view.nodes[0].sample.replay);
}

TEST(Topology, ReadsGoOnWhileThereIsNoPrimary) {
    auto cluster = pair_of_nodes();
    cluster.down(0);
    EXPECT_EQ(cluster.chosen(), -1);
    EXPECT_TRUE(cluster.readable(1));
}

TEST(Topology, NothingIsReadBeforeAPrimaryWasSeen) {
    topology_script cluster{2};
    cluster.standby(1);
    cluster.down(0);
    EXPECT_EQ(cluster.why_not(1), "no primary has been seen yet");
}

TEST(Topology, AnUnknownTimelineOrPositionIsNotReadable) {
    auto cluster = pair_of_nodes();
    cluster.standby(1, 0);
    EXPECT_THAT(cluster.why_not(1), HasSubstr("timeline is unknown"));
    auto answer = cluster.an_answer(true, 1);
    cluster.judge().on_answer(1, answer, cluster.now());
    EXPECT_THAT(cluster.why_not(1), HasSubstr("replay position is unknown"));
}

TEST(Topology, AStandbyOfTheOldTimelineIsReadableUpToTheSwitchPoint) {
    topology_script cluster{3};
    cluster.primary(0);
    cluster.standby(1, 1, 1'000, 0);
    cluster.standby(2, 1, 1'000, 0);
    EXPECT_EQ(cluster.chosen(), 0);
    cluster.down(0);
    cluster.primary(1, 2, 1'200);
    cluster.history(1, 2, {{timeline_id{1}, lsn{1'000}}});
    cluster.standby(2, 1, 1'000);
    EXPECT_EQ(cluster.chosen(), 1);
    EXPECT_TRUE(cluster.readable(2));
    cluster.standby(2, 1, 1'001);
    EXPECT_THAT(cluster.why_not(2), HasSubstr("timeline 1 has left the primary's history"));
    cluster.standby(2, 2, 1'100);
    EXPECT_TRUE(cluster.readable(2));
}

TEST(Topology, AStandbyOfATimelineOutsideTheHistoryIsNotReadable) {
    auto cluster = pair_of_nodes();
    cluster.standby(1, 3);
    EXPECT_THAT(cluster.why_not(1), HasSubstr("timeline 3 has left"));
}

TEST(Topology, AStandbyOfAnotherClusterIsNotReadable) {
    topology_script cluster{3};
    cluster.primary(0);
    cluster.standby(1);
    cluster.identifier = 99;
    cluster.standby(2);
    EXPECT_EQ(cluster.chosen(), 0);
    EXPECT_TRUE(cluster.readable(1));
    EXPECT_THAT(cluster.why_not(2), HasSubstr("another cluster"));
}

TEST(Topology, DifferentDefaultsAreNamed) {
    auto cluster = pair_of_nodes();
    cluster.details(1, "Asia/Tokyo");
    EXPECT_EQ(cluster.why_not(1), "TimeZone is 'Asia/Tokyo' here and 'UTC' on the primary");
    cluster.details(0, "Asia/Tokyo");
    EXPECT_TRUE(cluster.readable(1));
}

TEST(Topology, UncomparedDefaultsAreNotReadable) {
    topology topology{topology_settings{}};
    for (int i = 0; i < 2; ++i)
        topology.add_node({});
    topology_script answers{0};
    auto primary = answers.an_answer(false, 1);
    primary.flush = lsn{1};
    auto standby = answers.an_answer(true, 1);
    standby.replay = lsn{1};
    topology.on_answer(0, primary, answers.now());
    topology.on_answer(1, standby, answers.now());
    const auto view = topology.judge(answers.now(), {});
    EXPECT_EQ(view.primary, 0);
    EXPECT_THAT(view.nodes[1].not_readable_because, HasSubstr("not been compared"));
}

TEST(Topology, WeightZeroIsNeverRead) {
    auto cluster = pair_of_nodes();
    monitored_node node;
    node.weight = 0;
    cluster.judge().set_node(1, node);
    EXPECT_EQ(cluster.why_not(1), "its weight is 0");
}

TEST(Topology, OrdersWinOverWhatIsSeen) {
    auto cluster = pair_of_nodes();
    cluster.judge().on_order(1, node_order::detached);
    cluster.standby(1);
    EXPECT_EQ(cluster.why_not(1), "detached by hand");
    cluster.judge().on_order(1, node_order::draining);
    EXPECT_EQ(cluster.why_not(1), "being drained");
    cluster.judge().on_order(1, node_order::attached);
    EXPECT_TRUE(cluster.readable(1));
    EXPECT_EQ(cluster.view().nodes[1].order, node_order::attached);
}

TEST(Topology, LagIsMeasuredAgainstThePrimaryAsItWasWhenTheStandbyAnswered) {
    auto cluster = pair_of_nodes();
    cluster.primary(0, 1, 5'000);
    EXPECT_EQ(cluster.view().nodes[1].lag_bytes, 0U) << "the standby has not been asked since";
    cluster.standby(1, 1, 1'500);
    EXPECT_EQ(cluster.view().nodes[1].lag_bytes, 3'500U);
    cluster.standby(1, 1, 5'000);
    EXPECT_EQ(cluster.view().nodes[1].lag_bytes, 0U);
    EXPECT_EQ(cluster.view().nodes[1].lag_time, 0us);
}

TEST(Topology, LagTimeRunsFromWhenThePrimaryPassedThePosition) {
    auto cluster = pair_of_nodes();
    cluster.pass(1s);
    cluster.primary(0, 1, 2'000);
    cluster.pass(1s);
    cluster.primary(0, 1, 3'000);
    cluster.pass(1s);
    cluster.standby(1, 1, 1'000);
    EXPECT_EQ(cluster.view().nodes[1].lag_time, 2s);
    cluster.standby(1, 1, 2'000);
    EXPECT_EQ(cluster.view().nodes[1].lag_time, 1s);
}

TEST(Topology, AnIdlePrimaryMakesNoLag) {
    auto cluster = pair_of_nodes();
    for (int i = 0; i < 100; ++i) {
        cluster.pass(1s);
        cluster.primary(0);
        cluster.standby(1);
    }
    EXPECT_EQ(cluster.view().nodes[1].lag_time, 0us);
}

TEST(Topology, AStandbyIsAsFreshAsTheLatestLookItHasCaughtUpWith) {
    auto cluster = pair_of_nodes();
    const auto first = cluster.now();
    EXPECT_EQ(cluster.view().nodes[1].fresh_as_of, first);
    EXPECT_FALSE(cluster.view().nodes[0].fresh_as_of);

    // An idle primary: each look finds the same position, and nothing newer was committed.
    cluster.pass(1s);
    cluster.primary(0);
    EXPECT_EQ(cluster.view().nodes[1].fresh_as_of, first + 1s);

    // The standby stays behind: it is as fresh as the last look that found nothing newer.
    for (std::uint64_t flush = 2'000; flush < 2'010; ++flush) {
        cluster.pass(1s);
        cluster.primary(0, 1, flush);
        cluster.standby(1);
    }
    EXPECT_EQ(cluster.view().nodes[1].fresh_as_of, first + 1s);
    cluster.standby(1, 1, 2'008);
    EXPECT_EQ(cluster.view().nodes[1].fresh_as_of, first + 10s);

    // Nobody sees the primary any more: what is known grows no younger.
    cluster.standby(1, 1, 2'009);
    cluster.down(0);
    cluster.pass(1min);
    cluster.standby(1, 1, 2'009);
    EXPECT_EQ(cluster.view().nodes[1].fresh_as_of, first + 11s);
}

TEST(Topology, MarksThatAreCloseTogetherNeverMakeAStandbyTooFresh) {
    auto cluster = pair_of_nodes();
    const auto first = cluster.now();
    for (std::uint64_t flush = 1'001; flush <= 1'010; ++flush) {
        cluster.pass(20ms);
        cluster.primary(0, 1, flush);
    }
    cluster.standby(1, 1, 1'003);
    const auto fresh = cluster.view().nodes[1].fresh_as_of;
    EXPECT_LE(fresh.value_or(first), first + 60ms) << "unknown is old enough";
    cluster.standby(1, 1, 1'010);
    EXPECT_EQ(cluster.view().nodes[1].fresh_as_of, first + 200ms);
}

TEST(Topology, AnUnknownLagIsBeyondEveryLimit) {
    topology_settings settings;
    settings.max_standby_lag_bytes = 1'000'000;
    topology_script bytes{2, settings};
    bytes.standby(1); // before the primary has said how far it is
    bytes.primary(0);
    EXPECT_FALSE(bytes.view().nodes[1].lag_bytes);
    EXPECT_EQ(bytes.why_not(1), "it lags by more than max_standby_lag_bytes");
    bytes.standby(1);
    EXPECT_TRUE(bytes.readable(1));

    settings = {};
    settings.max_standby_lag_time = 1h;
    topology_script time{2, settings};
    time.standby(1);
    time.primary(0);
    EXPECT_EQ(time.why_not(1), "it lags by more than max_standby_lag_time");
    time.standby(1);
    EXPECT_TRUE(time.readable(1));
}

TEST(Topology, ALongStopIsStillDated) {
    auto cluster = pair_of_nodes();
    for (std::uint64_t i = 1; i <= 10'000; ++i) {
        cluster.pass(200ms);
        cluster.primary(0, 1, 1'000 + i);
    }
    cluster.standby(1);
    const auto lag = cluster.view().nodes[1].lag_time;
    ASSERT_TRUE(lag);
    EXPECT_GE(*lag, 1'950s);
    EXPECT_LE(*lag, 2'000s);
}

TEST(Topology, ByteAndTimeLimitsTakeAStandbyOutAndBack) {
    topology_settings settings;
    settings.max_standby_lag_bytes = 100;
    settings.max_standby_lag_time = 500ms;
    auto cluster = pair_of_nodes(settings);
    EXPECT_TRUE(cluster.readable(1));
    cluster.primary(0, 1, 1'200);
    cluster.standby(1);
    EXPECT_EQ(cluster.why_not(1), "it lags by more than max_standby_lag_bytes");
    cluster.standby(1, 1, 1'150);
    EXPECT_TRUE(cluster.readable(1));
    cluster.pass(1s);
    cluster.standby(1, 1, 1'150);
    EXPECT_EQ(cluster.why_not(1), "it lags by more than max_standby_lag_time");
    cluster.standby(1, 1, 1'200);
    EXPECT_TRUE(cluster.readable(1));
}

TEST(Topology, ReplicationStateComesByNameAndElseByAddress) {
    auto cluster = pair_of_nodes();
    node_details details;
    details.defaults = {{"TimeZone", "UTC"}, {"search_path", "public"}};
    details.senders = {{"walreceiver", "10.0.0.1", "streaming", "sync"}};
    cluster.judge().on_details(0, details);
    EXPECT_EQ(cluster.view().nodes[1].replication_state, "streaming");
    EXPECT_EQ(cluster.view().nodes[1].replication_sync_state, "sync");
    details.senders = {{"one", "10.9.9.9", "catchup", "async"}};
    cluster.judge().on_details(0, details);
    EXPECT_EQ(cluster.view().nodes[1].replication_state, "");
    monitored_node named;
    named.application_name = "one";
    cluster.judge().set_node(1, named);
    EXPECT_EQ(cluster.view().nodes[1].replication_state, "catchup");
}

} // namespace
} // namespace pgweir::test
