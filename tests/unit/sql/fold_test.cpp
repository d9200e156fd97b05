#include "sql/classify.hpp"
#include "sql/fold.hpp"
#include "tests/unit/sql/describe.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace pgweir::sql {

namespace {

/// The folded form with its marks made visible: #i, #n and #s.
std::string folded(std::string_view text) {
    std::string out;
    if (!fold(text, out)) return "not folded";
    std::ranges::replace(out, '\x01', '#');
    return out;
}

struct twins {
    const char* one;
    const char* other;
};

} // namespace

TEST(Fold, MarksInertLiteralsByTheirSort) {
    EXPECT_EQ(folded("select * from t where a = 1 and b = 'x' or c > 1.5"),
              "select * from t where a = #i and b = #s or c > #n");
    EXPECT_EQ(folded("update t set a = -3 where b like 'x%' limit 10"),
              "update t set a = - #i where b like #s limit #i");
    EXPECT_EQ(folded("select 'x', 2147483647, 2147483648"), "select #s , #i , #n");
    EXPECT_EQ(folded("select a->>'b' from t fetch first 5 rows only"),
              "select a ->> #s from t fetch first #i rows only");
    EXPECT_EQ(folded("select case when a = 1 then 'x' else 'y' end"),
              "select case when a = #i then #s else #s end");
    EXPECT_EQ(folded("select array[1, 2], (1), a = any ('{1}')"),
              "select array [ #i , #i ] , ( #i ) , a = any ( #s )");
}

TEST(Fold, LeavesWhatMayBeMoreThanAValue) {
    EXPECT_EQ(folded("select set_config('a', 'b', false)"),
              "select set_config ( 'a' , 'b' , false )");
    EXPECT_EQ(folded("select f(g(1), (select 2)), 3"), "select f ( g ( 1 ) , ( select 2 ) ) , #i");
    EXPECT_EQ(folded("select \"f\"('x')"), "select \"f\" ( 'x' )");
    EXPECT_EQ(folded("select '1'::int, 2::text"), "select '1' :: int , 2 :: text");
    EXPECT_EQ(folded("select cast('1' as int)"), "select cast ( '1' as int )");
    EXPECT_EQ(folded("select date '2020-01-01'"), "select date '2020-01-01'");
    EXPECT_EQ(folded("select interval '1' day, numeric(3, 1) '5'"),
              "select interval '1' day , numeric ( 3 , 1 ) '5'");
    EXPECT_EQ(folded("select a at time zone 'utc', n'x'"), "select a at time zone 'utc' , n 'x'");
    EXPECT_EQ(folded("select a = 'now', b = 'Today 10:00'"),
              "select a = 'now' , b = 'Today 10:00'");
    EXPECT_EQ(folded("select e'a', u&'b', b'1', x'f', $$c$$, $1"),
              "select e'a' , u&'b' , b'1' , x'f' , $$c$$ , $1");
    EXPECT_EQ(folded("select 'a'\n'b'"), "select 'a'\n'b'");
    EXPECT_EQ(folded("select a[1], (b)[2]"), "select a [ 1 ] , ( b ) [ 2 ]");
    EXPECT_EQ(folded("select x::float(24)"), "select x :: float ( 24 )");
}

TEST(Fold, CommentsAndSpacingVanish) {
    EXPECT_EQ(folded("  select\n\t1 -- x\n/* y */ ;"), "select #i ;");
    EXPECT_EQ(folded("select a.b"), folded("select a . b"));
    EXPECT_NE(folded("select a - - b"), folded("select a -b"));
    EXPECT_NE(folded("select 'a' || 'b'"), folded("select 'a'"));
}

TEST(Fold, ListsOfOneSortHaveOneForm) {
    EXPECT_NE(folded("select 1 from t where a in (1,, 2)"),
              folded("select 1 from t where a in (1, 2)"));
    EXPECT_NE(folded("select 1 from t where a in (1,,, 2)"),
              folded("select 1 from t where a in (1, 2)"));
    EXPECT_NE(folded("select 1 from t where a in (1,)"), folded("select 1 from t where a in (1)"));
    EXPECT_NE(folded("insert into t values (1),, (2)"), folded("insert into t values (1), (2)"));
    EXPECT_EQ(folded("select 1 from t where a in (1, 2, 3)"),
              folded("select 1 from t where a in (7)"));
    EXPECT_EQ(folded("select 1 from t where a in ('x', 'y') and b"),
              "select #i from t where a in ( #s ) and b");
    EXPECT_EQ(folded("select 1 from t where a in (1, 'y', 'z', 2.5)"),
              "select #i from t where a in ( #i , #s , #n )");
    EXPECT_EQ(folded("select a in (1, f(2), 3, 4)"), "select a in ( #i , f ( 2 ) , #i )");
    EXPECT_EQ(folded("select 1, 2 limit 1, 2"), "select #i , #i limit #i , #i");
    EXPECT_EQ(folded("select (a, b) in ((1, 2), (3, 4))"),
              "select ( a , b ) in ( ( #i , #i ) , ( #i , #i ) )");
}

TEST(Fold, RowsOfOneFormCountOnce) {
    EXPECT_EQ(folded("insert into t values (1, 'x'), (2, 'y'), (3, 'z') returning a"),
              "insert into t values ( #i , #s ) returning a");
    EXPECT_EQ(folded("insert into t values (1), (2), ('x'), ('y'), (3)"),
              "insert into t values ( #i ) , ( #s ) , ( #i )");
    EXPECT_EQ(folded("insert into t values (f(1)), (f(1)), (f(2))"),
              "insert into t values ( f ( 1 ) ) , ( f ( 2 ) )");
    EXPECT_EQ(folded("values (1), (2) order by (1), (2)"),
              "values ( #i ) order by ( #i ) , ( #i )");
    EXPECT_EQ(folded("select * from (values (1), (2)) v, (values (3), (4)) w"),
              "select * from ( values ( #i ) ) v , ( values ( #i ) ) w");
    EXPECT_EQ(folded("values ((select 1)), ((select 2))"), "values ( ( select #i ) )");
}

TEST(Fold, OtherStatementsAreNotFolded) {
    for (const auto* text :
         {"set a = 1", "begin", "listen x", "copy t from stdin", "explain select 1",
          "select 1; set a = 1", "", ";", "/* */", "call p(1)", "(1)", "'x'", "select 'a",
          "select (1", "select 1)", "prepare p as select 1", "declare c cursor for select 1"}) {
        EXPECT_EQ(folded(text), "not folded") << text;
    }
}

TEST(Fold, TextWithAZeroByteIsNotFolded) {
    EXPECT_EQ(folded(std::string_view{"select 'a\0b'", 12}), "not folded");
    EXPECT_EQ(folded(std::string_view{"select 1 -- \0", 13}), "not folded");
}

TEST(Fold, StatementsInParenthesesAndSeveralAreFolded) {
    EXPECT_EQ(folded("(select 1) union (select 2)"), "( select #i ) union ( select #i )");
    EXPECT_EQ(folded("; select 1;; update t set a = 2"), "; select #i ; ; update t set a = #i");
}

TEST(Fold, TwinsHaveEqualFacts) {
    static constexpr twins pairs[] = {
        {"select * from t where a = 1", "select /* c */ *  from t where a = 99"},
        {"select a from t where b = 'x' limit 1", "select a from t where b = 'pg_temp' limit 7"},
        {"select a from t where b = 'x'", "select a from t where b = 'it''s'"},
        {"insert into t values (1, 'x')", "insert into t values (1, 'x'), (2, 'y'), (-3 * 2, 'z')"},
        {"insert into t values (1, 'x')", "insert into t values (1, 'x'), (2, 'y')"},
        {"select f(1), 2 from t", "select f(1), 3 from t"},
        {"update t set a = 'x' where b in (1, 2)", "update t set a = 'y' where b in (3, 4, 5)"},
        {"with d as (delete from t where a = 1 returning *) select 5",
         "with d as (delete from t where a = 2 returning *) select 6"},
        {"select a from t where b = 1 for update", "select a from t where b = 2 for update"},
        {"select 1; insert into t values (2)", "select 3; insert into t values (4)"},
        {"select a from t where b between 1 and 2", "select a from t where b between -0.5 and 2"},
        {"select x from t where a ->> 'k' = 'v'", "select x from t where a ->> 'l' = 'w'"},
    };
    int equal = 0;
    for (const twins& pair : pairs) {
        SCOPED_TRACE(pair.other);
        if (folded(pair.one) != folded(pair.other)) continue;
        ++equal;
        EXPECT_EQ(describe(classify(pair.one)), describe(classify(pair.other)));
    }
    EXPECT_EQ(equal, 10);
}

TEST(Fold, TextsWithOtherFactsHaveOtherForms) {
    static constexpr twins pairs[] = {
        {"select a = 'now'", "select a = 'then'"},
        {"select set_config('a', 'b', true)", "select set_config('a', 'b', false)"},
        {"select set_config('a', 'b', true)", "select set_config('search_path', 'b', true)"},
        {"select a from t", "select a from u"},
        {"select a from t", "select a from t for update"},
        {"select a from \"T\"", "select a from T"},
        {"select f(1)", "select f(1, 2)"},
        {"select 1", "select 1; select 1"},
        {"select 1 + 1", "select 1 - 1"},
        {"select a limit 1", "select a limit 1, 2"},
        {"select 'a'\n'b'", "select 'a' 'b'"},
        {"select x::float(1)", "select x::float(53)"},
        {"select a.b", "select a, b"},
        {"select 1 a", "select 1, a"},
    };
    for (const twins& pair : pairs) {
        SCOPED_TRACE(pair.other);
        EXPECT_NE(folded(pair.one), folded(pair.other));
    }
}

} // namespace pgweir::sql
