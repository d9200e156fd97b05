#include "proxy/session/session_doubt.hpp"
#include "sql/classify.hpp"

#include <gtest/gtest.h>

using namespace pgweir;

namespace {

sql::statement_facts facts(const char* text) {
    const auto all = sql::classify(text);
    EXPECT_EQ(all.statements.size(), 1U) << text;
    return all.statements.empty() ? sql::statement_facts{} : all.statements.front();
}

probe_parts doubt(const char* text) {
    return doubtful_after(facts(text));
}

std::vector<std::string> names(std::initializer_list<const char*> texts) {
    std::vector<std::string> all;
    for (const auto* const text : texts)
        add_doubtful_names(facts(text), all);
    return all;
}

/// The reasons that the statement may end, by their labels.
std::string ends(const char* text, bool began_in_block = false) {
    std::string all;
    for (std::size_t i = 0; i < static_cast<std::size_t>(pin_reason::opaque); ++i) {
        const auto why = static_cast<pin_reason>(i);
        if (may_end_pin(facts(text), why, began_in_block))
            all += (all.empty() ? "" : " ") + std::string{label(why)};
    }
    return all;
}

} // namespace

TEST(SessionDoubt, PlainStatementsLeaveNone) {
    for (const auto* const text :
         {"SELECT 1", "INSERT INTO t VALUES (1)", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT s",
          "SHOW work_mem", "NOTIFY l", "CREATE TABLE t (a int)", "SET LOCAL work_mem = '1MB'",
          "SET TRANSACTION READ ONLY", "SET transaction_isolation = 'serializable'",
          "SELECT pg_advisory_xact_lock(1)", "DECLARE c CURSOR FOR SELECT 1"})
        EXPECT_EQ(doubt(text), probe_parts::none) << text;
}

TEST(SessionDoubt, SettingsAreAskedForByName) {
    for (const auto* const text :
         {"SET work_mem = '1MB'", "SET TIME ZONE 'UTC'", "RESET work_mem", "SET x.y TO DEFAULT",
          "SELECT set_config('app.x', '1', false)", "SET LOCAL app.x = '1'",
          "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"})
        EXPECT_EQ(doubt(text), probe_parts::named) << text;
    EXPECT_EQ(doubt("SET dynamic_library_path = ''"), probe_parts::parameters)
        << "by name it would fail for other roles";
    EXPECT_EQ(doubt("RESET ALL"), probe_parts::named | probe_parts::parameters);
}

TEST(SessionDoubt, UserAndRoleAreAPartOfTheirOwn) {
    for (const auto* const text :
         {"SET ROLE r", "SET ROLE NONE", "RESET ROLE", "SET SESSION AUTHORIZATION u",
          "RESET SESSION AUTHORIZATION", "SELECT set_config('role', 'r', false)"})
        EXPECT_EQ(doubt(text), probe_parts::identity) << text;
    EXPECT_EQ(doubt("SET LOCAL ROLE r"), probe_parts::none);
}

TEST(SessionDoubt, ObjectsOfTheSessionAreEachAPart) {
    EXPECT_EQ(doubt("PREPARE p AS SELECT 1"), probe_parts::prepared);
    EXPECT_EQ(doubt("DEALLOCATE p"), probe_parts::prepared);
    EXPECT_EQ(doubt("LISTEN l"), probe_parts::channels);
    EXPECT_EQ(doubt("UNLISTEN *"), probe_parts::channels);
    EXPECT_EQ(doubt("CREATE TEMP TABLE t (a int)"), probe_parts::temporary_objects);
    EXPECT_EQ(doubt("DECLARE c CURSOR WITH HOLD FOR SELECT 1"), probe_parts::cursors);
    EXPECT_EQ(doubt("SELECT pg_advisory_lock(1)"), probe_parts::advisory_locks);
}

TEST(SessionDoubt, AnythingMayHaveHappened) {
    for (const auto* const text :
         {"DO 'begin end'", "CALL p()", "EXECUTE p", "DISCARD ALL",
          "UPDATE pg_settings SET setting = '1'", "SELECT set_config(a, b, false) FROM t"})
        EXPECT_TRUE(has(doubt(text), probe_parts::visible)) << text;
    EXPECT_EQ(doubtful_after({}), probe_parts::visible) << "a kind that is not known";
}

TEST(SessionDoubt, WhatNoProbeSeesIsNotAsked) {
    EXPECT_EQ(doubt("SELECT setseed(0.5)"), probe_parts::none);
    EXPECT_EQ(doubt("LOAD 'auto_explain'"), probe_parts::none);
    EXPECT_EQ(doubt("SELECT lo_open(1, 1)"), probe_parts::none);
}

TEST(SessionDoubt, GathersNamesWithoutDuplicates) {
    EXPECT_EQ(names({"SET Work_Mem = '1MB'", "RESET work_mem", "SET LOCAL app.x = '1'",
                     "SET LOCAL timezone = 'UTC'", "SET ROLE r", "SET dynamic_library_path = ''",
                     "SET TIME ZONE 'UTC'"}),
              (std::vector<std::string>{"work_mem", "app.x", "timezone"}));
}

TEST(SessionDoubt, EachPinHasThePartThatShowsItsEnd) {
    EXPECT_EQ(ends_with(pin_reason::listen), probe_parts::channels);
    EXPECT_EQ(ends_with(pin_reason::temporary_object), probe_parts::temporary_objects);
    EXPECT_EQ(ends_with(pin_reason::opaque), probe_parts::visible);
    for (const auto why : {pin_reason::session_mode, pin_reason::library, pin_reason::seed,
                           pin_reason::sequence_state, pin_reason::held_by_connection}) {
        EXPECT_EQ(ends_with(why), probe_parts::none);
        EXPECT_FALSE(may_end_pin(facts("DISCARD ALL"), why)) << label(why);
    }
}

TEST(SessionDoubt, PinsMayEndOnlyByWhatEndsThem) {
    EXPECT_EQ(ends("SELECT 1"), "");
    EXPECT_EQ(ends("INSERT INTO t VALUES (1)"), "");
    EXPECT_EQ(ends("DEALLOCATE p"), "sql_prepare");
    EXPECT_EQ(ends("DEALLOCATE ALL"), "sql_prepare");
    EXPECT_EQ(ends("UNLISTEN l"), "listen");
    EXPECT_EQ(ends("DROP TABLE t"), "temporary_object");
    EXPECT_EQ(ends("DISCARD TEMP"), "temporary_object");
    EXPECT_EQ(ends("CLOSE c"), "holdable_cursor");
    EXPECT_EQ(ends("CLOSE ALL"), "holdable_cursor");
    EXPECT_EQ(ends("SELECT pg_advisory_unlock(1)"), "advisory_lock");
    EXPECT_EQ(ends("SELECT pg_catalog.pg_advisory_unlock_shared(1, 2)"), "advisory_lock");
    EXPECT_EQ(ends("SELECT pg_advisory_unlock_all()"), "advisory_lock");
    EXPECT_EQ(ends("RESET ALL"), "parameter");
}

TEST(SessionDoubt, OpaqueStatementsMayEndEveryPinThatCanEnd) {
    for (const auto* const text : {"DO 'begin end'", "CALL p()", "EXECUTE p", "DISCARD ALL"})
        EXPECT_EQ(ends(text), "sql_prepare listen temporary_object holdable_cursor advisory_lock "
                              "parameter")
            << text;
}

TEST(SessionDoubt, TheEndOfABlockEndsPinsOfThatBlockAlone) {
    for (const auto* const text : {"COMMIT", "ROLLBACK", "PREPARE TRANSACTION 'x'"}) {
        EXPECT_EQ(ends(text, false), "") << text;
        EXPECT_EQ(ends(text, true), "listen temporary_object holdable_cursor parameter") << text;
    }
}

TEST(SessionDoubt, AnOpaquePinMayEndAtEveryRest) {
    EXPECT_TRUE(may_end_pin(facts("SELECT 1"), pin_reason::opaque, false));
}
