#include "tests/unit/sql/statement_case.hpp"

#include <gtest/gtest.h>

namespace pgweir::sql {

TEST(ExplainRoute, IsRecognisedBeforeTheParser) {
    static constexpr statement_case cases[] = {
        {"explain route select 1", "explain_route routed:select 1"},
        {"/* c */ EXPLAIN\n--x\n Route  /* pgweir: primary */ select 1;",
         "explain_route routed:/* pgweir: primary */ select 1;"},
        {"explain route not even sql '", "explain_route routed:not even sql '"},
        {"explain route", "explain_route"},
        {"explain route  \n", "explain_route"},
        {"explain (costs off) select 1", "explain"},
        {"explain \"route\"", "unparsed"},
        {"select 1; explain route select 1", "unparsed"},
    };
    expect_facts(cases);
}

TEST(ExplainRoute, OfATextBeyondTheLimitIsNotParsed) {
    EXPECT_FALSE(classify("explain route select 1", 10).parsed);
}

TEST(Classify, TextBeyondTheLimitIsNotParsed) {
    EXPECT_TRUE(classify("select 1", 8).parsed);
    EXPECT_FALSE(classify("select 1 ", 8).parsed);
    EXPECT_TRUE(classify("select 1 ", 8).statements.empty());
}

TEST(Classify, TextWithAZeroByteIsNotParsed) {
    EXPECT_FALSE(classify(std::string_view{"select 1\0; drop table t", 23}).parsed);
}

} // namespace pgweir::sql
