// 50 sessions read what they have written, and a counter that only grows, while the replay of both
// standbys stops and goes at random: nothing is stale, nothing goes back.
#include "tests/support/own_writes.hpp"

#include "tests/chaos/long_forms.hpp"
#include "tests/support/proxied_test.hpp"

#include <iostream>

namespace pgweir::test {
namespace {

TEST(own_writes, AreReadAndNothingGoesBackWhileReplayStopsAndGoes) {
    PGWEIR_ONLY();
    auto& cluster = shared_cluster();
    pgweir_options with;
    with.settings = own_writes_settings;
    with.settings["pool_size"] = "8";
    const pgweir_process proxy{cluster.addresses(), with};
    own_writes_options options;
    options.port = proxy.port();
    options.steps = chosen_long_forms().own_write_steps;
    options.seed = chosen_long_forms().seed;
    const auto result = run_own_writes(cluster, options);
    std::cout << "own writes: steps " << result.steps << ", reads " << result.reads
              << ", on standbys " << result.reads_on_standbys << ", stale " << result.stale
              << ", backward " << result.backward << ", failed " << result.failed << std::endl;
    EXPECT_EQ(result.stale, 0);
    EXPECT_EQ(result.backward, 0);
    EXPECT_EQ(result.failed, 0);
    EXPECT_EQ(result.steps, static_cast<long>(options.sessions) * options.steps);
    EXPECT_GT(result.reads_on_standbys, 0) << "no read ran on a standby";
    for (const auto& text : result.what)
        ADD_FAILURE() << text;
}

} // namespace
} // namespace pgweir::test
