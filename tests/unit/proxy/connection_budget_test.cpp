#include "proxy/pool/connection_budget.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

using namespace pgweir;
using namespace std::chrono_literals;
using clock_type = connection_budget::clock;
using kind = connection_budget::hand_over::kind;

namespace {

constexpr unsigned no_limit = 0;

class ConnectionBudget : public testing::Test {
protected:
    using slot = connection_budget::pool_slot;

    slot& pool(const std::string& user,
               std::uint32_t limit = 2,
               std::uint32_t reserve = 0,
               clock_type::duration after = {}) {
        return budget.slot({0, "shop", user}, limit, reserve, after);
    }
    std::uint64_t queue(slot& in, unsigned worker, clock_type::duration since = {}) {
        const auto ticket = budget.enqueue(in, worker, start + since, no_limit);
        EXPECT_TRUE(ticket);
        return ticket.value_or(0);
    }
    /// Who gets a connection that became free on `worker`: its ticket, 0 if it stays.
    std::pair<kind, std::uint64_t>
    served(slot& in, unsigned worker, clock_type::duration now, bool can_move = true) {
        std::uint64_t ticket = 0;
        const auto to = budget.next(in, worker, start + now, ticket, can_move);
        return {to.what, ticket};
    }
    static void idles(slot& in, unsigned worker, std::uint32_t count) {
        in.idle[worker].store(count);
    }

    using told = std::vector<std::pair<unsigned, std::string>>;
    told woken;
    told asked_to_shed;
    const clock_type::time_point start = clock_type::now();
    connection_budget budget{
        4,
        5ms,
        {[this](unsigned w, slot& p) { woken.emplace_back(w, p.key.user); },
         [this](unsigned w, slot& p) { asked_to_shed.emplace_back(w, p.key.user); }}};
};

} // namespace

TEST_F(ConnectionBudget, GivesEveryKeyOneSlotThatStays) {
    auto& a = pool("a");
    for (int i = 0; i < 100; ++i)
        pool("user" + std::to_string(i));
    EXPECT_EQ(&pool("a"), &a);
    EXPECT_EQ(a.key, (pool_key{0, "shop", "a"}));
    EXPECT_NE(&a, &budget.slot({1, "shop", "a"}, 2)) << "another node";
    EXPECT_NE(&a, &budget.slot({0, "store", "a"}, 2)) << "another database";
}

TEST_F(ConnectionBudget, OpensUpToThePoolsLimit) {
    auto& a = pool("a", 2);
    EXPECT_TRUE(budget.try_open(a));
    EXPECT_TRUE(budget.try_open(a));
    EXPECT_FALSE(budget.try_open(a));
    EXPECT_EQ(budget.open_connections(a), 2U);
    budget.closed(a);
    EXPECT_EQ(budget.open_connections(a), 1U);
    EXPECT_TRUE(budget.try_open(a));
}

TEST_F(ConnectionBudget, TakesPoolAndNodeLimitTogetherOrNeither) {
    auto& a = pool("a", 2);
    auto& b = pool("b", 2);
    budget.set_node_limit(0, 3);
    EXPECT_TRUE(budget.try_open(a));
    EXPECT_TRUE(budget.try_open(a));
    EXPECT_FALSE(budget.try_open(a)) << "the pool is full, the node is not";
    EXPECT_EQ(budget.node_connections(0), 2U) << "nothing of the node's was taken";
    EXPECT_TRUE(budget.try_open(b));
    EXPECT_FALSE(budget.try_open(b)) << "the node is full, the pool is not";
    EXPECT_EQ(budget.open_connections(b), 1U) << "nothing of the pool's was taken";
    EXPECT_EQ(budget.node_connections(0), 3U);
}

TEST_F(ConnectionBudget, OpensNoFasterThanTheRateOfTheNodeWhicheverThePool) {
    budget.set_connect_rate(1);
    auto& a = pool("a", 5);
    auto& b = pool("b", 5);
    auto& elsewhere = budget.slot({1, "shop", "a"}, 5);
    EXPECT_TRUE(budget.try_open(a, start));
    EXPECT_FALSE(budget.try_open(b, start));
    EXPECT_EQ(budget.node_connections(0), 1U);
    EXPECT_TRUE(budget.try_open(elsewhere, start)) << "another node";
    EXPECT_TRUE(budget.try_open(b, std::nullopt)) << "does not ask for the rate";
    EXPECT_TRUE(budget.try_open(b, start + 1s));
    budget.set_connect_rate(0);
    EXPECT_TRUE(budget.try_open(b, start + 1s));
}

TEST_F(ConnectionBudget, ATicketDrawnEarlierGivesTheEarlierPlace) {
    auto& a = pool("a", 5);
    const auto early = budget.draw_ticket();
    const auto second = budget.enqueue(a, 0, start, 0);
    EXPECT_EQ(budget.enqueue(a, 1, start, 0, early), early);
    const auto third = budget.enqueue(a, 0, start, 0);
    std::uint64_t served = 0;
    for (const auto expected : {std::optional{early}, second, third}) {
        EXPECT_NE(budget.next(a, 0, start + 1s, served).what, connection_budget::hand_over::keep);
        EXPECT_EQ(std::optional{served}, expected);
    }
}

TEST_F(ConnectionBudget, NodesDoNotShareTheirLimits) {
    budget.set_node_limit(0, 1);
    auto& here = budget.slot({0, "shop", "a"}, 5);
    auto& there = budget.slot({1, "shop", "a"}, 5);
    EXPECT_TRUE(budget.try_open(here));
    EXPECT_FALSE(budget.try_open(here));
    EXPECT_TRUE(budget.try_open(there));
    EXPECT_EQ(budget.node_connections(7), 0U);
}

TEST_F(ConnectionBudget, ALoweredLimitClosesNothingAndOpensNothing) {
    auto& a = pool("a", 2);
    EXPECT_TRUE(budget.try_open(a));
    EXPECT_TRUE(budget.try_open(a));
    pool("a", 1);
    EXPECT_EQ(budget.open_connections(a), 2U);
    budget.closed(a);
    EXPECT_FALSE(budget.try_open(a));
    budget.closed(a);
    EXPECT_TRUE(budget.try_open(a));
}

TEST_F(ConnectionBudget, ServesInOrderOfArrivalOverAllWorkers) {
    auto& a = pool("a");
    const auto first = queue(a, 2), second = queue(a, 1), third = queue(a, 0);
    EXPECT_LT(first, second);
    EXPECT_EQ(a.waiting.load(), 3U);
    EXPECT_EQ(served(a, 0, 10ms), (std::pair{kind::move, first}));
    EXPECT_EQ(served(a, 1, 10ms), (std::pair{kind::give_here, second}));
    EXPECT_EQ(served(a, 1, 10ms), (std::pair{kind::move, third}));
    EXPECT_EQ(served(a, 1, 10ms), (std::pair{kind::keep, std::uint64_t{0}}));
    EXPECT_EQ(a.waiting.load(), 0U);
}

TEST_F(ConnectionBudget, SaysToWhichWorkerAConnectionMoves) {
    auto& a = pool("a");
    queue(a, 3);
    std::uint64_t ticket = 0;
    EXPECT_EQ(budget.next(a, 0, start + 10ms, ticket).worker, 3U);
}

TEST_F(ConnectionBudget, PrefersItsOwnWorkersOldestWithinTheSlack) {
    auto& a = pool("a");
    const auto elsewhere = queue(a, 1), own = queue(a, 0, 1ms), own_later = queue(a, 0, 2ms);
    EXPECT_EQ(served(a, 0, 4ms), (std::pair{kind::give_here, own}));
    EXPECT_EQ(served(a, 0, 5ms), (std::pair{kind::move, elsewhere}))
        << "it has waited for the slack: its turn";
    EXPECT_EQ(served(a, 0, 5ms), (std::pair{kind::give_here, own_later}));
}

TEST_F(ConnectionBudget, WithinTheSlackMovesRatherThanIdlesWhenNobodyWaitsHere) {
    auto& a = pool("a");
    const auto elsewhere = queue(a, 1);
    EXPECT_EQ(served(a, 0, 1ms), (std::pair{kind::move, elsewhere}));
}

TEST_F(ConnectionBudget, LetsASessionOvertakeOnlyThoseWithinTheSlack) {
    auto& a = pool("a");
    EXPECT_TRUE(budget.may_overtake(a, start)) << "nobody waits";
    const auto ticket = queue(a, 1);
    EXPECT_TRUE(budget.may_overtake(a, start + 4ms));
    EXPECT_FALSE(budget.may_overtake(a, start + 5ms));
    budget.set_fairness_slack(20ms);
    EXPECT_TRUE(budget.may_overtake(a, start + 19ms));
    budget.set_fairness_slack(0ms);
    EXPECT_FALSE(budget.may_overtake(a, start)) << "strictly first come, first served";
    budget.leave(a, ticket);
    EXPECT_TRUE(budget.may_overtake(a, start + 1h));
}

TEST_F(ConnectionBudget, TheQueueHasALimitOfItsOwn) {
    auto& a = pool("a");
    auto& b = pool("b");
    const auto first = budget.enqueue(a, 0, start, 2);
    EXPECT_TRUE(first && budget.enqueue(a, 1, start, 2));
    EXPECT_FALSE(budget.enqueue(a, 0, start, 2));
    EXPECT_EQ(a.waiting.load(), 2U) << "who was refused does not count";
    EXPECT_TRUE(budget.enqueue(b, 0, start, 2)) << "each pool for itself";
    budget.leave(a, *first);
    EXPECT_TRUE(budget.enqueue(a, 0, start, 2));
    EXPECT_TRUE(budget.enqueue(a, 0, start, no_limit));
}

TEST_F(ConnectionBudget, WhoLeavesIsNeitherServedNorCounted) {
    auto& a = pool("a");
    const auto first = queue(a, 0), second = queue(a, 0), third = queue(a, 0);
    budget.leave(a, second);
    budget.leave(a, second);
    budget.leave(a, 12'345);
    EXPECT_EQ(a.waiting.load(), 2U);
    EXPECT_EQ(served(a, 0, 0ms).second, first);
    EXPECT_EQ(served(a, 0, 0ms).second, third);
    budget.leave(a, third);
    EXPECT_EQ(a.waiting.load(), 0U);
}

TEST_F(ConnectionBudget, APermitThatTheWokenNoLongerWantsWakesTheNext) {
    auto& a = pool("a", 1);
    EXPECT_TRUE(budget.try_open(a));
    const auto first = queue(a, 1);
    queue(a, 2);
    budget.closed(a);
    EXPECT_EQ(woken, (told{{1, "a"}}));
    budget.leave(a, first);
    EXPECT_EQ(woken, (told{{1, "a"}, {2, "a"}}));
}

TEST_F(ConnectionBudget, AClosedConnectionWakesTheOldestWhoCanUseThePermit) {
    auto& a = pool("a", 1);
    auto& b = pool("b", 1);
    auto& c = pool("c", 1);
    budget.set_node_limit(0, 2);
    EXPECT_TRUE(budget.try_open(a));
    EXPECT_TRUE(budget.try_open(b));
    queue(a, 1);
    queue(c, 3);
    budget.closed(b);
    EXPECT_EQ(woken, (told{{3, "c"}})) << "a has waited longer, but its pool is full";
    woken.clear();
    budget.closed(a);
    EXPECT_EQ(woken, (told{{1, "a"}}));
}

TEST_F(ConnectionBudget, AClosedConnectionWakesNobodyWhileTheNodeIsStillAboveItsLimit) {
    auto& a = pool("a", 5);
    for (int i = 0; i < 4; ++i)
        EXPECT_TRUE(budget.try_open(a));
    budget.set_node_limit(0, 2);
    queue(a, 1);
    budget.closed(a);
    EXPECT_TRUE(woken.empty());
    budget.closed(a);
    EXPECT_TRUE(woken.empty());
    budget.closed(a);
    EXPECT_EQ(woken, (told{{1, "a"}}));
}

TEST_F(ConnectionBudget, QueueingWakesEveryOtherWorkerWhereAConnectionIdles) {
    auto& a = pool("a");
    idles(a, 0, 1);
    idles(a, 2, 1);
    idles(a, 3, 2);
    queue(a, 0);
    EXPECT_EQ(woken, (told{{2, "a"}, {3, "a"}}));
}

TEST_F(ConnectionBudget, OnAFullNodeAnIdleConnectionOfAnotherPoolIsAskedFor) {
    auto& a = pool("a", 5);
    auto& b = pool("b", 5);
    budget.set_node_limit(0, 1);
    EXPECT_TRUE(budget.try_open(b));
    queue(a, 0);
    EXPECT_FALSE(budget.try_open(a));
    EXPECT_TRUE(asked_to_shed.empty()) << "it is busy";
    idles(b, 2, 1);
    EXPECT_FALSE(budget.try_open(a));
    EXPECT_EQ(asked_to_shed, (told{{2, "b"}}));
    budget.closed(b);
    EXPECT_EQ(woken, (told{{0, "a"}}));
    EXPECT_TRUE(budget.try_open(a));
}

TEST_F(ConnectionBudget, AFullPoolAsksNobodyToShed) {
    auto& a = pool("a", 1);
    auto& b = pool("b", 1);
    EXPECT_TRUE(budget.try_open(a));
    idles(b, 0, 1);
    EXPECT_FALSE(budget.try_open(a));
    EXPECT_TRUE(asked_to_shed.empty());
}

TEST_F(ConnectionBudget, TheReserveOpensOnlyForThoseWhoHaveWaitedLongEnough) {
    auto& a = pool("a", 1, 1, 1h);
    EXPECT_TRUE(budget.try_open(a));
    EXPECT_FALSE(budget.try_open(a)) << "nobody waits";
    const auto young = queue(a, 0);
    EXPECT_FALSE(budget.try_open(a));
    budget.leave(a, young);
    queue(a, 0, -2h);
    EXPECT_TRUE(budget.try_open(a));
    EXPECT_FALSE(budget.try_open(a)) << "it is one connection";
}

TEST_F(ConnectionBudget, ThePermitOfAReserveConnectionWakesWhoMayUseIt) {
    auto& a = pool("a", 1, 1, 1h);
    queue(a, 3, -2h);
    EXPECT_TRUE(budget.try_open(a));
    EXPECT_TRUE(budget.try_open(a));
    budget.closed(a);
    EXPECT_EQ(woken, (told{{3, "a"}}));
}

TEST_F(ConnectionBudget, TheReserveNeverExceedsTheNode) {
    auto& a = pool("a", 1, 5, 1h);
    budget.set_node_limit(0, 2);
    queue(a, 0, -2h);
    EXPECT_TRUE(budget.try_open(a));
    EXPECT_TRUE(budget.try_open(a));
    EXPECT_FALSE(budget.try_open(a));
}

TEST_F(ConnectionBudget, WhatCannotMoveLeavesThePlaceInTheQueue) {
    auto& a = pool("a");
    const auto elsewhere = queue(a, 1);
    EXPECT_EQ(served(a, 0, 10ms, false), (std::pair{kind::move, elsewhere}));
    EXPECT_EQ(a.waiting.load(), 1U) << "its permit will wake that worker";
    EXPECT_EQ(served(a, 1, 10ms, false), (std::pair{kind::give_here, elsewhere}));
    EXPECT_EQ(a.waiting.load(), 0U);
}

TEST_F(ConnectionBudget, APlaceThatComesBackIsWhereItWas) {
    auto& a = pool("a");
    const auto first = queue(a, 1), second = queue(a, 0), third = queue(a, 0);
    EXPECT_EQ(served(a, 0, 10ms).second, first);
    EXPECT_EQ(served(a, 0, 10ms).second, second);
    budget.put_back(a, second, 0, start);
    budget.put_back(a, first, 1, start);
    EXPECT_EQ(a.waiting.load(), 3U);
    for (const auto ticket : {first, second, third})
        EXPECT_EQ(served(a, 0, 10ms).second, ticket);
}

TEST_F(ConnectionBudget, ARetirementHoldsForEveryShareOfAPoolAlsoForThoseMadeLater) {
    auto& a = pool("a");
    auto& b = pool("b");
    budget.retire([](const pool_key& key) { return key.user == "a"; });
    EXPECT_EQ(a.generation, 1U);
    EXPECT_EQ(pool("a").generation, 1U);
    EXPECT_EQ(b.generation, 0U);
}

TEST_F(ConnectionBudget, TellsItsFigures) {
    auto& a = pool("a", 3);
    EXPECT_TRUE(budget.try_open(a));
    EXPECT_TRUE(budget.try_open(a));
    idles(a, 0, 1);
    idles(a, 3, 1);
    queue(a, 0);
    queue(a, 1, 2s);
    pool("b", 7);
    const auto all = budget.figures(start + 3s);
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].key.user, "a");
    EXPECT_EQ(all[0].limit, 3U);
    EXPECT_EQ(all[0].open, 2U);
    EXPECT_EQ(all[0].idle, 2U);
    EXPECT_EQ(all[0].waiting, 2U);
    EXPECT_EQ(all[0].oldest_wait, 3s);
    EXPECT_EQ(all[1].limit, 7U);
    EXPECT_EQ(all[1].oldest_wait, 0s);
}
