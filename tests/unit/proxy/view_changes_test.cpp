#include "proxy/cluster/view_changes.hpp"
#include "tests/unit/proxy/topology_script.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgweir::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> lines(const cluster_view& before, const cluster_view& after) {
    std::vector<std::string> out;
    for (const auto& event : describe_changes(before, after))
        out.push_back((event.is_warning ? "! " : "") + event.text);
    return out;
}

TEST(ViewChanges, PositionsAloneAreNoEvent) {
    topology_script cluster{2};
    cluster.primary(0);
    cluster.standby(1);
    const auto before = cluster.view();
    cluster.primary(0, 1, 2'000);
    cluster.standby(1, 1, 2'000);
    EXPECT_THAT(lines(before, cluster.view()), IsEmpty());
}

TEST(ViewChanges, AFailoverIsALinePerEvent) {
    topology_script cluster{2};
    cluster.primary(0);
    cluster.standby(1, 1, 1'000, 0);
    const auto first = cluster.view();
    EXPECT_THAT(lines({}, first),
                ElementsAre("node node0:5432 is up", "node node0:5432 is a primary on timeline 1",
                            "node node1:5432 is up", "node node1:5432 is a standby on timeline 1",
                            "node node1:5432 is read from", "the primary is node0:5432"));
    cluster.down(0);
    const auto second = cluster.view();
    EXPECT_THAT(lines(first, second),
                ElementsAre("! node node0:5432 is down: it failed",
                            "! no primary, writes wait: no server accepts writes"));
    cluster.primary(1, 2);
    cluster.history(1, 2, {{timeline_id{1}, lsn{1'000}}});
    EXPECT_THAT(
        lines(second, cluster.view()),
        ElementsAre("node node1:5432 is a primary on timeline 2", "the primary is node1:5432"));
}

TEST(ViewChanges, AStandbyThatIsNotReadableSaysWhy) {
    topology_script cluster{2};
    cluster.primary(0);
    cluster.standby(1);
    const auto before = cluster.view();
    cluster.details(1, "Asia/Tokyo");
    EXPECT_THAT(lines(before, cluster.view()),
                ElementsAre("! node node1:5432 is not read from: TimeZone is 'Asia/Tokyo' here and "
                            "'UTC' on the primary"));
    const auto odd = cluster.view();
    cluster.judge().on_order(1, node_order::detached);
    EXPECT_THAT(lines(odd, cluster.view()),
                ElementsAre("node node1:5432 is detached by hand",
                            "! node node1:5432 is not read from: detached by hand"));
}

TEST(CountRoleChanges, CountsOnlyNodesThatWereThereBefore) {
    topology_script cluster{2};
    cluster.primary(0);
    cluster.standby(1);
    const auto first = cluster.view();
    EXPECT_EQ(count_role_changes(first, first), 0U);
    EXPECT_EQ(count_role_changes(cluster_view{}, first), 0U);
    cluster.primary(1, 2);
    EXPECT_EQ(count_role_changes(first, cluster.view()), 1U);
}

TEST(FindNode, TakesAnIdANameOrAHostThatOnlyOneHas) {
    topology_script cluster{2};
    const auto view = cluster.view();
    EXPECT_EQ(find_node(view, "1"), 1);
    EXPECT_EQ(find_node(view, "node0:5432"), 0);
    EXPECT_EQ(find_node(view, "node1"), 1);
    EXPECT_FALSE(find_node(view, "2"));
    EXPECT_FALSE(find_node(view, ""));
    EXPECT_FALSE(find_node(view, "node"));
}

} // namespace
} // namespace pgweir::test
