#include "sql/clock_cache.hpp"

#include <gtest/gtest.h>

#include <string>

namespace pgweir::sql {

TEST(ClockCache, FindsWhatWasInsertedByHashAndText) {
    clock_cache<int> cache{100000};
    EXPECT_EQ(cache.find(7, "a"), nullptr);
    cache.insert(7, "a", 1, 0);
    cache.insert(7, "b", 2, 0); // same hash, other text
    ASSERT_NE(cache.find(7, "a"), nullptr);
    EXPECT_EQ(*cache.find(7, "a"), 1);
    EXPECT_EQ(*cache.find(7, "b"), 2);
    EXPECT_EQ(cache.find(8, "a"), nullptr);
    EXPECT_EQ(cache.size(), 2U);
}

TEST(ClockCache, StaysWithinItsBytes) {
    constexpr std::size_t limit = 20000;
    clock_cache<int> cache{limit};
    std::size_t evicted = 0;
    for (int i = 0; i < 5000; ++i) {
        evicted += cache.insert(static_cast<std::uint64_t>(i), "text " + std::to_string(i), i,
                                static_cast<std::size_t>(i % 700));
        ASSERT_LE(cache.bytes(), limit);
        ASSERT_NE(cache.find(static_cast<std::uint64_t>(i), "text " + std::to_string(i)), nullptr);
    }
    EXPECT_EQ(cache.size() + evicted, 5000U);
}

TEST(ClockCache, KeepsWhatIsAskedFor) {
    clock_cache<int> cache{20000};
    cache.insert(1, "often", 1, 0);
    for (int i = 2; i < 5000; ++i) {
        ASSERT_NE(cache.find(1, "often"), nullptr) << i;
        cache.insert(static_cast<std::uint64_t>(i), "once", i, 0);
    }
    EXPECT_EQ(cache.find(2, "once"), nullptr);
}

TEST(ClockCache, ManyEntriesInOneBucketCanGoInAnyOrder) {
    clock_cache<int> cache{8000};
    for (int i = 0; i < 300; ++i) {
        cache.insert(0, "text " + std::to_string(i), i, static_cast<std::size_t>(i * 7 % 300));
        for (int k = i; k >= 0 && k > i - 3; --k) {
            if (const int* found = cache.find(0, "text " + std::to_string(k))) {
                EXPECT_EQ(*found, k);
            }
        }
    }
    EXPECT_GT(cache.size(), 3U);
}

TEST(ClockCache, LeavesOutWhatWouldEmptyIt) {
    clock_cache<int> cache{8000};
    cache.insert(1, "small", 1, 0);
    EXPECT_EQ(cache.insert(2, "huge", 2, 7000), 0U);
    EXPECT_EQ(cache.find(2, "huge"), nullptr);
    EXPECT_NE(cache.find(1, "small"), nullptr);
}

TEST(ClockCache, OfNoSizeHoldsNothing) {
    clock_cache<int> cache{0};
    EXPECT_EQ(cache.insert(1, "a", 1, 0), 0U);
    EXPECT_EQ(cache.find(1, "a"), nullptr);
    EXPECT_EQ(cache.bytes(), 0U);
}

} // namespace pgweir::sql
