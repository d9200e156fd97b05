#include "proxy/cluster/settled_flush.hpp"

#include <gtest/gtest.h>

namespace pgweir {
namespace {

using namespace std::chrono_literals;
using time_point = settled_flush::time_point;

constexpr time_point start{std::chrono::hours{1}};

TEST(SettledFlush, BoundsALookByALaterOneThatBeganThreeDelaysAfterIt) {
    settled_flush settled;
    settled.on_look(1, start, lsn{10});
    settled.on_look(4, start + 200ms, lsn{20});
    settled.on_look(7, start + 599ms, lsn{30});
    EXPECT_FALSE(settled.flush());
    EXPECT_EQ(settled.settled_for(), 0U);
    settled.on_look(9, start + 700ms, lsn{40});
    EXPECT_EQ(settled.settled_for(), 1U);
    EXPECT_EQ(settled.flush(), lsn{40});
    settled.on_look(12, start + 1'199ms, lsn{50});
    EXPECT_EQ(settled.settled_for(), 7U);
    EXPECT_EQ(settled.flush(), lsn{50});
}

TEST(SettledFlush, UsesTheServersDelay) {
    settled_flush settled;
    settled.set_wal_writer_delay(10ms);
    settled.on_look(1, start, lsn{10});
    settled.on_look(2, start + 30ms, lsn{20});
    EXPECT_EQ(settled.settled_for(), 1U);
}

TEST(SettledFlush, StaysBoundedWhenNothingSettles) {
    settled_flush settled;
    settled.set_wal_writer_delay(10s);
    for (std::uint64_t i = 1; i <= 100'000; ++i)
        settled.on_look(i, start + i * 1us, lsn{i});
    settled.on_look(200'000, start + 40s, lsn{5});
    EXPECT_GT(settled.settled_for(), 0U);
    EXPECT_LE(settled.settled_for(), 100'000U);
}

TEST(SettledFlush, ForgetsAnotherServersLooks) {
    settled_flush settled;
    settled.on_look(1, start, lsn{10});
    settled.on_look(2, start + 1s, lsn{20});
    settled.clear();
    EXPECT_FALSE(settled.flush());
    EXPECT_EQ(settled.settled_for(), 0U);
}

} // namespace
} // namespace pgweir
