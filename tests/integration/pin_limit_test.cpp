// Sessions that must keep a server connection have a cap of their own; beyond it they wait their
// turn, or are told in time.
#include "tests/support/proxied_test.hpp"

namespace pgweir::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class pin_limit : public ::testing::Test {
protected:
    void SetUp() override { PGWEIR_ONLY(); }
    void TearDown() override {
        if (!proxy_) return;
        EXPECT_TRUE(proxy_->running()) << proxy_->log();
        proxy_->expect_clean_log();
        proxy_.reset();
    }

    void start(const settings_map& settings) {
        pgweir_options options;
        options.settings = settings;
        proxy_ = std::make_unique<pgweir_process>(shared_cluster().addresses(), options);
    }
    wire_client wire() const { return logged_in(proxy_->port()); }
    /// A session that keeps a server connection.
    wire_client listener() const {
        auto client = wire();
        EXPECT_EQ(letters(client.converse(wire::query("listen a"))), "CZ");
        return client;
    }
    bool wait_for_waiters(int count) const {
        return wait_until([&] {
            return proxy_->metric("pgweir_pool_clients_waiting_to_pin") == count &&
                   proxy_->metric("pgweir_clients", "state=\"waiting\"") == count;
        });
    }
    double pinned() const { return proxy_->metric("pgweir_pool_pinned_server_connections"); }

    std::unique_ptr<pgweir_process> proxy_;
};

std::string told(const std::vector<wire_message>& messages) {
    const auto* const error = find(messages, 'E');
    return error == nullptr ? "" : field(*error, 'M') + " HINT " + field(*error, 'H');
}

TEST_F(pin_limit, WhoWouldPinOneMoreWaitsWithoutAConnectionUntilAPinEnds) {
    start({{"pool_size", "3"}, {"max_pinned", "2"}});
    auto first = listener();
    auto second = listener();
    EXPECT_EQ(pinned(), 2);
    auto third = wire();
    third.send(wire::query("listen c"));
    ASSERT_TRUE(wait_for_waiters(1));
    auto other = wire();
    EXPECT_EQ(letters(other.converse(wire::query("begin; select txid_current(); rollback"))),
              "CTDCCZ")
        << "the third connection is free";
    EXPECT_TRUE(third.silent_for(100ms));
    EXPECT_EQ(letters(first.converse(wire::query("unlisten a"))), "CZ");
    EXPECT_EQ(letters(third.read_until_ready()), "CZ");
    EXPECT_EQ(pinned(), 2);
    shared_cluster().primary().must("notify c, 'heard'");
    EXPECT_TRUE(third.read_until('A').back().type == 'A');
}

TEST_F(pin_limit, TheyAreServedInTheOrderOfTheirArrivalOnAnyWorker) {
    start({{"pool_size", "3"}, {"max_pinned", "1"}, {"workers", "2"}});
    auto holder = std::make_unique<wire_client>(listener());
    std::vector<wire_client> waiters;
    for (int number = 0; number < 8; ++number) {
        waiters.push_back(wire());
        waiters.back().send(wire::query("select pg_advisory_lock(" + std::to_string(number) + ")"));
        ASSERT_TRUE(wait_for_waiters(number + 1));
    }
    holder.reset();
    for (std::size_t number = 0; number < waiters.size(); ++number) {
        EXPECT_EQ(letters(waiters[number].read_until_ready()), "TDCZ") << number;
        ASSERT_TRUE(wait_for_waiters(static_cast<int>(waiters.size() - number - 1)));
        waiters[number].close();
    }
    EXPECT_TRUE(wait_until([&] { return pinned() == 0; }));
}

TEST_F(pin_limit, ARefusalComesInTimeAndSaysWhatToDo) {
    start({{"pool_size", "3"}, {"max_pinned", "1"}, {"queue_timeout", "2s"}});
    auto holder = listener();
    auto waiter = wire();
    const auto begun = std::chrono::steady_clock::now();
    const auto refused = waiter.converse(wire::query("create temporary table mine (n int)"));
    const auto took = std::chrono::steady_clock::now() - begun;
    EXPECT_EQ(sqlstate(refused), "53300");
    EXPECT_THAT(told(refused), AllOf(HasSubstr("max_pinned (1)"), HasSubstr("queue_timeout"),
                                     HasSubstr("temporary_object"), HasSubstr("HINT Raise")));
    EXPECT_EQ(statuses(refused), "I");
    EXPECT_GE(took, 2s);
    EXPECT_LE(took, 10s);
    EXPECT_EQ(letters(waiter.converse(wire::query("select 1"))), "TDCZ");
    EXPECT_EQ(proxy_->metric("pgweir_queue_refusals_total", "reason=\"max_pinned\""), 1);
    // The whole of an extended unit is refused with one error.
    EXPECT_EQ(letters(waiter.converse(wire::extended("listen b") + wire::sync())), "EZ");
    EXPECT_EQ(letters(waiter.converse(wire::extended("select 1") + wire::sync())), "12TDCZ");
}

TEST_F(pin_limit, ABlockThatIsRefusedItsPinFailsAndCommitsNothing) {
    start({{"pool_size", "3"}, {"max_pinned", "1"}, {"queue_timeout", "2s"}});
    shared_cluster().primary().must("drop table if exists pin_refused; create table pin_refused "
                                    "(n int); grant all on pin_refused to public");
    auto holder = listener();
    auto waiter = wire();
    EXPECT_EQ(statuses(waiter.converse(wire::query("begin"))), "T");
    EXPECT_EQ(statuses(waiter.converse(wire::query("insert into pin_refused values (1)"))), "T");
    const auto refused = waiter.converse(wire::query("listen b"));
    EXPECT_EQ(sqlstate(refused), "53300");
    EXPECT_EQ(statuses(refused), "E");
    EXPECT_EQ(sqlstate(waiter.converse(wire::query("select 1"))), "25P02");
    EXPECT_EQ(statuses(waiter.converse(wire::query("commit"))), "I");
    // A block that no server knows of yet fails as well.
    EXPECT_EQ(statuses(waiter.converse(wire::query("begin"))), "T");
    EXPECT_EQ(statuses(waiter.converse(wire::query("listen b"))), "E");
    EXPECT_EQ(sqlstate(waiter.converse(wire::query("select 1"))), "25P02");
    EXPECT_EQ(statuses(waiter.converse(wire::query("rollback"))), "I");
    EXPECT_EQ(letters(waiter.converse(wire::query("select 1"))), "TDCZ");
    EXPECT_EQ(shared_cluster().primary().value("select count(*) from pin_refused"), "0");
}

TEST_F(pin_limit, ABlockWaitsOnItsConnectionAndGoesOn) {
    start({{"pool_size", "2"}, {"max_pinned", "1"}});
    auto holder = std::make_unique<wire_client>(listener());
    auto waiter = wire();
    EXPECT_EQ(statuses(waiter.converse(wire::query("begin; select txid_current()"))), "T");
    waiter.send(wire::query("create temporary table mine (n int) on commit drop"));
    ASSERT_TRUE(wait_for_waiters(1));
    holder.reset();
    EXPECT_EQ(statuses(waiter.read_until_ready()), "T");
    EXPECT_EQ(statuses(waiter.converse(wire::query("commit"))), "I");
    EXPECT_TRUE(wait_until([&] { return pinned() == 0; }));
}

TEST_F(pin_limit, WhatIsPipelinedBehindAnAnswerWaitsBehindIt) {
    start({{"pool_size", "3"}, {"max_pinned", "1"}, {"queue_timeout", "2s"}});
    auto holder = listener();
    auto waiter = wire();
    const auto messages =
        waiter.converse(wire::query("begin") + wire::query("select txid_current()") +
                            wire::query("listen b") + wire::query("rollback"),
                        4);
    EXPECT_EQ(letters(messages), "CZTDCZEZCZ");
    EXPECT_EQ(statuses(messages), "TTEI");
    const auto more = waiter.converse(wire::query("create table if not exists t_pin (n int)") +
                                          wire::query("listen b") + wire::query("select 1"),
                                      3);
    EXPECT_EQ(statuses(more), "III");
    EXPECT_EQ(sqlstate(more), "53300");
}

TEST_F(pin_limit, ACancelledOrVanishedClientLeavesTheQueue) {
    start({{"pool_size", "3"}, {"max_pinned", "1"}});
    auto holder = listener();
    pg_connection cancelled{conninfo(proxy_->port(), accounts::app)};
    cancelled.send("listen b");
    ASSERT_TRUE(wait_for_waiters(1));
    EXPECT_TRUE(cancelled.cancel());
    EXPECT_EQ(cancelled.next_result()->sqlstate(), "57014");
    EXPECT_TRUE(wait_for_waiters(0));
    while (cancelled.next_result()) {
    }
    EXPECT_EQ(cancelled.value("select 1"), "1");
    cancelled.must("begin; select txid_current()");
    cancelled.send("listen b");
    ASSERT_TRUE(wait_for_waiters(1));
    EXPECT_TRUE(cancelled.cancel());
    EXPECT_EQ(cancelled.next_result()->sqlstate(), "57014");
    while (cancelled.next_result()) {
    }
    EXPECT_EQ(cancelled.transaction_status(), PQTRANS_INERROR);
    cancelled.must("rollback");
    auto vanished = wire();
    vanished.send(wire::query("listen b"));
    ASSERT_TRUE(wait_for_waiters(1));
    vanished.reset();
    EXPECT_TRUE(wait_for_waiters(0));
    EXPECT_EQ(letters(holder.converse(wire::query("unlisten *"))), "CZ");
    EXPECT_TRUE(wait_until([&] { return pinned() == 0; }));
    auto next = listener();
    EXPECT_EQ(pinned(), 1);
}

TEST_F(pin_limit, OneSessionMayKeepTheOnlyConnectionAndTheOthersAreToldInTime) {
    start({{"pool_size", "1"}, {"queue_timeout", "2s"}, {"workers", "2"}});
    auto holder = listener();
    EXPECT_EQ(letters(holder.converse(wire::query("create temporary table mine (n int)"))), "CZ");
    std::vector<wire_client> waiters;
    for (int number = 0; number < 6; ++number)
        waiters.push_back(wire());
    const auto begun = std::chrono::steady_clock::now();
    for (auto& waiter : waiters)
        waiter.send(wire::query("listen b"));
    for (auto& waiter : waiters) {
        const auto messages = waiter.read_until_ready();
        EXPECT_EQ(sqlstate(messages), "53300");
        EXPECT_THAT(told(messages), HasSubstr("queue_timeout"));
    }
    EXPECT_LE(std::chrono::steady_clock::now() - begun, 10s);
    EXPECT_EQ(letters(holder.converse(wire::query("table mine"))), "TCZ");
    holder.close();
    EXPECT_EQ(letters(waiters.front().converse(wire::query("listen b"))), "CZ");
}

TEST_F(pin_limit, AStatementThatFailsHasPinnedNothing) {
    start({{"pool_size", "2"}, {"max_pinned", "1"}, {"queue_timeout", "2s"}});
    auto client = wire();
    EXPECT_EQ(sqlstate(client.converse(wire::query("create temporary table t (n no_such_type)"))),
              "42704");
    EXPECT_TRUE(wait_until([&] { return pinned() == 0; }));
    auto other = listener();
}

} // namespace
} // namespace pgweir::test
