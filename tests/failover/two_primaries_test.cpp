// Two servers take writes: an old primary that comes back as if nothing had happened, and one that
// a partition has kept. What reaches which server is read in their tables.
#include "tests/failover/scenario.hpp"
#include "tests/support/wait.hpp"

namespace pgweir::test {
namespace {

class two_primaries : public scenario {
protected:
    /// What is acknowledged has a standby then, which an old primary has not.
    void start_synchronous() {
        make_cluster({.synchronous = true});
        start_pgweir({{"check_timeout", "1s"}});
        start_load();
    }
    void
    expect_no_writes(std::size_t old, const std::string& since, const char* scenario, int number) {
        const int wrong = writes_reached(old, since);
        std::printf("%s, round %d: %d writes reached the old primary\n", scenario, number, wrong);
        std::fflush(stdout);
        EXPECT_EQ(wrong, 0);
    }
    void finish_and_expect_nothing_lost(moment begin, const std::string& name) {
        finish_load();
        const auto all = load().record(begin);
        std::cout << "figures: " << name << ": transactions " << all.count(verdict::fine)
                  << ", errors: " << all.errors_as_text() << std::endl;
        expect_only_in_flight(all, name);
        EXPECT_THAT(missing_on(cluster().the_primary(), all.tokens), ::testing::IsEmpty());
    }
};

TEST_F(two_primaries, AnOldOneThatComesBackGetsNoWrites) {
    make_cluster({.synchronous = true});
    start_pgweir();
    start_load();
    const auto begin = now();
    for (int number = 1; number <= rounds(); ++number) {
        wait_for_work(now(), 50, 50);
        const auto old = cluster().the_primary();
        cluster().server(old).stop_repmgrd();
        promotion_watch watch{cluster(), old};
        cluster().server(old).kill();
        const auto promoted = watch.wait();
        wait_for_work(promoted.when, 50, 50);
        const auto since = server_clock();
        cluster().server(old).start();
        EXPECT_TRUE(cluster().is_primary(old));
        EXPECT_TRUE(wait_until([&] { return seen_up(old); }, 30s))
            << "it is to be seen, and refused";
        wait_for_work(now(), 300, 100);
        expect_no_writes(old, since, "old primary is back", number);
        cluster().rejoin(old);
    }
    finish_and_expect_nothing_lost(begin, "old primary is back");
}

TEST_F(two_primaries, OneBehindAPartitionThatHealsGetsNoWrites) {
    start_synchronous();
    const auto begin = now();
    for (int number = 1; number <= rounds(); ++number) {
        wait_for_work(now(), 50, 50);
        const auto old = cluster().the_primary();
        promotion_watch watch{cluster(), old};
        cluster().cut_from_all(old);
        const auto promoted = watch.wait();
        const auto since = server_clock();
        wait_for_work(promoted.when, 100, 50);
        // The proxy sees both; the old one has no standby, and nobody has told it.
        cluster().network().heal("proxy", cluster().server(old).name());
        EXPECT_TRUE(wait_until([&] { return seen_up(old); }, 30s));
        wait_for_work(now(), 300, 100);
        EXPECT_TRUE(cluster().is_primary(old));
        expect_no_writes(old, since, "partition healed", number);
        cluster().heal(old);
        cluster().rejoin(old);
    }
    finish_and_expect_nothing_lost(begin, "partition healed");
}

TEST_F(two_primaries, OneCutOffFromItsPeersAloneIsLeftAtOnce) {
    // pgweir reaches all servers, and both primaries. Until its next look at the new one, what it
    // sends to the old one is not acknowledged: there is no standby to confirm it.
    start_synchronous();
    const auto begin = now();
    for (int number = 1; number <= rounds(); ++number) {
        wait_for_work(now(), 50, 50);
        const auto old = cluster().the_primary();
        promotion_watch watch{cluster(), old};
        cluster().cut_from_peers(old);
        const auto promoted = watch.wait();
        const auto first_second = server_clock();
        wait_for_work(promoted.when, 50, 50);
        wait_for_work(now() + 1s, 0, 0);
        const auto since = server_clock();
        wait_for_work(now(), 300, 100);
        std::printf("cut off from its peers, round %d: %d writes reached the old primary after the "
                    "promotion, before pgweir could see it or later\n",
                    number, writes_reached(old, first_second));
        expect_no_writes(old, since, "cut off from its peers, later", number);
        cluster().heal(old);
        cluster().rejoin(old);
    }
    finish_and_expect_nothing_lost(begin, "cut off from its peers");
}

} // namespace
} // namespace pgweir::test
