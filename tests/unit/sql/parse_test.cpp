#include "sql/parse.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace pgweir::sql {

namespace {

node first_statement(const parse_result& tree) {
    return tree.statements()[0].child("stmt");
}

} // namespace

TEST(Parse, GivesTheStatementsOfAQueryStringInOrder) {
    const auto tree = parse("select 1; begin; update t set a = 1");
    ASSERT_TRUE(tree);
    const auto statements = tree.statements();
    ASSERT_EQ(statements.size(), 3U);
    EXPECT_EQ(statements[0].child("stmt").type(), "SelectStmt");
    EXPECT_EQ(statements[1].child("stmt").type(), "TransactionStmt");
    EXPECT_EQ(statements[2].child("stmt").type(), "UpdateStmt");
    EXPECT_FALSE(statements[3]);
}

TEST(Parse, FieldsAreReadByName) {
    const auto tree = parse("set local a.b to 'x', 5");
    ASSERT_TRUE(tree);
    const node set = first_statement(tree);
    EXPECT_EQ(set.enumerator("kind"), "VAR_SET_VALUE");
    EXPECT_EQ(set.text("name"), "a.b");
    EXPECT_TRUE(set.flag("is_local"));
    const node_list values = set.list("args");
    ASSERT_EQ(values.size(), 2U);
    EXPECT_EQ(values[0].child("sval").text("sval"), "x");
    EXPECT_FALSE(values[0].child("ival"));
    EXPECT_EQ(values[1].child("ival").number("ival"), 5);
}

TEST(Parse, AbsentNodesAndFieldsAnswerNothing) {
    const node absent;
    EXPECT_FALSE(absent);
    EXPECT_EQ(absent.type(), "");
    EXPECT_FALSE(absent.child("x"));
    EXPECT_TRUE(absent.list("x").empty());
    EXPECT_EQ(absent.list("x").begin(), absent.list("x").end());
    const auto tree = parse("select 1");
    const node select = first_statement(tree);
    EXPECT_FALSE(select.has("no_such_field"));
    EXPECT_EQ(select.text("no_such_field"), "");
    EXPECT_EQ(select.text("target_list"), "");
    EXPECT_EQ(select.number("target_list"), 0);
    EXPECT_EQ(select.enumerator("all"), "");
    EXPECT_FALSE(select.child("where_clause"));
}

TEST(Parse, RefusesWithAReason) {
    EXPECT_EQ(parse("selec 1").error(), "syntax error at or near \"selec\"");
    EXPECT_EQ(parse(std::string_view{"select 1\0", 9}).error(), "text contains a zero byte");
    EXPECT_EQ(parse("select 1", 7).error(), "text is too long to be looked at");
    EXPECT_TRUE(parse("select 1", 8));
}

TEST(Parse, TextNeedNotEndInAZeroByte) {
    const std::string_view text = std::string_view{"select 1 nonsense beyond"}.substr(0, 8);
    EXPECT_TRUE(parse(text));
}

TEST(Parse, DeepNestingIsRefusedAndNotRecursedInto) {
    const auto repeat = [](std::string_view piece, std::size_t times) {
        std::string text;
        for (std::size_t i = 0; i < times; ++i)
            text += piece;
        return text;
    };
    for (const std::size_t depth : {std::size_t{1000}, std::size_t{30000}}) {
        EXPECT_FALSE(parse("select 1" + repeat("+1", depth)));
        EXPECT_FALSE(parse("select " + repeat("(select ", depth) + "1" + repeat(")", depth)));
        EXPECT_FALSE(parse("select 1" + repeat(" union select 1", depth), std::size_t{1} << 20));
        EXPECT_FALSE(parse("select " + repeat("case when a then b else ", depth) + "1" +
                               repeat(" end", depth),
                           std::size_t{1} << 20));
        EXPECT_FALSE(parse("select " + repeat("not ", depth) + "a"));
        EXPECT_FALSE(parse("select a" + repeat("::b", depth)));
    }
    EXPECT_TRUE(parse("select 1" + repeat("+1", 400)));
    EXPECT_TRUE(parse("select " + repeat("(select ", 400) + "1" + repeat(")", 400)));
}

TEST(Parse, LongFlatStatementsAreNotTakenForDeepOnes) {
    std::string conditions = "select * from t where (a = 0 and b = 0)";
    std::string rows = "insert into t values (1, 'x')";
    for (int i = 0; i < 2000; ++i) {
        conditions += " or (a = " + std::to_string(i) + " and b = 2)";
        rows += ", (1 + 2, 'x')";
    }
    EXPECT_TRUE(parse(conditions));
    EXPECT_TRUE(parse(rows));
}

TEST(Parse, SeveralThreadsParseAtOnce) {
    std::vector<std::thread> threads;
    std::vector<int> trees(4);
    for (std::size_t i = 0; i < trees.size(); ++i) {
        threads.emplace_back([&count = trees[i], i] {
            for (int round = 0; round < 200; ++round) {
                const auto good =
                    parse("select a" + std::to_string(i) + " from t where b in (1, 2, 3)");
                const auto bad = parse("select from from");
                if (good && !bad && good.statements().size() == 1) ++count;
            }
        });
    }
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(trees, (std::vector<int>{200, 200, 200, 200}));
}

} // namespace pgweir::sql
