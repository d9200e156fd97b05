// The tests' own tools do what other tests rely on.
#include "tests/support/proxied_test.hpp"
#include "tests/support/tcp_gate.hpp"

namespace pgweir::test {
namespace {

class harness : public ::testing::Test {
protected:
    static postgres_cluster& cluster() { return shared_cluster(); }
};

TEST_F(harness, StandbysStreamAndCanBePausedAndResumed) {
    auto& primary = cluster().primary();
    primary.must("drop table if exists harness_rows; create table harness_rows (n int)");
    ASSERT_TRUE(cluster().wait_caught_up());
    cluster().standby(0).pause_replay();
    primary.must("insert into harness_rows values (1)");
    EXPECT_TRUE(wait_until(
        [] { return cluster().standby(1).value("select count(*) from harness_rows") == "1"; }));
    EXPECT_EQ(cluster().standby(0).value("select count(*) from harness_rows"), "0");
    cluster().standby(0).resume_replay();
    EXPECT_TRUE(cluster().wait_caught_up());
    EXPECT_EQ(cluster().standby(0).value("select count(*) from harness_rows"), "1");
}

TEST_F(harness, AStandbyCanBeKilledRestartedAndPromoted) {
    cluster_options options;
    options.standbys = 1;
    postgres_cluster own{options};
    own.standby(0).kill();
    EXPECT_FALSE(own.standby(0).running());
    own.standby(0).start();
    EXPECT_TRUE(own.wait_caught_up());
    own.primary().kill();
    own.standby(0).promote();
    own.standby(0).must("create table after_promotion (n int)");
    EXPECT_EQ(own.standby(0).value("select pg_is_in_recovery()"), "f");
}

TEST_F(harness, TheGateRelaysHoldsAndDelays) {
    tcp_gate gate{cluster().primary().port()};
    auto client = logged_in(gate.port());
    EXPECT_EQ(letters(client.converse(wire::query("select 1"))), "TDCZ");
    gate.hold(true);
    client.send(wire::query("select 2"));
    EXPECT_TRUE(client.silent_for(100ms));
    gate.hold(false);
    EXPECT_EQ(letters(client.read_until_ready()), "TDCZ");
    gate.delay_answers(100ms);
    const auto begun = std::chrono::steady_clock::now();
    client.converse(wire::query("select 3"));
    EXPECT_GE(std::chrono::steady_clock::now() - begun, 100ms);
}

TEST_F(harness, TheGateCutsForgesAndRefuses) {
    tcp_gate gate{cluster().primary().port()};
    auto client = logged_in(gate.port());
    gate.forge_answer("forge-this", wire::message('I') + wire::message('Z', "I"));
    EXPECT_EQ(letters(client.converse(wire::query("select 'forge-this'"))), "IZ");
    gate.cut_answer("cut-this", 7);
    client.send(wire::query("select 'cut-this'"));
    EXPECT_FALSE(client.read(5s).has_value());
    EXPECT_TRUE(client.at_end());
    gate.refuse(true);
    wire_client refused{gate.port()};
    EXPECT_TRUE(refused.closed_by_peer());
    gate.refuse(false);
    auto again = logged_in(gate.port());
    gate.cut_all();
    EXPECT_TRUE(again.closed_by_peer());
}

TEST_F(harness, ASuspendedServerIsSilentUntilItIsResumed) {
    cluster_options options;
    options.standbys = 0;
    postgres_cluster own{options};
    auto client = logged_in(own.primary().port());
    own.primary().suspend();
    client.send(wire::query("select 1"));
    EXPECT_TRUE(client.silent_for(150ms));
    own.primary().resume();
    EXPECT_EQ(letters(client.read_until_ready()), "TDCZ");
}

} // namespace
} // namespace pgweir::test
