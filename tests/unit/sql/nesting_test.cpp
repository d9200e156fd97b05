#include "sql/nesting.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace pgweir::sql {

TEST(Nesting, CountsWhatMayAddALevel) {
    EXPECT_EQ(nesting("select a"), nesting("select a, b, c"));
    EXPECT_EQ(nesting("select 1 + 2 + 3"), nesting("select 1 + 2") + 1);
    EXPECT_EQ(nesting("select ((((a))))"), nesting("select a") + 4);
    EXPECT_GE(nesting("select not not not a"), 2U);
    EXPECT_GE(nesting("select a is null is null is null"), 3U);
    EXPECT_GE(nesting("select case when a then case when b then c end end"), 2U);
    EXPECT_GE(nesting("select 1 union select 2 union select 3"), 2U);
    EXPECT_GE(nesting("select * from a join b on c join d on e"), 2U);
    EXPECT_GE(nesting("select (a + 1) + (b + 1) + 1"), 4U);
}

TEST(Nesting, ListsAndLogicStayFlat) {
    std::string text = "select * from t where a = 0";
    const std::size_t one = nesting(text + " and (b = 1)");
    for (int i = 0; i < 100; ++i)
        text += " and (b = 1)";
    EXPECT_EQ(nesting(text), one);
    std::string list = "select f(0";
    for (int i = 0; i < 100; ++i)
        list += ", a + 1";
    EXPECT_LT(nesting(list + ")"), 5U);
}

TEST(Nesting, StatementsAreMeasuredOneByOne) {
    EXPECT_EQ(nesting("select 1 + 2 + 3; select 1; select 1 + 2"), nesting("select 1 + 2 + 3"));
}

TEST(Nesting, ClosersWithoutOpenersDoNotHarm) {
    EXPECT_LT(nesting(")))]]] end end ( case ] end )"), 20U);
}

TEST(Nesting, WhatTheScannerRefusesCountsAsBottomless) {
    EXPECT_EQ(nesting("select 'a"), SIZE_MAX);
}

TEST(Nesting, ShortTextsAreSafeWhateverTheyHold) {
    EXPECT_TRUE(is_nested_safely("select 'a"));
    EXPECT_TRUE(is_nested_safely(std::string(greatest_nesting, '(')));
    EXPECT_FALSE(is_nested_safely(std::string(greatest_nesting + 1, '(')));
}

} // namespace pgweir::sql
