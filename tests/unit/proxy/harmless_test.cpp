#include "proxy/router/catalog_snapshot.hpp"
#include "proxy/router/harmless.hpp"
#include "proxy/router/risk_index.hpp"
#include "routing_corpus.hpp"
#include "sql/classify.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <sstream>
#include <string>
#include <string_view>

namespace pgweir {

namespace {

/// As risk_corpus.txt says it.
std::string described(const session_risk& risk) {
    if (risk.none()) return "none";
    std::string text;
    const auto add = [&](bool is_so, std::string_view word) {
        if (is_so) text.append(text.empty() ? "" : " ").append(word);
    };
    add(risk.opaque, "opaque");
    add(risk.opaque_at_commit, "at_commit");
    add(risk.sequence, "sequence");
    if (!risk.detail.empty()) text.append(": ").append(risk.detail);
    return text;
}

std::string described(const std::string& statement, const catalog* known) {
    const sql::query_facts facts = sql::classify(statement);
    return described(judge_risk(facts, known));
}

} // namespace

TEST(Harmless, EveryStatementOfTheCorpusIsJudgedAsItShould) {
    const auto known = build_catalog(testing::read_catalog_rows("risk_corpus"));
    std::istringstream in{testing::corpus_file(".txt", "risk_corpus")};
    std::size_t statements = 0;
    std::string line;
    for (int number = 1; std::getline(in, line); ++number) {
        if (line.empty() || line.front() == '#') continue;
        const auto bar = line.find(" | ");
        ASSERT_NE(bar, std::string::npos) << number;
        EXPECT_EQ(described(line.substr(bar + 3), known.get()), line.substr(0, bar))
            << "line " << number << ": " << line.substr(bar + 3);
        ++statements;
    }
    EXPECT_GE(statements, 120U);
}

TEST(Harmless, WritingToARelationThatNobodyKnowsIsTold) {
    const auto known = build_catalog(testing::read_catalog_rows("risk_corpus"));
    const auto writes_unknown = [&](const std::string& statement) {
        return judge_risk(sql::classify(statement), known.get()).writes_unknown;
    };
    EXPECT_TRUE(writes_unknown("insert into nothing values (1)"));
    EXPECT_TRUE(writes_unknown("update plain set id = 1; delete from nothing"));
    EXPECT_TRUE(writes_unknown("with x as (delete from nothing returning 1) select * from x"));
    EXPECT_FALSE(writes_unknown("select * from nothing"));
    EXPECT_FALSE(writes_unknown("create table nothing (n int)"));
    EXPECT_FALSE(writes_unknown("insert into plain values (1)"));
}

TEST(Harmless, TriggerFunctionsInCCountUnlessTheirExtensionIsVouchedFor) {
    const auto has_native_triggers = [](const std::string& language, const std::string& extension) {
        auto rows = testing::read_catalog_rows("risk_corpus");
        function_row one;
        one.oid = 99'999;
        one.schema = "public";
        one.name = "guards";
        one.language = language;
        one.extension = extension;
        rows.functions.push_back(one);
        rows.native_triggers.push_back({"public", "guards"});
        return build_catalog(rows)->risks().has_native_triggers();
    };
    EXPECT_FALSE(
        build_catalog(testing::read_catalog_rows("risk_corpus"))->risks().has_native_triggers());
    EXPECT_TRUE(has_native_triggers("c", ""));
    EXPECT_TRUE(has_native_triggers("plperl", ""));
    EXPECT_TRUE(has_native_triggers("c", "unheard_of"));
    EXPECT_FALSE(has_native_triggers("c", "pgcrypto"));
}

TEST(Harmless, WithoutACatalogOnlyWhatNamesNothingIsHarmless) {
    EXPECT_EQ(described("select 1", nullptr), "none");
    EXPECT_EQ(described("set work_mem = '1MB'", nullptr), "none");
    EXPECT_EQ(described("begin", nullptr), "none");
    EXPECT_EQ(described("select now()", nullptr), "opaque: no catalog");
    EXPECT_EQ(described("insert into t values (1)", nullptr), "opaque: no catalog");
    EXPECT_EQ(described("do $$ begin end $$", nullptr), "opaque: no catalog");
    EXPECT_EQ(described("vacuum", nullptr), "opaque: no catalog");
    EXPECT_EQ(described("no statement", nullptr), "opaque: not parsed");
}

TEST(Harmless, WhatMayHappenAnywherePutsEverythingInDoubt) {
    catalog_rows rows;
    const auto of_select = [&] { return described("select 1", build_catalog(rows).get()); };
    type_row domain;
    domain.schema = "public";
    domain.name = "d";
    domain.kind = 'd';
    domain.checks = {"(pg_sleep((0)::double precision) IS NULL)"};
    rows.types = {domain};
    EXPECT_EQ(of_select(), "none");
    rows.types[0].checks = {"(set_config('a'::text, 'b'::text, false) IS NULL)"};
    EXPECT_EQ(of_select(), "opaque: session state");
    rows.types.clear();
    rows.casts = {{"public", "d", 'e', {"public", "unknown"}}};
    EXPECT_EQ(of_select(), "opaque: unknown");
    rows.casts.clear();
    rows.support_functions = {{"public", "compares"}};
    EXPECT_EQ(of_select(), "opaque: compares");
    EXPECT_EQ(described("set work_mem = 1", build_catalog(rows).get()), "none");
}

TEST(Harmless, EventTriggersPutDefinitionsInDoubt) {
    catalog_rows rows;
    rows.event_triggers = {{"public", "watch"}};
    function_row watch;
    watch.schema = "public";
    watch.name = "watch";
    watch.language = "plpgsql";
    watch.body = "begin raise notice 'seen'; end";
    rows.functions = {watch};
    EXPECT_EQ(described("create table t (id int)", build_catalog(rows).get()), "none");
    rows.functions[0].body = "begin set search_path = x; end";
    EXPECT_EQ(described("create table t (id int)", build_catalog(rows).get()),
              "opaque: watch > set");
    EXPECT_EQ(described("select 1", build_catalog(rows).get()), "none");
}

TEST(Harmless, FunctionsInOtherLanguagesAreNotProved) {
    catalog_rows rows;
    function_row one;
    one.schema = "public";
    one.name = "f";
    one.volatility = 'i';
    rows.functions = {one};
    for (const char* language : {"c", "plperl", "plpython3u", "pltcl", "internal"}) {
        rows.functions[0].language = language;
        EXPECT_EQ(described("select f()", build_catalog(rows).get()),
                  std::string{"opaque: f > "} + language);
    }
    rows.functions[0].body = "range_constructor2";
    rows.functions[0].language = "internal";
    EXPECT_EQ(described("select f()", build_catalog(rows).get()), "none");
    rows.functions[0].language = "c";
    rows.functions[0].volatility = 'v';
    rows.functions[0].extension = "pgcrypto";
    EXPECT_EQ(described("select f()", build_catalog(rows).get()), "none");
    rows.functions[0].extension = "pg_trgm";
    EXPECT_EQ(described("select f()", build_catalog(rows).get()), "opaque: f > c");
}

TEST(Harmless, RelationsThatNobodyKnowsAreToldFromProvedHarm) {
    const auto known = build_catalog(testing::read_catalog_rows("risk_corpus"));
    const auto only_unknown = [&](const std::string& statement) {
        const sql::query_facts facts = sql::classify(statement);
        const session_risk risk = judge_risk(facts, known.get());
        return risk.opaque && risk.only_unknown_relations;
    };
    EXPECT_TRUE(only_unknown("select * from temporary_one"));
    EXPECT_TRUE(only_unknown("insert into temporary_one select id from plain, temporary_two"));
    EXPECT_TRUE(only_unknown("select 1; select * from temporary_one; select 2"));
    EXPECT_FALSE(only_unknown("select * from plain"));
    EXPECT_FALSE(only_unknown("select set_path() from temporary_one"));
    EXPECT_FALSE(only_unknown("insert into derailed select 1 from temporary_one"));
    EXPECT_FALSE(only_unknown("select * from temporary_one, guarded_bad"));
    EXPECT_FALSE(only_unknown("select set_path(); select * from temporary_one"));
}

TEST(Harmless, AQueryIsAsRiskyAsItsStatementsTogether) {
    const auto known = build_catalog(testing::read_catalog_rows("risk_corpus"));
    EXPECT_EQ(described("select 1; insert into counted values (1); insert into deferred values (1)",
                        known.get()),
              "at_commit sequence: deferred > derail > set_config");
}

} // namespace pgweir
