// The cluster of the scenarios itself: does each fault do what it says, and is it undone?
#include "tests/support/network/network_cluster.hpp"
#include "tests/support/wait.hpp"

#include <gmock/gmock.h>

namespace pgweir::test {
namespace {

class network : public ::testing::Test {
protected:
    /// Whether a server answers to a host: a connection from there, not from the test.
    bool answers(const std::string& from, std::size_t index) {
        return cluster_.network()
                   .at(from)
                   .run({"/usr/bin/psql",
                         "host=" + cluster_.server(index).address() +
                             " user=postgres dbname=postgres connect_timeout=2",
                         "-XAtc", "select 1"})
                   .output == "1\n";
    }

    network_cluster cluster_;
};

TEST_F(network, LinksAreCutInBothDirectionsOrOneAndHealed) {
    EXPECT_EQ(cluster_.the_primary(), 0U);
    EXPECT_TRUE(answers("proxy", 1));
    cluster_.cut_from_proxy(1);
    EXPECT_FALSE(answers("proxy", 1));
    EXPECT_TRUE(answers("node3", 1));
    EXPECT_EQ(cluster_.server(1).try_value("select 'seen'"), "seen");
    cluster_.heal(1);
    EXPECT_TRUE(answers("proxy", 1));
    cluster_.network().cut_one_way("node2", "proxy");
    EXPECT_FALSE(answers("proxy", 1)) << "what it answers is lost";
    cluster_.network().heal_all();
    EXPECT_TRUE(answers("proxy", 1));
}

TEST_F(network, RepmgrdPromotesAndTheOldPrimaryRejoins) {
    cluster_.server(0).must("create table t (n int)");
    cluster_.wait_all_well();
    cluster_.server(0).kill();
    EXPECT_FALSE(cluster_.server(0).running());
    const auto promoted = cluster_.wait_for_new_primary(0);
    EXPECT_EQ(cluster_.the_primary(), promoted);
    cluster_.server(promoted).must("insert into t values (1)");
    cluster_.rejoin(0);
    EXPECT_EQ(cluster_.server(0).value("select count(*) from t"), "1");
    EXPECT_EQ(cluster_.server(0).value("select pg_is_in_recovery()"), "t");
}

TEST_F(network, SwitchoverGoesThereAndBack) {
    std::string said;
    ASSERT_TRUE(cluster_.switchover(2, said)) << said;
    EXPECT_EQ(cluster_.the_primary(), 2U);
    ASSERT_TRUE(cluster_.switchover(0, said)) << said;
    EXPECT_EQ(cluster_.the_primary(), 0U);
}

TEST_F(network, AHungServerSaysNothingAndGoesOn) {
    const auto hung = cluster_.a_standby();
    cluster_.server(hung).freeze();
    EXPECT_EQ(cluster_.server(hung).try_value("select 1", 500ms), std::nullopt);
    cluster_.server(hung).thaw();
    EXPECT_TRUE(wait_until([&] { return cluster_.server(hung).try_value("select 1") == "1"; }));
    cluster_.repair();
}

TEST_F(network, APartitionLeavesTwoPrimariesAndRepairOne) {
    cluster_.cut_from_all(0);
    const auto promoted = cluster_.wait_for_new_primary(0);
    EXPECT_TRUE(cluster_.is_primary(0)) << "nobody has told it";
    EXPECT_EQ(cluster_.the_primary(), promoted) << "the higher timeline";
    cluster_.repair();
    EXPECT_FALSE(cluster_.is_primary(0));
}

} // namespace
} // namespace pgweir::test
