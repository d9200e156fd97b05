#include "proxy/router/refused_statements.hpp"

#include <gtest/gtest.h>

namespace pgweir {

namespace {

using namespace std::chrono_literals;
using time_point = refused_statements::time_point;

constexpr time_point start{1000h};

} // namespace

TEST(RefusedStatements, KnowNothingAtFirst) {
    const refused_statements none;
    EXPECT_TRUE(none.empty());
    EXPECT_FALSE(none.contains(1, start));
}

TEST(RefusedStatements, WhatCanNeverRunOnAStandbyIsKeptAwayForAnHour) {
    refused_statements refused;
    refused.remember(1, refusal_kind::never_possible, start);
    EXPECT_FALSE(refused.empty());
    EXPECT_TRUE(refused.contains(1, start));
    EXPECT_TRUE(refused.contains(1, start + 59min));
    EXPECT_FALSE(refused.contains(1, start + 60min));
    EXPECT_FALSE(refused.contains(2, start));
}

TEST(RefusedStatements, ARecoveryConflictIsForgottenAfterAMinute) {
    refused_statements refused;
    refused.remember(1, refusal_kind::recovery_conflict, start);
    EXPECT_TRUE(refused.contains(1, start + 59s));
    EXPECT_FALSE(refused.contains(1, start + 60s));
}

TEST(RefusedStatements, ConflictsThatComeAgainSoonLastTwiceAsLong) {
    refused_statements refused;
    auto now = start;
    refused.remember(1, refusal_kind::recovery_conflict, now);
    for (const auto time : {2min, 4min, 8min, 16min, 32min, 60min, 60min}) {
        while (refused.contains(1, now))
            now += 1s;
        refused.remember(1, refusal_kind::recovery_conflict, now);
        EXPECT_TRUE(refused.contains(1, now + time - 1s)) << time.count();
        EXPECT_FALSE(refused.contains(1, now + time)) << time.count();
    }
}

TEST(RefusedStatements, OneConflictOfManySessionsIsOne) {
    refused_statements refused;
    for (int session = 0; session < 10; ++session)
        refused.remember(1, refusal_kind::recovery_conflict, start + 1s);
    EXPECT_FALSE(refused.contains(1, start + 61s));
}

TEST(RefusedStatements, AConflictLongAfterTheLastOneIsTheFirstAgain) {
    refused_statements refused;
    refused.remember(1, refusal_kind::recovery_conflict, start);
    refused.remember(1, refusal_kind::recovery_conflict, start + 10min);
    EXPECT_FALSE(refused.contains(1, start + 11min));
}

TEST(RefusedStatements, WhatCanNeverRunThereIsNotForgottenOverAConflict) {
    refused_statements refused;
    refused.remember(1, refusal_kind::never_possible, start);
    refused.remember(1, refusal_kind::recovery_conflict, start + 1min);
    EXPECT_TRUE(refused.contains(1, start + 59min));
}

TEST(RefusedStatements, TheOneWhoseTimeIsOverFirstMakesRoom) {
    refused_statements refused;
    for (std::uint64_t i = 1; i <= refused_statements::most; ++i)
        refused.remember(i, i == 7 ? refusal_kind::recovery_conflict : refusal_kind::never_possible,
                         start);
    EXPECT_EQ(refused.size(), refused_statements::most);
    refused.remember(5000, refusal_kind::never_possible, start);
    EXPECT_EQ(refused.size(), refused_statements::most);
    EXPECT_FALSE(refused.contains(7, start));
    EXPECT_TRUE(refused.contains(1, start));
    EXPECT_TRUE(refused.contains(5000, start));
}

TEST(RefusedStatements, NoStatementIsNeverRemembered) {
    refused_statements refused;
    refused.remember(0, refusal_kind::never_possible, start);
    EXPECT_TRUE(refused.empty());
}

} // namespace pgweir
