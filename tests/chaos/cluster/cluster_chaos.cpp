// The self-checking run: sessions through two pgweirs, faults at random, and a checker that proves
// from the history that nothing was lost, doubled, stale or answered to somebody else.
#include "tests/chaos/cluster/memory_watch.hpp"
#include "tests/chaos/cluster/network_ground.hpp"
#include "tests/chaos/cluster/plain_ground.hpp"
#include "tests/chaos/cluster/workload.hpp"
#include "tests/chaos/long_forms.hpp"
#include "tests/support/proxied_test.hpp"

#include <iostream>

namespace pgweir::test {
namespace {

constexpr int lasting_sessions = 20;
constexpr int restarted_sessions = 12;

std::filesystem::path history_file() {
    const char* directory = std::getenv("PGWEIR_CHAOS_DIRECTORY");
    return std::filesystem::path{directory != nullptr ? directory : "/tmp"} /
           ("pgweir-history-" + std::to_string(chosen_long_forms().seed) + ".log");
}

void print(recorder& history, const memory_watch& memory) {
    const auto counts = history.counts();
    long answered = 0;
    long acknowledged = 0;
    long refused = 0;
    long unknown = 0;
    for (const auto& [what, endings] : counts.by_operation) {
        if (what == operation::login) continue;
        if (!is_write(what)) {
            answered += counts.count(what, outcome::acknowledged);
            continue;
        }
        acknowledged += counts.count(what, outcome::acknowledged);
        refused += counts.count(what, outcome::refused);
        unknown += counts.count(what, outcome::unknown);
    }
    std::cout << "history: reads " << answered << ", writes acknowledged " << acknowledged
              << ", refused " << refused << ", unknown " << unknown << ", logins "
              << counts.count(operation::login, outcome::acknowledged) << ", disconnected "
              << counts.disconnected << ", longest write pause "
              << counts.longest_write_pause.count() << " ms, resident " << memory.latest() / 1024
              << " kB, findings " << history.finding_count() << "; ";
    for (const auto& [state, number] : counts.by_sqlstate)
        std::cout << " " << state << " " << number;
    std::cout << "; of reads";
    for (const auto& [state, number] : counts.reads_refused)
        std::cout << " " << state << " " << number;
    std::cout << "; reads by";
    for (const auto& [server, number] : counts.answers_by_server)
        std::cout << " " << server << " " << number;
    std::cout << std::endl;
}

class cluster_chaos : public ::testing::Test {
protected:
    void SetUp() override {
        PGWEIR_ONLY();
        drop_shared_pgweir();
        drop_shared_cluster();
    }

    static void look_in_the_end(chaos_ground& ground, recorder& history) {
        repair(ground, history);
        for (auto& server : ground.connect_to_all())
            read_in_the_end(history, server.name, server.session);
        auto primary = ground.connect_to_primary();
        read_timelines(history, primary);
    }

    static void run(chaos_ground& ground) {
        {
            auto primary = ground.connect_to_primary();
            create_chaos_tables(primary);
        }
        ground.repair();
        ground.start_proxies();
        recorder history{chaos_checker_options(), history_file()};
        std::cout << "history: " << history.text_file() << std::endl;
        memory_watch memory;
        workload load{history};
        load.start(ground.lasting(), lasting_sessions, chosen_long_forms().seed);
        load.start(ground.restarted(), restarted_sessions, chosen_long_forms().seed + 1);
        std::mt19937 random{chosen_long_forms().seed};
        const auto start = std::chrono::steady_clock::now();
        const auto end = start + std::chrono::seconds{chosen_long_forms().cluster_seconds};
        auto next_print = start + 10s;
        while (std::chrono::steady_clock::now() < end) {
            sleep_up_to(random, 3s);
            hurt(ground, random, history);
            memory.sample(ground.lasting_proxy().resident());
            if (std::chrono::steady_clock::now() < next_print) continue;
            print(history, memory);
            next_print = std::chrono::steady_clock::now() + 10s;
        }
        load.stop();
        look_in_the_end(ground, history);
        print(history, memory);
        EXPECT_TRUE(ground.lasting_proxy().running()) << ground.lasting_proxy().log();
        EXPECT_TRUE(ground.restarted_proxy().running()) << ground.restarted_proxy().log();
        expect_no_finding(history);
        EXPECT_EQ(memory.complaint(), "");
    }

    /// repmgr may fail when its own looks fall into a fault: what matters is that the servers are
    /// well again before the next one.
    static void hurt(chaos_ground& ground, std::mt19937& random, recorder& history) {
        try {
            return ground.one_fault(random, history);
        } catch (const std::runtime_error& error) {
            note_trouble(history, error.what());
        }
        repair(ground, history);
        history.note("all well");
    }

    static void repair(chaos_ground& ground, recorder& history) {
        for (int attempts_left = 2;; --attempts_left) {
            try {
                return ground.repair();
            } catch (const std::runtime_error& error) {
                if (attempts_left == 0) throw;
                note_trouble(history, error.what());
            }
        }
    }

    static void note_trouble(recorder& history, const std::string& what) {
        history.note("trouble: " + what);
        std::cout << "trouble: " << what.substr(0, 300) << std::endl;
    }

    static void expect_no_finding(recorder& history) {
        history.with_checker([](const history_checker& checker) {
            EXPECT_EQ(checker.found().count(), 0);
            for (const auto& each : checker.found().first())
                ADD_FAILURE() << name(each.broken) << ": " << each.text;
        });
        const auto counts = history.counts();
        EXPECT_GT(counts.count(operation::append, outcome::acknowledged), 0);
        EXPECT_GT(counts.answers_by_server.size(), 1U) << "all reads ran on one server";
        if (!::testing::Test::HasFailure()) std::filesystem::remove(history.text_file());
    }
};

TEST_F(cluster_chaos, LeavesAHistoryWithoutAFinding) {
    const auto& asked = chosen_long_forms().cluster;
    if (asked == "network" || (asked.empty() && network_ground::is_possible())) {
        network_ground ground;
        return run(ground);
    }
    plain_ground ground;
    run(ground);
}

} // namespace
} // namespace pgweir::test
