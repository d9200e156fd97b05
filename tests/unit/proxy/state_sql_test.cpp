#include "proxy/session/state_sql.hpp"

#include <gtest/gtest.h>

using namespace pgweir;

namespace {

std::string change(parameter_map carried, const parameter_map& wanted) {
    backend_state from;
    from.carried = std::move(carried);
    return state_change_sql(from, wanted);
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
              "SELECT pg_catalog.set_config('timezone', 'UTC', false)");
    EXPECT_EQ(change({{"timezone", "UTC"}}, {{"timezone", "CET"}}),
              "SELECT pg_catalog.set_config('timezone', 'CET', false)");
}

TEST(StateSql, SetsSeveralWithOneStatement) {
    EXPECT_EQ(
        change({{"b", "2"}}, {{"a", "1"}, {"b", "2"}, {"c", "3"}}),
        "SELECT pg_catalog.set_config('a', '1', false), pg_catalog.set_config('c', '3', false)");
}

TEST(StateSql, ResetsWhatTheNextSessionDidNotSet) {
    EXPECT_EQ(change({{"timezone", "UTC"}}, {}), "RESET \"timezone\"; ");
    EXPECT_EQ(change({{"a", "1"}, {"b", "2"}}, {{"b", "3"}, {"c", "4"}}),
              "RESET \"a\"; SELECT pg_catalog.set_config('b', '3', false), "
              "pg_catalog.set_config('c', '4', false)");
}

TEST(StateSql, AnEmptyValueIsAValue) {
    EXPECT_EQ(change({}, {{"search_path", ""}}),
              "SELECT pg_catalog.set_config('search_path', '', false)");
}

TEST(StateSql, NoValueBreaksOutOfItsQuotes) {
    EXPECT_EQ(
        change({}, {{"application_name", "x', false), pg_sleep(9) --"}}),
        "SELECT pg_catalog.set_config('application_name', 'x'', false), pg_sleep(9) --', false)");
}
