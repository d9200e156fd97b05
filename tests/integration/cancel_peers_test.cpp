// Cancel requests between instances of pgweir, behind a load balancer that knows nothing of them.
#include "tests/support/proxied_test.hpp"
#include "tests/support/tcp_gate.hpp"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <random>
#include <thread>

namespace pgweir::test {
namespace {

using ::testing::HasSubstr;

int cancels_wanted() {
    const char* const wanted = std::getenv("PGWEIR_CANCELS");
    return wanted == nullptr ? 600 : std::atoi(wanted);
}

class cancel_peers : public ::testing::Test {
protected:
    static postgres_cluster& cluster() { return shared_cluster(); }

    /// As many instances as each other's peers, and a balancer before them.
    void start(int count, const settings_map& settings = {}) {
        pgweir_options options;
        options.settings = settings;
        options.settings.try_emplace("pool_size", "8");
        std::vector<int> ports;
        std::string list;
        for (int i = 0; i < count; ++i) {
            instances.push_back(std::make_unique<pgweir_process>(cluster().addresses(), options));
            ports.push_back(instances.back()->port());
            list +=
                (i == 0 ? "\"127.0.0.1:" : ", \"127.0.0.1:") + std::to_string(ports.back()) + "\"";
        }
        for (const auto& one : instances) {
            one->rewrite_settings({{"peers", "[" + list + "]"}});
            one->send_signal(SIGHUP);
        }
        const auto told = "others=" + std::to_string(count - 1);
        for (const auto& one : instances)
            ASSERT_TRUE(wait_until([&] { return one->log().find(told) != std::string::npos; }))
                << one->log();
        balancer = std::make_unique<tcp_gate>(ports);
    }
    static bool request(int port, std::int32_t pid, const std::string& key) {
        wire_client canceller{port};
        canceller.send(wire::cancel_request(pid, key));
        return canceller.closed_by_peer();
    }
    static bool runs_somewhere(const std::string& text) {
        for (const auto& node : cluster().nodes())
            if (node->count_backends("state = 'active' and query like '%" + text + "%'") > 0)
                return true;
        return false;
    }
    [[nodiscard]] double cancels(const std::string& result) const {
        double sum = 0;
        for (const auto& one : instances)
            sum += one->metric("pgweir_cancels_total", "result=\"" + result + "\"");
        return sum;
    }

    std::vector<std::unique_ptr<pgweir_process>> instances;
    std::unique_ptr<tcp_gate> balancer;
};

TEST_F(cancel_peers, ARequestReachesItsQueryThroughAnyInstance) {
    PGWEIR_ONLY();
    start(3);
    for (const auto& home : instances)
        for (const auto& entrance : instances) {
            auto client = logged_in(home->port());
            client.send(wire::query("select pg_sleep(600), 'through-any'"));
            ASSERT_TRUE(wait_until([] { return runs_somewhere("through-any"); }));
            EXPECT_TRUE(request(entrance->port(), client.pid(), client.key()));
            const auto messages = client.read_until_ready(1, 5s);
            ASSERT_EQ(sqlstate(messages), "57014");
            ASSERT_TRUE(wait_until([] { return !runs_somewhere("through-any"); }));
        }
    EXPECT_GE(cancels("passed_on"), 6); // more where two ports make the same number
}

TEST_F(cancel_peers, AWrongKeyIsNobodysAnywhere) {
    PGWEIR_ONLY();
    start(2);
    auto client = logged_in(instances[0]->port());
    client.send(wire::query("select pg_sleep(0.5), 'wrong-key'"));
    ASSERT_TRUE(wait_until([] { return runs_somewhere("wrong-key"); }));
    auto wrong = client.key();
    wrong[3] = static_cast<char>(wrong[3] ^ 1);
    EXPECT_TRUE(request(instances[1]->port(), client.pid(), wrong));
    EXPECT_TRUE(request(instances[1]->port(), client.pid() + 1, client.key()));
    EXPECT_EQ(letters(client.read_until_ready()), "TDCZ");
    // Passed on once each, and not back again.
    EXPECT_EQ(cancels("unknown_key"), 2);
    EXPECT_EQ(cancels("passed_on"), 2);
}

TEST_F(cancel_peers, APeerThatIsGoneCostsNothingButItsRequest) {
    PGWEIR_ONLY();
    start(3);
    auto lost = logged_in(instances[2]->port());
    auto client = logged_in(instances[0]->port());
    instances[2]->kill();
    EXPECT_TRUE(request(instances[1]->port(), lost.pid(), lost.key()));
    client.send(wire::query("select pg_sleep(600), 'still-reached'"));
    ASSERT_TRUE(wait_until([] { return runs_somewhere("still-reached"); }));
    EXPECT_TRUE(request(instances[1]->port(), client.pid(), client.key()));
    EXPECT_EQ(sqlstate(client.read_until_ready(1, 5s)), "57014");
    EXPECT_EQ(instances[1]->metric("pgweir_cancels_total", "result=\"failed\""), 1);
}

/// One client that runs and cancels queries through the balancer.
struct canceller_figures {
    std::atomic<int> begun = 0;
    std::atomic<int> hit = 0;
    std::atomic<int> too_late = 0;
    std::atomic<int> after_the_end = 0; // 57014 in a query that nobody cancelled
    std::atomic<int> other = 0;
};

void cancel_own_queries(int port, unsigned seed, int wanted, canceller_figures& figures) {
    std::minstd_rand random{seed};
    auto client = logged_in(port);
    while (figures.begun.fetch_add(1) < wanted) {
        client.send(wire::query("select pg_sleep(0.02)"));
        std::this_thread::sleep_for(std::chrono::microseconds{random() % 25'000});
        wire_client request{port};
        request.send(wire::cancel_request(client.pid(), client.key()));
        const auto state = sqlstate(client.read_until_ready());
        if (state == "57014")
            ++figures.hit;
        else if (state.empty())
            ++figures.too_late;
        else
            ++figures.other;
        // As libpq does: the next query is safe once the request's connection has ended.
        if (!request.closed_by_peer()) ++figures.other;
        for (int i = 0; i < 2; ++i) {
            const auto after = sqlstate(client.converse(wire::query("select pg_sleep(0.001)")));
            if (after == "57014") ++figures.after_the_end;
        }
    }
}

TEST_F(cancel_peers, BehindABalancerEachHitsItsOwnQueryOrNothing) {
    PGWEIR_ONLY();
    start(3);
    const int wanted = cancels_wanted();
    canceller_figures figures;
    std::atomic<bool> done = false;
    std::atomic<int> foreign = 0;
    std::atomic<int> undisturbed = 0;
    std::vector<std::thread> bystanders;
    for (int i = 0; i < 6; ++i)
        bystanders.emplace_back([&] {
            auto client = logged_in(balancer->port());
            while (!done) {
                const auto state = sqlstate(client.converse(wire::query("select pg_sleep(0.004)")));
                ++(state.empty() ? undisturbed : foreign);
            }
        });
    std::vector<std::thread> cancellers;
    for (unsigned i = 0; i < 12; ++i)
        cancellers.emplace_back(
            [&, i] { cancel_own_queries(balancer->port(), i + 1, wanted, figures); });
    for (auto& one : cancellers)
        one.join();
    done = true;
    for (auto& one : bystanders)
        one.join();
    std::printf("figures: cancels=%d hit=%d too_late=%d passed_on=%.0f undisturbed=%d foreign=%d\n",
                wanted, figures.hit.load(), figures.too_late.load(), cancels("passed_on"),
                undisturbed.load(), foreign.load());
    EXPECT_EQ(foreign, 0);
    EXPECT_EQ(figures.after_the_end, 0);
    EXPECT_EQ(figures.other, 0);
    EXPECT_EQ(figures.hit + figures.too_late, wanted);
    EXPECT_GT(figures.hit, wanted / 5);
    EXPECT_GT(cancels("passed_on"), wanted / 2);
    EXPECT_EQ(cancels("failed"), 0);
    EXPECT_LE(cancels("unknown_key"), cancels("passed_on") / 2); // as there
}

} // namespace
} // namespace pgweir::test
