#include "tests/integration/session_dirt.hpp"

namespace pgweir::test {

namespace {

using way = dirty_step::way;

std::vector<session_dirt> set_dirt() {
    return {
        {"Nothing", {{"select 1"}}},
        {"Set", {{"set work_mem = '7777kB'"}}},
        {"SetExtended", {{"set work_mem = '7777kB'", "", way::extended}}},
        {"SetToDefault", {{"set work_mem = '7777kB'"}, {"set work_mem to default"}}},
        {"SetTimeZone", {{"set timezone = 'Asia/Tokyo'"}}},
        {"SetTimeZoneToAnInterval", {{"set time zone interval '+05:30' hour to minute"}}},
        {"SetDateAndIntervalStyle", {{"set datestyle = 'SQL, DMY'; set intervalstyle = iso_8601"}}},
        {"SetClientEncoding", {{"set client_encoding = 'LATIN1'"}}},
        {"SetNames", {{"set names 'LATIN1'"}}},
        {"SetApplicationName", {{"set application_name = 'it''s \"me\" \\'"}}},
        {"SetSearchPath", {{"set search_path = \"a b\", pg_catalog"}}},
        {"SetSearchPathAsPgDumpDoes", {{"select pg_catalog.set_config('search_path', '', false)"}}},
        {"SetReadOnlyByDefault", {{"set default_transaction_read_only = on"}}},
        {"SetSessionCharacteristicsIsolation",
         {{"set session characteristics as transaction isolation level serializable"}}},
        {"SetSessionCharacteristicsReadOnly",
         {{"set session characteristics as transaction read only"}}},
        {"SetTimeouts",
         {{"set statement_timeout = '54s'; set lock_timeout = '53s'; set "
           "idle_in_transaction_session_timeout = '52s'"}}},
        {"SetXmlOption", {{"set xml option document"}}},
        {"SetStringSyntax",
         {{"set standard_conforming_strings = off; set backslash_quote = on; set "
           "escape_string_warning = off"}}},
        {"SetOutputFormats", {{"set bytea_output = 'escape'; set extra_float_digits = 0"}}},
        {"SetPlannerOptions",
         {{"set enable_seqscan = off; set plan_cache_mode = "
           "force_generic_plan"}}},
        {"SetTablespacesAndRowSecurity",
         {{"set temp_tablespaces = 'pg_default'; set default_tablespace = 'pg_default'; set "
           "row_security = off"}}},
        {"SetReplicationRole",
         {{"set session_replication_role = replica"}},
         {},
         accounts::superuser},
        {"SetBehindComments", {{"/* one */ -- two\n set /* three */ work_mem = '7777kB'"}}},
        {"SetSeveralAmongQueries",
         {{"set work_mem = '7777kB'; select 1; set timezone = 'Asia/Tokyo'; select 2"}}},
        {"SetOverStartupOptions",
         {{"set work_mem = '7777kB'; reset work_mem; set app.tenant = 'x'; reset all"}},
         {},
         accounts::app,
         {},
         true,
         "options='-c work_mem=3333kB -c app.tenant=9' application_name=started"},
    };
}

std::vector<session_dirt> set_config_dirt() {
    return {
        {"SetConfig", {{"select set_config('work_mem', '7777kB', false)"}}},
        {"SetConfigExtended",
         {{"select set_config('work_mem', '7777kB', false)", "", way::extended}}},
        {"SetConfigOfAComputedValue", {{"select set_config('work_mem', '7777' || 'kB', false)"}}},
        {"SetConfigOfAComputedRole", {{"select set_config('role', 'oth' || 'er', false)"}}},
        {"CustomParameterOfAComputedValue",
         {{"select set_config('app.tenant', '7' || '', false)"}}},
        {"SetConfigPrepared",
         {{"select set_config('work_mem', '7777kB', false)", "", way::prepare, "ps"},
          {"execute ps"},
          {"deallocate ps"}}},
        {"SetConfigLocal", {{"select set_config('work_mem', '7777kB', true)"}}},
        {"SetConfigInFrom", {{"select * from set_config('work_mem', '7777kB', false)"}}},
        {"SetConfigInACte",
         {{"with c as materialized (select set_config('work_mem', '7777kB', false) v) select "
           "count(v) from c"}}},
        {"SetConfigOfANameFromData",
         {{"select set_config(n, '7777kB', false) from unnest(array['work_' || 'mem']) n"}}},
        {"SetConfigToNull",
         {{"set work_mem = '7777kB'"}, {"select set_config('work_mem', null, false)"}}},
        {"SetConfigOfTheRole", {{"select set_config('role', 'other', false)"}}},
        {"UpdatePgSettings", {{"update pg_settings set setting = '7777' where name = 'work_mem'"}}},
        {"CustomParameter", {{"set app.tenant = '7'"}}},
        {"CustomParameterWithAnOddName", {{"set app.\"odd name\" = '7'", "42602"}}},
        {"CustomParameterBySetConfig", {{"select set_config('app.tenant', '7', false)"}}},
        {"CustomParameterReset", {{"set app.tenant = '7'"}, {"reset app.tenant"}}},
        {"CustomParameterRolledBack", {{"begin; set app.tenant = '7'; rollback"}}},
        {"CustomParameterAndDiscardAll", {{"set app.tenant = '7'"}, {"discard all"}}},
    };
}

std::vector<session_dirt> block_dirt() {
    return {
        {"SetInACommittedBlock", {{"begin"}, {"set work_mem = '7777kB'"}, {"commit"}}},
        {"SetAfterAQueryInABlock",
         {{"begin"}, {"select 1"}, {"set work_mem = '7777kB'"}, {"commit"}}},
        {"SetInARolledBackBlock", {{"begin"}, {"set work_mem = '7777kB'"}, {"rollback"}}},
        {"SetBehindASavepointRolledBack",
         {{"begin; savepoint s; set work_mem = '7777kB'; rollback to s; commit"}}},
        {"SetInAReleasedSavepoint",
         {{"begin"}, {"savepoint s"}, {"set work_mem = '7777kB'"}, {"release s"}, {"commit"}}},
        {"SetLocalInABlock", {{"begin"}, {"set local work_mem = '7777kB'"}, {"commit"}}},
        {"SetThenSetLocal",
         {{"begin; set work_mem = '7777kB'; set local work_mem = '8888kB'; commit"}}},
        {"SetLocalOutsideABlock", {{"set local work_mem = '7777kB'"}}},
        {"AFailedSet", {{"set work_mem = 'nonsense'", "22023"}}},
        {"ASetOfAnUnknownParameter", {{"set no_such_parameter = 1", "42704"}}},
        {"SetAndAnErrorInOneString", {{"set work_mem = '7777kB'; select 1/0", "22012"}}},
        {"CommitBehindAnError",
         {{"begin"}, {"set work_mem = '7777kB'"}, {"select 1/0", "22012"}, {"commit"}}},
        {"CommitAndChain",
         {{"begin isolation level repeatable read; set work_mem = '7777kB'; commit and chain"},
          {"set timezone = 'Asia/Tokyo'"},
          {"rollback"}}},
        {"SetThenReset", {{"set work_mem = '7777kB'"}, {"reset work_mem"}}},
        {"ResetAll",
         {{"set work_mem = '7777kB'; set timezone = 'Asia/Tokyo'; set role other"}, {"reset all"}}},
        {"DiscardAll",
         {{"set work_mem = '7777kB'; set timezone = 'Asia/Tokyo'; set role other"},
          {"discard all"}}},
        {"SetTransactionReadOnly", {{"begin"}, {"set transaction read only"}, {"commit"}}},
        {"SetConstraints", {{"begin; set constraints all deferred; commit"}}},
        {"AnOpenBlock", {{"begin"}, {"set work_mem = '7777kB'"}, {"insert into dirt values (1)"}}},
        {"AnOpenSerializableBlock",
         {{"begin isolation level serializable read only"}, {"select 1"}}},
        {"AnAbortedBlock", {{"begin; set work_mem = '7777kB'"}, {"select 1/0", "22012"}}},
        {"AnAbortedBlockWithASavepoint",
         {{"begin; savepoint s; set work_mem = '7777kB'"},
          {"select 1/0", "22012"},
          {"rollback to s"}}},
        {"AnOpenBlockWithATableLock", {{"begin"}, {"lock table dirt in access exclusive mode"}}},
        {"AnOpenExtendedBlock",
         {{"begin", "", way::extended}, {"set local work_mem = '7777kB'", "", way::extended}}},
        {"AnUnfinishedCopy", {{"copy dirt from stdin"}}, {}, accounts::app, {}, true},
        {"AFinishedTwoPhaseTransaction",
         {{"begin; set work_mem = '7777kB'; insert into dirt values (1); prepare transaction "
           "'dirt'"},
          {"rollback prepared 'dirt'"}}},
    };
}

std::vector<session_dirt> role_dirt() {
    const auto& superuser = accounts::superuser;
    return {
        {"SetRole", {{"set role other"}}},
        {"SetRoleQuoted", {{"set session role 'other'"}}},
        {"SetRoleNone", {{"set role other"}, {"set role none"}}},
        {"SetRoleLocal", {{"begin; set local role other; commit"}}},
        {"SetRoleInAnOpenBlock", {{"begin"}, {"set local role other"}}},
        {"SetRoleRolledBack", {{"begin; set role other; rollback"}}},
        {"AFailedSetRole", {{"set role other"}, {"set role postgres", "42501"}}},
        {"ResetRole", {{"set role other"}, {"reset role"}}},
        {"SetRoleAndResetAll", {{"set role other"}, {"reset all"}}},
        {"SetSessionAuthorization", {{"set session authorization other"}}, {}, superuser},
        {"SetSessionAuthorizationAndRole",
         {{"set session authorization app"}, {"set role other"}},
         {},
         superuser},
        {"SetSessionAuthorizationLocal",
         {{"begin; set local session authorization other; commit"}},
         {},
         superuser},
        {"SetSessionAuthorizationRolledBack",
         {{"begin; set session authorization other; rollback"}},
         {},
         superuser},
        {"SetSessionAuthorizationDefault",
         {{"set session authorization other"}, {"set session authorization default"}},
         {},
         superuser},
        {"ResetSessionAuthorization",
         {{"set session authorization other"}, {"reset session authorization"}},
         {},
         superuser},
        {"SetSessionAuthorizationAndResetAll",
         {{"set session authorization other"}, {"reset all"}},
         {},
         superuser},
    };
}

} // namespace

std::vector<session_dirt> parameter_dirt() {
    auto all = set_dirt();
    for (const auto& more : {set_config_dirt(), block_dirt(), role_dirt()})
        all.insert(all.end(), more.begin(), more.end());
    return all;
}

} // namespace pgweir::test
