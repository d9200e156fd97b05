#include "proxy/router/catalog_queries.hpp"
#include "routing_corpus.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace pgweir::testing {

namespace {

template <class Row> const Row* named(const std::vector<Row>& rows, const std::string& name) {
    const auto found = std::ranges::find(rows, name, &Row::name);
    return found == rows.end() ? nullptr : &*found;
}

} // namespace

TEST(CatalogQueries, BeginWithAnEmptySearchPath) {
    const auto queries = catalog_queries(150020);
    ASSERT_GT(queries.size(), 1U);
    EXPECT_NE(queries.front().find("set_config('search_path', '', false)"), std::string::npos);
}

TEST(CatalogQueries, AskOldServersNothingTheyDoNotKnow) {
    const auto joined = [](std::uint32_t version) {
        std::string all;
        for (const std::string& query : catalog_queries(version))
            all += query;
        return all;
    };
    EXPECT_EQ(joined(130012).find("sqlbody"), std::string::npos);
    EXPECT_NE(joined(140000).find("pg_get_function_sqlbody"), std::string::npos);
    EXPECT_EQ(catalog_queries(120000).size(), catalog_queries(170000).size());
}

TEST(CatalogQueries, RowsComeFromRealAnswers) {
    const catalog_rows rows = read_catalog_rows();
    EXPECT_EQ(rows.database, "corpus");

    const auto* orders = named(rows.relations, "orders");
    ASSERT_TRUE(orders);
    EXPECT_EQ(orders->schema, "public");
    EXPECT_EQ(orders->kind, 'r');
    EXPECT_EQ(orders->persistence, 'p');
    const auto* leaf = named(rows.relations, "mixed_unlogged");
    const auto* top = named(rows.relations, "mixed");
    ASSERT_TRUE(leaf && top);
    EXPECT_EQ(leaf->persistence, 'u');
    EXPECT_EQ(leaf->parents, std::vector<std::uint32_t>{top->oid});
    const auto* view = named(rows.relations, "twice_list");
    ASSERT_TRUE(view);
    EXPECT_NE(view->view_definition.find("public.twice("), std::string::npos)
        << view->view_definition;
    const auto* guarded = named(rows.relations, "guarded");
    ASSERT_TRUE(guarded);
    EXPECT_TRUE(guarded->row_security);
    EXPECT_EQ(guarded->policies.size(), 1U);
    EXPECT_TRUE(named(rows.relations, "guarded_insert")->policies.empty());

    const auto* variadic = named(rows.functions, "add_all");
    ASSERT_TRUE(variadic);
    EXPECT_TRUE(variadic->variadic);
    EXPECT_EQ(variadic->language, "sql");
    EXPECT_EQ(named(rows.functions, "with_default")->default_arguments, 1);
    EXPECT_TRUE(named(rows.functions, "twice_new")->qualified_body);
    EXPECT_TRUE(named(rows.functions, "side")->row_type_argument);
    EXPECT_FALSE(named(rows.functions, "twice")->row_type_argument);
    EXPECT_TRUE(named(rows.functions, "with_settings")->has_settings);
    EXPECT_EQ(named(rows.functions, "similarity")->extension, "pg_trgm");
    const auto* total = named(rows.functions, "sum_of");
    ASSERT_TRUE(total);
    EXPECT_EQ(total->kind, 'a');
    ASSERT_EQ(total->components.size(), 1U);
    EXPECT_EQ(total->components[0].name, "int4pl");

    const auto* same = named(rows.operators, "===");
    ASSERT_TRUE(same);
    EXPECT_EQ(same->function.name, "same");
    const auto* checked = named(rows.types, "checked");
    ASSERT_TRUE(checked);
    EXPECT_EQ(checked->kind, 'd');
    ASSERT_EQ(checked->checks.size(), 1U);
    EXPECT_NE(checked->checks[0].find("public.procedural"), std::string::npos);
    EXPECT_FALSE(named(rows.types, "_mood")) << "arrays follow their elements";
    EXPECT_FALSE(named(rows.types, "orders")) << "row types have no input of their own";
    EXPECT_TRUE(std::ranges::any_of(rows.casts, [](const cast_row& one) {
        return one.target == "mood" && one.target_schema == "public" && one.context == 'e' &&
               one.function.name == "mood_of";
    }));
}

TEST(CatalogQueries, AnswersOfAnotherShapeAreRefused) {
    EXPECT_FALSE(rows_of("d", 150000, {}));
    std::vector<catalog_table> answers(catalog_queries(150000).size());
    EXPECT_TRUE(rows_of("d", 150000, answers));
    answers[3].push_back({"1", "public"});
    const auto refused = rows_of("d", 150000, answers);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().what.find("relations"), std::string::npos) << refused.error().what;
}

TEST(CatalogQueries, OddCellsDoNoHarm) {
    std::vector<catalog_table> answers(catalog_queries(150000).size());
    answers[1].push_back(std::vector<catalog_cell>(16));
    answers[3].push_back(std::vector<catalog_cell>(7, "x"));
    answers[4].push_back({"99", "true"});
    answers[5].push_back({std::nullopt, "7"});
    const auto rows = rows_of("d", 150000, answers);
    ASSERT_TRUE(rows);
    EXPECT_EQ(rows->functions.size(), 1U);
    EXPECT_EQ(rows->relations.size(), 1U);
}

} // namespace pgweir::testing
