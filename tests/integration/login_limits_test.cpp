// What strangers may ask for before they have proved who they are.
#include "tests/support/proxied_test.hpp"

#include <csignal>

namespace pgweir::test {
namespace {

using ::testing::HasSubstr;

class login_limits : public ::testing::Test {
protected:
    void start(const settings_map& settings) {
        pgweir_options options;
        options.settings = settings;
        proxy = std::make_unique<pgweir_process>(shared_cluster().addresses(), options);
    }
    [[nodiscard]] wire_message refusal(const account& who) const {
        wire_client client{proxy->port()};
        const auto messages = client.login(who);
        const auto* const error = find(messages, 'E');
        return error == nullptr ? wire_message{} : *error;
    }
    static account with_wrong_password() {
        auto who = accounts::app;
        who.password = "not this one";
        return who;
    }
    std::unique_ptr<pgweir_process> proxy;
};

TEST_F(login_limits, SilentConnectionsAndCancelRequestsAreNotClients) {
    PGWEIR_ONLY();
    start({{"max_client_connections", "2"}});
    std::vector<wire_client> silent;
    for (int i = 0; i < 8; ++i)
        silent.emplace_back(proxy->port());
    auto one = logged_in(proxy->port());
    auto two = logged_in(proxy->port());
    EXPECT_EQ(field(refusal(accounts::app), 'C'), "53300");
    two.send(wire::query("select pg_sleep(600)"));
    EXPECT_TRUE(two.silent_for(100ms));
    wire_client canceller{proxy->port()};
    canceller.send(wire::cancel_request(two.pid(), two.key()));
    EXPECT_EQ(sqlstate(two.read_until_ready()), "57014");
}

TEST_F(login_limits, AConnectionThatSaysNothingEndsAfterClientLoginTimeout) {
    PGWEIR_ONLY();
    start({{"client_login_timeout", "300ms"}});
    wire_client silent{proxy->port()};
    wire_client half{proxy->port()};
    half.send(wire::int32(100));
    wire_client without_password{proxy->port()};
    without_password.send(wire::startup({{"user", accounts::app.name}}));
    EXPECT_TRUE(silent.silent_for(100ms));
    EXPECT_TRUE(silent.closed_by_peer(5s));
    EXPECT_TRUE(half.closed_by_peer(5s));
    EXPECT_TRUE(without_password.closed_by_peer(5s));
    EXPECT_EQ(proxy->metric("pgweir_logins_total", "result=\"timed_out\""), 3);
    EXPECT_EQ(statuses(logged_in(proxy->port()).converse(wire::query("select 1"))), "I");
}

TEST_F(login_limits, AnAddressHasSoManyLoginsUnderWay) {
    PGWEIR_ONLY();
    start({{"max_logins_per_address", "3"}});
    std::vector<wire_client> silent;
    for (int i = 0; i < 3; ++i)
        silent.emplace_back(proxy->port());
    ASSERT_TRUE(
        wait_until([&] { return proxy->metric("pgweir_clients", "state=\"login\"") == 3; }));
    wire_client excess{proxy->port()};
    const auto error = excess.read();
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(field(*error, 'C'), "53300");
    EXPECT_THAT(field(*error, 'M'), HasSubstr("max_logins_per_address"));
    EXPECT_TRUE(excess.closed_by_peer());
    silent.pop_back();
    ASSERT_TRUE(
        wait_until([&] { return proxy->metric("pgweir_clients", "state=\"login\"") == 2; }));
    // Who has logged in is no login any more.
    auto first = logged_in(proxy->port());
    auto second = logged_in(proxy->port());
    EXPECT_EQ(statuses(second.converse(wire::query("select 1"))), "I");
}

TEST_F(login_limits, AnAddressHasSoManyFailuresAMinute) {
    PGWEIR_ONLY();
    start({{"max_login_failures_per_address", "3"}});
    auto inside = logged_in(proxy->port());
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(field(refusal(with_wrong_password()), 'C'), "28P01");
    const auto error = refusal(accounts::app);
    EXPECT_EQ(field(error, 'C'), "53300");
    EXPECT_THAT(field(error, 'M'), HasSubstr("max_login_failures_per_address"));
    EXPECT_EQ(statuses(inside.converse(wire::query("select 1"))), "I");
    EXPECT_GE(proxy->metric("pgweir_logins_total", "result=\"limit\""), 1);
    wire_client local{proxy->socket_file()};
    EXPECT_EQ(statuses(local.login(accounts::app)), "I") << "a Unix socket has no address";
    proxy->rewrite_settings({{"max_login_failures_per_address", "0"}});
    proxy->send_signal(SIGHUP);
    EXPECT_TRUE(wait_until([&] { return refusal(accounts::app).type == 0; }));
}

TEST_F(login_limits, GuessedCancelKeysAreFailures) {
    PGWEIR_ONLY();
    start({{"max_login_failures_per_address", "3"}});
    auto client = logged_in(proxy->port());
    for (int i = 0; i < 3; ++i) {
        auto wrong = client.key();
        wrong[0] = static_cast<char>(wrong[0] ^ (1 << i));
        wire_client guess{proxy->port()};
        guess.send(wire::cancel_request(client.pid(), wrong));
        EXPECT_TRUE(guess.closed_by_peer());
    }
    client.send(wire::query("select pg_sleep(0.5)"));
    EXPECT_TRUE(client.silent_for(100ms));
    wire_client right{proxy->port()};
    right.send(wire::cancel_request(client.pid(), client.key()));
    EXPECT_TRUE(right.closed_by_peer());
    EXPECT_EQ(letters(client.read_until_ready()), "TDCZ") << "the right key came too late";
}

} // namespace
} // namespace pgweir::test
