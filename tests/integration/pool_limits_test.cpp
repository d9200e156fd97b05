// Never more server connections than allowed; who waits is served in order, or told why not.
#include "tests/support/proxied_test.hpp"

#include <atomic>
#include <thread>

namespace pgweir::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class pool_limits : public ::testing::Test {
protected:
    void SetUp() override { PGWEIR_ONLY(); }

    static void start(const settings_map& settings) {
        proxy_.reset();
        drop_shared_pgweir(); // its connections would be counted here
        pgweir_options options;
        options.settings = settings;
        proxy_ = std::make_unique<pgweir_process>(shared_cluster().addresses(), options);
    }
    void TearDown() override { proxy_.reset(); }

    static pgweir_process& proxy() { return *proxy_; }
    static wire_client wire(const account& who = accounts::app) {
        return logged_in(proxy_->port(), who);
    }
    static double waiting() { return proxy().metric("pgweir_clients", "state=\"waiting\""); }
    static bool wait_for_waiting(int count) {
        return wait_until([&] { return waiting() == count; });
    }
    /// The pool's backends on a node, without pgweir's own.
    static int pool_backends(postgres_node& node) {
        return node.count_backends("datname = 'app' and application_name not like 'pgweir %'");
    }

    static std::unique_ptr<pgweir_process> proxy_;
};

std::unique_ptr<pgweir_process> pool_limits::proxy_;

TEST_F(pool_limits, NeverMoreBackendsThanThePoolSizeHoweverManyClients) {
    start({{"pool_size", "3"}});
    std::atomic<bool> stop = false;
    std::atomic<int> failed = 0;
    std::vector<std::thread> threads;
    for (int number = 0; number < 30; ++number) {
        threads.emplace_back([&] {
            pg_connection session{conninfo(proxy().port(), accounts::app)};
            while (!stop) {
                if (!session.exec("select 1").ok()) ++failed;
                if (!session.exec("begin; select pg_sleep(0.001); commit").ok()) ++failed;
            }
        });
    }
    int most = 0;
    const auto end = std::chrono::steady_clock::now() + 3s;
    while (std::chrono::steady_clock::now() < end) {
        for (const auto& node : shared_cluster().nodes())
            most = std::max(most, pool_backends(*node));
        std::this_thread::sleep_for(50ms);
    }
    stop = true;
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(failed, 0);
    EXPECT_LE(most, 3);
    EXPECT_GE(most, 1);
}

TEST_F(pool_limits, PgweirsOwnConnectionsAreNamedAndFew) {
    start({});
    wire().converse(wire::query("select 1"));
    for (const auto& node : shared_cluster().nodes())
        EXPECT_LE(node->count_backends("application_name like 'pgweir %'"), 3);
    EXPECT_GE(shared_cluster().primary().count_backends("application_name like 'pgweir %'"), 1);
}

TEST_F(pool_limits, WaitersAreServedInTheOrderOfTheirArrival) {
    start({{"pool_size", "1"}, {"workers", "2"}});
    shared_cluster().primary().must("drop table if exists fifo; create table fifo "
                                    "(place serial, client int); grant all on fifo, "
                                    "fifo_place_seq to public");
    auto holder = wire();
    holder.converse(wire::query("begin; lock table fifo in row exclusive mode"));
    std::vector<wire_client> waiters;
    for (int number = 0; number < 20; ++number) {
        waiters.push_back(wire());
        waiters.back().send(
            wire::query("insert into fifo (client) values (" + std::to_string(number) + ")"));
        ASSERT_TRUE(wait_for_waiting(number + 1)) << "waiting: " << waiting();
    }
    holder.converse(wire::query("commit"));
    for (auto& waiter : waiters)
        EXPECT_EQ(letters(waiter.read_until_ready()), "CZ");
    EXPECT_EQ(shared_cluster().primary().value(
                  "select count(*) from (select client, row_number() over (order by place) - 1 as "
                  "place from fifo) as f where client <> place"),
              "0");
}

TEST_F(pool_limits, AWaiterIsToldWhichLimitItReachedAfterQueueTimeout) {
    start({{"pool_size", "1"}, {"queue_timeout", "300ms"}});
    auto holder = wire();
    holder.converse(wire::query("begin; select pg_advisory_xact_lock(91500)"));
    auto waiter = wire();
    const auto messages = waiter.converse(wire::query("create table never (n int)"));
    EXPECT_EQ(sqlstate(messages), "53300");
    ASSERT_NE(find(messages, 'E'), nullptr);
    const auto text = field(*find(messages, 'E'), 'M') + field(*find(messages, 'E'), 'D') +
                      field(*find(messages, 'E'), 'H');
    EXPECT_THAT(text, HasSubstr("queue_timeout"));
    EXPECT_EQ(statuses(messages), "I") << "the session goes on";
    holder.converse(wire::query("commit"));
    EXPECT_EQ(letters(waiter.converse(wire::query("select 1"))), "TDCZ");
}

TEST_F(pool_limits, AFullQueueRefusesAtOnceAndNamesItsSize) {
    start({{"pool_size", "1"}, {"queue_size", "2"}});
    auto holder = wire();
    holder.converse(wire::query("begin; select pg_advisory_xact_lock(91500)"));
    std::vector<wire_client> waiters;
    for (int number = 0; number < 2; ++number) {
        waiters.push_back(wire());
        waiters.back().send(wire::query("create table if not exists nothing_at_all (n int)"));
        ASSERT_TRUE(wait_for_waiting(number + 1));
    }
    auto refused = wire();
    const auto messages = refused.converse(wire::query("create table never (n int)"));
    EXPECT_EQ(sqlstate(messages), "53300");
    ASSERT_NE(find(messages, 'E'), nullptr);
    EXPECT_THAT(field(*find(messages, 'E'), 'M') + field(*find(messages, 'E'), 'D') +
                    field(*find(messages, 'E'), 'H'),
                HasSubstr("queue_size"));
    holder.converse(wire::query("commit"));
    for (auto& waiter : waiters)
        EXPECT_EQ(statuses(waiter.read_until_ready()), "I");
}

TEST_F(pool_limits, ARefusalInMidBatchIsOneErrorAndThenReadyForTheSync) {
    start({{"pool_size", "1"}, {"queue_timeout", "200ms"}});
    auto holder = wire();
    holder.converse(wire::query("begin; select pg_advisory_xact_lock(91500)"));
    auto waiter = wire();
    const auto messages = waiter.converse(wire::parse("", "create table never (n int)") +
                                          wire::bind("", "") + wire::execute("") + wire::sync());
    EXPECT_EQ(letters(messages), "EZ");
    holder.converse(wire::query("rollback"));
    EXPECT_EQ(letters(waiter.converse(wire::extended("select 1") + wire::sync())), "12TDCZ");
}

TEST_F(pool_limits, AWaiterThatLeavesFreesItsPlace) {
    start({{"pool_size", "1"}});
    auto holder = wire();
    holder.converse(wire::query("begin; select pg_advisory_xact_lock(91500)"));
    {
        auto gone = wire();
        gone.send(wire::query("create table never_made (n int)"));
        ASSERT_TRUE(wait_for_waiting(1));
        gone.reset();
    }
    EXPECT_TRUE(wait_for_waiting(0));
    auto patient = wire();
    patient.send(wire::query("select pg_advisory_xact_lock(1)"));
    ASSERT_TRUE(wait_for_waiting(1));
    holder.converse(wire::query("commit"));
    EXPECT_EQ(letters(patient.read_until_ready()), "TDCZ");
    EXPECT_EQ(shared_cluster().primary().value("select to_regclass('never_made') is null"), "t");
}

TEST_F(pool_limits, AWaiterIsToldByANoticeThatItWaits) {
    start({{"pool_size", "1"}, {"queue_notice", "200ms"}});
    auto holder = wire();
    holder.converse(wire::query("begin; select pg_advisory_xact_lock(91500)"));
    auto waiter = wire();
    waiter.send(wire::query("select pg_advisory_xact_lock(1)"));
    const auto notice = waiter.read(5s);
    ASSERT_TRUE(notice.has_value());
    EXPECT_EQ(notice->type, 'N');
    holder.converse(wire::query("commit"));
    EXPECT_EQ(letters(waiter.read_until_ready()), "TDCZ");
}

TEST_F(pool_limits, TheBudgetOfANodeHoldsOverAllPools) {
    start({{"pool_size", "4"}, {"max_server_connections", "7"}, {"server_reserve", "1"}});
    std::atomic<bool> stop = false;
    std::atomic<int> failed = 0;
    std::vector<std::thread> threads;
    for (const auto& who : {accounts::app, accounts::other, accounts::superuser}) {
        for (int number = 0; number < 6; ++number) {
            threads.emplace_back([&, who] {
                pg_connection session{conninfo(proxy().port(), who)};
                while (!stop)
                    if (!session.exec("begin; select pg_sleep(0.002); commit").ok()) ++failed;
            });
        }
    }
    int most = 0;
    const auto end = std::chrono::steady_clock::now() + 3s;
    while (std::chrono::steady_clock::now() < end) {
        most = std::max(most, shared_cluster().primary().count_backends(
                                  "datname is not null or application_name like 'pgweir %'"));
        std::this_thread::sleep_for(50ms);
    }
    stop = true;
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(failed, 0);
    EXPECT_LE(most, 7);
}

TEST_F(pool_limits, ATextThatParseRefusedKeepsNoConnectionLater) {
    start({{"pool_size", "1"}, {"queue_timeout", "2s"}});
    auto client = wire();
    client.send(wire::parse("", "selec 1") + wire::describe('S', "") + wire::flush());
    EXPECT_EQ(sqlstate(client.read_until('E')), "42601");
    EXPECT_EQ(letters(client.converse(wire::sync())), "Z");
    client.converse(wire::query("begin; select pg_advisory_xact_lock(91500)"));
    client.converse(wire::query("rollback"));
    const auto other = wire().converse(wire::query("select pg_advisory_xact_lock(91500)"));
    EXPECT_EQ(sqlstate(other), "");
}

TEST_F(pool_limits, BoundSettingsAreFollowedAndKeepNoConnection) {
    start({{"pool_size", "1"}, {"queue_timeout", "2s"}, {"splitting", "false"}});
    pg_connection session{conninfo(proxy().port(), accounts::app)};
    pg_connection other{conninfo(proxy().port(), accounts::app)};
    const auto shown = [](pg_connection& from) {
        return from.value("select current_setting('work_mem') || current_setting('TimeZone') || "
                          "coalesce(current_setting('app.tenant', true), '')");
    };
    const auto untouched = shown(other);
    for (const std::string name : {"work_mem", "TimeZone", "app.tenant"}) {
        const auto value = name == "work_mem" ? "7777kB" : name == "TimeZone" ? "Asia/Tokyo" : "7";
        EXPECT_EQ(
            session.exec_params("select set_config('" + name + "', $1, false)", {value}).value(),
            value);
        EXPECT_EQ(shown(other), untouched) << name;
    }
    EXPECT_EQ(shown(session), "7777kBAsia/Tokyo7");
    session.must("begin");
    session.exec_params("select set_config('app.tenant', $1, true)", {"8"});
    EXPECT_EQ(shown(session), "7777kBAsia/Tokyo8");
    session.must("commit");
    EXPECT_EQ(shown(other), untouched);
    EXPECT_EQ(shown(session), "7777kBAsia/Tokyo7");
}

TEST_F(pool_limits, ReadyzStaysTrueWhileEverythingIsBusy) {
    start({{"pool_size", "1"}});
    auto holder = wire();
    holder.converse(wire::query("begin; select pg_advisory_xact_lock(91500)"));
    auto waiter = wire();
    waiter.send(wire::query("select pg_advisory_xact_lock(1)"));
    ASSERT_TRUE(wait_for_waiting(1));
    EXPECT_EQ(proxy().http("/readyz").status, 200);
    EXPECT_EQ(proxy().http("/livez").status, 200);
    EXPECT_EQ(proxy().http("/metrics").status, 200);
    holder.converse(wire::query("commit"));
}

TEST_F(pool_limits, IdleServerConnectionsCloseAfterTheirTime) {
    start({{"server_idle_timeout", "1s"}});
    wire().converse(wire::query("begin; select pg_advisory_xact_lock(91500); commit"));
    EXPECT_TRUE(wait_until([&] { return pool_backends(shared_cluster().primary()) == 0; }, 10s));
}

TEST_F(pool_limits, HundredsOfClientsShareAFewConnections) {
    start({{"pool_size", "4"}});
    std::vector<wire_client> clients;
    for (int number = 0; number < 500; ++number)
        clients.push_back(wire());
    for (std::size_t number = 0; number < clients.size(); ++number)
        clients[number].send(wire::query("select " + std::to_string(number) + " as n"));
    for (std::size_t number = 0; number < clients.size(); ++number)
        ASSERT_EQ(first_columns(clients[number].read_until_ready()),
                  std::vector<std::string>{std::to_string(number)});
    for (const auto& node : shared_cluster().nodes())
        EXPECT_LE(pool_backends(*node), 4);
}

} // namespace
} // namespace pgweir::test
