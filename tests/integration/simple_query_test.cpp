// The simple query protocol: statements, several in one string, errors, odd ones.
#include "tests/support/proxied_test.hpp"

namespace pgweir::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class simple_query : public proxied_test {};

TEST_F(simple_query, AnswersInTheServersOrder) {
    auto client = wire();
    const auto messages = client.converse(wire::query("select 1 as one, null::int as two"));
    EXPECT_EQ(letters(messages), "TDCZ");
    EXPECT_THAT(column_names(messages.at(0)), ElementsAre("one", "two"));
    EXPECT_FALSE(columns(*find(messages, 'D')).at(1).has_value());
    EXPECT_THAT(tags(messages), ElementsAre("SELECT 1"));
}

TEST_F(simple_query, AnEmptyStringIsAnEmptyQuery) {
    auto client = wire();
    for (const char* sql : {"", " ", ";", "-- nothing", "/* nothing */ ;"})
        EXPECT_EQ(letters(client.converse(wire::query(sql))), "IZ") << sql;
}

TEST_F(simple_query, ErrorsCarryTheServersFieldsAndTheSessionGoesOn) {
    auto client = wire();
    const auto messages = client.converse(wire::query("select no_such_column"));
    EXPECT_EQ(letters(messages), "EZ");
    const auto& error = messages.at(0);
    EXPECT_EQ(field(error, 'C'), "42703");
    EXPECT_EQ(field(error, 'P'), "8");
    EXPECT_EQ(field(error, 'R'), "errorMissingColumn");
    EXPECT_EQ(statuses(messages), "I");
    EXPECT_EQ(letters(client.converse(wire::query("select 1"))), "TDCZ");
}

TEST_F(simple_query, WhatTheParserDoesNotKnowGetsTheServersSyntaxError) {
    auto client = wire();
    const auto messages = client.converse(wire::query("selekt 1"));
    EXPECT_EQ(sqlstate(messages), "42601");
    EXPECT_THAT(field(messages.at(0), 'M'), HasSubstr("selekt"));
}

TEST_F(simple_query, SeveralStatementsAreOneTransaction) {
    make_table("several", "n int primary key");
    auto client = wire();
    EXPECT_EQ(letters(client.converse(wire::query("select 1; select 2"))), "TDCTDCZ");
    const auto failed = client.converse(
        wire::query("insert into several values (1); select 1/0; insert into several values (2)"));
    EXPECT_EQ(letters(failed), "CEZ");
    EXPECT_EQ(sqlstate(failed), "22012");
    EXPECT_THAT(first_columns(client.converse(wire::query("select count(*) from several"))),
                ElementsAre("0"));
}

TEST_F(simple_query, ACommitBeforeTheErrorStays) {
    make_table("committed_first", "n int");
    auto client = wire();
    const auto messages =
        client.converse(wire::query("insert into committed_first values (1); commit; select 1/0"));
    EXPECT_EQ(sqlstate(messages), "22012");
    EXPECT_THAT(first_columns(client.converse(wire::query("select n from committed_first"))),
                ElementsAre("1"));
}

TEST_F(simple_query, TheTransactionStatusComesFromTheServerNotFromTheText) {
    auto client = wire();
    EXPECT_EQ(statuses(client.converse(wire::query("begin; select 1"))), "T");
    EXPECT_EQ(statuses(client.converse(wire::query("select 1/0"))), "E");
    EXPECT_EQ(sqlstate(client.converse(wire::query("select 1"))), "25P02");
    EXPECT_EQ(statuses(client.converse(wire::query("commit; begin"))), "T");
    EXPECT_EQ(statuses(client.converse(wire::query("rollback; select 1"))), "I");
}

TEST_F(simple_query, QueriesMayBePipelined) {
    auto client = wire();
    std::string bytes;
    for (int number = 0; number < 50; ++number)
        bytes += wire::query("select " + std::to_string(number));
    const auto messages = client.converse(bytes, 50);
    const auto values = first_columns(messages);
    ASSERT_EQ(values.size(), 50U);
    for (int number = 0; number < 50; ++number)
        EXPECT_EQ(values[static_cast<std::size_t>(number)], std::to_string(number));
}

TEST_F(simple_query, ReadsAndWritesMayBePipelinedAndStayInOrder) {
    make_table("in_order", "n int");
    auto client = wire();
    std::string bytes;
    for (int number = 0; number < 20; ++number)
        bytes += wire::query("insert into in_order values (" + std::to_string(number) + ")") +
                 wire::query("select count(*) from in_order");
    const auto values = first_columns(client.converse(bytes, 40));
    ASSERT_EQ(values.size(), 20U);
    for (int number = 0; number < 20; ++number)
        EXPECT_EQ(values[static_cast<std::size_t>(number)], std::to_string(number + 1));
}

TEST_F(simple_query, NoticesReachTheClientWhereTheyHappen) {
    auto client = wire();
    const auto messages = client.converse(
        wire::query("do $$ begin for i in 1..3 loop raise notice 'hello %', i; end loop; end $$"));
    std::vector<std::string> texts;
    for (const auto& message : messages)
        if (message.type == 'N') texts.push_back(field(message, 'M'));
    EXPECT_THAT(texts, ElementsAre("hello 1", "hello 2", "hello 3"));
    EXPECT_EQ(letters(messages), "CZ");
}

TEST_F(simple_query, AStatementOfAMegabytePasses) {
    auto client = wire();
    const std::string filler(1'000'000, 'x');
    EXPECT_THAT(first_columns(client.converse(wire::query("select length('" + filler + "')"))),
                ElementsAre("1000000"));
}

TEST_F(simple_query, MessageSizesAroundPowersOfTwoPass) {
    auto client = wire();
    for (const std::size_t power : {4096U, 8192U, 16384U, 32768U, 65536U}) {
        for (std::size_t size = power - 40; size <= power + 4; ++size) {
            const std::string filler(size, 'y');
            const auto messages = client.converse(wire::query("select '" + filler + "'"));
            ASSERT_EQ(first_columns(messages).at(0).size(), size);
        }
    }
}

TEST_F(simple_query, AFunctionCallMessageIsAnswered) {
    auto client = wire();
    // 1598 is random(), 1740 is numeric(int4), 2096 pg_terminate_backend: take int4pl (177).
    const auto messages = client.converse(wire::function_call(177, {"20", "22"}));
    EXPECT_EQ(letters(messages), "VZ");
    EXPECT_EQ(messages.at(0).body.substr(4), "42");
    const auto failed = client.converse(wire::function_call(154, {"1", "0"})); // int4div
    EXPECT_EQ(letters(failed), "EZ");
    EXPECT_EQ(sqlstate(failed), "22012");
    EXPECT_EQ(letters(client.converse(wire::query("select 1"))), "TDCZ");
}

TEST_F(simple_query, VacuumAndCreateDatabaseWorkOutsideTransactions) {
    make_table("to_vacuum", "n int");
    auto session = connect();
    EXPECT_TRUE(session.exec("vacuum to_vacuum").ok());
    EXPECT_EQ(session.exec("begin; vacuum to_vacuum").sqlstate(), "25001");
    session.exec("rollback");
}

} // namespace
} // namespace pgweir::test
