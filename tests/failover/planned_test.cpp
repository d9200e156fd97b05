// SWITCHOVER under load: repmgr makes a standby the primary while clients wait between their
// transactions. Nobody hears of it.
#include "tests/failover/scenario.hpp"

namespace pgweir::test {
namespace {

class planned_switchover : public scenario {};

TEST_F(planned_switchover, NobodyHearsOfIt) {
    make_cluster();
    start_pgweir({{"switchover_command", cluster().switchover_command()}});
    start_load();
    std::vector<double> pauses;
    const auto begin = now();
    for (int number = 1; number <= rounds(); ++number) {
        wait_for_work(now(), 100, 100);
        const auto leader = cluster().the_primary();
        const auto when = now();
        pg_connection console{cluster().conninfo_of_proxy(accounts::superuser, "pgweir")};
        const auto said = console.exec("SWITCHOVER");
        EXPECT_TRUE(said.ok()) << said.message() << console.error() << proxy().log();
        wait_for_work(now(), 100, 100);
        EXPECT_NE(cluster().the_primary(), leader);
        const auto record = load().record(when);
        pauses.push_back(longest_pause(record.written, when, now()).count());
        std::printf("switchover, round %d: writes paused %.0f ms, reads %.0f ms, errors: %s\n",
                    number, pauses.back(), longest_pause(record.read, when, now()).count(),
                    record.errors_as_text().c_str());
        std::fflush(stdout);
        cluster().wait_all_well();
    }
    finish_load();
    const auto all = load().record(begin);
    std::cout << "figures: planned switchover: writes paused: " << median_and_worst(pauses)
              << "; transactions " << all.count(verdict::fine)
              << ", errors: " << all.errors_as_text() << std::endl;
    EXPECT_EQ(all.errors_as_text(), "none") << ::testing::PrintToString(all.messages);
    EXPECT_THAT(missing_on(cluster().the_primary(), all.tokens), ::testing::IsEmpty());
}

} // namespace
} // namespace pgweir::test
