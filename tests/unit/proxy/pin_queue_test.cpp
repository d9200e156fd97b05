#include "proxy/pool/pin_queue.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

using namespace pgweir;

namespace {

class PinQueue : public testing::Test {
protected:
    static pin_queue::applicant who(std::uint64_t session, bool holds_connection = false) {
        return {session, 0, limit, holds_connection};
    }
    std::vector<std::uint64_t> take_called() { return std::exchange(called, {}); }

    static constexpr std::uint32_t limit = 2;
    using sessions = std::vector<std::uint64_t>;
    sessions called;
    pin_queue queue{[this](unsigned, std::uint64_t session) { called.push_back(session); }};
};

} // namespace

TEST_F(PinQueue, GrantsUpToTheLimit) {
    EXPECT_TRUE(queue.try_pin(who(1)));
    EXPECT_TRUE(queue.try_pin(who(2)));
    EXPECT_FALSE(queue.try_pin(who(3)));
    EXPECT_EQ(queue.pinned(), 2U);
    EXPECT_EQ(queue.waiting(), 0U) << "who only tries takes no place";
}

TEST_F(PinQueue, CallsThoseThatWaitInTheOrderOfTheirArrival) {
    queue.pin();
    queue.pin();
    EXPECT_FALSE(queue.pin_or_wait(who(3)));
    EXPECT_FALSE(queue.pin_or_wait(who(4)));
    EXPECT_EQ(queue.waiting(), 2U);
    queue.unpin();
    EXPECT_EQ(take_called(), sessions{3});
    EXPECT_FALSE(queue.try_pin(who(5))) << "nobody overtakes the one that was called";
    EXPECT_FALSE(queue.try_pin(who(4)));
    EXPECT_TRUE(queue.try_pin(who(3)));
    EXPECT_EQ(queue.waiting(), 1U);
    queue.unpin();
    EXPECT_EQ(take_called(), sessions{4});
    EXPECT_TRUE(queue.pin_or_wait(who(4)));
    EXPECT_EQ(queue.waiting(), 0U);
    EXPECT_EQ(queue.pinned(), 2U);
}

TEST_F(PinQueue, OneThatLeavesPassesItsTurnOn) {
    queue.pin();
    queue.pin();
    EXPECT_FALSE(queue.pin_or_wait(who(3)));
    EXPECT_FALSE(queue.pin_or_wait(who(4)));
    queue.unpin();
    take_called();
    queue.leave(3);
    EXPECT_EQ(take_called(), sessions{4});
    queue.leave(3);
    queue.leave(99);
    EXPECT_TRUE(take_called().empty()) << "called once";
    EXPECT_TRUE(queue.try_pin(who(4)));
}

TEST_F(PinQueue, WhomATransactionKeepsOnItsConnectionComesFirst) {
    queue.pin();
    queue.pin();
    EXPECT_FALSE(queue.pin_or_wait(who(3)));
    EXPECT_FALSE(queue.pin_or_wait(who(4, true)));
    EXPECT_FALSE(queue.pin_or_wait(who(5, true)));
    queue.unpin();
    EXPECT_EQ(take_called(), sessions{4});
    EXPECT_FALSE(queue.try_pin(who(6, true))) << "in their own order";
    EXPECT_TRUE(queue.try_pin(who(4, true)));
    queue.leave(5);
    queue.unpin();
    EXPECT_EQ(take_called(), sessions{3});
    EXPECT_TRUE(queue.try_pin(who(6, true))) << "it may need what 6 holds";
    EXPECT_FALSE(queue.pin_or_wait(who(3))) << "came too late, and keeps its place";
    queue.unpin();
    EXPECT_EQ(take_called(), sessions{3});
}

TEST_F(PinQueue, APinThatWasThereAlreadyCountsBeyondTheLimit) {
    for (int i = 0; i < 3; ++i)
        queue.pin();
    EXPECT_FALSE(queue.pin_or_wait(who(1)));
    queue.unpin();
    EXPECT_TRUE(take_called().empty());
    queue.unpin();
    EXPECT_EQ(take_called(), sessions{1});
}

TEST(PinQueueThreads, NoTurnIsLost) {
    constexpr std::uint64_t sessions = 8;
    constexpr int rounds = 2000;
    std::vector<std::atomic<bool>> calls(sessions + 1);
    pin_queue queue{[&](unsigned, std::uint64_t session) { calls[session] = true; }};
    std::atomic<int> inside = 0;
    std::atomic<bool> too_many = false;
    std::vector<std::thread> threads;
    for (std::uint64_t id = 1; id <= sessions; ++id) {
        threads.emplace_back([&, id] {
            for (int round = 0; round < rounds; ++round) {
                while (!queue.pin_or_wait({id, 0, 3, id % 2 == 0}))
                    while (!calls[id].exchange(false))
                        std::this_thread::yield();
                if (++inside > 3) too_many = true;
                --inside;
                queue.unpin();
            }
        });
    }
    for (auto& t : threads)
        t.join();
    EXPECT_FALSE(too_many);
    EXPECT_EQ(queue.pinned(), 0U);
    EXPECT_EQ(queue.waiting(), 0U);
}
