// Transactions: what BEGIN, COMMIT and ROLLBACK answer while BEGIN waits for the first statement
// and blocks move from a standby to the primary.
#include "tests/support/proxied_test.hpp"

namespace pgweir::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class transaction : public proxied_test {
protected:
    static std::string status_of(wire_client& client, const std::string& sql) {
        return statuses(client.converse(wire::query(sql)));
    }
    static std::string value_of(wire_client& client, const std::string& sql) {
        const auto messages = client.converse(wire::query(sql));
        const auto values = first_columns(messages);
        return values.empty() ? "(" + sqlstate(messages) + ")" : values[0];
    }
};

TEST_F(transaction, StatusAndTagsAreThoseOfAServer) {
    auto client = wire();
    const auto begin = client.converse(wire::query("begin"));
    EXPECT_EQ(letters(begin), "CZ");
    EXPECT_THAT(tags(begin), ElementsAre("BEGIN"));
    EXPECT_EQ(statuses(begin), "T");
    EXPECT_EQ(status_of(client, "select 1"), "T");
    const auto commit = client.converse(wire::query("commit"));
    EXPECT_THAT(tags(commit), ElementsAre("COMMIT"));
    EXPECT_EQ(statuses(commit), "I");
}

TEST_F(transaction, CommitAndRollbackOfAnEmptyBlock) {
    auto client = wire();
    EXPECT_EQ(status_of(client, "begin"), "T");
    EXPECT_EQ(status_of(client, "commit"), "I");
    EXPECT_EQ(status_of(client, "start transaction"), "T");
    EXPECT_THAT(tags(client.converse(wire::query("rollback"))), ElementsAre("ROLLBACK"));
    EXPECT_EQ(status_of(client, "select 1"), "I");
}

TEST_F(transaction, CommitOutsideABlockWarns) {
    auto client = wire();
    const auto messages = client.converse(wire::query("commit"));
    ASSERT_NE(find(messages, 'N'), nullptr);
    EXPECT_EQ(field(*find(messages, 'N'), 'C'), "25P01");
    EXPECT_THAT(tags(messages), ElementsAre("COMMIT"));
    EXPECT_EQ(field(*find(client.converse(wire::query("rollback")), 'N'), 'C'), "25P01");
}

TEST_F(transaction, ASecondBeginWarns) {
    auto client = wire();
    client.converse(wire::query("begin"));
    const auto messages = client.converse(wire::query("begin"));
    ASSERT_NE(find(messages, 'N'), nullptr);
    EXPECT_EQ(field(*find(messages, 'N'), 'C'), "25001");
    EXPECT_EQ(statuses(messages), "T");
    client.converse(wire::query("rollback"));
}

TEST_F(transaction, AnErrorLeavesTheBlockAbortedUntilItsEnd) {
    auto client = wire();
    client.converse(wire::query("begin"));
    EXPECT_EQ(status_of(client, "select no_such_column"), "E");
    EXPECT_EQ(value_of(client, "select 1"), "(25P02)");
    EXPECT_EQ(letters(client.converse(wire::query(";"))), "IZ") << "an empty query is no error";
    EXPECT_EQ(value_of(client, "selekt"), "(42601)") << "a syntax error comes first";
    const auto commit = client.converse(wire::query("commit"));
    EXPECT_THAT(tags(commit), ElementsAre("ROLLBACK"));
    EXPECT_EQ(statuses(commit), "I");
}

TEST_F(transaction, RollbackToASavepointRevivesTheBlock) {
    make_table("saved", "n int");
    auto client = wire();
    client.converse(wire::query("begin"));
    client.converse(wire::query("insert into saved values (1)"));
    client.converse(wire::query("savepoint s"));
    EXPECT_EQ(status_of(client, "select 1/0"), "E");
    EXPECT_EQ(status_of(client, "rollback to s"), "T");
    EXPECT_EQ(status_of(client, "commit"), "I");
    EXPECT_EQ(value_of(client, "select count(*) from saved"), "1");
    client.converse(wire::query("begin"));
    const auto unknown = client.converse(wire::query("rollback to no_such_savepoint"));
    EXPECT_EQ(sqlstate(unknown), "3B001");
    client.converse(wire::query("rollback"));
}

TEST_F(transaction, ABlockThatOnlyReadsSeesTheDataAndCommits) {
    make_table("read_in_block", "n int");
    auto client = wire();
    client.converse(wire::query("insert into read_in_block values (1)"));
    client.converse(wire::query("begin"));
    EXPECT_EQ(value_of(client, "select n from read_in_block"), "1");
    EXPECT_EQ(value_of(client, "select n from read_in_block"), "1");
    EXPECT_EQ(status_of(client, "commit"), "I");
}

TEST_F(transaction, ABlockMovesToThePrimaryAtItsFirstWrite) {
    make_table("moved", "n int");
    auto client = wire();
    client.converse(wire::query("begin"));
    EXPECT_EQ(value_of(client, "select count(*) from moved"), "0");
    EXPECT_EQ(status_of(client, "insert into moved values (1)"), "T");
    EXPECT_EQ(value_of(client, "select count(*) from moved"), "1") << "its own write is seen";
    auto other = wire();
    EXPECT_EQ(value_of(other, "select count(*) from moved"), "0");
    EXPECT_EQ(status_of(client, "commit"), "I");
    EXPECT_EQ(value_of(client, "select count(*) from moved"), "1");
    EXPECT_EQ(value_of(other, "select count(*) from moved"), "1");
}

TEST_F(transaction, AMovedBlockIsStillTheOneThatBegan) {
    make_table("moved_modes", "n int");
    auto client = wire();
    client.converse(wire::query("begin read only"));
    EXPECT_EQ(value_of(client, "select count(*) from moved_modes"), "0");
    EXPECT_EQ(value_of(client, "insert into moved_modes values (1)"), "(25006)")
        << "read only on the primary too";
    EXPECT_EQ(status_of(client, "rollback"), "I");
    client.converse(wire::query("begin"));
    EXPECT_EQ(value_of(client, "select count(*) from moved_modes"), "0");
    EXPECT_EQ(value_of(client, "set transaction isolation level serializable"), "(25001)")
        << "must come before any query, wherever that ran";
    client.converse(wire::query("rollback"));
    client.converse(wire::query("begin"));
    client.converse(wire::query("set local statement_timeout = 4321"));
    EXPECT_EQ(value_of(client, "select count(*) from moved_modes"), "0");
    EXPECT_EQ(status_of(client, "insert into moved_modes values (2)"), "T");
    EXPECT_EQ(value_of(client, "show statement_timeout"), "4321ms");
    client.converse(wire::query("rollback"));
    EXPECT_EQ(value_of(client, "show statement_timeout"), "0");
}

TEST_F(transaction, AnAbortedReadingBlockDoesNotComeBackToLifeByAWrite) {
    make_table("not_revived", "n int");
    auto client = wire();
    client.converse(wire::query("begin"));
    EXPECT_EQ(value_of(client, "select count(*) from not_revived"), "0");
    EXPECT_EQ(status_of(client, "select 1/0"), "E");
    EXPECT_EQ(value_of(client, "insert into not_revived values (1)"), "(25P02)");
    EXPECT_EQ(status_of(client, "rollback"), "I");
    EXPECT_EQ(value_of(client, "select count(*) from not_revived"), "0");
}

TEST_F(transaction, ByTheExtendedProtocolBeginMayShareAUnitWithWhatFollows) {
    make_table("jdbc_like", "n int");
    auto client = wire();
    const auto messages = client.converse(
        wire::parse("", "begin") + wire::bind("", "") + wire::execute("") +
        wire::parse("", "insert into jdbc_like values ($1)") + wire::bind("", "", {{"1"}}) +
        wire::describe('P', "") + wire::execute("") + wire::sync());
    EXPECT_EQ(letters(messages), "12C12nCZ");
    EXPECT_EQ(statuses(messages), "T");
    EXPECT_EQ(status_of(client, "commit"), "I");
    EXPECT_EQ(value_of(client, "select count(*) from jdbc_like"), "1");
}

TEST_F(transaction, DescribeWhileBeginIsDeferred) {
    auto client = wire();
    client.converse(wire::query("begin"));
    EXPECT_EQ(letters(client.converse(wire::parse("d", "select $1::int") +
                                      wire::describe('S', "d") + wire::sync())),
              "1tTZ");
    EXPECT_EQ(
        statuses(client.converse(wire::bind("", "d", {{"4"}}) + wire::execute("") + wire::sync())),
        "T");
    EXPECT_EQ(status_of(client, "commit"), "I");
}

TEST_F(transaction, AStatementTimeoutInsideABlockKeepsItsServerUntilTheEnd) {
    auto client = wire();
    client.converse(wire::query("begin; set local statement_timeout = 50"));
    EXPECT_EQ(value_of(client, "select pg_sleep(10)"), "(57014)");
    EXPECT_EQ(value_of(client, "select 1"), "(25P02)");
    EXPECT_EQ(status_of(client, "rollback"), "I");
}

TEST_F(transaction, IsolationLevelsHold) {
    auto client = wire();
    for (const char* level : {"serializable", "repeatable read", "read committed"}) {
        client.converse(wire::query(std::string{"begin isolation level "} + level));
        EXPECT_EQ(value_of(client, "show transaction_isolation"), level);
        EXPECT_EQ(value_of(client, "select 1"), "1");
        EXPECT_EQ(status_of(client, "commit"), "I");
    }
    client.converse(wire::query("set default_transaction_isolation = 'serializable'"));
    EXPECT_EQ(value_of(client, "select 1"), "1");
    client.converse(wire::query("begin"));
    EXPECT_EQ(value_of(client, "show transaction_isolation"), "serializable");
    EXPECT_EQ(status_of(client, "commit"), "I");
}

TEST_F(transaction, RepeatableReadSeesOneSnapshot) {
    make_table("snapshot", "n int");
    auto client = wire();
    auto other = wire();
    client.converse(wire::query("begin isolation level repeatable read"));
    EXPECT_EQ(value_of(client, "select count(*) from snapshot"), "0");
    other.converse(wire::query("insert into snapshot values (1)"));
    EXPECT_EQ(value_of(client, "select count(*) from snapshot"), "0");
    client.converse(wire::query("commit"));
    EXPECT_EQ(value_of(client, "select count(*) from snapshot"), "1");
}

TEST_F(transaction, TwoPhaseCommitFromAnotherConnection) {
    make_table("two_phase", "n int");
    auto client = wire();
    client.converse(wire::query("begin; insert into two_phase values (1)"));
    EXPECT_EQ(status_of(client, "prepare transaction 'two-phase-test'"), "I");
    client.close();
    auto other = wire();
    EXPECT_EQ(status_of(other, "commit prepared 'two-phase-test'"), "I");
    EXPECT_EQ(value_of(other, "select count(*) from two_phase"), "1");
}

TEST_F(transaction, AClientThatLeavesInsideABlockIsRolledBack) {
    make_table("left_open", "n int");
    for (const bool politely : {true, false}) {
        auto client = wire();
        client.converse(wire::query("begin; insert into left_open values (1)"));
        if (politely) client.send(wire::terminate());
        if (politely)
            client.close();
        else
            client.reset();
        auto other = wire();
        other.converse(wire::query("set lock_timeout = '5s'"));
        EXPECT_EQ(letters(other.converse(wire::query("truncate left_open"))), "CZ");
        EXPECT_EQ(value_of(other, "select count(*) from left_open"), "0");
    }
}

TEST_F(transaction, CursorsLiveInTheirBlock) {
    auto client = wire();
    client.converse(wire::query("begin"));
    client.converse(wire::query("declare c cursor for select generate_series(1, 10)"));
    EXPECT_THAT(first_columns(client.converse(wire::query("fetch 2 from c"))),
                ElementsAre("1", "2"));
    EXPECT_EQ(letters(client.converse(wire::describe('P', "c") + wire::sync())), "TZ");
    EXPECT_THAT(first_columns(client.converse(wire::query("fetch 2 from c"))),
                ElementsAre("3", "4"));
    client.converse(wire::query("commit"));
    EXPECT_EQ(value_of(client, "fetch 1 from c"), "(34000)");
}

} // namespace
} // namespace pgweir::test
