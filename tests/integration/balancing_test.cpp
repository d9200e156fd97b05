// Which standby answers: weights, zones, sessions that stay where they are, the primary's part, and
// who is left out.
#include "tests/support/logging_cluster.hpp"
#include "tests/support/tcp_gate.hpp"

#include <atomic>
#include <map>
#include <thread>

namespace pgweir::test {
namespace {

using ::testing::HasSubstr;

class balancing : public routed_test {
protected:
    void TearDown() override {
        if (!is_direct()) {
            for (std::size_t index = 0; index < cluster().standbys(); ++index) {
                if (!cluster().standby(index).running()) cluster().standby(index).start();
                cluster().standby(index).resume_replay();
            }
            EXPECT_TRUE(cluster().wait_caught_up());
        }
        balanced_.reset();
        routed_test::TearDown();
    }

    [[nodiscard]] static std::string standby_address(std::size_t index) {
        return cluster().standby(index).address();
    }
    /// A pgweir of this test's own; one worker, and no read is kept on one node for what it has
    /// seen. Returns once it reads from standbys.
    void balance(const std::string& nodes, settings_map settings) {
        settings.emplace("consistency", "eventual");
        settings.emplace("workers", "1");
        settings.emplace("monitor_interval", "100ms");
        settings.emplace("monitor_interval_idle", "100ms");
        pgweir_options options;
        options.settings = std::move(settings);
        balanced_ = std::make_unique<pgweir_process>(nodes, options);
        auto session = open();
        EXPECT_TRUE(wait_until([&] {
            const auto said = explained_route(session, "select 1 from pg_class");
            return said.find("target standby") != std::string::npos &&
                   said.find("freshness") == std::string::npos;
        }));
        EXPECT_TRUE(wait_until([&] { return balanced_->metric("pgweir_node_readable") == 2; }));
    }
    [[nodiscard]] pg_connection open() const {
        return pg_connection{conninfo(balanced_->port(), accounts::app)};
    }
    static std::size_t count_in(const std::string& log, const std::string& text) {
        std::size_t count = 0;
        for (auto at = log.find(text); at != std::string::npos; at = log.find(text, at + 1))
            ++count;
        return count;
    }
    /// How many statements with this text each server has run: the primary, then the standbys.
    static std::vector<std::size_t> ran(const std::string& marker) {
        std::vector<std::size_t> counts;
        for (const auto& node : cluster().nodes())
            counts.push_back(count_in(node->log(), marker));
        return counts;
    }
    /// Where so many reads of one session went.
    static std::vector<std::size_t> reads(pg_connection& session, int count) {
        const auto marker = new_marker();
        for (int i = 0; i < count; ++i)
            session.must("select '" + marker + "'");
        return ran(marker);
    }

    std::unique_ptr<pgweir_process> balanced_;
};

TEST_F(balancing, ReadsAreSharedByWeight) {
    balance(cluster().primary().address() + "," + standby_address(0) + ":3," + standby_address(1),
            {});
    auto session = open();
    const auto counts = reads(session, 400);
    EXPECT_EQ(counts[0], 0U);
    EXPECT_NEAR(static_cast<double>(counts[1]), 300, 45) << "five standard deviations";
    EXPECT_EQ(counts[1] + counts[2], 400U);
}

TEST_F(balancing, OurZoneComesFirstWhileItCanAnswer) {
    balance(cluster().addresses(),
            {{"zone", "east"}, {"node_zones", R"(["west", "west", "east"])"}});
    auto session = open();
    EXPECT_EQ(reads(session, 30)[2], 30U);
    cluster().standby(1).stop();
    EXPECT_TRUE(wait_until([&] { return session.exec("select 1").ok(); }));
    EXPECT_TRUE(wait_until([&] { return balanced_->metric("pgweir_node_readable") == 1; }));
    EXPECT_EQ(reads(session, 30)[1], 30U) << "another zone is better than the primary";
    cluster().standby(1).start();
    EXPECT_TRUE(wait_until([&] { return reads(session, 1)[2] == 1; })) << "home again";
    auto admin = pg_connection{conninfo(balanced_->port(), accounts::superuser, "pgweir")};
    EXPECT_TRUE(admin.exec("show nodes").ok());
}

TEST_F(balancing, ASessionCanStayWhereItsFirstReadWent) {
    balance(cluster().addresses(), {{"statement_level_load_balance", "false"}});
    std::map<std::size_t, int> chosen;
    for (int number = 0; number < 24; ++number) {
        auto session = open();
        const auto counts = reads(session, 10);
        EXPECT_EQ(counts[0], 0U);
        EXPECT_TRUE(counts[1] == 10 || counts[2] == 10) << counts[1] << " and " << counts[2];
        ++chosen[counts[1] == 10 ? 1 : 2];
    }
    EXPECT_EQ(chosen.size(), 2U) << "sessions spread";
    // Its standby goes: it reads elsewhere.
    auto session = open();
    const std::size_t home = reads(session, 1)[1] == 1 ? 0 : 1;
    cluster().standby(home).stop();
    EXPECT_TRUE(wait_until([&] { return session.exec("select 1").ok(); }));
    EXPECT_TRUE(wait_until([&] { return reads(session, 1)[2 - home] == 1; }));
}

TEST_F(balancing, EachReadIsBalancedByItselfOtherwise) {
    balance(cluster().addresses(), {});
    auto session = open();
    const auto counts = reads(session, 100);
    EXPECT_GT(counts[1], 20U);
    EXPECT_GT(counts[2], 20U);
}

TEST_F(balancing, ThePrimaryCanTakeItsShare) {
    balance(cluster().addresses(), {{"primary_reads", "balanced"}});
    auto session = open();
    const auto counts = reads(session, 300);
    EXPECT_NEAR(static_cast<double>(counts[0]), 100, 45);
    EXPECT_NEAR(static_cast<double>(counts[1]), 100, 45);
    balance(cluster().primary().address() + ":0," + standby_address(0) + "," + standby_address(1),
            {{"primary_reads", "balanced"}});
    auto other = open();
    EXPECT_EQ(reads(other, 50)[0], 0U) << "its weight is 0";
}

TEST_F(balancing, AReadThatThePrimaryMustNotAnswerWaitsForAStandby) {
    make_table("waiting", "n int");
    balance(
        cluster().addresses(),
        {{"primary_reads", "never"}, {"consistency", "session"}, {"standby_wait_timeout", "1s"}});
    for (std::size_t index = 0; index < cluster().standbys(); ++index)
        cluster().standby(index).pause_replay();
    auto session = open();
    session.must("insert into waiting values (1)");
    const auto marker = new_marker();
    const auto refused = session.exec("select '" + marker + "' from waiting");
    EXPECT_EQ(refused.sqlstate(), "57P03");
    EXPECT_THAT(refused.message(), HasSubstr("standby_wait_timeout"));
    EXPECT_EQ(ran(marker)[0], 0U);
    EXPECT_EQ(balanced_->metric("pgweir_standby_waits_total"), 1);
    EXPECT_EQ(balanced_->metric("pgweir_standby_wait_timeouts_total"), 1);
    session.must("insert into waiting values (1)"); // writes do not wait
    session.must("set pgweir.consistency = 'primary'");
    EXPECT_EQ(session.value("select count(*) from waiting"), "2") << "who asks for the primary";
    session.must("set pgweir.consistency = 'session'");

    session.must("insert into waiting values (1)");
    std::thread resume{[&] {
        EXPECT_TRUE(
            wait_until([&] { return balanced_->metric("pgweir_standby_waits_total") == 2; }));
        for (std::size_t index = 0; index < cluster().standbys(); ++index)
            cluster().standby(index).resume_replay();
    }};
    const auto served = session.exec("select '" + marker + "', count(*) from waiting");
    resume.join();
    EXPECT_TRUE(served.ok()) << served.message();
    EXPECT_EQ(ran(marker)[0], 0U);
}

TEST_F(balancing, ASlowStandbyIsLeftOutAndComesBack) {
    tcp_gate gate{cluster().standby(1).port()};
    balance(cluster().primary().address() + "," + standby_address(0) + "," + gate.address(),
            {{"outlier_ejection_time", "3s"}, {"check_timeout", "5s"}});
    std::atomic<bool> stop = false;
    std::atomic<int> errors = 0;
    std::vector<std::thread> load;
    for (int i = 0; i < 4; ++i)
        load.emplace_back([&] {
            auto session = open();
            while (!stop) {
                if (!session.exec("select 1").ok()) ++errors;
                std::this_thread::sleep_for(1ms); // not a wait: leaves the machine to others
            }
        });
    EXPECT_TRUE(
        wait_until([&] { return balanced_->metric("pgweir_node_read_latency_seconds") > 0; }));
    EXPECT_EQ(balanced_->metric("pgweir_node_left_out"), 0);
    gate.delay_answers(300ms);
    EXPECT_TRUE(wait_until([&] { return balanced_->metric("pgweir_node_left_out") == 1; }, 30s));
    EXPECT_GE(balanced_->metric("pgweir_node_ejections_total", "reason=\"latency\""), 1);
    auto session = open();
    EXPECT_THAT(explained_route(session, "select 1"), HasSubstr("left out"));
    EXPECT_EQ(reads(session, 20)[2], 0U);
    gate.delay_answers(0ms);
    EXPECT_TRUE(wait_until([&] { return balanced_->metric("pgweir_node_left_out") == 0; }, 60s));
    EXPECT_TRUE(wait_until([&] { return reads(session, 5)[2] > 0; })) << "it reads again";
    stop = true;
    for (auto& one : load)
        one.join();
    EXPECT_EQ(errors, 0);
}

TEST_F(balancing, AStandbyWhoseReadsFailIsLeftOut) {
    cluster().primary().must(
        "create or replace function fails_there() returns int stable language plpgsql as $$ begin "
        "if pg_is_in_recovery() and current_setting('port') = '" +
        std::to_string(cluster().standby(0).port()) +
        "' then raise exception 'no such block' using errcode = 'XX001'; end if; return 1; end $$");
    EXPECT_TRUE(cluster().wait_caught_up());
    balance(cluster().addresses(),
            {{"read_only_function_list", "fails_there"}, {"outlier_ejection_time", "1min"}});
    auto session = open();
    EXPECT_TRUE(wait_until([&] {
        return explained_route(session, "select fails_there()").find("target standby") !=
               std::string::npos;
    }));
    EXPECT_TRUE(wait_until([&] {
        session.exec("select fails_there()");
        return balanced_->metric("pgweir_node_left_out") == 1;
    }));
    EXPECT_GE(balanced_->metric("pgweir_node_ejections_total", "reason=\"failures\""), 1);
    for (int i = 0; i < 20; ++i)
        EXPECT_TRUE(session.exec("select fails_there()").ok());
    EXPECT_THAT(explained_route(session, "select 1"), HasSubstr("have failed there lately"));
}

} // namespace
} // namespace pgweir::test
