// A standby is killed, hangs, or is cut off under load, round after round: nobody hears of it, and
// pgweir finds it out within the bound that is configured.
#include "tests/failover/scenario.hpp"
#include "tests/support/wait.hpp"

namespace pgweir::test {
namespace {

class loss_of_a_standby : public scenario {
protected:
    /// Does it, and says when.
    using fault = moment (*)(network_cluster&, std::size_t);
    using remedy = void (*)(network_cluster&, std::size_t);

    /// What a look may take, and what passes until the next one begins (monitor_interval).
    static constexpr milliseconds bound{1000 + 200 + 300};

    void run(const std::string& name, fault begin_fault, remedy end_fault) {
        make_cluster();
        start_pgweir({{"check_timeout", "1s"}, {"monitor_interval", "200ms"}});
        start_load();
        std::vector<double> found;
        const auto begin = now();
        for (int number = 1; number <= rounds(); ++number) {
            const auto victim = cluster().a_standby(static_cast<std::size_t>(number) % 2);
            wait_for_work(now(), 50, 100);
            const auto when = begin_fault(cluster(), victim);
            EXPECT_TRUE(wait_until([&] { return !seen_up(victim); }, 60s, 5ms)) << name;
            found.push_back(milliseconds{now() - when}.count());
            wait_for_work(now(), 100, 200);
            end_fault(cluster(), victim);
            cluster().wait_all_well();
            EXPECT_TRUE(wait_until([&] { return seen_up(victim); }, 60s, 20ms)) << name;
            wait_for_work(now(), 50, 100);
            const auto record = load().record(when);
            std::printf("%s, round %d: found after %.0f ms, slowest read %.0f ms, writes paused "
                        "%.0f ms, errors: %s\n",
                        name.c_str(), number, found.back(), record.slowest_read.count(),
                        longest_pause(record.written, when, now()).count(),
                        record.errors_as_text().c_str());
            std::fflush(stdout);
        }
        finish_load();
        const auto all = load().record(begin);
        std::cout << "figures: " << name << ": found: " << median_and_worst(found)
                  << "; transactions " << all.count(verdict::fine)
                  << ", errors: " << all.errors_as_text() << std::endl;
        EXPECT_EQ(all.errors_as_text(), "none") << ::testing::PrintToString(all.messages);
        EXPECT_LE(std::ranges::max(found), bound.count());
        EXPECT_THAT(missing_on(cluster().the_primary(), all.tokens), ::testing::IsEmpty());
    }
};

TEST_F(loss_of_a_standby, KilledIsNotNoticed) {
    run(
        "standby killed", [](auto& cluster, auto victim) { return cluster.server(victim).kill(); },
        [](auto& cluster, auto victim) { cluster.server(victim).start(); });
}

TEST_F(loss_of_a_standby, HungIsNotNoticed) {
    run(
        "standby hung",
        [](auto& cluster, auto victim) {
            const auto when = now();
            cluster.server(victim).freeze();
            return when;
        },
        [](auto& cluster, auto victim) { cluster.server(victim).thaw(); });
}

TEST_F(loss_of_a_standby, CutOffIsNotNoticed) {
    run(
        "standby cut off",
        [](auto& cluster, auto victim) {
            const auto when = now();
            cluster.cut_from_all(victim);
            return when;
        },
        [](auto& cluster, auto victim) { cluster.heal(victim); });
}

} // namespace
} // namespace pgweir::test
