// pgbench through a small pool, in all its modes, without one failed transaction.
#include "tests/support/proxied_test.hpp"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <thread>

namespace pgweir::test {
namespace {

using ::testing::HasSubstr;

class pgbench : public ::testing::Test {
protected:
    static constexpr int pool_size = 5;

    static void SetUpTestSuite() {
        cluster_ = std::make_unique<postgres_cluster>();
        if (is_direct()) return;
        pgweir_options options;
        options.settings["pool_size"] = std::to_string(pool_size);
        options.settings["workers"] = "1"; // each knows only the statements of its own clients
        proxy_ = std::make_unique<pgweir_process>(cluster_->addresses(), options);
    }
    static void TearDownTestSuite() {
        proxy_.reset();
        cluster_.reset();
    }
    static command_result run(const std::vector<std::string>& arguments) {
        const char* directory = std::getenv("PGWEIR_TEST_PG_BIN");
        std::vector<std::string> all{
            std::string{directory != nullptr ? directory : "/usr/lib/postgresql/15/bin"} +
            "/pgbench"};
        all.insert(all.end(), arguments.begin(), arguments.end());
        spawn_options options;
        const int port = is_direct() ? cluster_->primary().port() : proxy_->port();
        options.environment = {{"PGHOST", "127.0.0.1"},
                               {"PGPORT", std::to_string(port)},
                               {"PGUSER", accounts::app.name},
                               {"PGDATABASE", "app"},
                               {"PGPASSWORD", accounts::app.password}};
        std::jthread witness{[](const std::stop_token& done) { tell_if_stuck(done); }};
        return run_command(all, options, 120s);
    }
    /// pgbench itself says nothing of what it waits for.
    static void tell_if_stuck(const std::stop_token& done) {
        for (const auto begun = std::chrono::steady_clock::now();
             std::chrono::steady_clock::now() - begun < 60s; std::this_thread::sleep_for(50ms))
            if (done.stop_requested()) return;
        std::cout << "pgbench runs for a minute now\n";
        for (const auto& node : cluster_->nodes())
            std::cout << node->value(
                             "select string_agg(concat_ws(' ', pid, state, wait_event_type, "
                             "wait_event, now() - state_change, query), E'\\n') from "
                             "pg_stat_activity where usename = 'app'")
                      << "\n--\n";
        if (is_direct()) return;
        const auto log = proxy_->log();
        std::cout << log.substr(log.size() - std::min<std::size_t>(log.size(), 6000)) << '\n'
                  << proxy_->http("/metrics").body << std::endl;
    }
    static void wait_for_catalog() {
        EXPECT_TRUE(wait_until([&] {
            pg_connection session{conninfo(proxy_->port(), accounts::app)};
            return explained_route(session, "select abalance from pgbench_accounts where aid = 1")
                       .find("standby") != std::string::npos;
        }));
    }
    /// A thread of pgbench does nothing else while it waits for a Parse, not even for its clients
    /// that keep the last connections in their blocks: that Parse must not need a connection. Known
    /// is what a client of the same worker has prepared.
    static void make_known(const std::vector<std::string>& script) {
        std::vector<std::string> arguments{"-n", "-c", "1", "-t", "2", "-M", "prepared"};
        arguments.insert(arguments.end(), script.begin(), script.end());
        EXPECT_EQ(run(arguments).exit_code, 0);
    }
    static int most_pool_backends() {
        int most = 0;
        for (const auto& node : cluster_->nodes())
            most = std::max(most, node->count_backends("usename = 'app'"));
        return most;
    }

    static std::unique_ptr<postgres_cluster> cluster_;
    static std::unique_ptr<pgweir_process> proxy_;
};

std::unique_ptr<postgres_cluster> pgbench::cluster_;
std::unique_ptr<pgweir_process> pgbench::proxy_;

TEST_F(pgbench, InitializesAndRunsInAllModesWithoutAFailure) {
    const auto initialized = run({"-i", "-s", "2", "-q"});
    ASSERT_EQ(initialized.exit_code, 0) << initialized.output;
    if (!is_direct()) wait_for_catalog();
    const std::vector<std::vector<std::string>> scripts{{}, {"-N"}, {"-S"}};
    for (const auto& script : scripts) {
        for (const char* mode : {"simple", "extended", "prepared"}) {
            SCOPED_TRACE((script.empty() ? std::string{"TPC-B"} : script[0]) + " " + mode);
            std::vector<std::string> arguments{"-n", "-c", "50", "-j", "2", "-T", "2", "-M", mode};
            arguments.insert(arguments.end(), script.begin(), script.end());
            if (mode == std::string_view{"prepared"}) make_known(script);
            std::atomic<int> most = 0;
            std::jthread sampler{[&](const std::stop_token& done) {
                while (!done.stop_requested()) {
                    most = std::max(most.load(), most_pool_backends());
                    std::this_thread::sleep_for(100ms);
                }
            }};
            const auto result = run(arguments);
            sampler.request_stop();
            sampler.join();
            EXPECT_EQ(result.exit_code, 0) << result.output;
            EXPECT_THAT(result.output, HasSubstr("number of failed transactions: 0 "));
            if (!is_direct()) EXPECT_LE(most, pool_size);
        }
    }
}

TEST_F(pgbench, SelectOnlyRunsOnStandbys) {
    PGWEIR_ONLY();
    const auto transactions = [](postgres_node& node) {
        return std::stol(node.value(
            "select xact_commit from pg_stat_database where datname = 'app'", "postgres"));
    };
    const auto initialized = run({"-i", "-s", "1", "-q"});
    ASSERT_EQ(initialized.exit_code, 0) << initialized.output;
    EXPECT_TRUE(cluster_->wait_caught_up());
    // Backends report when they end: a pgweir of its own for each count.
    pgweir_options options;
    options.settings["pool_size"] = std::to_string(pool_size);
    proxy_ = std::make_unique<pgweir_process>(cluster_->addresses(), options);
    wait_for_catalog(); // until then all goes to the primary
    std::vector<long> before;
    for (const auto& node : cluster_->nodes())
        before.push_back(transactions(*node));
    const auto result = run({"-n", "-S", "-c", "20", "-j", "2", "-t", "500"});
    ASSERT_EQ(result.exit_code, 0) << result.output;
    proxy_ = std::make_unique<pgweir_process>(cluster_->addresses(), options);
    const auto on_standbys = [&] {
        return transactions(cluster_->standby(0)) - before[1] + transactions(cluster_->standby(1)) -
               before[2];
    };
    EXPECT_TRUE(wait_until([&] { return on_standbys() >= 9500; })) << on_standbys();
}

} // namespace
} // namespace pgweir::test
