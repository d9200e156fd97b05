// The unnamed statement belongs to one session, though server connections are shared: who has none
// must never meet that of another.
#include "tests/support/proxied_test.hpp"

namespace pgweir::test {
namespace {

using ::testing::ElementsAre;

class unnamed_statement : public proxied_test {
protected:
    /// Leaves an unnamed statement of another session, one with a parameter, on every connection.
    static void leave_others_statements(int connections = 5) {
        std::vector<wire_client> busy;
        for (int count = 0; count < connections; ++count) {
            busy.push_back(wire());
            busy.back().converse(wire::query("begin; select pg_current_xact_id()"));
        }
        for (auto& other : busy) {
            other.converse(wire::extended("rollback") + wire::sync());
            other.converse(wire::parse("", "select 'of another', $1::int") + wire::sync());
        }
    }
};

/// What follows a unit in which the session's own unnamed statement went away.
void expect_none(wire_client& client) {
    EXPECT_EQ(
        sqlstate(client.converse(wire::bind("", "", {{"1"}}) + wire::execute("") + wire::sync())),
        "26000");
    EXPECT_EQ(sqlstate(client.converse(wire::describe('S', "") + wire::sync())), "26000");
    EXPECT_EQ(letters(client.converse(wire::extended("select 1") + wire::sync())), "12TDCZ");
}

TEST_F(unnamed_statement, ASessionThatNeverParsedOneHasNone) {
    leave_others_statements();
    auto client = wire();
    expect_none(client);
}

TEST_F(unnamed_statement, ASimpleQueryDestroysIt) {
    auto client = wire();
    client.converse(wire::parse("", "select 1") + wire::sync());
    client.converse(wire::query("select 2"));
    leave_others_statements();
    expect_none(client);
}

TEST_F(unnamed_statement, AFailedParseDestroysIt) {
    auto client = wire();
    client.converse(wire::parse("", "select 1") + wire::sync());
    client.converse(wire::parse("", "select no_such_thing") + wire::sync());
    leave_others_statements();
    expect_none(client);
}

TEST_F(unnamed_statement, CloseDestroysIt) {
    auto client = wire();
    client.converse(wire::parse("", "select 1") + wire::close('S', "") + wire::sync());
    leave_others_statements();
    expect_none(client);
}

// The answers to all of it come later than the last of it is sent.
TEST_F(unnamed_statement, WhatIsParsedAheadOfAQueryInOneGoIsDestroyedByIt) {
    auto client = wire();
    client.converse(wire::parse("", "select 1") + wire::flush() + wire::query("select 2"));
    leave_others_statements();
    expect_none(client);
    client.converse(wire::parse("", "select 1") + wire::close('S', "") + wire::flush() +
                    wire::parse("", "select $1::int") + wire::sync());
    leave_others_statements();
    EXPECT_EQ(
        letters(client.converse(wire::bind("", "", {{"1"}}) + wire::execute("") + wire::sync())),
        "2DCZ");
}

TEST_F(unnamed_statement, AClosureThatIsSkippedClosesNothing) {
    auto client = wire();
    client.converse(wire::parse("", "select $1::int") + wire::sync());
    client.converse(wire::bind("", "no_such_statement", {}) + wire::close('S', "") + wire::sync());
    EXPECT_EQ(
        letters(client.converse(wire::bind("", "", {{"1"}}) + wire::execute("") + wire::sync())),
        "2DCZ");
}

TEST_F(unnamed_statement, InsideABlockNothingOfOthersIsSeen) {
    leave_others_statements();
    auto client = wire();
    client.converse(wire::extended("begin") + wire::sync());
    client.converse(wire::extended("select pg_current_xact_id()") + wire::sync());
    client.converse(wire::close('S', "") + wire::sync());
    EXPECT_EQ(sqlstate(client.converse(wire::bind("", "", {{"1"}}) + wire::sync())), "26000");
    EXPECT_EQ(sqlstate(client.converse(wire::extended("select 1") + wire::sync())), "25P02");
    EXPECT_EQ(letters(client.converse(wire::query("rollback"))), "CZ");
}

/// A statement that is longer than what is gathered of a request, 256 kB by default.
std::string long_statement(const std::string& answer) {
    return "select '" + answer + "' /* " + std::string(1'500'000, 'x') + " */";
}

TEST_F(unnamed_statement, OneThatStreamsThroughReplacesTheOneBefore) {
    leave_others_statements();
    auto client = wire();
    client.converse(wire::parse("", "select 'old'") + wire::sync());
    const auto messages =
        client.converse(wire::parse("", long_statement("new")) + wire::describe('S', "") +
                        wire::bind("", "") + wire::execute("") + wire::sync());
    EXPECT_EQ(letters(messages), "1tT2DCZ") << sqlstate(messages);
    EXPECT_THAT(first_columns(messages), ElementsAre("new"));
}

TEST_F(unnamed_statement, OneThatStreamedThroughIsUsedInItsBlock) {
    leave_others_statements();
    auto client = wire();
    client.converse(wire::query("begin"));
    client.converse(wire::query("select pg_current_xact_id()"));
    client.converse(wire::parse("", long_statement("new")) + wire::sync());
    const auto messages = client.converse(wire::bind("", "") + wire::execute("") + wire::sync());
    EXPECT_EQ(letters(messages), "2DCZ") << sqlstate(messages);
    EXPECT_THAT(first_columns(messages), ElementsAre("new"));
    client.converse(wire::query("rollback"));
}

TEST_F(unnamed_statement, OneThatStreamedThroughIsNeverMistakenForAnOlderOne) {
    auto client = wire();
    client.converse(wire::parse("", "select 'old'") + wire::sync());
    client.converse(wire::parse("", long_statement("new")) + wire::sync());
    leave_others_statements(4); // the long one may have kept its connection
    const auto messages = client.converse(wire::bind("", "") + wire::execute("") + wire::sync());
    if (is_direct()) EXPECT_THAT(first_columns(messages), ElementsAre("new"));
    // pgweir cannot make it again elsewhere and says so.
    if (letters(messages) == "2DCZ")
        EXPECT_THAT(first_columns(messages), ElementsAre("new"));
    else
        EXPECT_EQ(sqlstate(messages), "26000");
}

} // namespace
} // namespace pgweir::test
