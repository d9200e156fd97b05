// Thousands of clients: idle through a restart of all servers, and logging in at once. A thousand
// by default; PGWEIR_CROWD=10000 for as many as a pgweir should take (20,000 file descriptors).
#include "tests/support/client_crowd.hpp"
#include "tests/support/proxied_test.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

namespace pgweir::test {
namespace {

using state = client_crowd::state;

std::size_t crowd_size() {
    const char* asked = std::getenv("PGWEIR_CROWD");
    return asked != nullptr ? std::strtoul(asked, nullptr, 10) : 1000;
}

constexpr int connect_rate = 30;
constexpr int pool_size = 60;

cluster_options logging_connections() {
    cluster_options options;
    options.settings = {{"log_connections", "on"}};
    return options;
}

/// The most connections of the crowd's role that a server began to serve within any second, by its
/// log. When their logins end says more about the server than about who connects.
int most_connects_in_a_second(const postgres_node& node) {
    static const std::regex line{
        R"(^\S+ (\d\d):(\d\d):(\d\d)\.(\d\d\d) \S+ (\d+) .*connection (received|authorized: user=app_trust))"};
    std::istringstream log{node.log()};
    std::map<std::string, long> received; // by process id
    std::vector<long> times;
    std::string text;
    while (std::getline(log, text)) {
        std::smatch found;
        if (!std::regex_search(text, found, line)) continue;
        const auto part = [&](std::size_t index) { return std::stol(found[index]); };
        if (found[6] == "received")
            received[found[5]] = ((part(1) * 60 + part(2)) * 60 + part(3)) * 1000 + part(4);
        else
            times.push_back(received[found[5]]);
    }
    std::sort(times.begin(), times.end());
    std::size_t most = 0;
    for (std::size_t first = 0, last = 0; last < times.size(); ++last) {
        while (times[last] - times[first] >= 1000)
            ++first;
        most = std::max(most, last - first + 1);
    }
    return static_cast<int>(most);
}

class crowd : public ::testing::Test {
protected:
    void SetUp() override {
        PGWEIR_ONLY();
        rlimit limit{};
        ::getrlimit(RLIMIT_NOFILE, &limit);
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
        if (limit.rlim_cur < crowd_size() + 500) GTEST_SKIP() << "too few file descriptors";
    }

    static settings_map settings() {
        return {{"auth_method", "trust"},
                {"max_client_connections", std::to_string(crowd_size() + 200)},
                {"queue_size", std::to_string(crowd_size() + 200)},
                {"queue_timeout", "2min"},
                {"failover_timeout", "2min"},
                {"client_login_timeout", "2min"},
                {"pool_size", std::to_string(pool_size)},
                {"server_connect_rate", std::to_string(connect_rate)},
                {"log_connections", "false"},
                {"log_disconnections", "false"}};
    }
    static std::unique_ptr<pgweir_process> start(const postgres_cluster& cluster,
                                                 const settings_map& more = {}) {
        pgweir_options options;
        options.settings = settings();
        for (const auto& [name, value] : more)
            options.settings[name] = value;
        return std::make_unique<pgweir_process>(cluster.addresses(), options);
    }
};

TEST_F(crowd, StaysThroughARestartOfAllServersAndIsServedInOrder) {
    postgres_cluster cluster{logging_connections()};
    cluster.primary().must("create table turns (place serial, client int); "
                           "grant all on turns, turns_place_seq to public");
    const auto proxy = start(cluster);
    client_crowd clients{proxy->port(), accounts::trusted.name, "app", crowd_size()};
    clients.begin_logins(2s);
    ASSERT_TRUE(clients.serve(60s));
    ASSERT_EQ(clients.count(state::idle), crowd_size()) << clients.errors();
    for (const auto& node : cluster.nodes())
        node->stop_immediately();
    ASSERT_TRUE(wait_until([&] { return proxy->http("/readyz").status != 200; }));
    // They ask while there is no server: the queue is theirs in this order.
    clients.look();
    ASSERT_EQ(clients.count(state::idle), crowd_size()) << "nobody is disconnected";
    const auto insert = [](std::size_t index) {
        return "insert into turns (client) values (" + std::to_string(index) + ") returning client";
    };
    // Slowly enough that their order is the same for both workers.
    clients.ask(insert, 1s);
    const auto all_wait = [&] {
        clients.look();
        return proxy->metric("pgweir_clients", "state=\"waiting\"") ==
               static_cast<double>(crowd_size());
    };
    EXPECT_TRUE(wait_until(all_wait, 30s)) << clients.errors();
    for (const auto& node : cluster.nodes())
        node->launch();
    EXPECT_TRUE(clients.serve(150s));
    std::cout << "figures: " << crowd_size() << " clients through a restart: answered "
              << clients.count(state::idle) << ", disconnected " << clients.count(state::lost)
              << ", errors: " << (clients.errors().empty() ? "none" : clients.errors())
              << ", all after " << clients.all().count() << " ms, longest wait "
              << clients.longest().count() << " ms, most overtaken by "
              << clients.worst_displacement();
    EXPECT_EQ(clients.count(state::idle), crowd_size());
    EXPECT_EQ(clients.errors(), "");
    for (std::size_t index = 0; index < crowd_size(); ++index)
        ASSERT_EQ(clients.members()[index].answer, std::to_string(index));
    for (const auto& node : cluster.nodes()) {
        const int most = most_connects_in_a_second(*node);
        std::cout << ", connects in a second " << most;
        // A server begins a moment after it was connected to, not always the same one.
        EXPECT_LE(most, connect_rate + connect_rate / 10);
    }
    std::cout << std::endl;
    // Two workers, each with a share of the connections: as many as are served at once may
    // overtake, and what came within fairness_slack of each other.
    EXPECT_LE(clients.worst_displacement(), static_cast<long>(crowd_size()) / 10 + 2 * pool_size);
}

TEST_F(crowd, LogsInWithinTwoSecondsAndIsServed) {
    const auto proxy = start(shared_cluster());
    client_crowd clients{proxy->port(), accounts::trusted.name, "app", crowd_size()};
    clients.begin_logins(2s);
    EXPECT_TRUE(clients.serve(60s));
    std::cout << "figures: " << crowd_size() << " logins: served " << clients.count(state::idle)
              << ", refused " << clients.count(state::refused) << ", lost "
              << clients.count(state::lost)
              << ", errors: " << (clients.errors().empty() ? "none" : clients.errors())
              << ", all after " << clients.all().count() << " ms, longest "
              << clients.longest().count() << " ms" << std::endl;
    EXPECT_EQ(clients.count(state::idle), crowd_size());
    clients.ask([](std::size_t index) { return "select " + std::to_string(index); });
    EXPECT_TRUE(clients.serve(60s));
    EXPECT_EQ(clients.errors(), "");
    for (std::size_t index = 0; index < crowd_size(); ++index)
        ASSERT_EQ(clients.members()[index].answer, std::to_string(index));
}

TEST_F(crowd, BeyondTheLimitIsToldSo) {
    const auto half = crowd_size() / 2;
    const auto proxy = start(shared_cluster(), {{"max_client_connections", std::to_string(half)}});
    client_crowd clients{proxy->port(), accounts::trusted.name, "app", crowd_size()};
    clients.begin_logins(2s);
    EXPECT_TRUE(clients.serve(60s));
    std::cout << "figures: " << crowd_size() << " logins, room for half: served "
              << clients.count(state::idle) << ", refused " << clients.count(state::refused)
              << ", lost " << clients.count(state::lost) << ", errors: " << clients.errors()
              << ", all after " << clients.all().count() << " ms" << std::endl;
    EXPECT_EQ(clients.count(state::idle), half);
    EXPECT_EQ(clients.count(state::refused), crowd_size() - half);
    EXPECT_EQ(clients.errors(), "53300 " + std::to_string(crowd_size() - half));
}

} // namespace
} // namespace pgweir::test
