#include "proxy/router/catalog_builder.hpp"
#include "proxy/router/catalog_snapshot.hpp"
#include "proxy/router/router.hpp"
#include "proxy/router/routing_policy.hpp"
#include "proxy/router/safe_builtins.hpp"
#include "sql/classify.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace pgweir {

namespace {

function_row
sql_function(const std::string& name, const std::string& body, std::uint16_t arguments = 1) {
    function_row row;
    row.schema = "public";
    row.name = name;
    row.arguments = arguments;
    row.language = "sql";
    row.body = body;
    return row;
}

function_row foreign_function(const std::string& name,
                              const std::string& language,
                              std::uint16_t arguments = 1) {
    function_row row = sql_function(name, "", arguments);
    row.language = language;
    row.volatility = 'i';
    return row;
}

relation_row relation(std::uint32_t oid,
                      const std::string& name,
                      char kind = 'r',
                      const std::string& definition = "") {
    relation_row row;
    row.oid = oid;
    row.schema = "public";
    row.name = name;
    row.kind = kind;
    row.view_definition = definition;
    return row;
}

/// "reason detail" of a query in a database without anything but these rows.
std::string judged(const catalog_rows& rows,
                   const std::string& query,
                   std::shared_ptr<const routing_policy> policy = nullptr) {
    const auto known = build_catalog(rows, std::move(policy));
    const auto facts = sql::classify(query);
    const route_decision decision = judge_query(facts, known.get());
    std::string text{label(decision.reason)};
    if (!decision.detail.empty()) text.append(" ").append(decision.detail);
    return text;
}

std::shared_ptr<const routing_policy> functions_policy(std::vector<std::string> reading,
                                                       std::vector<std::string> writing) {
    routing_policy_text text;
    text.read_only_functions = std::move(reading);
    text.write_functions = std::move(writing);
    auto compiled = routing_policy::compile(text);
    EXPECT_TRUE(compiled);
    return std::make_shared<routing_policy>(*std::move(compiled));
}

} // namespace

TEST(Catalog, AnEmptyDatabaseHasPostgresOwnThings) {
    const catalog_rows rows;
    EXPECT_EQ(judged(rows, "select abs(-1) + 1 from pg_class"), "pure_read");
    EXPECT_EQ(judged(rows, "select pg_catalog.abs(1) from pg_catalog.pg_class"), "pure_read");
    EXPECT_EQ(judged(rows, "select * from t"), "unproved_relation t");
    EXPECT_EQ(judged(rows, "select f(1)"), "unproved_function f");
    EXPECT_EQ(judged(rows, "select public.abs(1)"), "unproved_function abs");
    EXPECT_EQ(judged(rows, "select abs(1, 2)"), "unproved_function abs");
    EXPECT_EQ(judged(rows, "select * from public.pg_class"), "unproved_relation pg_class");
    EXPECT_EQ(judged(rows, "select * from pg_stat_activity"), "server_state pg_stat_activity");
    EXPECT_EQ(judged(rows, "select * from information_schema.tables"), "pure_read");
    EXPECT_EQ(judged(rows, "select * from information_schema.pg_stat_activity"),
              "unproved_relation pg_stat_activity");
}

TEST(Catalog, TheWorstOfAllSchemasCounts) {
    catalog_rows rows;
    rows.relations = {relation(1, "t"), relation(2, "t")};
    EXPECT_EQ(judged(rows, "select * from t"), "pure_read");
    rows.relations[1].schema = "other";
    rows.relations[1].persistence = 'u';
    EXPECT_EQ(judged(rows, "select * from t"), "not_for_standbys t");
    EXPECT_EQ(judged(rows, "select * from public.t"), "pure_read");
    EXPECT_EQ(judged(rows, "select * from other.t"), "not_for_standbys t");
    EXPECT_EQ(judged(rows, "select * from pg_temp.t").substr(0, 8), "session_");
}

TEST(Catalog, AUsersRelationDoesNotHideAPerServerViewOfTheSameName) {
    catalog_rows rows;
    rows.relations = {relation(1, "pg_stat_activity"),
                      relation(2, "pg_class", 'v', "select pg_backend_pid()")};
    EXPECT_EQ(judged(rows, "select * from pg_stat_activity"), "server_state pg_stat_activity");
    EXPECT_EQ(judged(rows, "select * from public.pg_stat_activity"), "pure_read");
    EXPECT_EQ(judged(rows, "select * from pg_class"),
              "unproved_function pg_class > pg_backend_pid");
}

TEST(Catalog, AUsersFunctionDoesNotHideAnUnsafeBuiltinOfTheSameName) {
    catalog_rows rows;
    rows.functions = {sql_function("version", "select 1", 0), sql_function("abs", "select 1", 3),
                      foreign_function("lower", "plpgsql")};
    EXPECT_EQ(judged(rows, "select version()"), "unproved_function version");
    EXPECT_EQ(judged(rows, "select public.version()"), "pure_read");
    EXPECT_EQ(judged(rows, "select abs(1, 2, 3), abs(1)"), "pure_read");
    EXPECT_EQ(judged(rows, "select lower('A')"), "unproved_function lower > plpgsql");
    EXPECT_EQ(judged(rows, "select pg_catalog.lower('A')"), "pure_read");
}

TEST(Catalog, FunctionsThatCallEachOtherNeedNoOrder) {
    catalog_rows rows;
    rows.functions = {sql_function("a", "select b($1)"), sql_function("b", "select c($1)"),
                      sql_function("c", "select $1 + 1"),
                      sql_function("even", "select $1 = 0 or odd($1 - 1)"),
                      sql_function("odd", "select even($1 - 1)")};
    EXPECT_EQ(judged(rows, "select a(1), even(2)"), "pure_read");
    rows.functions[2].body = "select d($1)";
    rows.functions.push_back(foreign_function("d", "plpgsql"));
    EXPECT_EQ(judged(rows, "select a(1)"), "unproved_function a > b > c > d > plpgsql");
    EXPECT_EQ(judged(rows, "select even(2)"), "pure_read");
    rows.functions[4].body = "select even($1 - 1) and d(1) > 0";
    EXPECT_EQ(judged(rows, "select even(2)"), "unproved_function even > odd > d > plpgsql");
}

TEST(Catalog, ABodyMustBeReadsAlone) {
    const auto body = [](const std::string& text) {
        catalog_rows rows;
        rows.relations = {relation(1, "t")};
        rows.functions = {sql_function("f", text)};
        return judged(rows, "select f(1)");
    };
    EXPECT_EQ(body("select 1; select count(*) from t;"), "pure_read");
    EXPECT_EQ(body(""), "pure_read");
    EXPECT_EQ(body("select 1; insert into t values (1)"), "unproved_function f > writes");
    EXPECT_EQ(body("select * from t for share"), "unproved_function f > row_locks");
    EXPECT_EQ(body("set work_mem = '1MB'"), "unproved_function f > session_state");
    EXPECT_EQ(body("select set_config('a.b', 'c', false)"), "unproved_function f > session_state");
    EXPECT_EQ(body("select nextval('s')"), "unproved_function f > sequence");
    EXPECT_EQ(body("select current_setting('a.b')"), "unproved_function f > server_state");
    EXPECT_EQ(body("not sql"), "unproved_function f > not_parsed");
    EXPECT_EQ(body("select pg_advisory_xact_lock(1)"),
              "unproved_function f > pg_advisory_xact_lock");
    EXPECT_EQ(body("select * from unknown"), "unproved_relation f > unknown");
}

TEST(Catalog, OnlySqlBodiesAndTrustedExtensionsAreProved) {
    const auto function = [](const auto& change) {
        catalog_rows rows;
        rows.functions = {foreign_function("f", "c")};
        change(rows.functions[0]);
        return judged(rows, "select f(1)");
    };
    EXPECT_EQ(function([](function_row&) {}), "unproved_function f > c");
    EXPECT_EQ(function([](function_row& row) { row.extension = "citext"; }), "pure_read");
    EXPECT_EQ(function([](function_row& row) { row.extension = "dblink"; }),
              "unproved_function f > c");
    EXPECT_EQ(function([](function_row& row) {
                  row.extension = "citext";
                  row.volatility = 'v';
              }),
              "unproved_function f > c");
    EXPECT_EQ(function([](function_row& row) {
                  row.extension = "citext";
                  row.language = "plpgsql";
              }),
              "unproved_function f > plpgsql");
    EXPECT_EQ(function([](function_row& row) {
                  row.language = "sql";
                  row.body = "select 1";
                  row.has_settings = true;
              }),
              "unproved_function f > sql");
    EXPECT_EQ(function([](function_row& row) {
                  row.language = "internal";
                  row.body = "int4pl";
              }),
              "unproved_function f > internal");
}

TEST(Catalog, TheNumberOfArgumentsTellsOverloadsApart) {
    catalog_rows rows;
    rows.functions = {sql_function("f", "select 1", 1), foreign_function("f", "plpgsql", 3)};
    rows.functions[1].default_arguments = 1;
    EXPECT_EQ(judged(rows, "select f(1)"), "pure_read");
    EXPECT_EQ(judged(rows, "select f(1, 2)"), "unproved_function f > plpgsql");
    EXPECT_EQ(judged(rows, "select f(1, 2, 3)"), "unproved_function f > plpgsql");
    EXPECT_EQ(judged(rows, "select f(1, 2, 3, 4)"), "unproved_function f");
    rows.functions[1].variadic = true;
    rows.functions[1].default_arguments = 0;
    EXPECT_EQ(judged(rows, "select f(1, 2, 3, 4)"), "unproved_function f > plpgsql");
    EXPECT_EQ(judged(rows, "select f(1)"), "pure_read");
    EXPECT_EQ(judged(rows, "select f(variadic array[1])"), "unproved_function f > plpgsql");
    rows.functions[1].arguments = 1;
    rows.functions[1].default_arguments = 1;
    EXPECT_EQ(judged(rows, "select f()"), "unproved_function f > plpgsql");
}

TEST(Catalog, StandardBodiesAreJudgedByTheirQualifiedNames) {
    catalog_rows rows;
    rows.relations = {relation(1, "t"), relation(2, "u", 'f')};
    rows.functions = {sql_function("f", "BEGIN ATOMIC\n SELECT t.id\n    FROM public.t;\nEND"),
                      sql_function("g", "RETURN (1 + 2)"),
                      sql_function("h", "BEGIN ATOMIC\n SELECT id FROM public.u;\nEND"),
                      foreign_function("abs", "plpgsql"),
                      sql_function("i", "RETURN abs('-1'::integer)")};
    for (function_row& row : rows.functions)
        row.qualified_body = true;
    EXPECT_EQ(judged(rows, "select f(1), g(1)"), "pure_read");
    EXPECT_EQ(judged(rows, "select h(1)"), "not_for_standbys h > u");
    EXPECT_EQ(judged(rows, "select i(1)"), "pure_read") << "unqualified means pg_catalog there";
    EXPECT_EQ(judged(rows, "select abs(1)"), "unproved_function abs > plpgsql");
    EXPECT_EQ(plain_body("BEGIN ATOMIC\nEND"), "\n");
    EXPECT_EQ(plain_body("RETURN 1"), "SELECT 1");
    EXPECT_EQ(plain_body(" \n"), "");
}

TEST(Catalog, ViewsAreLookedThrough) {
    catalog_rows rows;
    rows.relations = {relation(1, "t"),
                      relation(2, "v", 'v', " SELECT t.id FROM public.t;"),
                      relation(3, "w", 'v', " SELECT v.id FROM public.v;"),
                      relation(4, "broken", 'v', "not sql"),
                      relation(5, "s", 'S'),
                      relation(6, "m", 'm')};
    EXPECT_EQ(judged(rows, "select * from w, m"), "pure_read");
    EXPECT_EQ(judged(rows, "select * from broken"), "unproved_relation broken");
    EXPECT_EQ(judged(rows, "select last_value from s"), "sequence s");
    rows.relations[0].persistence = 'u';
    EXPECT_EQ(judged(rows, "select * from w"), "not_for_standbys w > v > t");
    rows.relations.push_back(relation(7, "i", 'i'));
    EXPECT_EQ(judged(rows, "select * from i"), "unproved_relation i");
}

TEST(Catalog, RowSecurityCounts) {
    catalog_rows rows;
    rows.relations = {relation(1, "t")};
    rows.relations[0].row_security = true;
    rows.functions = {foreign_function("allowed", "plpgsql")};
    EXPECT_EQ(judged(rows, "select * from t"), "pure_read") << "without a policy there are no rows";
    rows.relations[0].policies = {"(owner = CURRENT_USER)"};
    EXPECT_EQ(judged(rows, "select * from t"), "pure_read");
    rows.relations[0].policies.push_back("public.allowed(id)");
    EXPECT_EQ(judged(rows, "select * from t"), "unproved_function t > allowed > plpgsql");
    rows.relations[0].policies = {"(EXISTS ( SELECT 1 FROM public.nowhere))"};
    EXPECT_EQ(judged(rows, "select * from t"), "unproved_relation t > nowhere");
    rows.relations[0].policies = {"((("};
    EXPECT_EQ(judged(rows, "select * from t"), "unproved_relation t");
    rows.relations[0].row_security = false;
    EXPECT_EQ(judged(rows, "select * from t"), "pure_read");
}

TEST(Catalog, AParentIsWhatItsChildrenAre) {
    catalog_rows rows;
    rows.relations = {relation(1, "top", 'p'), relation(2, "middle", 'p'), relation(3, "leaf"),
                      relation(4, "v", 'v', "SELECT 1 FROM public.top")};
    rows.relations[1].parents = {1};
    rows.relations[2].parents = {2};
    EXPECT_EQ(judged(rows, "select * from v"), "pure_read");
    rows.relations[2].kind = 'f';
    EXPECT_EQ(judged(rows, "select * from top"), "not_for_standbys top > leaf");
    EXPECT_EQ(judged(rows, "select * from middle"), "not_for_standbys middle > leaf");
    EXPECT_EQ(judged(rows, "select * from v"), "not_for_standbys v > top > leaf");
    rows.relations[0].parents = {2}; // rows that make no sense must not loop for ever
    EXPECT_EQ(judged(rows, "select * from top"), "not_for_standbys top > leaf");
}

TEST(Catalog, OperatorsAreTheirFunctions) {
    catalog_rows rows;
    rows.functions = {sql_function("same", "select $1 = $2", 2),
                      foreign_function("odd", "plpgsql", 2)};
    rows.operators = {{"public", "===", {"public", "same"}}};
    EXPECT_EQ(judged(rows, "select 1 === 2"), "pure_read");
    rows.operators.push_back({"public", "===", {"public", "odd"}});
    rows.operators.push_back({"other", "+", {"public", "odd"}});
    EXPECT_EQ(judged(rows, "select 1 === 2"), "unproved_function === > odd");
    EXPECT_EQ(judged(rows, "select 1 + 2"), "unproved_function + > odd");
    EXPECT_EQ(judged(rows, "select 1 operator(pg_catalog.+) 2"), "pure_read");
    EXPECT_EQ(judged(rows, "select 1 - 2"), "pure_read");
    // A function that uses such an operator is no better, and neither is an operator above that
    // function.
    rows.functions.push_back(sql_function("uses", "select $1 === 2"));
    rows.operators.push_back({"public", "<*>", {"public", "uses"}});
    EXPECT_EQ(judged(rows, "select 1 <*> 2"), "unproved_function <*> > uses");
    rows.operators = {{"public", "<*>", {"public", "missing"}}};
    EXPECT_EQ(judged(rows, "select 1 <*> 2"), "unproved_function <*> > missing");
}

TEST(Catalog, TypesAreTheFunctionsThatMakeTheirValues) {
    catalog_rows rows;
    rows.functions = {foreign_function("odd_in", "c"), foreign_function("check_it", "plpgsql")};
    rows.types = {{1, "public", "colour", 'e', {}, {}},
                  {2, "public", "odd", 'b', {{"public", "odd_in"}}, {}},
                  {3, "public", "positive", 'd', {}, {"(VALUE > 0)"}},
                  {4, "public", "checked", 'd', {}, {"(public.check_it(VALUE) > 0)"}}};
    EXPECT_EQ(judged(rows, "select 'red'::colour, 1::positive, 'x'::text"), "pure_read");
    EXPECT_EQ(judged(rows, "select 'x'::odd"), "unproved_function odd > odd_in > c");
    EXPECT_EQ(judged(rows, "select '{x}'::odd[]"), "unproved_function odd > odd_in > c");
    EXPECT_EQ(judged(rows, "select '{x}'::_odd"), "unproved_function odd > odd_in > c");
    EXPECT_EQ(judged(rows, "select 1::public.checked"),
              "unproved_function checked > check_it > plpgsql");
    rows.functions[0].extension = "citext";
    EXPECT_EQ(judged(rows, "select 'x'::odd"), "pure_read");
}

TEST(Catalog, CastsCountWhereTheyCanApply) {
    catalog_rows rows;
    rows.functions = {foreign_function("turn", "plpgsql")};
    rows.casts = {{"public", "mood", 'e', {"public", "turn"}}};
    EXPECT_EQ(judged(rows, "select 1::mood"), "unproved_function mood > turn");
    EXPECT_EQ(judged(rows, "select 1::int"), "pure_read");
    rows.casts = {{"pg_catalog", "int4", 'a', {"public", "turn"}}};
    EXPECT_EQ(judged(rows, "select '1'::int"), "unproved_function int4 > turn");
    EXPECT_EQ(judged(rows, "select 1"), "pure_read");
    rows.casts[0].context = 'i';
    rows.relations = {relation(1, "t")};
    EXPECT_EQ(judged(rows, "select a from t"), "unproved_function int4 > turn");
    EXPECT_EQ(judged(rows, "select 1"), "pure_read");
    rows.functions[0] = sql_function("turn", "select 1");
    EXPECT_EQ(judged(rows, "select a::int from t"), "pure_read");
}

TEST(Catalog, ColumnNotationCallsFunctions) {
    catalog_rows rows;
    rows.relations = {relation(1, "t")};
    rows.functions = {foreign_function("side", "plpgsql"), sql_function("calm", "select 1")};
    rows.functions[1].row_type_argument = true;
    EXPECT_EQ(judged(rows, "select t.side, t.calm from t"), "pure_read");
    rows.functions[0].row_type_argument = true;
    EXPECT_EQ(judged(rows, "select t.side from t"), "unproved_function side > plpgsql");
    EXPECT_EQ(judged(rows, "select (t).side from t"), "unproved_function side > plpgsql");
    EXPECT_EQ(judged(rows, "select t.calm from t"), "pure_read");
    rows.functions[1].body = "select t.side from t";
    EXPECT_EQ(judged(rows, "select t.calm from t"), "unproved_function calm > side > plpgsql");
}

TEST(Catalog, AggregatesAreWhatDoesTheirWork) {
    catalog_rows rows;
    function_row total = foreign_function("total", "internal");
    total.kind = 'a';
    total.components = {{"pg_catalog", "int4pl"}};
    rows.functions = {total, foreign_function("step", "plpgsql", 2)};
    EXPECT_EQ(judged(rows, "select total(1), total(1, 2)"), "pure_read");
    rows.functions[0].components.push_back({"public", "step"});
    EXPECT_EQ(judged(rows, "select total(1)"), "unproved_function total > step > plpgsql");
    rows.functions[0].components = {{"pg_catalog", "set_config"}};
    EXPECT_EQ(judged(rows, "select total(1)"), "unproved_function total > set_config");
    rows.functions[0].components.clear();
    EXPECT_EQ(judged(rows, "select total(1)"), "unproved_function total > internal");
}

TEST(Catalog, TheOperatorsFunctionListsWin) {
    catalog_rows rows;
    rows.functions = {foreign_function("get_it", "plpgsql"), sql_function("put_it", "select 1"),
                      sql_function("uses", "select get_it($1)")};
    rows.relations = {relation(1, "v", 'v', "SELECT public.get_it(1)")};
    EXPECT_EQ(judged(rows, "select get_it(1)"), "unproved_function get_it > plpgsql");
    const auto policy = functions_policy({"get_.*"}, {"put_.*", "other\\.abs"});
    EXPECT_EQ(judged(rows, "select get_it(1), uses(1) from v", policy), "pure_read");
    EXPECT_EQ(judged(rows, "select put_it(1)", policy), "database_policy put_it");
    EXPECT_EQ(judged(rows, "select abs(1)", policy), "pure_read");
    EXPECT_EQ(judged(rows, "select other.abs(1)", policy), "database_policy abs");
    EXPECT_EQ(judged(rows, "select get_it(1) from v for update", policy), "row_locks v");
}

TEST(SafeBuiltins, PerServerAndTextRunningFunctionsAreNotListed) {
    for (const char* name : {"pg_backend_pid",
                             "inet_server_addr",
                             "inet_client_port",
                             "version",
                             "current_setting",
                             "pg_conf_load_time",
                             "pg_postmaster_start_time",
                             "pg_current_snapshot",
                             "txid_current_snapshot",
                             "pg_current_xact_id_if_assigned",
                             "pg_prepared_statement",
                             "pg_cursor",
                             "pg_listening_channels",
                             "pg_my_temp_schema",
                             "pg_show_all_settings",
                             "pg_available_extensions",
                             "pg_timezone_names",
                             "pg_config",
                             "pg_get_replication_slots",
                             "set_config",
                             "setseed",
                             "nextval",
                             "currval",
                             "lastval",
                             "setval",
                             "pg_advisory_lock",
                             "pg_try_advisory_xact_lock",
                             "query_to_xml",
                             "cursor_to_xml",
                             "database_to_xml",
                             "ts_stat",
                             "pg_stat_get_numscans",
                             "lo_get",
                             "lo_export",
                             "pg_read_file",
                             "pg_ls_dir",
                             "pg_sleep_no",
                             "pg_notify",
                             "pg_export_snapshot",
                             "txid_status",
                             "pg_logical_emit_message",
                             "pg_switch_wal",
                             "pg_walfile_name",
                             "pg_is_in_recovery",
                             "pg_relation_size"})
        for (unsigned arguments = 0; arguments < 40; ++arguments)
            EXPECT_FALSE(is_safe_builtin(name, arguments)) << name;
}

TEST(SafeBuiltins, OverloadsAreToldApartByTheirArguments) {
    EXPECT_FALSE(is_safe_builtin("age", 1)) << "age(xid)";
    EXPECT_TRUE(is_safe_builtin("age", 2));
    EXPECT_TRUE(is_safe_builtin("ts_rewrite", 3));
    EXPECT_FALSE(is_safe_builtin("ts_rewrite", 2));
    EXPECT_TRUE(is_safe_builtin("count", 0));
    EXPECT_TRUE(is_safe_builtin("count", 1));
    EXPECT_FALSE(is_safe_builtin("count", 2));
    EXPECT_TRUE(is_safe_builtin("concat", 99));
    EXPECT_TRUE(is_safe_builtin("format", 1));
    EXPECT_FALSE(is_safe_builtin("", 0));
    for (const char* name : {"random", "clock_timestamp", "timeofday", "gen_random_uuid",
                             "statement_timestamp", "now"})
        EXPECT_TRUE(is_safe_builtin(name, 0)) << name;
    EXPECT_TRUE(is_safe_builtin("pg_sleep", 1));
    EXPECT_TRUE(is_unsafe_builtin("nextval"));
    EXPECT_TRUE(is_unsafe_builtin("age"));
    EXPECT_FALSE(is_unsafe_builtin("abs"));
}

} // namespace pgweir
