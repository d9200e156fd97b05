// COPY in both directions and both protocols, and what can go wrong in the middle.
#include "tests/support/proxied_test.hpp"

#include <thread>

namespace pgweir::test {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class copy : public proxied_test {
protected:
    static std::string count(wire_client& client, const std::string& table) {
        const auto values =
            first_columns(client.converse(wire::query("select count(*) from " + table)));
        return values.size() == 1 ? values[0] : "(no answer)";
    }
    static int connections_doing(const std::string& text) {
        int total = 0;
        for (const auto& node : cluster().nodes())
            total += node->count_backends("state <> 'idle' and query like '%" + text + "%'");
        return total;
    }
};

TEST_F(copy, RowsGoInAndComeOut) {
    make_table("copied", "a int, b text");
    auto client = wire();
    client.send(wire::query("copy copied from stdin"));
    EXPECT_EQ(letters(client.read_until('G')), "G");
    // Borders of CopyData need not be borders of rows.
    client.send(wire::copy_data("1\ton") + wire::copy_data("e\n2\ttw") + wire::copy_data("o\n") +
                wire::copy_data("3\tthree\n\\.\n") + wire::copy_done());
    const auto in = client.read_until_ready();
    EXPECT_EQ(letters(in), "CZ");
    EXPECT_THAT(tags(in), ElementsAre("COPY 3"));
    const auto out =
        client.converse(wire::query("copy (select * from copied order by a) to stdout"));
    EXPECT_EQ(letters(out), "HdddcCZ");
    EXPECT_EQ(out.at(1).body, "1\tone\n");
    EXPECT_EQ(count(client, "copied"), "3");
}

TEST_F(copy, EveryByteMayArriveAlone) {
    make_table("copied_slowly", "a int");
    auto client = wire();
    client.send_in_pieces(wire::query("copy copied_slowly from stdin") + wire::copy_data("1\n") +
                          wire::copy_data("2\n") + wire::copy_done());
    EXPECT_EQ(letters(client.read_until_ready()), "GCZ");
    EXPECT_EQ(count(client, "copied_slowly"), "2");
}

TEST_F(copy, ByTheExtendedProtocolInOneBatch) {
    make_table("copied_extended", "a int");
    auto client = wire();
    const auto messages = client.converse(
        wire::parse("", "copy copied_extended from stdin") + wire::bind("", "") +
        wire::execute("") + wire::copy_data("1\n2\n") + wire::copy_done() + wire::sync());
    EXPECT_EQ(letters(messages), "12GCZ");
    EXPECT_EQ(count(client, "copied_extended"), "2");
    const auto out = client.converse(wire::parse("", "copy copied_extended to stdout") +
                                     wire::bind("", "") + wire::execute("") + wire::sync());
    EXPECT_EQ(letters(out), "12HddcCZ");
}

TEST_F(copy, SyncAndFlushInsideCopyInAreSwallowed) {
    make_table("copied_synced", "a int");
    auto client = wire();
    const auto messages =
        client.converse(wire::parse("", "copy copied_synced from stdin") + wire::bind("", "") +
                        wire::execute("") + wire::sync() + wire::copy_data("1\n") + wire::flush() +
                        wire::sync() + wire::copy_data("2\n") + wire::copy_done() + wire::sync());
    EXPECT_EQ(letters(messages), "12GCZ");
    EXPECT_TRUE(client.silent_for(100ms));
    EXPECT_EQ(count(client, "copied_synced"), "2");
}

TEST_F(copy, IfCopyFailsBeforeItBeginsEachSyncIsAnswered) {
    auto client = wire();
    const auto messages = client.converse(
        wire::parse("", "copy no_such_table from stdin") + wire::bind("", "") + wire::execute("") +
            wire::sync() + wire::copy_data("1\n") + wire::copy_done() + wire::sync(),
        2);
    EXPECT_THAT(letters(messages), AnyOf("12EZZ", "1EZZ", "EZZ"));
    EXPECT_EQ(sqlstate(messages), "42P01");
    EXPECT_EQ(letters(client.converse(wire::query("select 1"))), "TDCZ");
}

TEST_F(copy, AnErrorMidwayDrainsWhatIsStillSent) {
    make_table("copied_badly", "a int");
    auto client = wire();
    client.send(wire::query("copy copied_badly from stdin"));
    client.read_until('G');
    client.send(wire::copy_data("1\n") + wire::copy_data("not a number\n"));
    for (int count = 0; count < 100; ++count)
        client.send(wire::copy_data("2\n"));
    client.send(wire::copy_done());
    const auto messages = client.read_until_ready();
    EXPECT_EQ(letters(messages), "EZ");
    EXPECT_EQ(sqlstate(messages), "22P02");
    EXPECT_EQ(count(client, "copied_badly"), "0");
}

TEST_F(copy, AnErrorMidwayInTheExtendedProtocolSkipsToTheSync) {
    make_table("copied_badly_too", "a int");
    auto client = wire();
    const auto messages =
        client.converse(wire::parse("", "copy copied_badly_too from stdin") + wire::bind("", "") +
                            wire::execute("") + wire::copy_data("oops\n") + wire::copy_data("1\n") +
                            wire::copy_done() + wire::sync() + wire::query("select 'next'"),
                        2);
    EXPECT_EQ(letters(messages), "12GEZTDCZ");
    EXPECT_EQ(count(client, "copied_badly_too"), "0");
}

TEST_F(copy, CopyFailCarriesTheClientsReason) {
    make_table("copied_not", "a int");
    auto client = wire();
    client.send(wire::query("copy copied_not from stdin"));
    client.read_until('G');
    const auto messages =
        client.converse(wire::copy_data("1\n") + wire::copy_fail("no more paper"));
    EXPECT_EQ(sqlstate(messages), "57014");
    EXPECT_THAT(field(messages.at(0), 'M'), HasSubstr("no more paper"));
    EXPECT_EQ(count(client, "copied_not"), "0");
}

TEST_F(copy, TwoCopiesInOneString) {
    make_table("copied_twice", "a int");
    auto client = wire();
    client.send(wire::query("copy copied_twice from stdin; copy copied_twice from stdin; "
                            "select count(*) from copied_twice; copy copied_twice to stdout"));
    EXPECT_EQ(letters(client.read_until('G')), "G");
    client.send(wire::copy_data("1\n") + wire::copy_done());
    EXPECT_EQ(letters(client.read_until('G')), "CG");
    const auto rest = client.converse(wire::copy_data("2\n") + wire::copy_done());
    EXPECT_EQ(letters(rest), "CTDCHddcCZ");
    EXPECT_THAT(first_columns(rest), ElementsAre("2"));
}

TEST_F(copy, CopyMessagesOutsideCopyAreIgnored) {
    auto client = wire();
    const auto messages = client.converse(wire::copy_data("stray") + wire::copy_done() +
                                          wire::copy_fail("stray") + wire::query("select 1"));
    EXPECT_EQ(letters(messages), "TDCZ");
}

TEST_F(copy, AQueryInsideCopyInEndsTheConnectionAsItDoesDirectly) {
    make_table("copied_wrongly", "a int");
    auto client = wire();
    client.send(wire::query("copy copied_wrongly from stdin"));
    client.read_until('G');
    client.send(wire::copy_data("1\n") + wire::query("select 1"));
    const auto messages = client.read_to_end();
    EXPECT_EQ(sqlstate(messages), "08P01");
    auto other = wire();
    EXPECT_EQ(count(other, "copied_wrongly"), "0");
}

TEST_F(copy, CopyOfAWritingStatementRunsOnThePrimary) {
    make_table("copied_returning", "a int");
    auto client = wire();
    const auto messages = client.converse(
        wire::query("copy (insert into copied_returning values (7) returning a) to stdout"));
    EXPECT_EQ(letters(messages), "HdcCZ");
    EXPECT_EQ(count(client, "copied_returning"), "1");
}

TEST_F(copy, AClientThatDiesInCopyInLeavesNothingBehind) {
    make_table("copied_half", "a int");
    auto client = wire();
    client.send(wire::query("copy copied_half from stdin"));
    client.read_until('G');
    client.send(wire::copy_data("1\n2\n"));
    client.reset();
    EXPECT_TRUE(wait_until([] { return connections_doing("copied_half") == 0; }, 5s));
    auto other = wire();
    EXPECT_EQ(count(other, "copied_half"), "0");
    EXPECT_EQ(letters(other.converse(wire::query("drop table copied_half"))), "CZ")
        << "no lock may be left";
}

TEST_F(copy, AClientThatDiesInCopyOutLeavesNothingBehind) {
    auto client = wire();
    client.send(wire::query(
        "copy (select repeat('copied-out-and-away', 100), generate_series(1, 100000000)) "
        "to stdout"));
    client.read_until('d');
    client.reset();
    EXPECT_TRUE(wait_until([] { return connections_doing("copied-out-and-away") == 0; }, 10s));
}

TEST_F(copy, NoticesBetweenTheRowsArrive) {
    auto session = connect();
    session.must("create or replace function pg_temp.noisy(n int) returns int language plpgsql as "
                 "$$ begin raise notice 'row %', n; return n; end $$");
    const auto out =
        session.exec("copy (select pg_temp.noisy(n) from generate_series(1, 500) as n) to stdout");
    ASSERT_EQ(out.status(), PGRES_COPY_OUT);
    int rows = 0;
    for (char* row = nullptr; PQgetCopyData(session.handle(), &row, 0) > 0; ++rows)
        PQfreemem(row);
    EXPECT_EQ(rows, 500);
    EXPECT_EQ(session.notices().size(), 500U);
}

TEST_F(copy, AMillionRowsInAndOut) {
    make_table("copied_large", "a int, b text");
    auto session = connect();
    ASSERT_EQ(session.exec("copy copied_large from stdin").status(), PGRES_COPY_IN);
    std::string buffer;
    for (int row = 0; row < 1'000'000; ++row) {
        buffer += std::to_string(row) + "\trow number " + std::to_string(row) + "\n";
        if (buffer.size() > 60000) {
            ASSERT_EQ(
                PQputCopyData(session.handle(), buffer.data(), static_cast<int>(buffer.size())), 1);
            buffer.clear();
        }
    }
    ASSERT_EQ(PQputCopyData(session.handle(), buffer.data(), static_cast<int>(buffer.size())), 1);
    ASSERT_EQ(PQputCopyEnd(session.handle(), nullptr), 1);
    EXPECT_EQ(session.next_result()->tag(), "COPY 1000000");
    while (session.next_result()) {
    }
    ASSERT_EQ(session.exec("copy copied_large to stdout").status(), PGRES_COPY_OUT);
    int rows = 0;
    for (char* row = nullptr; PQgetCopyData(session.handle(), &row, 0) > 0; ++rows)
        PQfreemem(row);
    EXPECT_EQ(rows, 1'000'000);
    while (session.next_result()) {
    }
    session.must("drop table copied_large");
}

} // namespace
} // namespace pgweir::test
