#include "tests/support/load/load_task.hpp"

#include <gtest/gtest.h>

#include <map>

namespace pgweir::test {
namespace {

TEST(load_task, WritesCarryTheirTokenAndReadsNone) {
    std::mt19937 random{1};
    std::map<work, int> seen;
    for (long token = 1; token <= 900; ++token) {
        const auto task = random_task(random, token);
        ++seen[task.what];
        EXPECT_EQ(task.token, task.what == work::read ? 0 : token);
        bool written = false;
        for (const auto& step : task.steps)
            written = written ||
                      step.text.find("insert into tokens values (" + std::to_string(token) + ",") !=
                          std::string::npos ||
                      (step.text == "note" && step.parameter == std::to_string(token));
        EXPECT_EQ(written, task.what != work::read);
    }
    EXPECT_NEAR(seen[work::read], 600, 60);
    EXPECT_NEAR(seen[work::block], 100, 40);
}

TEST(load_task, ABlockHasItsEnds) {
    std::mt19937 random{1};
    for (long token = 1; token <= 100; ++token) {
        const auto task = random_task(random, token);
        if (task.what != work::block) continue;
        EXPECT_EQ(task.steps.front().text, "begin");
        EXPECT_EQ(task.steps.back().text, "commit");
    }
}

} // namespace
} // namespace pgweir::test
