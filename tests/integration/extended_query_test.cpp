// The extended query protocol as PostgreSQL answers it, and prepared statements that outlive any
// one server connection.
#include "tests/support/proxied_test.hpp"

namespace pgweir::test {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

class extended_query : public proxied_test {};

TEST_F(extended_query, OneStatementIsAnsweredInOrder) {
    auto client = wire();
    const auto messages =
        client.converse(wire::extended("select $1::int + 1", {{"41"}}) + wire::sync());
    EXPECT_EQ(letters(messages), "12TDCZ");
    EXPECT_THAT(first_columns(messages), ElementsAre("42"));
}

TEST_F(extended_query, EveryByteMayArriveAlone) {
    auto client = wire();
    client.send_in_pieces(wire::parse("s", "select $1::text") + wire::describe('S', "s") +
                          wire::bind("p", "s", {{"a token"}}) + wire::execute("p") + wire::sync());
    const auto messages = client.read_until_ready();
    EXPECT_EQ(letters(messages), "1tT2DCZ");
    EXPECT_THAT(first_columns(messages), ElementsAre("a token"));
}

TEST_F(extended_query, NullEmptyAndBinaryParametersPass) {
    auto client = wire();
    const auto messages = client.converse(
        wire::parse("", "select $1::text is null, $2::text = ''") +
        wire::bind("", "", {std::nullopt, {""}}) + wire::execute("") + wire::sync());
    ASSERT_EQ(letters(messages), "12DCZ");
    EXPECT_EQ(columns(*find(messages, 'D')), (std::vector<wire::optional_text>{{"t"}, {"t"}}));
    const auto binary = client.converse(wire::parse("", "select 258") + wire::bind("", "", {}, 1) +
                                        wire::execute("") + wire::sync());
    EXPECT_EQ(first_columns(binary).at(0), wire::int32(258));
}

TEST_F(extended_query, AsManyParametersAsTheProtocolAllows) {
    auto client = wire();
    std::string sql = "select $1::int";
    std::vector<wire::optional_text> parameters{{"0"}};
    std::vector<std::int32_t> types{23};
    for (int number = 2; number <= 65535; ++number) {
        parameters.emplace_back("1");
        types.push_back(23);
    }
    const auto messages =
        client.converse(wire::parse("", sql, types) + wire::bind("", "", parameters) +
                        wire::execute("") + wire::sync());
    EXPECT_EQ(letters(messages), "12DCZ") << sqlstate(messages);
}

TEST_F(extended_query, DescribeSaysNoDataForStatementsWithoutRows) {
    make_table("no_rows", "n int");
    auto client = wire();
    const auto messages = client.converse(
        wire::parse("d", "insert into no_rows values ($1)") + wire::describe('S', "d") +
        wire::bind("", "d", {{"1"}}) + wire::describe('P', "") + wire::execute("") + wire::sync());
    EXPECT_EQ(letters(messages), "1tn2nCZ");
}

TEST_F(extended_query, AnEmptyStatementIsAnEmptyQuery) {
    auto client = wire();
    EXPECT_EQ(letters(client.converse(wire::extended("") + wire::sync())), "12nIZ");
}

TEST_F(extended_query, RowLimitsSuspendThePortal) {
    auto client = wire();
    const auto messages = client.converse(
        wire::parse("", "select generate_series(1, 5)") + wire::bind("", "") +
        wire::execute("", 2) + wire::execute("", 2) + wire::execute("", 2) + wire::sync());
    EXPECT_EQ(letters(messages), "12DDsDDsDCZ");
    EXPECT_EQ(first_columns(messages).size(), 5U);
}

TEST_F(extended_query, ASuspendedPortalGoesOnAcrossSyncsInsideABlock) {
    auto client = wire();
    client.converse(wire::query("begin"));
    EXPECT_EQ(letters(client.converse(wire::parse("", "select generate_series(1, 6)") +
                                      wire::bind("cursor", "") + wire::execute("cursor", 2) +
                                      wire::sync())),
              "12DDsZ");
    EXPECT_EQ(letters(client.converse(wire::query("select 'between'"))), "TDCZ");
    const auto more = client.converse(wire::execute("cursor", 3) + wire::sync());
    EXPECT_EQ(letters(more), "DDDsZ");
    EXPECT_THAT(first_columns(more), ElementsAre("3", "4", "5"));
    EXPECT_EQ(letters(client.converse(wire::close('P', "cursor") + wire::sync())), "3Z");
    EXPECT_EQ(sqlstate(client.converse(wire::execute("cursor", 3) + wire::sync())), "34000");
    client.converse(wire::query("rollback"));
}

TEST_F(extended_query, SyncEndsAPortalOutsideABlock) {
    auto client = wire();
    client.converse(wire::parse("", "select generate_series(1, 6)") + wire::bind("", "") +
                    wire::execute("", 2) + wire::sync());
    EXPECT_EQ(sqlstate(client.converse(wire::execute("", 2) + wire::sync())), "34000");
    EXPECT_EQ(sqlstate(client.converse(wire::describe('P', "") + wire::sync())), "34000");
}

TEST_F(extended_query, FlushDeliversWhatThereIsWithoutSync) {
    auto client = wire();
    client.send(wire::parse("f", "select $1::int") + wire::describe('S', "f") + wire::flush());
    EXPECT_EQ(letters(client.read_until('T')), "1tT");
    client.send(wire::bind("", "f", {{"7"}}) + wire::execute("") + wire::flush());
    const auto rows = client.read_until('C');
    EXPECT_EQ(letters(rows), "2DC");
    EXPECT_THAT(first_columns(rows), ElementsAre("7"));
    EXPECT_EQ(letters(client.converse(wire::sync())), "Z");
}

TEST_F(extended_query, NoDataBehindFlushIsNotHeldBack) {
    auto client = wire();
    client.send(wire::parse("", "set statement_timeout = 0") + wire::describe('S', "") +
                wire::flush());
    EXPECT_EQ(letters(client.read_until('n')), "1tn");
    EXPECT_EQ(letters(client.converse(wire::sync())), "Z");
}

TEST_F(extended_query, NamedStatementsServeAgainAndAgain) {
    auto client = wire();
    EXPECT_EQ(letters(client.converse(wire::parse("again", "select $1::int * 2") + wire::sync())),
              "1Z");
    for (int number = 0; number < 30; ++number) {
        const auto messages = client.converse(wire::bind("", "again", {{std::to_string(number)}}) +
                                              wire::execute("") + wire::sync());
        ASSERT_EQ(letters(messages), "2DCZ");
        ASSERT_THAT(first_columns(messages), ElementsAre(std::to_string(number * 2)));
    }
}

TEST_F(extended_query, EachSessionHasItsOwnNames) {
    std::vector<wire_client> clients;
    for (int number = 0; number < 12; ++number) {
        clients.push_back(wire());
        clients.back().converse(
            wire::parse("mine", "select " + std::to_string(number) + " + $1::int") + wire::sync());
    }
    for (int round = 0; round < 5; ++round) {
        for (std::size_t number = 0; number < clients.size(); ++number)
            clients[number].send(wire::bind("", "mine", {{"100"}}) + wire::execute("") +
                                 wire::sync());
        for (std::size_t number = 0; number < clients.size(); ++number)
            ASSERT_THAT(first_columns(clients[number].read_until_ready()),
                        ElementsAre(std::to_string(100 + number)));
    }
}

TEST_F(extended_query, NamedStatementsFollowTheSessionToOtherServerConnections) {
    auto client = wire();
    client.converse(wire::parse("wanderer", "select $1::text") + wire::sync());
    // Others take every connection that the statement could have been prepared on.
    for (int round = 0; round < 3; ++round) {
        std::vector<wire_client> busy;
        for (int count = 0; count < 4; ++count) {
            busy.push_back(wire());
            busy.back().converse(wire::query("begin; create temporary table t" +
                                             std::to_string(count) + " (n int) on commit drop"));
        }
        const auto messages = client.converse(wire::bind("", "wanderer", {{"still there"}}) +
                                              wire::execute("") + wire::sync());
        ASSERT_EQ(letters(messages), "2DCZ");
        ASSERT_THAT(first_columns(messages), ElementsAre("still there"));
        for (auto& other : busy)
            other.converse(wire::query("rollback"));
    }
}

TEST_F(extended_query, TheUnnamedStatementLivesFromOneUnitToTheNext) {
    auto client = wire();
    client.converse(wire::parse("", "select $1::int + 5") + wire::sync());
    auto other = wire();
    other.converse(wire::extended("select 'in between'") + wire::sync());
    const auto messages =
        client.converse(wire::bind("", "", {{"1"}}) + wire::execute("") + wire::sync());
    EXPECT_EQ(letters(messages), "2DCZ");
    EXPECT_THAT(first_columns(messages), ElementsAre("6"));
}

TEST_F(extended_query, PreparingANameTwiceIs42P05) {
    auto client = wire();
    client.converse(wire::parse("twice", "select 1") + wire::sync());
    const auto messages = client.converse(wire::parse("twice", "select 2") + wire::sync());
    EXPECT_EQ(sqlstate(messages), "42P05");
    EXPECT_EQ(field(messages.at(0), 'M'), "prepared statement \"twice\" already exists");
    EXPECT_THAT(
        first_columns(client.converse(wire::bind("", "twice") + wire::execute("") + wire::sync())),
        ElementsAre("1"));
}

TEST_F(extended_query, BindingAnUnknownStatementIs26000AndTheSessionLives) {
    auto client = wire();
    const auto messages =
        client.converse(wire::bind("", "unheard_of") + wire::execute("") + wire::sync());
    EXPECT_EQ(letters(messages), "EZ");
    EXPECT_EQ(sqlstate(messages), "26000");
    EXPECT_EQ(field(messages.at(0), 'M'), "prepared statement \"unheard_of\" does not exist");
    EXPECT_EQ(letters(client.converse(wire::extended("select 1") + wire::sync())), "12TDCZ");
}

TEST_F(extended_query, CloseForgetsAStatementAndUnknownNamesAreNoError) {
    auto client = wire();
    client.converse(wire::parse("gone", "select 1") + wire::sync());
    EXPECT_EQ(letters(client.converse(wire::close('S', "gone") + wire::close('S', "never_was") +
                                      wire::close('P', "never_was") + wire::sync())),
              "333Z");
    EXPECT_EQ(sqlstate(client.converse(wire::bind("", "gone") + wire::sync())), "26000");
    EXPECT_EQ(letters(client.converse(wire::parse("gone", "select 2") + wire::sync())), "1Z");
}

TEST_F(extended_query, ClosingAPortalLeavesTheStatementOfTheSameName) {
    auto client = wire();
    const auto messages = client.converse(wire::parse("x", "select 1") + wire::bind("x", "x") +
                                          wire::execute("x") + wire::close('P', "x") +
                                          wire::bind("x", "x") + wire::execute("x") + wire::sync());
    EXPECT_EQ(letters(messages), "12DC32DCZ");
}

TEST_F(extended_query, EqualTextWithOtherParameterTypesIsAnotherStatement) {
    auto client = wire();
    client.converse(wire::parse("as_int", "select pg_typeof($1)", {23}) +
                    wire::parse("as_text", "select pg_typeof($1)", {25}) + wire::sync());
    EXPECT_THAT(first_columns(client.converse(wire::bind("", "as_int", {{"1"}}) +
                                              wire::execute("") + wire::sync())),
                ElementsAre("integer"));
    EXPECT_THAT(first_columns(client.converse(wire::bind("", "as_text", {{"1"}}) +
                                              wire::execute("") + wire::sync())),
                ElementsAre("text"));
}

TEST_F(extended_query, AStatementPreparedUnderOneTimeZoneIsNotSharedWithAnother) {
    auto utc = wire(accounts::app, {{"TimeZone", "UTC"}});
    auto tokyo = wire(accounts::app, {{"TimeZone", "Asia/Tokyo"}});
    const std::string sql = "select extract(epoch from '2020-01-01 00:00'::timestamptz)::bigint";
    for (auto* client : {&utc, &tokyo})
        client->converse(wire::parse("zone", sql) + wire::sync());
    for (int round = 0; round < 5; ++round) {
        EXPECT_THAT(
            first_columns(utc.converse(wire::bind("", "zone") + wire::execute("") + wire::sync())),
            ElementsAre("1577836800"));
        EXPECT_THAT(first_columns(
                        tokyo.converse(wire::bind("", "zone") + wire::execute("") + wire::sync())),
                    ElementsAre("1577804400"));
    }
}

TEST_F(extended_query, DeallocateAllAndDiscardAllForgetProtocolStatements) {
    for (const char* sql : {"deallocate all", "discard all"}) {
        SCOPED_TRACE(sql);
        auto client = wire();
        client.converse(wire::parse("known", "select 1") + wire::sync());
        client.converse(wire::query(sql));
        EXPECT_EQ(sqlstate(client.converse(wire::bind("", "known") + wire::sync())), "26000");
        EXPECT_EQ(letters(client.converse(wire::parse("known", "select 2") + wire::sync())), "1Z");
    }
}

TEST_F(extended_query, DeallocateOfAProtocolStatementByName) {
    auto client = wire();
    client.converse(wire::parse("pdo_stmt_1", "select 1") + wire::sync());
    EXPECT_EQ(sqlstate(client.converse(wire::query("deallocate pdo_stmt_1"))), "");
    EXPECT_EQ(sqlstate(client.converse(wire::bind("", "pdo_stmt_1") + wire::sync())), "26000");
    EXPECT_EQ(sqlstate(client.converse(wire::query("deallocate pdo_stmt_1"))), "26000");
}

TEST_F(extended_query, AChangedResultTypeIsReportedAndNeverHidden) {
    make_table("growing", "a int");
    auto client = wire();
    client.converse(wire::parse("star", "select * from growing") + wire::describe('S', "star") +
                    wire::sync());
    client.converse(wire::bind("", "star") + wire::execute("") + wire::sync());
    cluster().primary().must("alter table growing add column b int");
    EXPECT_TRUE(cluster().wait_caught_up());
    const auto messages =
        client.converse(wire::bind("", "star") + wire::execute("") + wire::sync());
    EXPECT_EQ(sqlstate(messages), "0A000") << letters(messages);
}

TEST_F(extended_query, ThousandsOfStatementsPerSession) {
    auto client = wire();
    for (int batch = 0; batch < 20; ++batch) {
        std::string bytes;
        for (int number = 0; number < 100; ++number) {
            const auto name = std::to_string(batch * 100 + number);
            bytes += wire::parse("s" + name, "select " + name);
        }
        const auto messages = client.converse(bytes + wire::sync());
        ASSERT_EQ(letters(messages), std::string(100, '1') + "Z");
    }
    for (const int number : {0, 999, 1999})
        EXPECT_THAT(first_columns(client.converse(wire::bind("", "s" + std::to_string(number)) +
                                                  wire::execute("") + wire::sync())),
                    ElementsAre(std::to_string(number)));
}

} // namespace
} // namespace pgweir::test
