// Who is the primary: RULES A14, case by case.
#include "tests/unit/proxy/topology_script.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgweir::test {
namespace {

using testing::HasSubstr;

// Node 0 was the primary, nodes 1 and 2 its standbys; then node 0 died and node 1 was promoted.
topology_script after_failover() {
    topology_script cluster{3};
    cluster.primary(0);
    cluster.standby(1, 1, 1'000, 0);
    cluster.standby(2, 1, 1'000, 0);
    EXPECT_EQ(cluster.chosen(), 0);
    cluster.down(0);
    cluster.primary(1, 2);
    cluster.history(1, 2, {{timeline_id{1}, lsn{1'000}}});
    EXPECT_EQ(cluster.chosen(), 1);
    return cluster;
}

TEST(Topology, WhatStandbysHaveConfirmedCountsFromTheNextLookAtThePrimary) {
    topology_script cluster{2};
    const auto confirmed = [&] {
        const auto told = cluster.view().confirmed;
        return told ? told->at.value : ~std::uint64_t{0};
    };
    cluster.primary(0);
    cluster.standby(1);
    EXPECT_EQ(confirmed(), ~std::uint64_t{0}) << "commits wait for nobody";
    cluster.primary(0, 1, 1'000, lsn{900});
    EXPECT_EQ(confirmed(), 0U);
    cluster.primary(0, 1, 1'000, lsn{950});
    EXPECT_EQ(confirmed(), 900U);
    EXPECT_EQ(confirmed(), 900U) << "the same look";
    cluster.primary(0, 1, 1'000, lsn{0});
    EXPECT_EQ(confirmed(), 950U) << "the standby has gone, what it has confirmed stays so";
    cluster.primary(0, 1, 1'000);
    EXPECT_EQ(confirmed(), ~std::uint64_t{0});
}

TEST(Topology, TakesTheOnlyServerThatIsNotInRecovery) {
    topology_script cluster{3};
    cluster.standby(0);
    cluster.primary(1);
    cluster.standby(2);
    EXPECT_EQ(cluster.chosen(), 1);
}

TEST(Topology, HearsEveryNodeOnceBeforeItChoosesTheFirstPrimary) {
    topology_script cluster{3};
    cluster.primary(0);
    cluster.standby(1);
    EXPECT_THAT(cluster.why_none(), HasSubstr("not all nodes have been asked yet"));
    cluster.fail(2, failure_kind::refused);
    EXPECT_EQ(cluster.chosen(), -1) << "a refusal counts after its recheck";
    cluster.fail(2, failure_kind::refused);
    EXPECT_EQ(cluster.chosen(), 0);
}

TEST(Topology, WritesWaitForTheHistoryOfANewTimeline) {
    topology_script cluster{2};
    cluster.primary(0);
    cluster.standby(1, 1, 1'000, 0);
    EXPECT_EQ(cluster.chosen(), 0);
    cluster.down(0);
    cluster.primary(1, 2);
    EXPECT_EQ(cluster.chosen(), -1);
    EXPECT_EQ(cluster.judge().wants_history(1), timeline_id{2});
    cluster.history(1, 2, {{timeline_id{1}, lsn{900}}});
    EXPECT_EQ(cluster.chosen(), 1);
    EXPECT_FALSE(cluster.judge().wants_history(1));
}

TEST(Topology, FollowsAPromotedStandbyAndSaysItsHistory) {
    auto cluster = after_failover();
    const auto view = cluster.view();
    ASSERT_EQ(view.history.size(), 2U);
    EXPECT_EQ(view.history[0], std::make_pair(timeline_id{1}, lsn{1'000}));
    EXPECT_EQ(view.history[1].first, timeline_id{2});
    EXPECT_GT(view.history[1].second, lsn{1'000'000'000});
}

TEST(Topology, DoesNotWriteToTheOldPrimaryThatReturns) {
    auto cluster = after_failover();
    cluster.primary(0, 1, 5'000);
    EXPECT_EQ(cluster.chosen(), 1);
    cluster.down(1);
    EXPECT_EQ(cluster.chosen(), -1) << "out-voted, for the life of the process";
    EXPECT_THAT(cluster.why_none(), HasSubstr("out-voted by node1"));
}

TEST(Topology, TakesAnOutVotedServerAgainOnceItWasAStandby) {
    auto cluster = after_failover();
    cluster.primary(0, 1, 5'000);
    EXPECT_EQ(cluster.chosen(), 1);
    cluster.standby(0, 2, 1'100, 1);
    cluster.down(1);
    cluster.primary(0, 3);
    cluster.history(0, 3, {{timeline_id{1}, lsn{1'000}}, {timeline_id{2}, lsn{1'100}}});
    EXPECT_EQ(cluster.chosen(), 0);
}

TEST(Topology, BetweenTwoPromotedStandbysOnlyAStreamingStandbyDecides) {
    topology_script cluster{4};
    cluster.primary(0);
    for (const auto id : node_ids{1, 2, 3})
        cluster.standby(id, 1, 1'000, 0);
    EXPECT_EQ(cluster.chosen(), 0);
    cluster.down(0);
    for (const auto id : node_ids{1, 2}) {
        cluster.primary(id, 2);
        cluster.history(id, 2, {{timeline_id{1}, lsn{1'000}}});
    }
    EXPECT_EQ(cluster.chosen(), -1)
        << "same timeline, same switch point, no sender: nothing decides";
    EXPECT_THAT(cluster.why_none(), HasSubstr("node1:5432 (timeline 2), node2:5432 (timeline 2)"));
    cluster.standby(3, 2, 1'000, 2);
    EXPECT_EQ(cluster.chosen(), 2);
    cluster.down(2);
    EXPECT_EQ(cluster.chosen(), -1) << "node 1 has been out-voted";
}

TEST(Topology, TwoPromotedStandbysAndTheLivingOldPrimaryMakeNone) {
    topology_script cluster{3};
    cluster.primary(0);
    cluster.standby(1, 1, 1'000, 0);
    cluster.standby(2, 1, 1'000, 0);
    EXPECT_EQ(cluster.chosen(), 0);
    for (const auto id : node_ids{1, 2}) {
        cluster.primary(id, 2);
        cluster.history(id, 2, {{timeline_id{1}, lsn{1'000}}});
    }
    cluster.primary(0);
    EXPECT_EQ(cluster.chosen(), -1);
}

TEST(Topology, AHigherTimelineWinsAgainstTheLivingOldPrimary) {
    topology_script cluster{2};
    cluster.primary(0);
    cluster.standby(1, 1, 1'000, 0);
    EXPECT_EQ(cluster.chosen(), 0);
    cluster.primary(1, 2);
    cluster.history(1, 2, {{timeline_id{1}, lsn{1'000}}});
    cluster.primary(0, 1, 2'000);
    EXPECT_EQ(cluster.chosen(), 1);
}

TEST(Topology, ACloneOnAHigherTimelineDoesNotBecomeThePrimary) {
    topology_script cluster{3};
    cluster.primary(0);
    cluster.standby(1, 1, 1'000, 0);
    cluster.primary(2, 5); // never a standby here, nobody streams from it
    cluster.history(2, 5, {{timeline_id{1}, lsn{500}}});
    EXPECT_EQ(cluster.chosen(), -1) << "writes wait";
    cluster.judge().on_order(2, node_order::detached);
    EXPECT_EQ(cluster.chosen(), 0) << "the operator says that it is none";
}

TEST(Topology, AHigherTimelineOfAnotherBranchDoesNotWin) {
    topology_script cluster{2};
    cluster.primary(0, 3);
    cluster.history(0, 3, {{timeline_id{1}, lsn{100}}, {timeline_id{2}, lsn{200}}});
    cluster.standby(1, 3, 1'000, 0);
    EXPECT_EQ(cluster.chosen(), 0);
    cluster.primary(1, 4);
    cluster.history(1, 4, {{timeline_id{1}, lsn{100}}, {timeline_id{2}, lsn{200}}});
    EXPECT_EQ(cluster.chosen(), -1);
    cluster.down(0);
    EXPECT_EQ(cluster.chosen(), -1) << "not even alone";
    EXPECT_THAT(cluster.why_none(), HasSubstr("does not contain the last primary's timeline 3"));
}

TEST(Topology, AServerOfALowerTimelineIsNotTakenEvenAlone) {
    topology_script cluster{2};
    cluster.down(1);
    cluster.primary(0, 2);
    cluster.history(0, 2, {{timeline_id{1}, lsn{1'000}}});
    EXPECT_EQ(cluster.chosen(), 0);
    cluster.down(0);
    cluster.primary(1, 1, 9'000);
    EXPECT_THAT(cluster.why_none(), HasSubstr("older than 2"));
}

TEST(Topology, AFollowerWhoseHistoryCannotBeReadIsTakenIfItWasWatchedOnTheOldTimeline) {
    topology_script cluster{3};
    cluster.primary(0);
    cluster.standby(1, 1, 1'000, 0);
    cluster.down(2);
    EXPECT_EQ(cluster.chosen(), 0);
    cluster.down(0);
    cluster.primary(2, 2); // never seen before
    cluster.history_refused(2, 2);
    EXPECT_EQ(cluster.chosen(), -1);
    cluster.down(2);
    cluster.standby(1, 0); // without its receiver it cannot say where it is
    cluster.primary(1, 2);
    cluster.history_refused(1, 2);
    EXPECT_EQ(cluster.chosen(), 1);
}

TEST(Topology, ASwitchoverWithoutANewTimelineFollowsTheStandbyThatWasWatched) {
    topology_script cluster{2};
    cluster.primary(0);
    cluster.standby(1, 1, 1'000, 0);
    EXPECT_EQ(cluster.chosen(), 0);
    cluster.down(0);
    cluster.primary(1, 1);
    EXPECT_EQ(cluster.chosen(), 1);
}

TEST(Topology, TheSamePrimaryComesBackAfterARestart) {
    topology_script cluster{2};
    cluster.primary(0);
    cluster.standby(1, 1, 1'000, 0);
    EXPECT_EQ(cluster.chosen(), 0);
    const auto before = cluster.view().nodes[0].role_epoch;
    cluster.down(0);
    EXPECT_EQ(cluster.chosen(), -1);
    cluster.started = "2026-01-02";
    cluster.primary(0);
    EXPECT_EQ(cluster.chosen(), 0);
    EXPECT_GT(cluster.view().nodes[0].role_epoch, before) << "older connections are retired";
}

TEST(Topology, AForeignClusterIsNoCandidate) {
    topology_script cluster{3};
    cluster.primary(0);
    cluster.standby(1);
    cluster.identifier = 99;
    cluster.primary(2, 4);
    EXPECT_EQ(cluster.chosen(), 0) << "two of three say 77";
    EXPECT_EQ(cluster.view().system_identifier, 77U);
}

TEST(Topology, TwoSystemIdentifiersWithoutAMajorityMakeNoPrimary) {
    topology_script cluster{2};
    cluster.primary(0);
    cluster.identifier = 99;
    cluster.standby(1);
    EXPECT_THAT(cluster.why_none(), HasSubstr("none has the majority"));
}

TEST(Topology, ASettingDecidesBetweenSystemIdentifiers) {
    topology_settings settings;
    settings.system_identifier = 99;
    topology_script cluster{2, settings};
    cluster.primary(0);
    cluster.identifier = 99;
    cluster.primary(1);
    EXPECT_EQ(cluster.chosen(), 1);
}

TEST(Topology, TheWriteQuorumNeedsNodesOrAStreamingStandby) {
    topology_settings settings;
    settings.write_quorum = 2;
    topology_script cluster{3, settings};
    cluster.primary(0);
    cluster.down(1);
    cluster.down(2);
    EXPECT_THAT(cluster.why_none(), HasSubstr("write_quorum = 2"));
    cluster.standby(1);
    EXPECT_EQ(cluster.chosen(), 0) << "two nodes are seen";
}

TEST(Topology, AWriteQuorumIsMetByOneStreamingStandby) {
    topology_settings settings;
    settings.write_quorum = 3;
    topology_script cluster{3, settings};
    cluster.primary(0);
    cluster.down(2);
    cluster.standby(1);
    EXPECT_EQ(cluster.chosen(), -1);
    cluster.standby(1, 1, 1'000, 0);
    EXPECT_EQ(cluster.chosen(), 0);
}

TEST(Topology, AStreamingStandbyIsAlsoKnownFromThePrimarysRow) {
    topology_settings settings;
    settings.write_quorum = 3;
    topology_script cluster{2, settings};
    cluster.primary(0);
    cluster.standby(1);
    EXPECT_EQ(cluster.chosen(), -1);
    node_details details;
    details.senders = {{"walreceiver", "10.0.0.1", "backup", "async"}};
    cluster.judge().on_details(0, details);
    EXPECT_EQ(cluster.chosen(), -1) << "a base backup is no standby";
    details.senders = {{"walreceiver", "10.0.0.1", "streaming", "async"}};
    cluster.judge().on_details(0, details);
    EXPECT_EQ(cluster.chosen(), 0);
}

TEST(Topology, ADetachedOrDrainedPrimaryIsNotWrittenTo) {
    topology_script cluster{2};
    cluster.primary(0);
    cluster.standby(1, 1, 1'000, 0);
    EXPECT_EQ(cluster.chosen(), 0);
    cluster.judge().on_order(0, node_order::draining);
    EXPECT_THAT(cluster.why_none(), HasSubstr("being drained"));
    cluster.judge().on_order(0, node_order::detached);
    EXPECT_THAT(cluster.why_none(), HasSubstr("detached by hand"));
    cluster.judge().on_order(0, node_order::attached);
    EXPECT_EQ(cluster.chosen(), 0);
}

TEST(Topology, AttachingAServerThatWasOutVotedBringsItBack) {
    auto cluster = after_failover();
    cluster.primary(0, 1, 5'000);
    EXPECT_EQ(cluster.chosen(), 1);
    cluster.down(1);
    EXPECT_EQ(cluster.chosen(), -1);
    cluster.judge().on_order(0, node_order::attached);
    EXPECT_EQ(cluster.chosen(), 0);
}

TEST(Topology, AttachingAStandbyIsNoWordAboutItsFuture) {
    topology_script cluster{3};
    cluster.primary(0);
    cluster.standby(1, 1, 1'000, 0);
    cluster.standby(2, 1, 1'000, 0);
    EXPECT_EQ(cluster.chosen(), 0);
    cluster.judge().on_order(2, node_order::attached);
    cluster.primary(2, 2); // promoted off its branch by somebody
    cluster.history(2, 2, {});
    EXPECT_EQ(cluster.chosen(), -1);
}

TEST(Topology, NeverTwo) {
    auto cluster = after_failover();
    for (int round = 0; round < 3; ++round) {
        cluster.primary(0, 1, 5'000);
        cluster.primary(1, 2);
        const auto view = cluster.view();
        ASSERT_EQ(view.primary, 1);
    }
}

} // namespace
} // namespace pgweir::test
