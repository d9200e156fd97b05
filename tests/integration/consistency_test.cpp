// Sessions see their own writes and never go back in time, however far the standbys lag.
#include "tests/support/logging_cluster.hpp"

#include <atomic>
#include <thread>

namespace pgweir::test {
namespace {

class consistency : public routed_test {
protected:
    void TearDown() override {
        if (!is_direct()) {
            for (std::size_t index = 0; index < cluster().standbys(); ++index) {
                cluster().standby(index).resume_replay();
                cluster().standby(index).set("recovery_min_apply_delay", "");
            }
            EXPECT_TRUE(cluster().wait_caught_up());
        }
        routed_test::TearDown();
    }
    /// Replay is paused on one standby and runs 300 ms late on the other.
    static void make_standbys_lag() {
        cluster().standby(0).pause_replay();
        cluster().standby(1).set("recovery_min_apply_delay", "300ms");
    }
};

/// Inserts and reads back on one connection; the number of reads that missed the insert.
int stale_reads_of_one_session(int port, int session_number, int rounds) {
    pg_connection session{conninfo(port, accounts::app)};
    if (!session.connected()) return 1'000'000;
    int stale = 0;
    for (int round = 0; round < rounds; ++round) {
        const auto key = std::to_string(session_number * 100'000 + round);
        session.must("insert into fresh values (" + key + ")");
        if (session.value("select count(*) from fresh where n = " + key) != "1") ++stale;
    }
    return stale;
}

TEST_F(consistency, TwentySessionsReadTheirOwnWritesWhileStandbysLag) {
    make_table("fresh", "n int primary key");
    make_standbys_lag();
    std::atomic<int> stale = 0;
    std::vector<std::thread> threads;
    for (int number = 0; number < 20; ++number)
        threads.emplace_back(
            [&, number] { stale += stale_reads_of_one_session(proxy().port(), number, 50); });
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(stale, 0);
}

TEST_F(consistency, ANewConnectionSeesWhatAnotherOneCommittedBefore) {
    make_table("handed_over", "n int primary key");
    make_standbys_lag();
    for (int round = 0; round < 50; ++round) {
        {
            auto writer = connect();
            writer.must("insert into handed_over values (" + std::to_string(round) + ")");
        }
        auto reader = connect();
        ASSERT_EQ(reader.value("select count(*) from handed_over"), std::to_string(round + 1));
    }
}

TEST_F(consistency, ReadsOfABlockSeeEarlierCommits) {
    make_table("before_block", "n int primary key");
    make_standbys_lag();
    auto session = connect();
    for (int round = 0; round < 20; ++round) {
        session.must("insert into before_block values (" + std::to_string(round) + ")");
        session.must("begin");
        EXPECT_EQ(session.value("select count(*) from before_block"), std::to_string(round + 1));
        session.must("commit");
    }
}

TEST_F(consistency, CommitsHiddenBehindErrorsCount) {
    make_table("hidden", "n int");
    make_standbys_lag();
    auto session = connect();
    for (int round = 1; round <= 20; ++round) {
        session.exec("insert into hidden values (1); commit; select 1/0");
        EXPECT_EQ(session.value("select count(*) from hidden"), std::to_string(round));
    }
}

TEST_F(consistency, WritesByFunctionsAndCallsCount) {
    make_table("by_function", "n int");
    cluster().primary().must("create or replace function add_row() returns int language sql as "
                             "'insert into by_function values (1) returning n';"
                             "create or replace procedure add_rows() language plpgsql as $$ begin "
                             "insert into by_function values (1); commit; end $$");
    EXPECT_TRUE(cluster().wait_caught_up());
    make_standbys_lag();
    auto session = connect();
    for (int round = 1; round <= 10; ++round) {
        session.must("select add_row()");
        ASSERT_EQ(session.value("select count(*) from by_function"), std::to_string(2 * round - 1));
        session.must("call add_rows()");
        ASSERT_EQ(session.value("select count(*) from by_function"), std::to_string(2 * round));
    }
}

TEST_F(consistency, ASessionNeverGoesBackInTime) {
    make_table("growing", "n int");
    cluster().standby(1).set("recovery_min_apply_delay", "200ms");
    std::atomic<bool> stop = false;
    std::thread writer{[&] {
        pg_connection session{conninfo(proxy().port(), accounts::app)};
        while (!stop)
            session.exec("insert into growing values (1)");
    }};
    auto reader = connect();
    long last = 0;
    int backward = 0;
    const auto end = std::chrono::steady_clock::now() + 4s;
    while (std::chrono::steady_clock::now() < end) {
        const long now = std::stol(reader.value("select count(*) from growing"));
        if (now < last) ++backward;
        last = now;
    }
    stop = true;
    writer.join();
    EXPECT_EQ(backward, 0);
    EXPECT_GT(last, 0);
}

TEST_F(consistency, StandbysServeAgainOnceTheyHaveCaughtUp) {
    make_table("caught_up", "n int");
    make_standbys_lag();
    auto session = connect();
    session.must("insert into caught_up values (1)");
    EXPECT_EQ(route_of(session, "select 'MARKER' from caught_up"), "primary");
    cluster().standby(0).resume_replay();
    EXPECT_TRUE(wait_until(
        [&] { return route_of(session, "select 'MARKER' from caught_up") == "standby"; }));
}

TEST_F(consistency, TheLevelCanBeChosen) {
    make_table("level", "n int");
    make_standbys_lag();
    auto session = connect();
    session.must("set pgweir.consistency = 'eventual'");
    session.must("insert into level values (1)");
    EXPECT_EQ(route_of(session, "select 'MARKER' from level"), "standby");
    session.must("set pgweir.consistency = 'primary'");
    EXPECT_EQ(route_of(session, "select 'MARKER' from level"), "primary");
}

/// The row is on a standby, and its commit waits for another one, which hangs: who has seen it
/// there must not find it gone on the primary (RULES A8).
TEST(Consistency, ASessionDoesNotGoBackToASynchronousPrimary) {
    PGWEIR_ONLY();
    cluster_options with;
    with.settings["synchronous_standby_names"] = "FIRST 1 (standby1)";
    postgres_cluster cluster{with};
    pgweir_process proxy{cluster.addresses()};
    const auto connect = [&] { return pg_connection{conninfo(proxy.port(), accounts::app)}; };
    auto reader = connect();
    reader.must("create table awaiting (n int)");
    ASSERT_TRUE(cluster.wait_caught_up());
    EXPECT_TRUE(wait_until([&] {
        return explained_route(reader, "select count(*) from awaiting").find("standby") !=
               std::string::npos;
    }));
    cluster.standby(0).suspend();
    auto writer = connect();
    writer.send("insert into awaiting values (1)");
    // The hung standby is read from until it is found: those reads are asked again elsewhere.
    ASSERT_TRUE(wait_until([&] { return reader.value("select count(*) from awaiting") == "1"; }));
    reader.send("/* pgweir: primary */ select count(*) from awaiting");
    EXPECT_FALSE(reader.answered_within(500ms)) << "it is not there yet";
    EXPECT_EQ(cluster.primary().value("select count(*) from awaiting"), "0");
    cluster.standby(0).resume();
    const auto answer = reader.next_result();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->value(), "1");
    EXPECT_GE(proxy.metric("pgweir_confirmation_waits_total"), 1);
}

} // namespace
} // namespace pgweir::test
