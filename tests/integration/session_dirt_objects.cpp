#include "tests/integration/session_dirt.hpp"

namespace pgweir::test {

namespace {

using way = dirty_step::way;

std::vector<session_dirt> temporary_dirt() {
    const std::vector<std::string> mine{"select count(*)::text from mine"};
    const std::vector<std::string> function{
        "select (to_regprocedure('pg_temp.pf()') is null)::text"};
    const std::string make_function =
        "create function pg_temp.pf() returns int language sql as 'select 42'";
    return {
        {"TemporaryTable",
         {{"create temporary table mine (n int)"}, {"insert into mine values (1), (2)"}},
         mine},
        {"TemporaryTableExtended",
         {{"create temporary table mine (n int)", "", way::extended}},
         mine},
        {"TemporaryTableAsSelect", {{"create temp table mine as select 1 as n"}}, mine},
        {"SelectIntoTemporaryTable", {{"select 1 as n into temp mine"}}, mine},
        {"TemporaryTableInItsSchema", {{"create table pg_temp.mine (n int)"}}, mine},
        {"TemporaryTableOnCommitDrop",
         {{"begin; create temporary table mine (n int) on commit drop; commit"}},
         mine},
        {"TemporaryTableOnCommitDeleteRows",
         {{"create temporary table mine (n int) on commit delete rows"},
          {"insert into mine values (1)"}},
         mine},
        {"TemporaryTableDropped",
         {{"create temporary table mine (n int)"}, {"drop table mine"}},
         mine},
        {"TemporaryTableRolledBack",
         {{"begin; create temporary table mine (n int); rollback"}},
         mine},
        {"TemporaryTableInAnOpenBlock", {{"begin"}, {"create temporary table mine (n int)"}}, mine},
        {"TemporaryTableAndDiscardTemp",
         {{"create temporary table mine (n int)"}, {"discard temp"}},
         mine},
        {"TemporaryTableOverAPermanentOne",
         {{"create temporary table dirt (n int)"}, {"insert into dirt values (1), (2), (3)"}},
         {"select count(*)::text from dirt"}},
        {"TemporaryTableBySearchPath",
         {{"set search_path = pg_temp, public"}, {"create table mine (n int)"}},
         mine},
        {"TemporaryView", {{"create temporary view mine as select 1"}}, mine},
        {"ViewOfATemporaryTable",
         {{"create temporary table base (n int)"}, {"create view mine as select * from base"}},
         mine},
        {"TemporarySequence",
         {{"create temporary sequence mine"}, {"select nextval('mine')"}},
         {"select currval('mine')::text"}},
        {"TemporaryFunction", {{make_function}}, function},
        {"TemporaryFunctionAfterItsTableHasGone",
         {{"create temporary table mine (n int)"}, {make_function}, {"drop table mine"}},
         function},
        {"TemporaryType",
         {{"create type pg_temp.pt as (a int)"}},
         {"select (to_regtype('pg_temp.pt') is null)::text"}},
        {"TemporaryDomain",
         {{"create domain pg_temp.pd as int"}},
         {"select (to_regtype('pg_temp.pd') is null)::text"}},
    };
}

std::vector<session_dirt> statement_dirt() {
    const std::vector<std::string> run{"execute ps(1)"};
    const std::vector<std::string> fetch{"fetch 1 from kept"};
    const std::string declare = "declare kept cursor with hold for select generate_series(1, 5)";
    return {
        {"SqlPrepare", {{"prepare ps as select $1::int + 1"}}, run},
        {"SqlPrepareDeallocated", {{"prepare ps as select $1::int + 1"}, {"deallocate ps"}}, run},
        {"SqlPrepareRolledBack", {{"begin; prepare ps as select $1::int + 1; rollback"}}, run},
        {"SqlPrepareAmongOthers",
         {{"prepare ps as select $1::int + 1; execute ps(1); select 2"}},
         run},
        {"SqlPrepareThatFails", {{"prepare ps as select * from no_such_table", "42P01"}}, run},
        {"SqlPrepareAndDiscardAll", {{"prepare ps as select $1::int + 1"}, {"discard all"}}, run},
        {"ProtocolPrepare", {{"select $1::int + 1", "", way::prepare, "ps"}}, run},
        {"ProtocolPrepareDeallocated",
         {{"select $1::int + 1", "", way::prepare, "ps"}, {"deallocate ps"}},
         run},
        {"ProtocolPrepareDeallocateAll",
         {{"select $1::int + 1", "", way::prepare, "ps"}, {"deallocate all"}},
         run},
        {"ProtocolPrepareThatFails",
         {{"select * from no_such_table", "42P01", way::prepare, "ps"}},
         run},
        {"ProtocolUnnamedStatement", {{"select 1 + 1", "", way::extended}}},
        {"HoldableCursor", {{"begin; " + declare + "; commit"}}, fetch},
        {"HoldableCursorOutsideABlock", {{declare}}, fetch},
        {"HoldableCursorFetched", {{declare}, {"fetch 2 from kept"}}, fetch},
        {"HoldableCursorClosed", {{declare}, {"close kept"}}, fetch},
        {"HoldableCursorCloseAll", {{declare}, {"close all"}}, fetch},
        {"HoldableCursorRolledBack", {{"begin; " + declare + "; rollback"}}, fetch},
        {"CursorInAnOpenBlock",
         {{"begin"}, {"declare kept cursor for select generate_series(1, 5)"}},
         fetch},
        {"Listen", {{"listen a_channel"}}},
        {"ListenExtended", {{"listen a_channel", "", way::extended}}},
        {"ListenRolledBack", {{"begin; listen a_channel; rollback"}}},
        {"ListenInAnOpenBlock", {{"begin"}, {"listen a_channel"}}},
        {"ListenUnlisten", {{"listen a_channel; listen b_channel"}, {"unlisten a_channel"}}},
        {"ListenUnlistenAll", {{"listen a_channel; listen b_channel"}, {"unlisten *"}}},
        {"UnlistenRolledBack", {{"listen a_channel"}, {"begin; unlisten *; rollback"}}},
        {"Notify", {{"notify a_channel, 'payload'"}}},
    };
}

std::vector<session_dirt> lock_dirt() {
    return {
        {"AdvisoryLock", {{"select pg_advisory_lock(4711)"}}},
        {"AdvisoryLockExtended", {{"select pg_advisory_lock(4711)", "", way::extended}}},
        {"AdvisoryLockTwice", {{"select pg_advisory_lock(4711), pg_advisory_lock(4711)"}}},
        {"AdvisoryLockTwiceUnlockedOnce",
         {{"select pg_advisory_lock(4711)"},
          {"select pg_advisory_lock(4711)"},
          {"select pg_advisory_unlock(4711)"}}},
        {"AdvisoryLockUnlocked",
         {{"select pg_advisory_lock(4711)"}, {"select pg_advisory_unlock(4711)"}}},
        {"AdvisoryLockUnlockAll",
         {{"select pg_advisory_lock(4711), pg_advisory_lock_shared(4712)"},
          {"select pg_advisory_unlock_all()"}}},
        {"AdvisoryLockShared", {{"select pg_advisory_lock_shared(4711)"}}},
        {"AdvisoryLockTried", {{"select pg_try_advisory_lock(47, 11)"}}},
        {"AdvisoryLockOfARolledBackBlock", {{"begin; select pg_advisory_lock(4711); rollback"}}},
        {"AdvisoryLockBehindAnError", {{"select pg_advisory_lock(4711); select 1/0", "22012"}}},
        {"AdvisoryLockPerRow",
         {{"select pg_advisory_lock(4711 + n) from generate_series(1, 5) n"}}},
        {"AdvisoryTransactionLock", {{"select pg_advisory_xact_lock(4711)"}}},
        {"AdvisoryTransactionLockInAnOpenBlock",
         {{"begin"}, {"select pg_advisory_xact_lock(4711)"}}},
    };
}

std::vector<session_dirt> sequence_dirt() {
    const std::vector<std::string> current{"select currval('dirt_seq')::text"};
    return {
        {"Nextval", {{"select nextval('dirt_seq')"}}, current},
        {"NextvalRolledBack", {{"begin; select nextval('dirt_seq'); rollback"}}, current},
        {"NextvalAndDiscardSequences",
         {{"select nextval('dirt_seq')"}, {"discard sequences"}},
         current},
        {"NextvalThenCurrval",
         {{"select nextval('dirt_seq')"}, {"select currval('dirt_seq'), lastval()"}},
         current},
        {"Setval", {{"select setval('dirt_seq', 17)"}}, current},
        {"InsertIntoASerialColumn",
         {{"insert into dirt_serial (n) values (1)"}},
         {"select currval('dirt_serial_id_seq')::text"}},
        {"InsertIntoAnIdentityColumn",
         {{"insert into dirt_identity (n) values (1) returning id"}},
         {"select currval('dirt_identity_id_seq')::text"}},
        {"CopyIntoASerialColumn",
         {{"insert into dirt_serial (n) select generate_series(1, 3)"}},
         {"select currval('dirt_serial_id_seq')::text"}},
        {"NextvalOfACachedSequence",
         {{"select nextval('dirt_cached')"}},
         {"select currval('dirt_cached')::text"}},
    };
}

std::vector<session_dirt> library_dirt() {
    const auto& superuser = accounts::superuser;
    return {
        {"Setseed", {{"select setseed(0.25)"}}, {}, accounts::app, {"select random()::text"}},
        {"SetSeed", {{"set seed to 0.25"}}, {}, accounts::app, {"select random()::text"}},
        {"SetseedAndDiscardAll",
         {{"select setseed(0.25)"}, {"discard all"}},
         {},
         accounts::app,
         {"select random()::text"}},
        {"Load", {{"load 'auto_explain'"}}, {}, superuser},
        {"LoadAndDiscardAll", {{"load 'auto_explain'"}, {"discard all"}}, {}, superuser},
        {"ReplicationOrigin",
         {{"select pg_replication_origin_session_setup('dirt_origin')"}},
         {},
         superuser},
        {"DblinkConnection",
         {{"select dblink_connect('mine', 'host=127.0.0.1 user=app_trust dbname=app port=' || "
           "current_setting('port'))"}},
         {"select dblink_get_connections()::text"},
         superuser},
        {"LargeObjectInAnOpenBlock", {{"begin"}, {"select lo_open(lo_create(0), 131072)"}}},
        {"ExportedSnapshotInAnOpenBlock",
         {{"begin isolation level repeatable read"}, {"select length(pg_export_snapshot()) > 0"}}},
    };
}

} // namespace

std::vector<session_dirt> object_dirt() {
    auto all = temporary_dirt();
    for (const auto& more : {statement_dirt(), lock_dirt(), sequence_dirt(), library_dirt()})
        all.insert(all.end(), more.begin(), more.end());
    return all;
}

} // namespace pgweir::test
