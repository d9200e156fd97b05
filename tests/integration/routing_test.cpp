// Where statements really run, by the servers' own logs.
#include "tests/support/logging_cluster.hpp"

namespace pgweir::test {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

class routing : public routed_test {
protected:
    static void SetUpTestSuite() {
        start({});
        if (is_direct()) return;
        cluster().primary().must(
            "create table things (id serial primary key, n int, t text);"
            "insert into things (n, t) select g, 'thing ' || g from generate_series(1, 100) g;"
            "alter table things owner to app;"
            "create view all_things as select * from things;"
            "create unlogged table unlogged_things (n int);"
            "create function pure_one(i int) returns int language sql immutable as 'select $1 + 1';"
            "create function writes_one() returns int language sql as "
            "'insert into things (n) values (0) returning n';"
            "create function claims_stable() returns int language plpgsql stable as "
            "$$ begin perform pg_advisory_lock(4711); return 1; end $$;"
            "grant all on all tables in schema public to public;"
            "grant all on all sequences in schema public to public");
        reread_catalog();
        auto session = connect();
        EXPECT_TRUE(wait_until([&] {
            return route_of(session, "select 'MARKER' from things") == "standby";
        })) << "a new table's reads never ran on a standby";
    }
    /// Ends what an earlier statement may have begun, and the fresh connection of each test.
    static pg_connection fresh() { return connect(); }
    /// After a write, and after any answer of the primary, reads stay there until a position is
    /// known.
    static void wait_for_standby(pg_connection& session) {
        EXPECT_TRUE(wait_until([&] { return route_of(session, "select 'MARKER'") == "standby"; }));
    }
    /// A block whose first statement read on a standby. On a busy machine the evidence about the
    /// standbys may be too old for a moment; then the next block does.
    static void begin_on_standby(pg_connection& session, const std::string& begin) {
        EXPECT_TRUE(wait_until([&] {
            session.must(begin);
            if (route_of(session, "select 'MARKER' from things") == "standby") return true;
            session.must("rollback");
            return false;
        })) << begin;
    }
};

TEST_F(routing, PlainReadsRunOnStandbys) {
    for (const char* sql :
         {"select 'MARKER'", "select 'MARKER', count(*) from things",
          "with x as (select * from things) select 'MARKER' from x limit 1",
          "(select 'MARKER' from things limit 1)", "values ('MARKER')",
          "select 'MARKER' union all select t from things",
          "select 'MARKER', upper(t), length(t), coalesce(n, 0) from things where t like 'x%'",
          "select 'MARKER', pure_one(1)", "select 'MARKER' from all_things",
          "/* a comment */ select 'MARKER'", "explain select 'MARKER' from things",
          "copy (select 'MARKER') to stdout"}) {
        SCOPED_TRACE(sql);
        auto session = fresh();
        const std::string text = sql;
        if (text.starts_with("copy")) {
            wire_client client = logged_in(proxy().port());
            EXPECT_TRUE(wait_until([&] {
                const auto marker = new_marker();
                auto marked = text;
                marked.replace(marked.find("MARKER"), 6, marker);
                client.converse(wire::query(marked));
                return where_ran(marker) == "standby";
            }));
            continue;
        }
        EXPECT_TRUE(wait_until([&] { return route_of(session, text) == "standby"; }));
    }
}

TEST_F(routing, TheExtendedProtocolRoutesAlike) {
    auto session = fresh();
    EXPECT_TRUE(wait_until([&] {
        return route_of_extended(session, "select 'MARKER', count(*) from things") == "standby";
    }));
    EXPECT_EQ(route_of_extended(session, "update things set n = n where id = 1 /* MARKER */"),
              "primary");
}

TEST_F(routing, WritesLocksAndEverythingInDoubtRunOnThePrimary) {
    for (const char* sql :
         {"insert into things (n, t) values (1, 'MARKER')",
          "update things set t = 'MARKER' where id = 2",
          "delete from things where t = 'MARKER'",
          "with gone as (delete from things where t = 'MARKER' returning n) select * from gone",
          "select 'MARKER' from things where id = 1 for update",
          "select 'MARKER' from things where id = 1 for no key update",
          "select 'MARKER' from things where id = 1 for share",
          "select 'MARKER' from things where id = 1 for key share",
          "with l as (select * from things limit 1 for update) select 'MARKER', count(*) from l",
          "select count(*), 'MARKER' from (select 1 from things limit 1 for update) as s",
          "select 'MARKER' as t into made_by_select",
          "create table made_as as select 'MARKER' as t",
          "select nextval('things_id_seq'), 'MARKER'",
          "select 'MARKER', last_value from things_id_seq",
          "select 'MARKER', writes_one()",
          "select 'MARKER', claims_stable()",
          "explain analyze update things set t = 'MARKER' where id = 3",
          "do $$ begin perform 'MARKER'; end $$",
          "lock table things /* MARKER */",
          "select 'MARKER' from unlogged_things",
          "select 'MARKER', pg_backend_pid()",
          "select 'MARKER', pg_notify('c', 'p')",
          "select 'MARKER', txid_current()",
          "select 'MARKER', pg_is_in_recovery()",
          "select 'MARKER' from pg_stat_activity limit 1",
          "show work_mem /* MARKER */",
          "select 'MARKER', current_setting('work_mem')",
          "select 'MARKER' from pg_settings limit 1",
          "select 1; update things set t = 'MARKER' where id = 4",
          "vacuum things /* MARKER */",
          "analyze things /* MARKER */",
          "drop table if exists made_by_select, made_as /* MARKER */"}) {
        SCOPED_TRACE(sql);
        auto session = fresh();
        const std::string text = sql;
        if (text.starts_with("lock")) session.must("begin");
        EXPECT_EQ(route_of(session, text), "primary");
    }
}

TEST_F(routing, NothingThatClientsSendMeetsAReadOnlyServer) {
    auto session = fresh();
    session.must("begin");
    for (const char* sql : {"savepoint a", "select 1", "insert into things (n) values (3)",
                            "release savepoint a", "select count(*) from things"})
        EXPECT_TRUE(session.exec(sql).ok()) << sql;
    session.must("commit");
    for (const char* sql :
         {"merge into things using (values (1)) v(n) on things.id = v.n when matched then update "
          "set n = 5",
          "call pg_catalog.pg_sleep(0)", "truncate unlogged_things", "reindex table things",
          "cluster things using things_pkey", "refresh materialized view nothing_here",
          "comment on table things is 'c'", "select pg_advisory_lock(1), pg_advisory_unlock(1)",
          "select setval('things_id_seq', 1000)", "select lo_create(0)",
          "declare c cursor for select 1"})
        EXPECT_NE(session.exec(sql).sqlstate(), "25006") << sql;
}

TEST_F(routing, ReadingBlocksRunOnAStandbyUntilTheyWrite) {
    auto session = fresh();
    begin_on_standby(session, "begin");
    EXPECT_EQ(route_of(session, "insert into things (t) values ('MARKER')"), "primary");
    EXPECT_EQ(route_of(session, "select 'MARKER' from things"), "primary");
    session.must("commit");
    session.must("begin isolation level serializable");
    EXPECT_EQ(route_of(session, "select 'MARKER' from things"), "primary");
    session.must("commit");
    session.must("begin isolation level repeatable read");
    EXPECT_EQ(route_of(session, "select 'MARKER' from things"), "primary");
    session.must("commit");
    begin_on_standby(session, "begin read only");
    session.must("commit");
}

TEST_F(routing, HintsAndSessionSettingsForceTheRoute) {
    auto session = fresh();
    EXPECT_EQ(route_of(session, "/* pgweir: primary */ select 'MARKER'"), "primary");
    EXPECT_EQ(route_of(session, "/*NO LOAD BALANCE*/ select 'MARKER'"), "primary");
    wait_for_standby(session); // a hint holds for its statement
    session.must("set pgweir.route = 'primary'");
    EXPECT_EQ(route_of(session, "select 'MARKER'"), "primary");
    session.must("reset pgweir.route");
    wait_for_standby(session);
}

TEST_F(routing, ATemporaryTableHidesThePermanentOneOfItsName) {
    auto session = fresh();
    session.must("create temporary table things (n int)");
    EXPECT_EQ(session.value("select count(*) from things"), "0");
    auto other = fresh();
    EXPECT_NE(other.value("select count(*) from things"), "0");
}

TEST_F(routing, FunctionsMadeOrChangedThroughPgweirAreJudgedAnew) {
    auto session = fresh();
    session.must("create or replace function changing() returns int language sql stable as "
                 "'select 1'");
    EXPECT_EQ(session.value("select changing()"), "1");
    session.must("create or replace function changing() returns int language sql volatile as "
                 "'insert into things (n) values (2) returning n'");
    for (int round = 0; round < 20; ++round) {
        const auto result = session.exec("select changing()");
        ASSERT_TRUE(result.ok()) << result.message();
        ASSERT_EQ(result.value(), "2");
    }
}

TEST_F(routing, ReadsAreSpreadOverBothStandbys) {
    std::set<std::size_t> used;
    // One session that never pauses may stay where it has read: nobody else is known to have caught
    // up.
    for (int round = 0; round < 60 && used.size() < 2; ++round) {
        auto session = fresh();
        wait_for_standby(session);
        const auto marker = new_marker();
        session.exec("select '" + marker + "'");
        for (std::size_t index = 0; index < cluster().standbys(); ++index)
            if (cluster().standby(index).log().find(marker) != std::string::npos)
                used.insert(index);
    }
    EXPECT_EQ(used.size(), 2U);
}

TEST_F(routing, ExplainRouteSaysWhereAndWhy) {
    auto session = fresh();
    // Until the catalog is read everything goes to the primary.
    EXPECT_TRUE(wait_until([&] {
        return explained_route(session, "select * from things").find("standby") !=
               std::string::npos;
    }));
    EXPECT_THAT(explained_route(session, "update things set n = 1"), HasSubstr("primary"));
    EXPECT_THAT(explained_route(session, "select writes_one()"), HasSubstr("writes_one"));
    const auto before = session.value("select count(*) from things");
    explained_route(session, "delete from things");
    EXPECT_EQ(session.value("select count(*) from things"), before) << "it must not be executed";
    session.must("begin");
    EXPECT_THAT(explained_route(session, "select 1"), HasSubstr("standby"));
    session.must("insert into things (n) values (1)");
    EXPECT_THAT(explained_route(session, "select 1"), HasSubstr("primary"));
    session.must("rollback");
}

TEST_F(routing, SplittingCanBeSwitchedOff) {
    pgweir_options options;
    options.settings["splitting"] = "false";
    const pgweir_process other{cluster().addresses(), options};
    pg_connection session{conninfo(other.port(), accounts::app)};
    EXPECT_EQ(route_of(session, "select 'MARKER' from things"), "primary");
}

} // namespace
} // namespace pgweir::test
