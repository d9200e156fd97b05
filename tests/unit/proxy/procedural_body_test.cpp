#include "proxy/router/procedural_body.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <string>

namespace pgweir {

namespace {

std::string doubt_about(const std::string& statements) {
    return read_procedural_body("begin " + statements + " end").doubt;
}

std::string calls_of(const std::string& statements) {
    std::string all;
    for (const auto& call : read_procedural_body("begin " + statements + " end").calls)
        all +=
            (all.empty() ? "" : " ") + (call.schema.empty() ? "" : call.schema + ".") + call.name;
    return all;
}

} // namespace

TEST(ProceduralBody, WhatChangesSessionStateIsDoubtfulWhereverItStands) {
    EXPECT_EQ(doubt_about("execute 'select 1';"), "execute");
    EXPECT_EQ(doubt_about("return query execute q using a;"), "execute");
    EXPECT_EQ(doubt_about("for r in EXECUTE q loop end loop;"), "execute");
    EXPECT_EQ(doubt_about("open c for execute q;"), "execute");
    EXPECT_EQ(doubt_about("set search_path to x;"), "set");
    EXPECT_EQ(doubt_about("SET LOCAL work_mem = 1;"), "set");
    EXPECT_EQ(doubt_about("set \"a.b\" = 1;"), "set");
    EXPECT_EQ(doubt_about("if a then set x = 1; end if;"), "set");
    EXPECT_EQ(doubt_about("reset all;"), "reset");
    EXPECT_EQ(doubt_about("listen a;"), "listen");
    EXPECT_EQ(doubt_about("unlisten *;"), "unlisten");
    EXPECT_EQ(doubt_about("discard temp;"), "discard");
    EXPECT_EQ(doubt_about("prepare p as select 1;"), "prepare");
    EXPECT_EQ(doubt_about("deallocate p;"), "deallocate");
    EXPECT_EQ(doubt_about("load 'library';"), "load");
    EXPECT_EQ(doubt_about("create temp table t ();"), "create");
    EXPECT_EQ(doubt_about("drop table t;"), "drop");
    EXPECT_EQ(doubt_about("do $$ begin end $$;"), "do");
    EXPECT_EQ(doubt_about("do 'begin end';"), "do");
    EXPECT_EQ(doubt_about("copy t from program 'true';"), "copy");
}

TEST(ProceduralBody, AnUpdateExcusesOneSet) {
    EXPECT_EQ(doubt_about("update t set a = 1;"), "");
    EXPECT_EQ(doubt_about("update only s.t as x set (a, b) = (1, 2), c = 3 where d;"), "");
    EXPECT_EQ(doubt_about("insert into t values (1) on conflict (a) do update set b = 1;"), "");
    EXPECT_EQ(doubt_about("insert into t values (1) on conflict do nothing;"), "");
    EXPECT_EQ(doubt_about("merge into t using s on a when matched then update set b = 1;"), "");
    EXPECT_EQ(
        doubt_about("update \"then\" set a = 1; update t * set a = 1; update s.t x set a = 1;"),
        "");
    EXPECT_EQ(doubt_about("update t set a = 1; set b = 2;"), "set");
    EXPECT_EQ(doubt_about("if update then set b = 2; end if;"), "set");
    EXPECT_EQ(doubt_about("if t.update then set b = 2; end if;"), "set");
    EXPECT_EQ(doubt_about("while (select update from t) loop set b = 2; end loop;"), "set");
    EXPECT_EQ(doubt_about("if (select true update) then set b = 2; end if;"), "set");
    EXPECT_EQ(doubt_about("if update a then set b = 2; end if;"), "set");
    EXPECT_EQ(doubt_about("if update as then set b = 2; end if;"), "set");
    EXPECT_EQ(read_procedural_body("update").doubt, "");
    EXPECT_EQ(doubt_about("if (with u as (update t set a = 1 returning 1) select true) then set "
                          "b = 2; end if;"),
              "set");
    EXPECT_EQ(doubt_about("if (select true from t for update) then set b = 2; end if;"), "set");
    EXPECT_EQ(doubt_about("if (select true from t for no key update) then set b = 2; end if;"),
              "set");
}

TEST(ProceduralBody, ColumnsMayBearTheNamesOfCommands) {
    EXPECT_EQ(doubt_about("x := t.comment; select load, copy into a from b;"), "");
    EXPECT_EQ(doubt_about("select comment from t where load = 1 order by copy desc;"), "");
    EXPECT_EQ(doubt_about("return new.set;"), "");
    EXPECT_EQ(doubt_about("raise notice 'set search_path = x; execute';"), "");
    EXPECT_EQ(doubt_about("-- execute it\n /* set x = 1 */ null;"), "");
    EXPECT_EQ(doubt_about("x := $q$execute$q$;"), "");
    EXPECT_EQ(doubt_about("x := \"execute\";"), "");
}

TEST(ProceduralBody, EveryCallIsNamed) {
    EXPECT_EQ(calls_of("perform f(1), s.g(h(2)); x := k (3);"), "f h k s.g");
    EXPECT_EQ(calls_of("perform F(1), \"F\"(1);"), "F f");
    EXPECT_EQ(calls_of("insert into t (a, b) values (1, f(2));"), "f");
    EXPECT_EQ(calls_of("insert into s.t (a) select g(1);"), "g");
    EXPECT_EQ(calls_of("if (a) and (b) or not (c in (1, 2)) then return (d); end if;"), "");
    EXPECT_EQ(calls_of("call p(1);"), "p");
    EXPECT_EQ(calls_of("x := \"a\"\"b\"(1);"), "a\"b");
}

TEST(ProceduralBody, KnowsWhetherItMayWrite) {
    const auto writes = [](const std::string& statements) {
        return read_procedural_body("begin " + statements + " end").writes;
    };
    EXPECT_FALSE(writes("perform 1; select a into b from c;"));
    for (const char* text : {"insert into t values (1);", "update t set a = 1;", "delete from t;",
                             "truncate t;", "merge into t using s on a when matched then delete;"})
        EXPECT_TRUE(writes(text)) << text;
    EXPECT_FALSE(read_procedural_body("begin update t set a = 1; end").inserts);
    EXPECT_TRUE(read_procedural_body("begin update t set a = default; end").inserts);
    EXPECT_TRUE(read_procedural_body("begin insert into t values (1); end").inserts);
}

TEST(ProceduralBody, EveryOtherNameIsAWordOnce) {
    const auto found = read_procedural_body("begin select A, a from \"T\" t; end");
    EXPECT_EQ(std::ranges::count(found.words, "a"), 1);
    EXPECT_EQ(std::ranges::count(found.words, "T"), 1);
    EXPECT_EQ(std::ranges::count(found.words, "t"), 1);
    const auto operators = read_procedural_body("begin x := 1 === 2; end").operators;
    EXPECT_TRUE(std::ranges::any_of(operators, [](const auto& one) { return one.name == "==="; }));
}

TEST(ProceduralBody, IsReadWhereverItIsCut) {
    const std::string body =
        "#variable_conflict use_column\n<<outer>> declare \"A\" s.t%rowtype; begin "
        "update only s.t * as x set a = s.f(1) where b.c = 'd'; insert into t.u "
        "(v) values (1) on conflict do update set v = 2; end outer";
    EXPECT_EQ(read_procedural_body(body).doubt, "");
    for (std::size_t cut = 0; cut <= body.size(); ++cut) {
        SCOPED_TRACE(cut);
        EXPECT_LE(read_procedural_body(body.substr(0, cut)).calls.size(), 2U);
        EXPECT_LE(read_procedural_body(body.substr(cut)).calls.size(), 3U);
    }
}

TEST(ProceduralBody, WhatTheScannerDoesNotUnderstandIsDoubtful) {
    EXPECT_EQ(doubt_about("x := 'open"), "text");
    EXPECT_EQ(doubt_about("x := U&\"a\";"), "text");
    EXPECT_EQ(read_procedural_body("").doubt, "");
}

} // namespace pgweir
