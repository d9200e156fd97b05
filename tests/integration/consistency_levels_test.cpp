// Each consistency level and each lag limit: what it admits, and what it refuses.
#include "tests/support/logging_cluster.hpp"

#include <thread>

namespace pgweir::test {
namespace {

using ::testing::HasSubstr;

class consistency_levels : public routed_test {
protected:
    static void SetUpTestSuite() { start(quick_looks()); }
    /// Each test begins with standbys that are level with the primary.
    void TearDown() override {
        if (!is_direct()) {
            if (!cluster().primary().running()) cluster().primary().start();
            for (std::size_t index = 0; index < cluster().standbys(); ++index) {
                cluster().standby(index).resume_replay();
                cluster().standby(index).set("recovery_min_apply_delay", "");
                follow(index);
            }
            EXPECT_TRUE(cluster().wait_caught_up());
        }
        other_.reset();
        routed_test::TearDown();
    }

    static settings_map quick_looks() {
        return {{"monitor_interval", "50ms"},
                {"monitor_interval_idle", "50ms"},
                {"failover_timeout", "2s"}};
    }
    /// Another pgweir in front of the same servers, which knows nothing of the first one's clients.
    pgweir_process& other(settings_map settings) {
        for (const auto& [name, value] : quick_looks())
            settings.emplace(name, value);
        pgweir_options options;
        options.settings = std::move(settings);
        other_.reset();
        other_ = std::make_unique<pgweir_process>(cluster().addresses(), options);
        return *other_;
    }
    [[nodiscard]] pg_connection connect_to_other() const {
        return pg_connection{conninfo(other_->port(), accounts::app)};
    }
    static void pause_all() {
        for (std::size_t index = 0; index < cluster().standbys(); ++index)
            cluster().standby(index).pause_replay();
    }
    static void resume_all() {
        for (std::size_t index = 0; index < cluster().standbys(); ++index)
            cluster().standby(index).resume_replay();
    }
    static void delay_all(const std::string& by) {
        for (std::size_t index = 0; index < cluster().standbys(); ++index)
            cluster().standby(index).set("recovery_min_apply_delay", by);
    }
    /// No WAL reaches it any more, and it goes on answering.
    static void cut_from_primary(std::size_t index) {
        cluster().standby(index).set("primary_conninfo", " ");
        EXPECT_TRUE(wait_until([&] {
            return cluster().standby(index).value("select count(*) from pg_stat_wal_receiver") ==
                   "0";
        }));
    }
    static void follow(std::size_t index) { cluster().standby(index).set("primary_conninfo", ""); }
    /// Behind pgweir's back.
    static void commit_elsewhere(const std::string& table) {
        cluster().primary().must("insert into " + table + " values (1)");
    }
    static bool becomes(pg_connection& session, const std::string& table, const char* place) {
        return wait_until(
            [&] { return route_of(session, "select 'MARKER' from " + table) == place; }, 20s);
    }

    std::unique_ptr<pgweir_process> other_;
};

TEST_F(consistency_levels, ASessionBeginsAtWhatPassedHereAndStrictlyAtWhatAnybodyCommitted) {
    make_table("begun", "n int");
    pause_all();
    commit_elsewhere("begun");
    auto plain = connect();
    EXPECT_EQ(plain.value("select count(*) from begun"), "0") << "nobody here has seen that commit";
    EXPECT_EQ(route_of(plain, "select 'MARKER' from begun"), "standby");

    auto strict = connect();
    strict.must("set pgweir.consistency = 'session:strict'");
    EXPECT_EQ(strict.value("show pgweir.consistency"), "session:strict");
    EXPECT_EQ(strict.value("select count(*) from begun"), "1");
    EXPECT_EQ(route_of(strict, "select 'MARKER' from begun"), "primary");
    resume_all();
    EXPECT_TRUE(becomes(strict, "begun", "standby")) << "once they have caught up";
}

TEST_F(consistency_levels, TheStrictStartCanBeEverybodys) {
    make_table("strictly", "n int");
    other({{"consistency", "session:strict"}});
    pause_all();
    for (int round = 1; round <= 5; ++round) {
        commit_elsewhere("strictly");
        EXPECT_EQ(connect_to_other().value("select count(*) from strictly"), std::to_string(round));
    }
    resume_all();
    auto session = connect_to_other();
    EXPECT_TRUE(becomes(session, "strictly", "standby"));
}

TEST_F(consistency_levels, ABoundAdmitsAnIdleClusterForAsLongAsItIsIdle) {
    make_table("idle", "n int");
    auto session = connect();
    session.must("set pgweir.consistency = 'bounded:1000'");
    // On a machine that has no time for the looks a read may go to the primary, now and then.
    int admitted = 0;
    int reads = 0;
    const auto end = std::chrono::steady_clock::now() + 3s;
    for (; std::chrono::steady_clock::now() < end; ++reads)
        if (route_of(session, "select 'MARKER' from idle") == "standby") ++admitted;
    EXPECT_GT(2 * admitted, reads);
    EXPECT_TRUE(becomes(session, "idle", "standby"));
}

TEST_F(consistency_levels, ABoundRefusesAStandbyThatIsFurtherBehind) {
    make_table("bounded", "n int");
    auto tight = connect();
    tight.must("set pgweir.consistency = 'bounded:1000'");
    auto wide = connect();
    wide.must("set pgweir.consistency = 'bounded:3600000'");
    pause_all();
    commit_elsewhere("bounded");
    // Within the bound either answer is right, and a late look sends a read to the primary.
    const auto end = std::chrono::steady_clock::now() + 1s;
    while (std::chrono::steady_clock::now() < end)
        tight.must("select count(*) from bounded");
    EXPECT_EQ(route_of(tight, "select 'MARKER' from bounded"), "primary");
    EXPECT_EQ(tight.value("select count(*) from bounded"), "1");
    EXPECT_EQ(route_of(wide, "select 'MARKER' from bounded"), "standby");
    EXPECT_EQ(wide.value("select count(*) from bounded"), "0");
    resume_all();
    EXPECT_TRUE(becomes(tight, "bounded", "standby"));
}

TEST_F(consistency_levels, NoReadWithinABoundMissesWhatIsOlder) {
    make_table("ticking", "n int, at timestamptz default clock_timestamp()");
    cluster().standby(0).set("recovery_min_apply_delay", "200ms");
    cluster().standby(1).set("recovery_min_apply_delay", "2s");
    auto session = connect();
    session.must("set pgweir.consistency = 'bounded:1000'");
    auto writer = cluster().primary().connect();
    const auto marker = new_marker();
    int missed = 0;
    int n = 0;
    const auto end = std::chrono::steady_clock::now() + 4s;
    while (std::chrono::steady_clock::now() < end) {
        writer.must("insert into ticking values (" + std::to_string(++n) + ")");
        const auto old = writer.value("select coalesce(max(n), 0) from ticking where at < "
                                      "clock_timestamp() - interval '1 s'");
        const auto seen = session.value("select max(n), '" + marker + "' from ticking");
        if (!seen.empty() && std::stoi(seen) < std::stoi(old)) ++missed;
    }
    EXPECT_EQ(missed, 0);
    EXPECT_NE(cluster().standby(0).log().find(marker), std::string::npos)
        << "the one that is within the bound has answered some";
}

TEST_F(consistency_levels, ABoundRefusesAStandbyThatIsCutFromItsPrimary) {
    make_table("cut", "n int");
    auto session = connect();
    session.must("set pgweir.consistency = 'bounded:1000'");
    cut_from_primary(0);
    cut_from_primary(1);
    EXPECT_EQ(route_of(session, "select 'MARKER' from cut"), "standby") << "nothing has happened";
    commit_elsewhere("cut");
    EXPECT_TRUE(becomes(session, "cut", "primary"));
}

TEST_F(consistency_levels, WithoutAPrimaryNobodyKnowsWhetherABoundIsKept) {
    make_table("headless", "n int");
    auto bounded = connect();
    bounded.must("set pgweir.consistency = 'bounded:1000'");
    auto session = connect();
    EXPECT_EQ(bounded.value("select count(*) from headless"), "0");
    EXPECT_EQ(session.value("select count(*) from headless"), "0");
    cluster().primary().stop();
    EXPECT_TRUE(wait_until([&] {
        return bounded.exec("select count(*) from headless").sqlstate() == "57P03";
    })) << "after failover_timeout";
    EXPECT_TRUE(wait_until([&] { return session.exec("select count(*) from headless").ok(); }));
    EXPECT_EQ(route_of(session, "select 'MARKER' from headless"), "standby");
    cluster().primary().start();
    EXPECT_TRUE(becomes(bounded, "headless", "standby"));
}

TEST_F(consistency_levels, EventualAdmitsEverythingAndPrimaryNothing) {
    make_table("extremes", "n int");
    pause_all();
    commit_elsewhere("extremes");
    auto eventual = connect();
    eventual.must("set pgweir.consistency = 'eventual'");
    EXPECT_EQ(eventual.value("select count(*) from extremes"), "0");
    resume_all();
    EXPECT_TRUE(cluster().wait_caught_up());
    auto primary = connect();
    primary.must("set pgweir.consistency = 'primary'");
    const auto turned_away = proxy().metric("pgweir_bound_waits_total");
    for (int round = 0; round < 20; ++round)
        ASSERT_EQ(route_of(primary, "select 'MARKER' from extremes"), "primary");
    EXPECT_EQ(proxy().metric("pgweir_bound_waits_total"), turned_away)
        << "nothing was wanted of a standby";
    EXPECT_THAT(explained_route(primary, "select * from extremes"), HasSubstr("is primary"));
}

TEST_F(consistency_levels, TheByteLimitRefusesWhoHasMoreToReplay) {
    make_table("bytes", "n text");
    other({{"max_standby_lag_bytes", "1MB"}, {"consistency", "eventual"}});
    auto session = connect_to_other();
    EXPECT_TRUE(becomes(session, "bytes", "standby"));
    cluster().standby(0).pause_replay();
    cluster().primary().must("insert into bytes select repeat(md5(i::text), 30) from "
                             "generate_series(1, 3000) as i");
    const auto lagging = cluster().standby(0).address();
    EXPECT_TRUE(wait_until([&] { return other_->metric("pgweir_node_readable") == 1; }));
    for (int round = 0; round < 20; ++round)
        ASSERT_EQ(explained_route(session, "select * from bytes").find(lagging), std::string::npos);
    cluster().standby(1).pause_replay();
    cluster().primary().must("insert into bytes select repeat(md5(i::text), 30) from "
                             "generate_series(1, 3000) as i");
    EXPECT_TRUE(becomes(session, "bytes", "primary"));
    resume_all();
    EXPECT_TRUE(becomes(session, "bytes", "standby"));
}

TEST_F(consistency_levels, TheTimeLimitRefusesWhoIsLateAndWhoIsCutOff) {
    make_table("late", "n int");
    other({{"max_standby_lag_time", "1s"}, {"consistency", "eventual"}});
    auto session = connect_to_other();
    EXPECT_TRUE(becomes(session, "late", "standby"));
    delay_all("5s");
    commit_elsewhere("late");
    EXPECT_TRUE(becomes(session, "late", "primary"));
    delay_all("");
    EXPECT_TRUE(becomes(session, "late", "standby"));
    cut_from_primary(0);
    cut_from_primary(1);
    EXPECT_EQ(route_of(session, "select 'MARKER' from late"), "standby") << "nothing has happened";
    commit_elsewhere("late");
    EXPECT_TRUE(becomes(session, "late", "primary"));
}

TEST_F(consistency_levels, APositionIsHandedOverFromOneProcessToAnother) {
    make_table("handed", "n int");
    other({});
    auto stale = connect_to_other();
    auto told = connect_to_other();
    EXPECT_TRUE(becomes(stale, "handed", "standby"));
    pause_all();
    auto writer = connect();
    writer.must("insert into handed values (1)");
    const auto position = writer.value("show pgweir.lsn");
    ASSERT_NE(position, "") << "known at once, by a look that is waited for";
    EXPECT_EQ(stale.value("select count(*) from handed"), "0");
    told.must("set pgweir.lsn = '" + position + "'");
    EXPECT_EQ(told.value("select count(*) from handed"), "1");
    resume_all();
    EXPECT_TRUE(becomes(told, "handed", "standby"));
    EXPECT_EQ(told.value("select count(*) from handed"), "1");
}

TEST_F(consistency_levels, APositionThatMeansNothingHereIsRefused) {
    auto session = connect();
    for (const auto* nonsense : {"", "x", "0/1", "1:", "1:0", "0:0/1", "1:0/1 or more", "-1:0/1"})
        EXPECT_EQ(session.exec("set pgweir.lsn = '" + std::string{nonsense} + "'").sqlstate(),
                  "22023")
            << nonsense;
    const auto elsewhere = session.exec("set pgweir.lsn = '9:0/1'");
    EXPECT_EQ(elsewhere.sqlstate(), "55000");
    EXPECT_THAT(elsewhere.message(), HasSubstr("timeline 9"));
    session.must("set pgweir.lsn = '1:0/1'");
    EXPECT_EQ(session.value("select 1"), "1");
}

TEST_F(consistency_levels, AsynchronousCommitsAreSeenByWhoMadeAndByWhoSawThem) {
    make_table("unflushed", "n int");
    cluster().primary().set("wal_writer_delay", "10s");
    auto writer = connect();
    auto witness = connect();
    auto waiting = connect();
    writer.must("set synchronous_commit = off");
    int missed = 0;
    int unseen = 0;
    for (int round = 1; round <= 15; ++round) {
        writer.must("insert into unflushed values (1)");
        if (writer.value("select count(*) from unflushed") != std::to_string(round)) ++missed;
        witness.must("set pgweir.route = 'primary'");
        const auto seen = std::stoi(witness.value("select count(*) from unflushed"));
        witness.must("set pgweir.route = 'auto'");
        for (int look = 0; look < 5; ++look) {
            if (std::stoi(witness.value("select count(*) from unflushed")) < seen) ++unseen;
            static_cast<void>(waiting.value("show pgweir.lsn"));
        }
    }
    cluster().primary().set("wal_writer_delay", "");
    EXPECT_EQ(missed, 0);
    EXPECT_EQ(unseen, 0);
}

} // namespace
} // namespace pgweir::test
