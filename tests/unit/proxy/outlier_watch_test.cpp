#include "proxy/router/outlier_watch.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace pgweir {

namespace {

using namespace std::chrono_literals;

/// Standbys 1 to n that answer a hundred reads a second each; time goes in ticks.
class watched_reads {
public:
    explicit watched_reads(std::uint16_t standbys) {
        for (std::uint16_t node = 1; node <= standbys; ++node)
            readable.push_back({node, 0});
    }

    std::vector<outlier_watch::change> tick(std::uint64_t answers = 10) {
        now += 100ms;
        for (auto& s : readable)
            s.answers += answers;
        return watch.tick(now, readable, settings);
    }
    void time_reads(std::uint16_t node, std::chrono::milliseconds latency, int reads = 1) {
        for (int i = 0; i < reads; ++i)
            watch.on_latency(node, latency);
    }
    /// Ticks until this node is back, at most that long; how long it took.
    std::chrono::milliseconds until_back(std::uint16_t node, std::chrono::milliseconds at_most) {
        std::chrono::milliseconds waited{0};
        for (; watch.is_left_out(node) && waited < at_most; waited += 100ms)
            static_cast<void>(tick());
        return waited;
    }

    outlier_watch watch;
    outlier_settings settings;
    std::vector<outlier_watch::standby> readable;
    outlier_watch::time_point now = outlier_watch::time_point{} + 1h;
};

void make_slow(watched_reads& reads, std::uint16_t slow) {
    for (const auto& s : reads.readable)
        reads.time_reads(s.node, s.node == slow ? 200ms : 1ms, 8);
}

} // namespace

TEST(MovingLatency, OneLongReadDoesNotMakeANodeSlow) {
    moving_latency latency;
    EXPECT_EQ(latency.recent(), 0us);
    for (int i = 0; i < 20; ++i)
        latency.add(1ms);
    EXPECT_EQ(latency.recent(), 1ms);
    latency.add(10s);
    EXPECT_LT(latency.recent(), 5ms);
    for (int i = 0; i < 40; ++i)
        latency.add(200ms);
    EXPECT_GT(latency.recent(), 190ms);
}

TEST(OutlierWatch, TimesOneReadInSixteenAndOneAfterEachTick) {
    watched_reads reads{1};
    EXPECT_FALSE(reads.watch.wants_latency(1)) << "nothing is known of it before the first tick";
    static_cast<void>(reads.tick());
    EXPECT_TRUE(reads.watch.wants_latency(1));
    reads.time_reads(1, 1ms);
    int timed = 0;
    for (int i = 0; i < 160; ++i) {
        if (!reads.watch.wants_latency(1)) continue;
        ++timed;
        reads.time_reads(1, 1ms);
    }
    EXPECT_EQ(timed, 10);
    EXPECT_FALSE(reads.watch.wants_latency(1));
    static_cast<void>(reads.tick());
    EXPECT_TRUE(reads.watch.wants_latency(1));
}

TEST(OutlierWatch, ASlowStandbyIsLeftOutAndComesBack) {
    watched_reads reads{2};
    make_slow(reads, 2);
    const auto changes = reads.tick();
    ASSERT_EQ(changes.size(), 1U);
    EXPECT_EQ(changes[0].node, 2);
    EXPECT_TRUE(changes[0].left_out);
    EXPECT_EQ(changes[0].reason, outlier_reason::latency);
    EXPECT_EQ(changes[0].why, "it answers in 200 ms, its peers in 1000 us");
    EXPECT_TRUE(reads.watch.is_left_out(2));
    EXPECT_EQ(reads.watch.why_left_out(2), changes[0].why);
    EXPECT_FALSE(reads.watch.is_left_out(1));
    EXPECT_EQ(reads.until_back(2, 1min), 10s);
    EXPECT_EQ(reads.watch.latency(2), 0us) << "it begins anew";
    EXPECT_TRUE(reads.watch.why_left_out(2).empty());
}

TEST(OutlierWatch, WhoIsSlowAgainIsLeftOutForLonger) {
    watched_reads reads{2};
    for (const auto spell : {10s, 20s, 40s, 80s, 160s, 160s}) {
        make_slow(reads, 2);
        EXPECT_EQ(reads.tick().size(), 1U);
        EXPECT_EQ(reads.until_back(2, 10min), spell);
    }
    for (int i = 0; i < 10 * 400; ++i) // well for long
        static_cast<void>(reads.tick());
    make_slow(reads, 2);
    EXPECT_EQ(reads.tick().size(), 1U);
    EXPECT_EQ(reads.until_back(2, 10min), 10s);
}

TEST(OutlierWatch, SlowIsOnlyWhoIsFarSlowerThanItsPeers) {
    watched_reads reads{3};
    for (const auto& s : reads.readable)
        reads.time_reads(s.node, 200ms, 8);
    EXPECT_TRUE(reads.tick().empty()) << "all are slow";
    watched_reads quick{2};
    quick.time_reads(1, 1ms, 8);
    quick.time_reads(2, 49ms, 8);
    EXPECT_TRUE(quick.tick().empty()) << "below the floor";
    watched_reads rare{2};
    rare.time_reads(1, 1ms, 8);
    rare.time_reads(2, 900ms, 7);
    EXPECT_TRUE(rare.tick().empty()) << "too few to say";
    watched_reads alone{1};
    make_slow(alone, 1);
    EXPECT_TRUE(alone.tick().empty()) << "slower than whom?";
    watched_reads off{2};
    off.settings.latency_factor = 0;
    make_slow(off, 2);
    EXPECT_TRUE(off.tick().empty());
}

TEST(OutlierWatch, FailingReadsCountIfTheyAreManyOfAll) {
    watched_reads reads{2};
    static_cast<void>(reads.tick(0));
    for (int i = 0; i < 4; ++i)
        reads.watch.on_failure(1);
    EXPECT_TRUE(reads.tick(0).empty()) << "too few";
    reads.watch.on_failure(1);
    reads.watch.on_failure(1);
    const auto changes = reads.tick(0);
    ASSERT_EQ(changes.size(), 1U);
    EXPECT_EQ(changes[0].reason, outlier_reason::failures);
    EXPECT_TRUE(reads.watch.is_left_out(1));

    watched_reads busy{2};
    for (int i = 0; i < 20; ++i)
        static_cast<void>(busy.tick(100));
    for (int i = 0; i < 20; ++i)
        busy.watch.on_failure(1);
    EXPECT_TRUE(busy.tick(100).empty()) << "a hundredth of its reads";

    watched_reads slowly{2};
    for (int second = 0; second < 60; ++second) { // one in a while is forgotten
        if (second % 3 == 0) slowly.watch.on_failure(1);
        for (int i = 0; i < 10; ++i)
            EXPECT_TRUE(slowly.tick(0).empty()) << second;
    }
}

TEST(OutlierWatch, OnlyAShareIsLeftOutAtATime) {
    watched_reads reads{3};
    static_cast<void>(reads.tick());
    for (const auto& s : reads.readable)
        for (int i = 0; i < 100; ++i)
            reads.watch.on_failure(s.node);
    EXPECT_EQ(reads.tick().size(), 1U) << "half of three, rounded down";
    watched_reads alone{1};
    static_cast<void>(alone.tick());
    for (int i = 0; i < 100; ++i)
        alone.watch.on_failure(1);
    EXPECT_TRUE(alone.tick().empty());
}

TEST(OutlierWatch, WhenThePeersGoWhoIsLeftOutIsCalledBack) {
    watched_reads reads{2};
    make_slow(reads, 2);
    EXPECT_EQ(reads.tick().size(), 1U);
    reads.readable.erase(reads.readable.begin());
    const auto changes = reads.tick();
    ASSERT_EQ(changes.size(), 1U);
    EXPECT_FALSE(changes[0].left_out);
    EXPECT_FALSE(reads.watch.is_left_out(2));
}

TEST(OutlierWatch, ARestartedServerBeginsAnew) {
    watched_reads reads{2};
    make_slow(reads, 2);
    EXPECT_EQ(reads.tick().size(), 1U);
    reads.watch.forget(2);
    EXPECT_FALSE(reads.watch.is_left_out(2));
    EXPECT_TRUE(reads.tick().empty());
}

TEST(OutlierWatch, CanBeSwitchedOff) {
    watched_reads reads{2};
    make_slow(reads, 2);
    EXPECT_EQ(reads.tick().size(), 1U);
    reads.settings.ejection_time = 0ms;
    EXPECT_EQ(reads.tick().size(), 1U) << "back at once";
    make_slow(reads, 2);
    for (int i = 0; i < 100; ++i)
        reads.watch.on_failure(1);
    EXPECT_TRUE(reads.tick().empty());
}

} // namespace pgweir
