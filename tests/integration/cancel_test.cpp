// Cancel requests reach the query they are meant for, or nothing.
#include "tests/support/proxied_test.hpp"

#include <thread>

namespace pgweir::test {
namespace {

class cancel : public proxied_test {
protected:
    static void request(std::int32_t pid, const std::string& key) {
        wire_client canceller{target_port()};
        canceller.send(wire::cancel_request(pid, key));
        EXPECT_TRUE(canceller.closed_by_peer());
    }
    static bool runs_somewhere(const std::string& text) {
        for (const auto& node : cluster().nodes())
            if (node->count_backends("state = 'active' and query like '%" + text + "%'") > 0)
                return true;
        return false;
    }
};

TEST_F(cancel, ARunningQueryIsCancelled) {
    auto client = wire();
    client.send(wire::query("select pg_sleep(600), 'cancel-me-1'"));
    ASSERT_TRUE(wait_until([] { return runs_somewhere("cancel-me-1"); }));
    request(client.pid(), client.key());
    const auto messages = client.read_until_ready();
    EXPECT_EQ(sqlstate(messages), "57014");
    EXPECT_EQ(statuses(messages), "I");
    EXPECT_EQ(letters(client.converse(wire::query("select 1"))), "TDCZ");
}

TEST_F(cancel, LibpqsCancelWorks) {
    auto session = connect();
    session.send("select pg_sleep(600), 'cancel-me-2'");
    ASSERT_TRUE(wait_until([] { return runs_somewhere("cancel-me-2"); }));
    EXPECT_TRUE(session.cancel());
    EXPECT_EQ(session.next_result()->sqlstate(), "57014");
    while (session.next_result()) {
    }
    EXPECT_EQ(session.value("select 2"), "2");
}

TEST_F(cancel, InsideABlockTheBlockIsAborted) {
    auto client = wire();
    client.converse(wire::query("begin"));
    client.send(wire::query("select pg_sleep(600), 'cancel-me-3'"));
    ASSERT_TRUE(wait_until([] { return runs_somewhere("cancel-me-3"); }));
    request(client.pid(), client.key());
    const auto messages = client.read_until_ready();
    EXPECT_EQ(sqlstate(messages), "57014");
    EXPECT_EQ(statuses(messages), "E");
    client.converse(wire::query("rollback"));
}

TEST_F(cancel, AnIdleClientNoticesNothing) {
    auto client = wire();
    client.converse(wire::query("select 1"));
    request(client.pid(), client.key());
    EXPECT_TRUE(client.silent_for(100ms));
    EXPECT_EQ(letters(client.converse(wire::query("select 1"))), "TDCZ");
}

TEST_F(cancel, AWrongKeyOrPidDoesNothing) {
    auto client = wire();
    client.send(wire::query("select pg_sleep(0.5), 'not-cancelled'"));
    ASSERT_TRUE(wait_until([] { return runs_somewhere("not-cancelled"); }));
    std::string wrong = client.key();
    wrong[0] = static_cast<char>(wrong[0] ^ 1);
    request(client.pid(), wrong);
    request(client.pid() + 1, client.key());
    request(0, client.key());
    request(client.pid(), "");
    request(client.pid(), std::string(300, 'k'));
    EXPECT_EQ(letters(client.read_until_ready()), "TDCZ");
}

TEST_F(cancel, AnyNumberOfRequestsAfterTheEndHitNobody) {
    auto client = wire();
    auto other = wire();
    for (int round = 0; round < 40; ++round) {
        client.converse(wire::query("select 'finished'"));
        std::thread late{[&] { request(client.pid(), client.key()); }};
        for (int query = 0; query < 5; ++query)
            ASSERT_EQ(letters(other.converse(wire::query("select pg_sleep(0.001)"))), "TDCZ")
                << "somebody else's query was cancelled";
        late.join();
    }
}

TEST_F(cancel, AWaitingClientLeavesTheQueueWithAnError) {
    PGWEIR_ONLY();
    pgweir_options options;
    options.settings["pool_size"] = "1";
    const pgweir_process proxy{cluster().addresses(), options};
    auto holder = logged_in(proxy.port());
    holder.converse(wire::query("begin; select pg_advisory_xact_lock(91500)"));
    auto waiter = logged_in(proxy.port());
    waiter.send(wire::query("create table never_made (n int)"));
    ASSERT_TRUE(
        wait_until([&] { return proxy.metric("pgweir_clients", "state=\"waiting\"") == 1; }));
    wire_client canceller{proxy.port()};
    canceller.send(wire::cancel_request(waiter.pid(), waiter.key()));
    const auto messages = waiter.read_until_ready(1, 5s);
    EXPECT_EQ(sqlstate(messages), "57014");
    EXPECT_EQ(statuses(messages), "I");
    holder.converse(wire::query("commit"));
    EXPECT_EQ(letters(waiter.converse(wire::query("select 1"))), "TDCZ");
}

TEST_F(cancel, ManyRequestsAtOnceEachHitTheirOwnQuery) {
    std::vector<wire_client> clients;
    for (int number = 0; number < 4; ++number) {
        clients.push_back(wire());
        clients.back().send(
            wire::query("select pg_sleep(600), 'cancel-all-" + std::to_string(number) + "'"));
    }
    for (std::size_t number = 0; number < clients.size(); ++number) {
        const auto text = "cancel-all-" + std::to_string(number);
        ASSERT_TRUE(wait_until([&] { return runs_somewhere(text); }));
    }
    for (std::size_t number = 0; number < clients.size(); number += 2)
        request(clients[number].pid(), clients[number].key());
    for (std::size_t number = 0; number < clients.size(); number += 2)
        EXPECT_EQ(sqlstate(clients[number].read_until_ready()), "57014");
    for (std::size_t number = 1; number < clients.size(); number += 2) {
        EXPECT_TRUE(clients[number].silent_for(50ms));
        request(clients[number].pid(), clients[number].key());
        EXPECT_EQ(sqlstate(clients[number].read_until_ready()), "57014");
    }
}

TEST_F(cancel, ACopyIsCancelled) {
    make_table("cancelled_copy", "n text");
    auto client = wire();
    client.send(wire::query("copy cancelled_copy from stdin"));
    client.read_until('G');
    client.send(wire::copy_data("1\n"));
    request(client.pid(), client.key());
    // A server that waits for the client's rows looks at the request when the next ones come.
    std::optional<wire_message> error;
    for (int row = 0; row < 1000 && !error; ++row) {
        client.send(wire::copy_data(std::string(2000, '1') + "\n"));
        error = client.read(5ms);
    }
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(field(*error, 'C'), "57014");
    EXPECT_EQ(statuses(client.read_until_ready()), "I");
    client.send(wire::copy_done()); // late, as clients do; ignored
    EXPECT_EQ(letters(client.converse(wire::query("select count(*) from cancelled_copy"))), "TDCZ");
}

} // namespace
} // namespace pgweir::test
