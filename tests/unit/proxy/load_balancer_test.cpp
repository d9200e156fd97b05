#include "proxy/router/load_balancer.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <map>
#include <vector>

namespace pgweir {

namespace {

using namespace std::chrono_literals;

constexpr int draws = 20000;
constexpr double tolerance = 0.02; // more than six standard deviations of a share of one half

std::map<std::uint16_t, double> shares(const std::vector<balance_candidate>& candidates) {
    random_state random{42};
    std::map<std::uint16_t, double> counted;
    for (int i = 0; i < draws; ++i)
        if (const auto node = choose_node(candidates, random)) counted[*node] += 1.0 / draws;
    return counted;
}

} // namespace

TEST(LoadBalancer, ChoosesNothingWhereThereIsNothing) {
    random_state random{1};
    EXPECT_FALSE(choose_node({}, random));
    const std::array unweighted{balance_candidate{3, 0.0, 0, 0us}};
    EXPECT_FALSE(choose_node(unweighted, random));
}

TEST(LoadBalancer, NeverChoosesANodeWithoutWeight) {
    const auto counted = shares({{1, 0.0, 0, 0us}, {2, 1.0, 1000, 900us}});
    EXPECT_EQ(counted.count(1), 0U);
    EXPECT_NEAR(counted.at(2), 1.0, 1e-9);
}

TEST(LoadBalancer, IdleNodesShareByWeight) {
    const auto counted = shares({{1, 3.0, 0, 100us}, {2, 1.0, 0, 5000us}, {3, 4.0, 0, 1us}});
    EXPECT_NEAR(counted.at(1), 3.0 / 8, tolerance);
    EXPECT_NEAR(counted.at(2), 1.0 / 8, tolerance);
    EXPECT_NEAR(counted.at(3), 4.0 / 8, tolerance);
}

TEST(LoadBalancer, LoadInProportionToWeightIsEqualLoad) {
    const auto counted = shares({{1, 3.0, 30, 100us}, {2, 1.0, 10, 100us}});
    EXPECT_NEAR(counted.at(1), 0.75, tolerance);
}

TEST(LoadBalancer, TheLessLoadedOfTwoWins) {
    // Node 1 is chosen only when both draws give it.
    const auto counted = shares({{1, 1.0, 20, 100us}, {2, 1.0, 5, 100us}});
    EXPECT_NEAR(counted.at(1), 0.25, tolerance);
    EXPECT_NEAR(counted.at(2), 0.75, tolerance);
}

TEST(LoadBalancer, TheMostLoadedOfThreeIsTheRarest) {
    const auto counted = shares({{1, 1.0, 1, 0us}, {2, 1.0, 10, 0us}, {3, 1.0, 100, 0us}});
    EXPECT_NEAR(counted.at(1), 5.0 / 9, tolerance);
    EXPECT_NEAR(counted.at(2), 3.0 / 9, tolerance);
    EXPECT_NEAR(counted.at(3), 1.0 / 9, tolerance);
}

TEST(LoadBalancer, SlowAnswersCountAsLoadWhileQueriesAreUnderWay) {
    const auto counted = shares({{1, 1.0, 5, 1000us}, {2, 1.0, 5, 100us}});
    EXPECT_NEAR(counted.at(1), 0.25, tolerance);
    // Without a latency for one of them, only the numbers of queries compare.
    const auto unknown = shares({{1, 1.0, 5, 1000us}, {2, 1.0, 5, 0us}});
    EXPECT_NEAR(unknown.at(1), 0.5, tolerance);
}

TEST(LoadBalancer, SmallDifferencesDoNotUpsetTheWeights) {
    const auto counted = shares({{1, 1.0, 10, 100us}, {2, 1.0, 10, 110us}});
    EXPECT_NEAR(counted.at(1), 0.5, tolerance);
}

TEST(LoadBalancer, APreferredNodeIsTakenIfItCanBe) {
    random_state random{7};
    const std::array candidates{balance_candidate{1, 1.0, 0, 0us},
                                balance_candidate{2, 1.0, 99, 0us},
                                balance_candidate{3, 0.0, 0, 0us}};
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(choose_node(candidates, random, std::uint16_t{2}), 2);
        EXPECT_NE(choose_node(candidates, random, std::uint16_t{3}), 3);
        EXPECT_TRUE(choose_node(candidates, random, std::uint16_t{9}));
    }
}

TEST(LoadBalancer, OurZoneComesFirstAndWhoIsLeftOutLast) {
    using enum balance_rank;
    const balance_candidate near_busy{1, 1.0, 1000, 900us, near};
    const balance_candidate near_weightless{2, 0.0, 0, 0us, near};
    const balance_candidate far_one{3, 1.0, 0, 1us, far};
    const balance_candidate far_other{4, 3.0, 0, 1us, far};
    const balance_candidate out{5, 9.0, 0, 1us, left_out};
    EXPECT_NEAR(shares({far_one, near_busy, out}).at(1), 1.0, 1e-9);
    const auto counted = shares({out, far_one, near_weightless, far_other});
    EXPECT_NEAR(counted.at(4), 0.75, tolerance);
    EXPECT_EQ(counted.size(), 2U);
    EXPECT_NEAR(shares({out, near_weightless}).at(5), 1.0, 1e-9) << "better than nobody";
}

TEST(LoadBalancer, APreferenceCrossesZonesButDoesNotCallBackWhoIsLeftOut) {
    using enum balance_rank;
    random_state random{7};
    const std::array candidates{balance_candidate{1, 1.0, 0, 0us, near},
                                balance_candidate{2, 1.0, 0, 0us, far},
                                balance_candidate{3, 1.0, 0, 0us, left_out}};
    EXPECT_EQ(choose_node(candidates, random, std::uint16_t{2}), 2);
    EXPECT_EQ(choose_node(candidates, random, std::uint16_t{3}), 1);
}

TEST(LoadBalancer, ReadsSpreadUnderLoadLikeTheWeights) {
    // A closed loop: each choice adds a query, and the oldest finishes.
    std::vector<balance_candidate> nodes{
        {0, 2.0, 0, 500us}, {1, 1.0, 0, 500us}, {2, 1.0, 0, 500us}};
    std::vector<std::uint16_t> under_way;
    std::map<std::uint16_t, double> counted;
    random_state random{5};
    for (std::size_t i = 0; i < draws; ++i) {
        if (i >= 64) --nodes[under_way[i - 64]].in_flight;
        const auto node = choose_node(nodes, random);
        ASSERT_TRUE(node);
        ++nodes[*node].in_flight;
        under_way.push_back(*node);
        counted[*node] += 1.0 / draws;
    }
    EXPECT_NEAR(counted[0], 0.5, tolerance);
    EXPECT_NEAR(counted[1], 0.25, tolerance);
}

TEST(RandomState, IsUniformAndRepeatable) {
    random_state one{9};
    random_state other{9};
    double sum = 0.0;
    for (int i = 0; i < draws; ++i) {
        const double fraction = one.fraction();
        EXPECT_EQ(fraction, other.fraction());
        EXPECT_GE(fraction, 0.0);
        EXPECT_LT(fraction, 1.0);
        sum += fraction;
    }
    EXPECT_NEAR(sum / draws, 0.5, tolerance);
}

} // namespace pgweir
