#include "proxy/pool/connect_pace.hpp"

#include <gtest/gtest.h>

#include <deque>

namespace pgweir {
namespace {

using namespace std::chrono_literals;

const connect_pace::clock::time_point start{std::chrono::hours{1}};

/// Takes all it gets, `step` after `step`; the most within any second.
std::size_t most_in_a_second(connect_pace& pace, std::chrono::milliseconds step) {
    std::deque<connect_pace::clock::time_point> taken;
    std::size_t most = 0;
    for (auto now = start; now < start + 10s; now += step) {
        while (pace.try_take(now))
            taken.push_back(now);
        while (!taken.empty() && now - taken.front() >= 1s)
            taken.pop_front();
        most = std::max(most, taken.size());
    }
    return most;
}

TEST(connect_pace, KeepsEverySecondWithinTheRateAndUsesIt) {
    for (const std::uint32_t rate : {1U, 7U, 20U, 200U}) {
        for (const auto step : {1ms, 10ms, 100ms}) {
            SCOPED_TRACE(std::to_string(rate) + " by " + std::to_string(step.count()));
            connect_pace pace;
            pace.set_rate(rate);
            const auto most = most_in_a_second(pace, step);
            EXPECT_LE(most, rate);
            EXPECT_GE(most * 10, rate * 7) << "looked for ten times a second";
        }
    }
}

TEST(connect_pace, DoesNotSaveUpWhatWasNotUsed) {
    connect_pace pace;
    pace.set_rate(20);
    int burst = 0;
    while (pace.try_take(start + 1h))
        ++burst;
    EXPECT_EQ(burst, 2);
}

TEST(connect_pace, WithoutARateNeverRefuses) {
    connect_pace pace;
    for (int number = 0; number < 1000; ++number)
        EXPECT_TRUE(pace.try_take(start));
}

TEST(connect_pace, TakesANewRateAtOnce) {
    connect_pace pace;
    pace.set_rate(1);
    EXPECT_TRUE(pace.try_take(start));
    EXPECT_FALSE(pace.try_take(start + 500ms));
    pace.set_rate(0);
    EXPECT_TRUE(pace.try_take(start + 500ms));
}

} // namespace
} // namespace pgweir
