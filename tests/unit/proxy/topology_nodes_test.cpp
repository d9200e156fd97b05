// Nodes that come, leave, return, and move to another address.
#include "proxy/cluster/view_changes.hpp"
#include "tests/unit/proxy/topology_script.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgweir::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

monitored_node discovered(const std::string& address) {
    monitored_node node;
    node.host = "pg";
    node.is_discovered = true;
    node.address = address;
    return node;
}

/// A primary and two standbys of it.
topology_script three() {
    topology_script cluster{3};
    cluster.primary(0);
    cluster.standby(1, 1, 1'000, 0);
    cluster.standby(2, 1, 1'000, 0);
    EXPECT_EQ(cluster.chosen(), 0);
    return cluster;
}

TEST(TopologyNodes, OneThatLeavesGetsNoNewWork) {
    auto cluster = three();
    EXPECT_TRUE(cluster.readable(2));
    EXPECT_FALSE(cluster.judge().may_forget(2));
    cluster.judge().set_leaving(2, true);
    const auto seen = cluster.view();
    EXPECT_FALSE(seen.nodes[2].readable);
    EXPECT_EQ(seen.nodes[2].order, node_order::draining);
    EXPECT_TRUE(seen.nodes[2].is_leaving);
    EXPECT_TRUE(cluster.judge().may_forget(2));
}

TEST(TopologyNodes, OneThatReturnsInTimeIsTheSameNode) {
    auto cluster = three();
    const auto before = cluster.view().nodes[2];
    cluster.judge().set_leaving(2, true);
    cluster.judge().set_leaving(2, false);
    const auto after = cluster.view().nodes[2];
    EXPECT_TRUE(after.readable);
    EXPECT_EQ(after.role_epoch, before.role_epoch) << "its connections are as good as before";
    EXPECT_EQ(after.order, node_order::none);
}

TEST(TopologyNodes, AForgottenOneLeavesItsIdToTheNext) {
    auto cluster = three();
    const auto epoch = cluster.view().nodes[1].role_epoch;
    cluster.judge().set_leaving(1, true);
    cluster.judge().forget(1);
    const auto between = cluster.view();
    ASSERT_EQ(between.nodes.size(), 3U);
    EXPECT_TRUE(between.nodes[1].is_vacant);
    EXPECT_FALSE(between.nodes[1].readable);
    EXPECT_EQ(between.nodes[1].role_epoch, epoch);
    EXPECT_EQ(between.primary, 0);
    EXPECT_EQ(find_node(between, "1"), std::nullopt);
    EXPECT_EQ(find_node(between, ""), std::nullopt);

    EXPECT_EQ(cluster.judge().add_node(discovered("10.0.9.9")), 1);
    EXPECT_EQ(cluster.judge().add_node(discovered("10.0.9.8")), 3);
    const auto after = cluster.view();
    EXPECT_GT(after.nodes[1].role_epoch, epoch) << "what was opened to the former one is outdated";
    EXPECT_EQ(after.nodes[1].name, "10.0.9.9:5432");
    EXPECT_EQ(after.nodes[1].host, "pg");
    EXPECT_EQ(after.nodes[1].role, node_role::unknown) << "nothing is known of it yet";
    EXPECT_FALSE(after.nodes[1].readable);
}

TEST(TopologyNodes, ComingAndGoingForWeeksNeedsFewIds) {
    auto cluster = three();
    auto& judge = cluster.judge();
    std::uint64_t epoch = 0;
    for (int round = 0; round < 1'000; ++round) {
        const auto id = judge.add_node(discovered("10.1.0." + std::to_string(round % 200)));
        EXPECT_EQ(id, 3);
        const auto now = cluster.view().nodes[id].role_epoch;
        EXPECT_GT(now, epoch);
        epoch = now;
        cluster.standby(id, 1, 1'000, 0);
        cluster.details(id);
        EXPECT_TRUE(cluster.readable(id));
        judge.set_leaving(id, true);
        judge.forget(id);
    }
    EXPECT_EQ(judge.size(), 4U);
}

TEST(TopologyNodes, APrimaryThatLeavesIsNoneAndIsRememberedUntilThereIsAnother) {
    auto cluster = three();
    cluster.judge().set_leaving(0, true);
    EXPECT_EQ(cluster.chosen(), -1);
    EXPECT_THAT(cluster.why_none(), HasSubstr("has left the cluster"));
    EXPECT_FALSE(cluster.judge().may_forget(0)) << "the next one must descend from it";
    cluster.primary(1, 2);
    cluster.history(1, 2, {{timeline_id{1}, lsn{1'000}}});
    EXPECT_EQ(cluster.chosen(), 1);
    EXPECT_TRUE(cluster.judge().may_forget(0));
}

TEST(TopologyNodes, APrimaryThatReturnsUnderAnotherAddressIsKnownByItsTimelineAndPosition) {
    topology_script cluster{0};
    auto& judge = cluster.judge();
    cluster.details(judge.add_node(discovered("10.0.0.1")));
    cluster.primary(0, 1, 5'000);
    EXPECT_EQ(cluster.chosen(), 0);
    const auto id = judge.add_node(discovered("10.0.0.2"));
    cluster.details(id);
    cluster.primary(id, 1, 6'000);
    EXPECT_EQ(cluster.chosen(), -1) << "two take writes";
    cluster.down(0);
    EXPECT_EQ(cluster.chosen(), -1) << "the first may be cut off";
    judge.set_leaving(0, true);
    cluster.primary(id, 1, 4'999);
    EXPECT_EQ(cluster.chosen(), -1) << "an old copy";
    cluster.primary(id, 1, 5'000);
    EXPECT_EQ(cluster.chosen(), id);
}

TEST(TopologyNodes, AnOldPrimaryThatWasForgottenIsStillNotWrittenTo) {
    topology_script cluster{0};
    auto& judge = cluster.judge();
    for (const auto* address : {"10.0.0.1", "10.0.0.2"})
        cluster.details(judge.add_node(discovered(address)));
    cluster.primary(0);
    cluster.standby(1, 1, 1'000, -1);
    EXPECT_EQ(cluster.chosen(), 0);
    cluster.down(0);
    cluster.primary(1, 2);
    cluster.history(1, 2, {{timeline_id{1}, lsn{1'000}}});
    EXPECT_EQ(cluster.chosen(), 1);
    judge.set_leaving(0, true);
    judge.forget(0);
    EXPECT_EQ(judge.add_node(discovered("10.0.0.1")), 0);
    cluster.down(1);
    cluster.primary(0, 2);
    cluster.history(0, 2, {{timeline_id{1}, lsn{1'000}}});
    EXPECT_EQ(cluster.chosen(), -1);
    EXPECT_THAT(cluster.why_none(), HasSubstr("out-voted"));
    cluster.standby(0, 2);
    EXPECT_THAT(cluster.why_none(), Not(HasSubstr("out-voted"))) << "a standby again";
}

TEST(TopologyNodes, TheCouncilOfTheNewDoesNotMakeAnotherCluster) {
    auto cluster = three();
    cluster.identifier = 99;
    for (const auto* address : {"10.2.0.1", "10.2.0.2", "10.2.0.3", "10.2.0.4", "10.2.0.5"}) {
        const auto id = cluster.judge().add_node(discovered(address));
        cluster.details(id);
        id == 3 ? cluster.primary(id, 9) : cluster.standby(id, 9, 1'000, 3);
    }
    EXPECT_EQ(cluster.chosen(), 0);
    EXPECT_THAT(cluster.why_not(4), HasSubstr("belongs to another cluster"));
}

TEST(TopologyNodes, AnotherAddressIsAnotherServerUntilItHasAnswered) {
    auto cluster = three();
    const auto before = cluster.view();
    cluster.judge().set_address(2, "10.0.0.2");
    EXPECT_EQ(cluster.view().nodes[2].role_epoch, before.nodes[2].role_epoch) << "the same one";
    cluster.judge().set_address(2, "10.0.7.7");
    const auto moved = cluster.view();
    EXPECT_GT(moved.nodes[2].role_epoch, before.nodes[2].role_epoch);
    EXPECT_FALSE(moved.nodes[2].readable);
    EXPECT_EQ(moved.nodes[2].role, node_role::unknown);
    cluster.standby(2, 1, 1'000, 0);
    cluster.details(2);
    EXPECT_TRUE(cluster.readable(2));
}

TEST(TopologyNodes, APrimaryAtAnotherAddressHasToAnswerFirst) {
    auto cluster = three();
    cluster.judge().set_address(0, "10.0.7.7");
    EXPECT_EQ(cluster.chosen(), -1);
    cluster.primary(0);
    EXPECT_EQ(cluster.chosen(), 0);
}

TEST(TopologyNodes, AStandbyOfADiscoveredPrimaryIsKnownByAddressNotByTheCommonName) {
    topology_script cluster{0};
    auto& judge = cluster.judge();
    for (const auto* address : {"10.0.0.1", "10.0.0.2", "10.0.0.3"}) {
        const auto id = judge.add_node(discovered(address));
        judge.set_address(id, address);
        cluster.details(id);
    }
    // Both take writes; the standby says that it receives from "pg", which is everybody's name.
    auto answer = cluster.an_answer(true, 1);
    answer.replay = answer.received = lsn{1'000};
    answer.receives_from_host = "pg";
    answer.receives_from_port = 5432;
    judge.on_answer(2, answer, cluster.now());
    cluster.primary(0);
    cluster.primary(1);
    EXPECT_EQ(cluster.chosen(), -1);
    answer.receives_from_host = "10.0.0.2";
    judge.on_answer(2, answer, cluster.now());
    EXPECT_EQ(cluster.chosen(), 1);
}

TEST(TopologyNodes, EachStepIsALineOfTheLog) {
    auto cluster = three();
    const auto lines = [](const cluster_view& before, const cluster_view& after) {
        std::vector<std::string> out;
        for (const auto& event : describe_changes(before, after))
            out.push_back((event.is_warning ? "! " : "") + event.text);
        return out;
    };
    const auto first = cluster.view();
    const auto id = cluster.judge().add_node(discovered("10.0.9.9"));
    const auto added = cluster.view();
    EXPECT_THAT(lines(first, added), ElementsAre("node 10.0.9.9:5432 is new, by the name pg"));
    cluster.standby(id, 1, 1'000, 0);
    cluster.details(id);
    const auto used = cluster.view();
    EXPECT_THAT(lines(added, used), ElementsAre("node 10.0.9.9:5432 is up",
                                                "node 10.0.9.9:5432 is a standby on timeline 1",
                                                "node 10.0.9.9:5432 is read from"));
    cluster.judge().set_leaving(id, true);
    const auto leaving = cluster.view();
    EXPECT_THAT(lines(used, leaving),
                ElementsAre("node 10.0.9.9:5432 leaves: no new work goes there"));
    cluster.judge().forget(id);
    const auto gone = cluster.view();
    EXPECT_THAT(lines(leaving, gone), ElementsAre("node 10.0.9.9:5432 is forgotten"));
    EXPECT_THAT(lines(gone, cluster.view()), ElementsAre());
    cluster.judge().set_address(1, "10.0.7.7");
    EXPECT_THAT(lines(gone, cluster.view()),
                ElementsAre("node node1:5432 is at 10.0.7.7 now, no longer at 10.0.0.1",
                            "! node node1:5432 is state unknown"));
}

} // namespace
} // namespace pgweir::test
