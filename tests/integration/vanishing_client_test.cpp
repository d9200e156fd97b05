// Clients that vanish at any byte leave no lock, no transaction and no broken server connection.
#include "tests/support/proxied_test.hpp"

namespace pgweir::test {
namespace {

class vanishing_client : public proxied_test {
protected:
    static int open_transactions() {
        return cluster().primary().count_backends(
            "datname = 'app' and application_name not like 'pgweir %' and xact_start is not null");
    }
    static void expect_nothing_left(const std::string& table) {
        EXPECT_TRUE(wait_until([] { return open_transactions() == 0; }, 3s));
        auto other = connect();
        other.must("set lock_timeout = '2s'");
        EXPECT_TRUE(other.exec("lock table " + table + " in access exclusive mode").sqlstate() ==
                    "25P01");
        EXPECT_TRUE(
            other.exec("begin; lock table " + table + " in access exclusive mode; rollback").ok());
        EXPECT_EQ(other.value("select count(*) from " + table), "1");
    }
};

TEST_F(vanishing_client, AtEachByteOfABlockWithAWrite) {
    make_table("vanished", "n int");
    cluster().primary().must("insert into vanished values (1)");
    EXPECT_TRUE(cluster().wait_caught_up());
    const auto bytes = wire::query("begin") + wire::query("update vanished set n = 2") +
                       wire::query("select pg_sleep(0)");
    for (std::size_t cut = 0; cut <= bytes.size(); cut += 3) {
        auto client = wire();
        client.send(bytes.substr(0, cut));
        if (cut % 2 == 0)
            client.reset();
        else
            client.close();
    }
    expect_nothing_left("vanished");
}

TEST_F(vanishing_client, AtEachByteOfAnExtendedUnit) {
    make_table("vanished_extended", "n int");
    cluster().primary().must("insert into vanished_extended values (1)");
    EXPECT_TRUE(cluster().wait_caught_up());
    const auto bytes = wire::parse("", "begin") + wire::bind("", "") + wire::execute("") +
                       wire::parse("u", "update vanished_extended set n = $1") +
                       wire::describe('S', "u") + wire::bind("", "u", {{"2"}}) + wire::execute("") +
                       wire::flush();
    for (std::size_t cut = 0; cut <= bytes.size(); cut += 3) {
        auto client = wire();
        client.send(bytes.substr(0, cut));
        client.reset();
    }
    expect_nothing_left("vanished_extended");
}

TEST_F(vanishing_client, DuringTheLogin) {
    const auto bytes = wire::startup({{"user", accounts::app.name}, {"database", "app"}});
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
        wire_client client{target_port()};
        client.send(bytes.substr(0, cut));
        client.reset();
    }
    auto session = connect();
    EXPECT_EQ(session.value("select 1"), "1");
}

TEST_F(vanishing_client, InTheMiddleOfALongQueryTheQueryEnds) {
    auto client = wire();
    client.send(wire::query("select count(*), 'long-runner' from generate_series(1, 1000000000)"));
    const auto running = [] {
        int total = 0;
        for (const auto& node : cluster().nodes())
            total += node->count_backends("state = 'active' and query like '%long-runner%'");
        return total;
    };
    ASSERT_TRUE(wait_until([&] { return running() == 1; }));
    client.reset();
    if (!is_direct()) EXPECT_TRUE(wait_until([&] { return running() == 0; }, 5s));
    for (const auto& node : cluster().nodes())
        node->must("select pg_cancel_backend(pid) from pg_stat_activity where query like "
                   "'%long-runner%' and pid <> pg_backend_pid()");
}

TEST_F(vanishing_client, AfterAHalfSentMessageTheNextClientIsUnaffected) {
    for (int round = 0; round < 10; ++round) {
        auto client = wire();
        client.send("Q" + wire::int32(1000) + "select 'half a messa");
        client.reset();
        auto other = wire();
        const auto token = "token-" + std::to_string(round);
        EXPECT_EQ(first_columns(other.converse(wire::query("select '" + token + "'"))),
                  std::vector<std::string>{token});
    }
}

TEST_F(vanishing_client, AClientThatClosesItsSendingSideStillGetsItsAnswer) {
    auto client = wire();
    client.send(wire::query("select 'last words'"));
    const auto messages = client.read_until_ready();
    client.shut_down_writing();
    EXPECT_EQ(letters(messages), "TDCZ");
    EXPECT_TRUE(client.closed_by_peer());
}

TEST_F(vanishing_client, TerminateInsideABlockRollsBack) {
    make_table("terminated", "n int");
    auto client = wire();
    client.send(wire::query("begin; insert into terminated values (1)") + wire::terminate());
    EXPECT_TRUE(client.closed_by_peer());
    EXPECT_TRUE(wait_until([] { return open_transactions() == 0; }, 3s));
    auto other = connect();
    EXPECT_EQ(other.value("select count(*) from terminated"), "0");
}

} // namespace
} // namespace pgweir::test
