// Several units in flight, errors in the middle, both protocols mixed.
#include "tests/support/proxied_test.hpp"

#include <thread>

namespace pgweir::test {
namespace {

using ::testing::ElementsAre;

/// Divides by zero in the executor; a plain 1/0 fails already when it is planned, at Bind.
constexpr const char* fails_while_running = "select 1/n from generate_series(0, 0) as n";

class pipeline : public proxied_test {};

TEST_F(pipeline, AnErrorSkipsToTheSyncAndIsAnsweredByOneReady) {
    auto client = wire();
    const auto messages =
        client.converse(wire::extended("select 1") + wire::extended(fails_while_running) +
                        wire::extended("select 3") + wire::sync());
    EXPECT_EQ(letters(messages), "12TDC12TEZ");
    EXPECT_EQ(sqlstate(messages), "22012");
    EXPECT_EQ(letters(client.converse(wire::extended("select 4") + wire::sync())), "12TDCZ");
}

TEST_F(pipeline, AnErrorEndsWithItsSyncAndTheNextUnitsRun) {
    auto client = wire();
    const auto messages = client.converse(
        wire::extended(fails_while_running) + wire::sync() + wire::extended("select 2") +
            wire::sync() + wire::parse("", "select broken from nowhere") + wire::sync() +
            wire::extended("select 4") + wire::sync(),
        4);
    EXPECT_EQ(letters(messages), "12TEZ12TDCZEZ12TDCZ");
    EXPECT_THAT(first_columns(messages), ElementsAre("2", "4"));
}

TEST_F(pipeline, EverySyncHasItsReady) {
    auto client = wire();
    EXPECT_EQ(letters(client.converse(wire::sync() + wire::sync() + wire::sync(), 3)), "ZZZ");
    EXPECT_EQ(letters(client.converse(wire::extended("select 1") + wire::sync() + wire::sync() +
                                          wire::query("select 2") + wire::sync(),
                                      4)),
              "12TDCZZTDCZZ");
}

TEST_F(pipeline, AfterAnExtendedErrorSimpleQueriesAreSkippedUntilSync) {
    auto client = wire();
    const auto messages =
        client.converse(wire::extended(fails_while_running) + wire::query("select 2") +
                        wire::query("select 3") + wire::sync());
    EXPECT_EQ(letters(messages), "12TEZ");
    EXPECT_EQ(letters(client.converse(wire::query("select 5"))), "TDCZ");
}

TEST_F(pipeline, AnExtendedPrefixAndASimpleQueryAreOneTransaction) {
    make_table("prefixed", "n int");
    auto client = wire();
    const auto messages =
        client.converse(wire::parse("", "insert into prefixed values (1)") + wire::bind("", "") +
                        wire::execute("") + wire::query(fails_while_running));
    EXPECT_EQ(letters(messages), "12CTEZ");
    EXPECT_THAT(first_columns(client.converse(wire::query("select count(*) from prefixed"))),
                ElementsAre("0"));
    const auto good =
        client.converse(wire::parse("", "insert into prefixed values (2)") + wire::bind("", "") +
                        wire::execute("") + wire::query("select 7"));
    EXPECT_EQ(letters(good), "12CTDCZ");
    EXPECT_THAT(first_columns(client.converse(wire::query("select n from prefixed"))),
                ElementsAre("2"));
}

TEST_F(pipeline, NamesParsedBehindAnErrorDoNotExistAndClosesBehindItDidNotHappen) {
    auto client = wire();
    client.converse(wire::parse("k1", "select 'k1'") + wire::sync());
    const auto messages =
        client.converse(wire::extended(fails_while_running) + wire::close('S', "k1") +
                            wire::parse("k2", "select 'k2'") + wire::sync() + wire::bind("", "k1") +
                            wire::execute("") + wire::sync() + wire::bind("", "k2") +
                            wire::execute("") + wire::sync(),
                        3);
    EXPECT_EQ(letters(messages), "12TEZ2DCZEZ");
    EXPECT_THAT(first_columns(messages), ElementsAre("k1"));
    EXPECT_EQ(field(messages.at(messages.size() - 2), 'C'), "26000");
}

TEST_F(pipeline, ANameMayBeClosedAndUsedAgainInOneWrite) {
    auto client = wire();
    client.converse(wire::parse("n", "select 1") + wire::sync());
    const auto messages = client.converse(
        wire::close('S', "n") + wire::parse("n", "select 2") + wire::bind("", "n") +
            wire::execute("") + wire::sync() + wire::query("deallocate all") +
            wire::parse("n", "select 3") + wire::bind("", "n") + wire::execute("") + wire::sync(),
        3);
    EXPECT_EQ(letters(messages), "312DCZCZ12DCZ");
    EXPECT_THAT(first_columns(messages), ElementsAre("2", "3"));
}

TEST_F(pipeline, ParseErrorThenBindAndExecuteGiveOneErrorAndNothingIsKept) {
    auto client = wire();
    const auto messages = client.converse(wire::parse("bad", "select from where") +
                                          wire::bind("", "bad") + wire::execute("") + wire::sync());
    EXPECT_EQ(letters(messages), "EZ");
    EXPECT_EQ(sqlstate(messages), "42601");
    EXPECT_EQ(sqlstate(client.converse(wire::bind("", "bad") + wire::sync())), "26000");
}

TEST_F(pipeline, PausesBetweenPiecesOfAUnitDoNotMatter) {
    auto client = wire();
    client.send(wire::parse("slow", "select $1::int") + wire::describe('S', "slow") +
                wire::flush());
    EXPECT_EQ(letters(client.read_until('T')), "1tT");
    auto others = wire();
    EXPECT_EQ(letters(others.converse(wire::query("select 1"))), "TDCZ");
    client.send(wire::bind("", "slow", {{"3"}}) + wire::execute("") + wire::flush());
    EXPECT_EQ(letters(client.read_until('C')), "2DC");
    EXPECT_EQ(letters(others.converse(wire::query("select 1"))), "TDCZ");
    EXPECT_EQ(letters(client.converse(wire::sync())), "Z");
}

TEST_F(pipeline, AnAnswerToFlushedDescribeOfAWriteThenTheWrite) {
    make_table("flushed_write", "n int");
    auto client = wire();
    client.send(wire::parse("w", "insert into flushed_write values ($1)") +
                wire::describe('S', "w") + wire::flush());
    EXPECT_EQ(letters(client.read_until('n')), "1tn");
    const auto messages =
        client.converse(wire::bind("", "w", {{"1"}}) + wire::execute("") + wire::sync());
    EXPECT_EQ(letters(messages), "2CZ");
}

TEST_F(pipeline, AFlushBehindAUnitThatFailsSkipsNothing) {
    auto client = wire();
    const auto fails_late =
        "select 1 / (case when pg_sleep(0.2)::text = 'never' then 1 else 0 end)";
    client.send(wire::extended(fails_late) + wire::sync() + wire::flush());
    EXPECT_EQ(sqlstate(client.read_until_ready(1, 10s)), "22012");
    client.send(wire::query("select 1"));
    EXPECT_EQ(letters(client.read_until_ready(1, 10s)), "TDCZ");
}

TEST_F(pipeline, ThousandsOfUnitsWithoutReadingDoNotDeadlock) {
    auto client = wire();
    constexpr int units = 3000;
    const auto unit = wire::extended("select repeat('x', 2000)") + wire::sync();
    std::thread sender{[&] {
        for (int count = 0; count < units; ++count)
            client.send(unit);
    }};
    const auto messages = client.read_until_ready(units, 60s);
    sender.join();
    EXPECT_EQ(statuses(messages).size(), static_cast<std::size_t>(units));
    EXPECT_EQ(first_columns(messages).size(), static_cast<std::size_t>(units));
}

TEST_F(pipeline, LibpqPipelineModeWithErrors) {
    auto session = connect();
    ASSERT_EQ(PQenterPipelineMode(session.handle()), 1);
    for (const char* sql : {"select 1", fails_while_running, "select 3"})
        PQsendQueryParams(session.handle(), sql, 0, nullptr, nullptr, nullptr, nullptr, 0);
    PQpipelineSync(session.handle());
    PQsendQueryParams(session.handle(), "select 4", 0, nullptr, nullptr, nullptr, nullptr, 0);
    PQpipelineSync(session.handle());
    std::vector<ExecStatusType> seen;
    int empty_in_a_row = 0;
    while (seen.size() < 6 && empty_in_a_row < 2) {
        const auto result = session.next_result();
        empty_in_a_row = result ? 0 : empty_in_a_row + 1;
        if (result) seen.push_back(result->status());
    }
    EXPECT_THAT(seen, ElementsAre(PGRES_TUPLES_OK, PGRES_FATAL_ERROR, PGRES_PIPELINE_ABORTED,
                                  PGRES_PIPELINE_SYNC, PGRES_TUPLES_OK, PGRES_PIPELINE_SYNC));
}

} // namespace
} // namespace pgweir::test
