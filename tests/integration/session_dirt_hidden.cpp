#include "tests/integration/session_dirt.hpp"

namespace pgweir::test {

namespace {

struct hidden_statement {
    std::string name;
    std::string sql; ///< without $h$
    std::vector<std::string> probes = {};
    std::vector<std::string> owner_probes = {};
    bool washable = true; ///< DISCARD ALL takes it back
};

const std::vector<hidden_statement>& hidden_statements() {
    static const std::vector<hidden_statement> all{
        {"Set", "set work_mem = '7777kB'"},
        {"SetConfigOfTheSearchPath",
         "select pg_catalog.set_config('search_path', 'pg_catalog', false)"},
        {"UpdatePgSettings", "update pg_settings set setting = '7777' where name = 'work_mem'"},
        {"CustomParameter", "set app.hidden = 'x'", {}, {}, false},
        {"CustomParameterLocal", "set local app.hidden = 'x'", {}, {}, false},
        {"SetRole", "set role other"},
        {"TemporaryTable",
         "create temporary table hidden_table (n int)",
         {"select count(*)::text from hidden_table"}},
        {"TemporaryFunction",
         "create function pg_temp.hidden_function() returns int language sql as 'select 42'",
         {"select (to_regprocedure('pg_temp.hidden_function()') is null)::text"}},
        {"AdvisoryLock", "select pg_advisory_lock(4711)"},
        {"Listen", "listen hidden_channel"},
        {"Prepare", "prepare hidden as select 42", {"execute hidden"}},
        {"HoldableCursor",
         "declare hidden cursor with hold for select 42",
         {"fetch 1 from hidden"}},
        {"Setseed", "select setseed(0.25)", {}, {"select random()::text"}, false},
        {"Nextval", "select nextval('dirt_seq')", {"select currval('dirt_seq')::text"}},
    };
    return all;
}

std::string function_of(const hidden_statement& hidden) {
    return "hidden_in_function_" + hidden.name;
}
std::string table_of(const hidden_statement& hidden) {
    return "hidden_in_trigger_" + hidden.name;
}

std::string hidden_objects() {
    std::string sql =
        "create function run_hidden() returns trigger language plpgsql as $f$ begin execute "
        "tg_argv[0]; return new; end $f$;";
    for (const auto& hidden : hidden_statements()) {
        sql += "create function " + function_of(hidden) +
               "() returns int language plpgsql as $f$ begin execute $h$" + hidden.sql +
               "$h$; return 1; end $f$;";
        sql += "create table " + table_of(hidden) + " (n int); grant all on " + table_of(hidden) +
               " to public; create trigger hidden before insert on " + table_of(hidden) +
               " for each row execute function run_hidden($h$" + hidden.sql + "$h$);";
    }
    return sql;
}

/// Everywhere else that an expression may be: all of these set work_mem.
constexpr const char* expression_objects =
    "create function dirty_value() returns int language plpgsql as $f$ begin perform "
    "set_config('work_mem', '7777kB', false); return 1; end $f$;"
    "create function dirty_immutable(int) returns int language plpgsql immutable as $f$ begin "
    "perform set_config('work_mem', '7777kB', false); return $1; end $f$;"
    "create function dirty_sql() returns text language sql stable as $f$ select "
    "set_config('work_mem', '7777kB', false) $f$;"
    "create procedure dirty_procedure() language plpgsql as $f$ begin perform dirty_value(); "
    "commit; end $f$;"
    "create table dirty_default (n int default dirty_value());"
    "create table dirty_check (n int check (n = dirty_value()));"
    "create table dirty_index (n int); create index on dirty_index (dirty_immutable(n));"
    "create table dirty_generated (n int, m int generated always as (dirty_immutable(n)) stored);"
    "create function dirty_side(dirt) returns int language plpgsql as $f$ begin return "
    "dirty_value(); end $f$;"
    "create view dirty_view as select dirty_value() as n;"
    "create table dirty_rule (n int);"
    "create rule dirty as on insert to dirty_rule do also select dirty_value();"
    "create table dirty_policy (n int); insert into dirty_policy values (1);"
    "alter table dirty_policy enable row level security;"
    "create policy dirty on dirty_policy using (n = dirty_value());"
    "create table dirty_deferred (n int);"
    "create constraint trigger dirty after insert on dirty_deferred deferrable initially deferred "
    "for each row execute function run_hidden('set work_mem = ''7777kB''');"
    "create table dirty_parent (n int primary key); insert into dirty_parent values (1), (2), (3);"
    "create table dirty_child (n int references dirty_parent on delete cascade);"
    "insert into dirty_child values (1), (2), (3);"
    "create trigger dirty before delete on dirty_child for each row execute function "
    "run_hidden_delete();"
    "create function dirty_operator(int, int) returns bool language plpgsql as $f$ begin return "
    "dirty_value() = 1; end $f$;"
    "create operator ==> (leftarg = int, rightarg = int, function = dirty_operator);"
    "create type dirty_label as (v text);"
    "create function dirty_cast(dirty_label) returns int language plpgsql as $f$ begin return "
    "dirty_value(); end $f$;"
    "create cast (dirty_label as int) with function dirty_cast(dirty_label);"
    "create aggregate dirty_sum(int) (sfunc = dirty_step, stype = int, initcond = '0');"
    "create domain dirty_domain as int check (value = dirty_value());";

constexpr const char* helper_functions =
    "create function run_hidden_delete() returns trigger language plpgsql as $f$ begin set "
    "work_mem "
    "= '7777kB'; return old; end $f$;"
    "create function dirty_step(int, int) returns int language plpgsql as $f$ begin perform "
    "set_config('work_mem', '7777kB', false); return $1; end $f$;";

std::vector<session_dirt> expression_dirt() {
    return {
        {"InAColumnDefault", {{"insert into dirty_default default values"}}},
        {"InACheck", {{"insert into dirty_check values (1)"}}},
        {"InAnIndex", {{"insert into dirty_index values (1)"}}},
        {"InAGeneratedColumn", {{"insert into dirty_generated (n) values (1)"}}},
        {"InARule", {{"insert into dirty_rule values (1)"}}},
        {"InADeferredTrigger", {{"begin"}, {"insert into dirty_deferred values (1)"}, {"commit"}}},
        {"InAPreparedQuery",
         {{"select dirty_value()", "", dirty_step::way::prepare, "ps"},
          {"execute ps"},
          {"deallocate ps"}}},
        {"InACalledProcedure", {{"call dirty_procedure()"}}},
    };
}

} // namespace

std::string dirt_objects() {
    return std::string{"grant other to app; grant create on schema public to other;"
                       "create extension dblink;"
                       "select pg_replication_origin_create('dirt_origin');"
                       "create table dirt (n int); insert into dirt values (1); grant all on dirt "
                       "to public;"
                       "create sequence dirt_seq; grant all on dirt_seq to public;"
                       "create sequence dirt_cached cache 20; grant all on dirt_cached to public;"
                       "create table dirt_serial (id serial, n int);"
                       "create table dirt_identity (id int generated always as identity, n int);"} +
           helper_functions + hidden_objects() + expression_objects +
           "grant all on all tables in schema public to public;"
           "grant all on all sequences in schema public to public;";
}

std::string restart_sequences() {
    return "alter sequence dirt_seq restart; alter sequence dirt_cached restart; "
           "alter sequence dirt_serial_id_seq restart; alter sequence dirt_identity_id_seq restart";
}

std::vector<session_dirt> hidden_dirt() {
    std::vector<session_dirt> all;
    for (const auto& hidden : hidden_statements()) {
        const auto add = [&](const std::string& where, const std::string& sql) {
            all.push_back(
                {hidden.name + where, {{sql}}, hidden.probes, accounts::app, hidden.owner_probes});
        };
        add("InADoBlock", "do $d$ begin execute $h$" + hidden.sql + "$h$; end $d$");
        if (hidden.washable) add("InATrigger", "insert into " + table_of(hidden) + " values (1)");
    }
    const auto more = expression_dirt();
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

} // namespace pgweir::test
