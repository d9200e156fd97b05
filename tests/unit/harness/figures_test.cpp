#include "tests/support/load/figures.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace pgweir::test {
namespace {

using namespace std::chrono_literals;

moment at(std::chrono::milliseconds since) {
    return moment{} + since;
}

TEST(figures, ThePauseIsTheLongestGapWithTheEndsOfTheStretch) {
    const std::vector<moment> times{at(10ms), at(20ms), at(90ms), at(100ms)};
    EXPECT_EQ(longest_pause(times, at(0ms), at(110ms)).count(), 70);
    EXPECT_EQ(longest_pause(times, at(0ms), at(400ms)).count(), 300) << "up to the end";
    EXPECT_EQ(longest_pause(times, at(15ms), at(21ms)).count(), 5)
        << "what lies outside is outside";
    EXPECT_EQ(longest_pause({}, at(0ms), at(50ms)).count(), 50);
}

TEST(figures, FirstSince) {
    const std::vector<moment> times{at(10ms), at(20ms)};
    EXPECT_EQ(first_since(times, at(10ms)), at(10ms));
    EXPECT_EQ(first_since(times, at(11ms)), at(20ms));
    EXPECT_EQ(first_since(times, at(21ms)), std::nullopt);
}

TEST(figures, TheMedianIsAValueThatOccurred) {
    EXPECT_EQ(median({3, 1, 2}), 2);
    EXPECT_EQ(median({4, 1, 3, 2}), 2);
    EXPECT_EQ(median({7}), 7);
    EXPECT_THROW(static_cast<void>(median({})), std::invalid_argument);
    EXPECT_EQ(median_and_worst({1, 5, 3}), "median 3 ms, worst 5 ms (3 rounds)");
}

} // namespace
} // namespace pgweir::test
