// The primary is killed under load, repmgrd promotes a standby, the old primary rejoins; round
// after round.
#include "tests/failover/pgpool_process.hpp"
#include "tests/failover/scenario.hpp"

namespace pgweir::test {
namespace {

class unplanned_failover : public scenario {
protected:
    struct round {
        milliseconds until_promotion;
        milliseconds until_write; ///< from the promotion to the first acknowledged write
        milliseconds write_pause;
        milliseconds slowest_read;
        milliseconds read_pause;
        milliseconds rejoin;
        int connections = 0; ///< to the primary, when it died
        load_record record;
    };

    /// pgpool takes its time.
    static constexpr std::chrono::seconds patient{240};

    round kill_the_primary() {
        const auto begin = now();
        wait_for_work(begin, 100, 100, patient);
        const auto leader = cluster().the_primary();
        promotion_watch watch{cluster(), leader};
        round result;
        result.connections = backends_of_clients(leader);
        const auto killed = cluster().server(leader).kill();
        const auto promoted = watch.wait();
        wait_for_work(promoted.when, 100, 100, patient);
        const auto end = now();
        result.record = load().record(killed, end);
        result.until_promotion = promoted.when - killed;
        // A look takes place after the fact: a write may be a little earlier.
        const auto first =
            first_since(result.record.written, promoted.when - std::chrono::milliseconds{50});
        result.until_write = std::max(milliseconds{0}, milliseconds{*first - promoted.when});
        result.write_pause = longest_pause(result.record.written, killed, end);
        result.read_pause = longest_pause(result.record.read, killed, end);
        result.slowest_read = result.record.slowest_read;
        cluster().rejoin(leader);
        result.rejoin = now() - end;
        result.record = load().record(killed, now());
        return result;
    }

    static void print(int number, const round& one) {
        std::printf(
            "round %d: promoted after %.0f ms, first write %.0f ms later, writes paused "
            "%.0f ms, reads %.0f ms (slowest %.0f ms); %d server connections; errors: %s; old "
            "primary back after %.0f ms\n",
            number, one.until_promotion.count(), one.until_write.count(), one.write_pause.count(),
            one.read_pause.count(), one.slowest_read.count(), one.connections,
            one.record.errors_as_text().c_str(), one.rejoin.count());
        std::fflush(stdout);
    }
};

TEST_F(unplanned_failover, OnlyTransactionsInFlightHearOfIt) {
    make_cluster();
    start_pgweir();
    start_load();
    std::vector<double> until_write;
    std::vector<double> pauses;
    const auto begin = now();
    for (int number = 1; number <= rounds(); ++number) {
        const auto one = kill_the_primary();
        print(number, one);
        expect_only_in_flight(one.record, "round " + std::to_string(number));
        EXPECT_LE(one.record.count(verdict::in_flight), one.connections);
        until_write.push_back(one.until_write.count());
        pauses.push_back(one.write_pause.count());
        if (HasFatalFailure()) break;
    }
    finish_load();
    const auto all = load().record(begin);
    std::cout << "figures: unplanned failover: first write after the promotion: "
              << median_and_worst(until_write) << "; writes paused: " << median_and_worst(pauses)
              << "\n  transactions " << all.count(verdict::fine) << ", disconnects "
              << all.count(verdict::disconnected) << ", errors on reads "
              << all.count(verdict::read_error) << ", errors: " << all.errors_as_text()
              << "; acknowledged writes lost by asynchronous replication "
              << missing_on(cluster().the_primary(), all.tokens).size() << std::endl;
    EXPECT_LE(std::ranges::max(until_write), 1000.0);
}

TEST_F(unplanned_failover, PgpoolMeasuredTheSameWay) {
    if (!chosen_failover_options().pgpool) GTEST_SKIP() << "asked for with --pgpool yes";
    if (pgpool_process::binary().empty()) GTEST_SKIP() << "pgpool2 is not installed";
    make_cluster();
    const pgpool_process pgpool{cluster(), chosen_failover_options().clients};
    start_load({.conninfo = cluster().conninfo_of_proxy(pgpool_process::user())});
    std::vector<double> pauses;
    const auto begin = now();
    for (int number = 1; number <= rounds(); ++number) {
        const auto leader = cluster().the_primary();
        const auto one = kill_the_primary();
        print(number, one);
        pauses.push_back(one.write_pause.count());
        pgpool.attach(leader);
    }
    finish_load();
    const auto all = load().record(begin);
    std::cout << "figures: pgpool, unplanned failover: writes paused: " << median_and_worst(pauses)
              << "\n  transactions " << all.count(verdict::fine) << ", disconnects "
              << all.count(verdict::disconnected) << ", errors: " << all.errors_as_text()
              << std::endl;
}

} // namespace
} // namespace pgweir::test
