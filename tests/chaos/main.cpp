// tests_chaos [--seconds N] [--seed S] [--connections N] [--kill-servers no]
// [--sticky-transactions N] [--own-write-steps N] [--cluster plain|network]: the token echo, and
// long_forms.hpp, and cluster/ with faults of servers. In the echo clients ask
// for unique tokens in every way the protocol knows while clients, server connections and queries
// are killed; every answer has to carry its own question's token, and nothing may stay behind.
#include "tests/chaos/chaos_client.hpp"
#include "tests/chaos/lock_watch.hpp"
#include "tests/chaos/long_forms.hpp"
#include "tests/chaos/tally.hpp"
#include "tests/support/proxied_test.hpp"

#include <gmock/gmock.h>

#include <csignal>
#include <cstring>
#include <iostream>
#include <memory>
#include <thread>

namespace {

namespace test = pgweir::test;

struct options {
    int seconds = 60;
    unsigned seed = 0;
    int connections = 40;
    bool kill_servers = true;
};

options& chosen() {
    static options instance;
    return instance;
}

/// Kills a server connection of the application every now and then, on any node.
void kill_one_server_connection(test::postgres_cluster& cluster,
                                std::mt19937& random,
                                test::tally& counts) {
    const auto& nodes = cluster.nodes();
    const auto& node = nodes[random() % nodes.size()];
    const auto killed = node->value(
        "select count(pg_terminate_backend(pid)) from (select pid from pg_stat_activity where "
        "usename = 'app' and backend_type = 'client backend' order by random() limit 1) as victim");
    if (killed != "0") ++counts.server_kills;
}

int most_backends(test::postgres_cluster& cluster) {
    int most = 0;
    for (const auto& node : cluster.nodes())
        most = std::max(most, node->count_backends("usename = 'app' and application_name not like "
                                                   "'pgweir %'"));
    return most;
}

class token_echo : public ::testing::Test {};

constexpr int pool_size = 8;

/// What is under test: pgweir with a small pool in front of the cluster, or the primary itself.
class target {
public:
    explicit target(test::postgres_cluster& cluster) {
        if (test::is_direct()) {
            port_ = cluster.primary().port();
            return;
        }
        test::pgweir_options with;
        with.settings["pool_size"] = std::to_string(pool_size);
        proxy_ = std::make_unique<test::pgweir_process>(cluster.addresses(), with);
        port_ = proxy_->port();
    }
    [[nodiscard]] int port() const { return port_; }
    [[nodiscard]] bool alive() { return !proxy_ || proxy_->running(); }
    [[nodiscard]] std::string log() const { return proxy_ ? proxy_->log() : ""; }

private:
    std::unique_ptr<test::pgweir_process> proxy_;
    int port_ = 0;
};

void print(const test::tally& counts) {
    std::cout << "answers " << counts.answers << ", errors on purpose " << counts.expected_errors
              << ", disturbed " << counts.disturbed << ", clients killed " << counts.client_kills
              << ", server connections killed " << counts.server_kills << ", cancels "
              << counts.cancels << ", timeouts " << counts.timeouts << ", locks watched "
              << counts.locks_watched << ", wrong " << counts.wrong_count() << std::endl;
}

TEST_F(token_echo, EveryAnswerCarriesItsOwnTokenAndNothingStaysBehind) {
    auto& cluster = test::shared_cluster();
    cluster.primary().must("create unlogged table if not exists chaos (t text); "
                           "grant all on chaos to public");
    target under_test{cluster};
    test::tally counts;
    test::lock_watch locks{cluster, counts};
    std::atomic<bool> stop = false;
    std::vector<std::thread> threads;
    for (int number = 1; number <= chosen().connections; ++number) {
        threads.emplace_back([&, number] {
            test::chaos_client client{under_test.port(), number,
                                      chosen().seed * 1000 + static_cast<unsigned>(number), counts,
                                      locks};
            client.run(stop);
        });
    }
    std::mt19937 random{chosen().seed};
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{chosen().seconds};
    for (int turn = 1; std::chrono::steady_clock::now() < end && under_test.alive(); ++turn) {
        std::this_thread::sleep_for(std::chrono::milliseconds{200});
        if (chosen().kill_servers) kill_one_server_connection(cluster, random, counts);
        if (turn % 3 == 0) locks.look();
        const int backends = most_backends(cluster);
        if (!test::is_direct() && backends > pool_size)
            counts.wrong(std::to_string(backends) + " server connections on a node");
        if (turn % 50 == 0) print(counts);
    }
    stop = true;
    for (auto& thread : threads)
        thread.join();
    locks.finish();
    print(counts);
    for (const auto& text : counts.wrongs())
        ADD_FAILURE() << text;
    EXPECT_EQ(counts.wrong_count(), 0);
    EXPECT_GT(counts.answers, chosen().seconds * 50L) << "hardly anything was answered";
    EXPECT_TRUE(under_test.alive()) << under_test.log();
    auto session = test::logged_in(under_test.port());
    EXPECT_EQ(test::first_columns(session.converse(test::wire::query("select 'afterwards'"))),
              std::vector<std::string>{"afterwards"});
}

void parse(int argc, char** argv) {
    for (int index = 1; index + 1 < argc; index += 2) {
        const std::string name = argv[index];
        const std::string value = argv[index + 1];
        if (name == "--seconds")
            chosen().seconds = test::chosen_long_forms().cluster_seconds = std::stoi(value);
        else if (name == "--seed")
            chosen().seed = static_cast<unsigned>(std::stoul(value));
        else if (name == "--connections")
            chosen().connections = std::stoi(value);
        else if (name == "--kill-servers")
            chosen().kill_servers = value != "no";
        else if (name == "--cluster")
            test::chosen_long_forms().cluster = value;
        else if (name == "--sticky-transactions")
            test::chosen_long_forms().sticky_transactions = std::stol(value);
        else if (name == "--own-write-steps")
            test::chosen_long_forms().own_write_steps = std::stoi(value);
        else
            throw std::invalid_argument("unknown option " + name);
    }
}

} // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    ::testing::InitGoogleMock(&argc, argv);
    chosen().seed = std::random_device{}() % 100'000;
    parse(argc, argv);
    test::chosen_long_forms().seed = chosen().seed;
    std::cout << "chaos: seed " << chosen().seed << ", " << chosen().seconds << " s, "
              << chosen().connections << " connections" << std::endl;
    const int result = RUN_ALL_TESTS();
    const auto& unit = *::testing::UnitTest::GetInstance();
    const int all = unit.test_to_run_count();
    test::drop_shared_cluster();
    std::cout << "passed " << all - unit.failed_test_count() << " of " << all << std::endl;
    return result;
}
