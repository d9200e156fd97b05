// Up, busy, down, unknown: RULES E7; evidence that ages: CASES P5; nothing sticky: P6.
#include "tests/unit/proxy/topology_script.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgweir::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

topology_script pair_of_nodes() {
    topology_script cluster{2};
    cluster.primary(0);
    cluster.standby(1);
    EXPECT_EQ(cluster.chosen(), 0);
    return cluster;
}

node_health health(topology_script& cluster, std::uint16_t id) {
    return cluster.view().nodes.at(id).health;
}

TEST(Topology, ANodeIsDownAfterARefusalAndItsRecheck) {
    for (const auto kind : {failure_kind::refused, failure_kind::reset, failure_kind::other}) {
        auto cluster = pair_of_nodes();
        cluster.fail(0, kind);
        EXPECT_TRUE(cluster.judge().wants_recheck(0));
        EXPECT_EQ(health(cluster, 0), node_health::up);
        EXPECT_EQ(cluster.chosen(), 0);
        cluster.fail(0, failure_kind::refused);
        EXPECT_FALSE(cluster.judge().wants_recheck(0));
        EXPECT_EQ(health(cluster, 0), node_health::down);
        EXPECT_EQ(cluster.chosen(), -1);
    }
}

TEST(Topology, AGoodRecheckForgetsTheFailure) {
    auto cluster = pair_of_nodes();
    cluster.fail(0, failure_kind::reset);
    cluster.primary(0);
    cluster.fail(0, failure_kind::reset);
    EXPECT_EQ(health(cluster, 0), node_health::up);
}

TEST(Topology, ATimedOutCheckMeansDownOnlyIfNoWorkerGotAByteMeanwhile) {
    auto cluster = pair_of_nodes();
    cluster.fail(0, failure_kind::timed_out, true);
    EXPECT_EQ(health(cluster, 0), node_health::up);
    EXPECT_EQ(cluster.chosen(), 0);
    cluster.fail(0, failure_kind::timed_out, false);
    EXPECT_EQ(health(cluster, 0), node_health::down);
    EXPECT_EQ(cluster.chosen(), -1);
}

TEST(Topology, AStandbyIsSilentAfterOneUnansweredCheckAPrimaryAfterTwo) {
    auto cluster = pair_of_nodes();
    const auto is_silent = [&](std::uint16_t id) { return cluster.view().nodes.at(id).silent; };
    cluster.fail(1, failure_kind::timed_out, false);
    EXPECT_TRUE(is_silent(1));
    cluster.standby(1);
    EXPECT_FALSE(is_silent(1));
    cluster.fail(0, failure_kind::timed_out, false);
    EXPECT_FALSE(is_silent(0)) << "its disk may have stalled";
    cluster.primary(0);
    cluster.fail(0, failure_kind::timed_out, false);
    EXPECT_FALSE(is_silent(0));
    cluster.fail(0, failure_kind::timed_out, false);
    EXPECT_TRUE(is_silent(0));
    cluster.fail(1, failure_kind::refused);
    cluster.fail(1, failure_kind::refused);
    EXPECT_FALSE(is_silent(1)) << "its end will be heard of";
}

TEST(Topology, BusyIsNotDownAndKeepsTheRoleForAWhile) {
    auto cluster = pair_of_nodes();
    cluster.fail(0, failure_kind::busy);
    EXPECT_EQ(health(cluster, 0), node_health::busy);
    EXPECT_EQ(cluster.chosen(), 0);
    cluster.pass(11s);
    cluster.fail(0, failure_kind::busy);
    EXPECT_EQ(cluster.chosen(), -1) << "a role older than its bound is unknown";
    EXPECT_EQ(cluster.view().nodes[0].role, node_role::unknown);
}

TEST(Topology, ABusyPrimaryThatTalksToTheWorkersStaysThePrimary) {
    auto cluster = pair_of_nodes();
    for (int i = 0; i < 60; ++i) {
        cluster.pass(1s);
        cluster.fail(0, i % 2 == 0 ? failure_kind::busy : failure_kind::timed_out, true);
        ASSERT_EQ(cluster.chosen(), 0);
    }
}

TEST(Topology, ABusyStandbyIsNotRead) {
    auto cluster = pair_of_nodes();
    cluster.fail(1, failure_kind::busy);
    EXPECT_EQ(cluster.why_not(1), "busy: it failed");
}

TEST(Topology, AWrongPasswordIsNeitherUpNorDown) {
    auto cluster = pair_of_nodes();
    cluster.fail(1, failure_kind::wrong_password);
    EXPECT_EQ(health(cluster, 1), node_health::unknown);
    EXPECT_FALSE(cluster.judge().wants_recheck(1)) << "a password is not tried twice in a row";
    EXPECT_FALSE(cluster.readable(1));
    cluster.fail(0, failure_kind::wrong_password, true);
    EXPECT_EQ(cluster.chosen(), 0) << "the role is still the one that was seen";
}

TEST(Topology, EvidenceAges) {
    auto cluster = pair_of_nodes();
    cluster.pass(10s);
    EXPECT_EQ(cluster.chosen(), 0);
    EXPECT_TRUE(cluster.readable(1));
    cluster.pass(1ms);
    EXPECT_EQ(cluster.chosen(), -1);
    EXPECT_EQ(cluster.why_not(1), "role not confirmed lately");
}

TEST(Topology, EverythingDownAndUpAgainNeedsNoCommand) {
    topology_script cluster{3};
    for (int round = 0; round < 100; ++round) {
        for (const auto id : node_ids{0, 1, 2})
            cluster.down(id);
        ASSERT_EQ(cluster.chosen(), -1);
        cluster.primary(0);
        cluster.standby(1);
        cluster.standby(2);
        ASSERT_EQ(cluster.chosen(), 0);
        ASSERT_TRUE(cluster.readable(1) && cluster.readable(2));
    }
}

TEST(Topology, LosingAStandbyChangesNothingElse) {
    topology_script cluster{3};
    cluster.primary(0);
    cluster.standby(1);
    cluster.standby(2);
    const auto before = cluster.view();
    cluster.down(1);
    const auto after = cluster.view();
    EXPECT_EQ(after.primary, before.primary);
    EXPECT_EQ(after.nodes[0].role_epoch, before.nodes[0].role_epoch);
    EXPECT_TRUE(after.nodes[2].readable);
    EXPECT_EQ(after.nodes[2].last_change, before.nodes[2].last_change);
    EXPECT_FALSE(after.nodes[1].readable);
}

TEST(Topology, ARoleChangeGrowsTheRoleEpoch) {
    auto cluster = pair_of_nodes();
    const auto before = cluster.view().nodes[0].role_epoch;
    cluster.primary(0);
    EXPECT_EQ(cluster.view().nodes[0].role_epoch, before);
    cluster.standby(0);
    EXPECT_EQ(cluster.view().nodes[0].role_epoch, before + 1);
    cluster.started = "later";
    cluster.standby(0);
    EXPECT_EQ(cluster.view().nodes[0].role_epoch, before + 2);
}

TEST(Topology, VersionsGrowAndLastChangeIsWhenSomethingChanged) {
    auto cluster = pair_of_nodes();
    const auto first = cluster.view();
    cluster.pass(1s);
    cluster.standby(1, 1, 2'000);
    const auto second = cluster.view();
    EXPECT_EQ(second.version, first.version + 1);
    EXPECT_EQ(second.nodes[1].last_change, first.nodes[1].last_change);
    cluster.down(1);
    EXPECT_EQ(cluster.view().nodes[1].last_change, first.nodes[1].last_change + 1s);
}

TEST(Topology, SettledFlushComesWithThePrimarysSample) {
    auto cluster = pair_of_nodes();
    const auto first = cluster.view().nodes[0].sample.number;
    cluster.pass(599ms);
    cluster.primary(0, 1, 2'000);
    EXPECT_FALSE(cluster.view().nodes[0].sample.settled_flush);
    cluster.pass(1ms);
    cluster.primary(0, 1, 3'000);
    const auto sample = cluster.view().nodes[0].sample;
    EXPECT_EQ(sample.settled_for, first);
    EXPECT_EQ(sample.settled_flush, lsn{3'000});
}

} // namespace
} // namespace pgweir::test
