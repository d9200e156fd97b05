#include "proxy/session/state_sql.hpp"

#include <gtest/gtest.h>

#include <regex>

using namespace pgweir;

namespace {

std::string change(parameter_map carried, const parameter_map& wanted) {
    backend_state from;
    from.carried = std::move(carried);
    return state_change_sql(from, wanted);
}

/// "a=1 b=NULL": what is set, in order.
std::string order(const parameter_map& carried, const parameter_map& wanted) {
    const auto sql = state_change_sql(carried, wanted);
    static const std::regex call{R"x(set_config\('([^']*)', '?([^',]*)'?, false\))x"};
    std::string all;
    for (std::sregex_iterator at{sql.begin(), sql.end(), call}, end; at != end; ++at)
        all += (all.empty() ? "" : " ") + (*at)[1].str() + '=' + (*at)[2].str();
    return all;
}

} // namespace

TEST(StateSql, QuotesLiteralsWhateverTheyHold) {
    EXPECT_EQ(quote_literal(""), "''");
    EXPECT_EQ(quote_literal("UTC"), "'UTC'");
    EXPECT_EQ(quote_literal("it's"), "'it''s'");
    EXPECT_EQ(quote_literal("'; DROP TABLE t; --"), "'''; DROP TABLE t; --'");
    EXPECT_EQ(quote_literal(R"(a\b)"), R"( E'a\\b')")
        << "the same with standard_conforming_strings on and off";
    EXPECT_EQ(quote_literal(R"(\')"), R"( E'\\''')");
}

TEST(StateSql, QuotesIdentifiers) {
    EXPECT_EQ(quote_identifier("work_mem"), "\"work_mem\"");
    EXPECT_EQ(quote_identifier("a\"b"), "\"a\"\"b\"");
    EXPECT_EQ(quote_identifier("app.tenant"), "\"app.tenant\"");
}

TEST(StateSql, IsEmptyWhenTheConnectionCarriesWhatIsWanted) {
    EXPECT_EQ(change({}, {}), "");
    EXPECT_EQ(change({{"timezone", "UTC"}}, {{"timezone", "UTC"}}), "");
}

TEST(StateSql, SetsByValueWhatIsMissingOrDiffers) {
    EXPECT_EQ(change({}, {{"timezone", "UTC"}}),
              "SELECT pg_catalog.set_config('timezone', 'UTC', false) IS NULL");
    EXPECT_EQ(change({{"timezone", "UTC"}}, {{"timezone", "CET"}}),
              "SELECT pg_catalog.set_config('timezone', 'CET', false) IS NULL");
}

TEST(StateSql, SetsSeveralWithOneStatement) {
    EXPECT_EQ(change({{"b", "2"}}, {{"a", "1"}, {"b", "2"}, {"c", "3"}}),
              "SELECT pg_catalog.set_config('a', '1', false) IS NULL, pg_catalog.set_config('c', "
              "'3', false) IS NULL");
}

TEST(StateSql, ResetsWhatTheNextSessionDidNotSet) {
    EXPECT_EQ(change({{"timezone", "UTC"}}, {}),
              "SELECT pg_catalog.set_config('timezone', NULL, false) IS NULL");
    EXPECT_EQ(change({{"a", "1"}, {"b", "2"}}, {{"b", "3"}, {"c", "4"}}),
              "SELECT pg_catalog.set_config('a', NULL, false) IS NULL, "
              "pg_catalog.set_config('b', '3', false) IS NULL, pg_catalog.set_config('c', '4', "
              "false) IS NULL");
}

TEST(StateSql, AnEmptyValueIsAValue) {
    EXPECT_EQ(change({}, {{"search_path", ""}}),
              "SELECT pg_catalog.set_config('search_path', '', false) IS NULL");
}

TEST(StateSql, NoValueBreaksOutOfItsQuotes) {
    EXPECT_EQ(change({}, {{"application_name", "x', false), pg_sleep(9) --"}}),
              "SELECT pg_catalog.set_config('application_name', 'x'', false), pg_sleep(9) --', "
              "false) IS NULL");
}

TEST(StateSql, WritesBytesAboveAsciiByTheirCodes) {
    EXPECT_EQ(quote_literal("\xC3\xA9"
                            "a"),
              R"( E'\xc3\xa9a')");
    EXPECT_EQ(quote_literal("\x83\\'"), R"( E'\x83\\''')")
        << "a trail byte that looks like a backslash is no escape in any client_encoding";
    for (const char c : change({}, {{"app.gr\xC3\xB6\xC3\x9F", "\xFF"}}))
        EXPECT_LT(static_cast<unsigned char>(c), 0x80);
}

TEST(StateSql, SetsTheSessionUserBeforeTheRole) {
    EXPECT_EQ(order({}, {{"role", "r"}, {"session_authorization", "u"}}),
              "session_authorization=u role=r");
    EXPECT_EQ(order({}, {{"role", "r"}}), "role=r");
    EXPECT_EQ(order({{"role", "r"}}, {}), "role=NULL");
    EXPECT_EQ(order({{"role", "r"}}, {{"role", "none"}}), "role=none");
    EXPECT_EQ(order({{"role", "r"}}, {{"role", "s"}}), "role=s");
}

TEST(StateSql, AnotherSessionUserLosesTheRole) {
    EXPECT_EQ(order({{"role", "r"}, {"session_authorization", "u"}},
                    {{"role", "r"}, {"session_authorization", "v"}}),
              "session_authorization=v role=r");
    EXPECT_EQ(order({{"session_authorization", "u"}}, {}), "session_authorization=NULL role=NULL");
}

TEST(StateSql, SetsParametersAsTheUserWhoLoggedIn) {
    EXPECT_EQ(order({{"role", "r"}}, {{"a", "1"}, {"role", "r"}}), "role=none a=1 role=r");
    EXPECT_EQ(order({{"role", "r"}, {"session_authorization", "u"}},
                    {{"a", "1"}, {"role", "r"}, {"session_authorization", "u"}}),
              "session_authorization=NULL role=none a=1 session_authorization=u role=r");
    EXPECT_EQ(order({{"a", "1"}, {"role", "r"}}, {}), "role=none a=NULL role=NULL");
    EXPECT_EQ(order({{"session_authorization", "u"}}, {{"a", "1"}}),
              "session_authorization=NULL role=none a=1 role=NULL");
    EXPECT_EQ(order({}, {{"a", "1"}, {"role", "r"}}), "a=1 role=r");
}

TEST(StateSql, LeavesUserAndRoleAloneWhenNothingDiffers) {
    const parameter_map all{{"a", "1"}, {"role", "r"}, {"session_authorization", "u"}};
    EXPECT_EQ(state_change_sql(all, all), "");
}

TEST(StateSql, UndoesAndSwitchesOffBeforeItSwitchesOn) {
    EXPECT_EQ(order({{"log_statement_stats", "on"}}, {{"log_parser_stats", "on"}}),
              "log_statement_stats=NULL log_parser_stats=on");
    EXPECT_EQ(order({}, {{"log_parser_stats", "on"}, {"log_statement_stats", "off"}}),
              "log_statement_stats=off log_parser_stats=on");
}

TEST(StateSql, NeverReplaysTheModesOfATransaction) {
    EXPECT_EQ(
        change({{"transaction_read_only", "on"}}, {{"transaction_isolation", "serializable"}}), "");
    EXPECT_EQ(order({}, {{"default_transaction_isolation", "serializable"}}),
              "default_transaction_isolation=serializable");
}
