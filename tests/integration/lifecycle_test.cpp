// Start, reload, drain and stop.
#include "tests/support/proxied_test.hpp"
#include "tests/support/tcp_gate.hpp"

#include <poll.h>

#include <csignal>
#include <thread>

namespace pgweir::test {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

class lifecycle : public ::testing::Test {
protected:
    void SetUp() override { PGWEIR_ONLY(); }
    static std::unique_ptr<pgweir_process> start(const settings_map& settings = {}) {
        pgweir_options options;
        options.settings = settings;
        return std::make_unique<pgweir_process>(shared_cluster().addresses(), options);
    }
    static std::string shown_setting(const pgweir_process& proxy, const std::string& name) {
        pg_connection admin{conninfo(proxy.port(), accounts::superuser, "pgweir")};
        const auto result = admin.exec("show config");
        for (int row = 0; row < result.rows(); ++row)
            if (result.value(row, 0) == name) return result.value(row, 1);
        return "(not shown) " + admin.error() + result.message();
    }
};

TEST_F(lifecycle, SighupAppliesNewSettings) {
    auto proxy = start({{"pool_size", "2"}});
    EXPECT_EQ(shown_setting(*proxy, "pool_size"), "2");
    pg_connection session{conninfo(proxy->port(), accounts::app)};
    session.must("begin");
    proxy->rewrite_settings({{"pool_size", "7"}});
    proxy->send_signal(SIGHUP);
    EXPECT_TRUE(wait_until([&] { return shown_setting(*proxy, "pool_size") == "7"; }));
    session.must("select 1");
    session.must("commit");
}

TEST_F(lifecycle, ABrokenFileKeepsTheOldSettings) {
    auto proxy = start({{"pool_size", "3"}});
    proxy->rewrite_settings({{"pool_size", "many"}});
    proxy->send_signal(SIGHUP);
    EXPECT_TRUE(wait_until([&] { return proxy->log().find("pool_size") != std::string::npos; }));
    EXPECT_EQ(shown_setting(*proxy, "pool_size"), "3");
    proxy->rewrite_settings({{"pool_size", "4"}});
    proxy->send_signal(SIGHUP);
    EXPECT_TRUE(wait_until([&] { return shown_setting(*proxy, "pool_size") == "4"; }));
}

TEST_F(lifecycle, AReloadedPoolSizeHoldsForThoseWhoWait) {
    auto proxy = start({{"pool_size", "1"}});
    auto holder = logged_in(proxy->port());
    holder.converse(wire::query("begin; select pg_advisory_xact_lock(91500)"));
    auto waiter = logged_in(proxy->port());
    waiter.send(wire::query("select pg_advisory_xact_lock(1)"));
    ASSERT_TRUE(
        wait_until([&] { return proxy->metric("pgweir_clients", "state=\"waiting\"") == 1; }));
    proxy->rewrite_settings({{"pool_size", "2"}});
    proxy->send_signal(SIGHUP);
    const auto messages = waiter.read_until_ready();
    EXPECT_EQ(letters(messages), "TDCZ") << sqlstate(messages);
}

TEST_F(lifecycle, NewUsersAreKnownAfterReload) {
    auto proxy = start();
    const auto file = proxy->directory() / "users.txt";
    shared_cluster().primary().must("drop role if exists added_later", "postgres");
    shared_cluster().primary().must("create role added_later login password 'later'", "postgres");
    EXPECT_TRUE(shared_cluster().wait_caught_up());
    EXPECT_FALSE(pg_connection(conninfo(proxy->port(), {"added_later", "later"})).connected());
    write_file(file, users_file() + "\"added_later\" \"later\"\n", 0600);
    proxy->send_signal(SIGHUP);
    EXPECT_TRUE(wait_until([&] {
        return pg_connection(conninfo(proxy->port(), {"added_later", "later"})).connected();
    }));
}

TEST_F(lifecycle, SigtermFinishesTransactionsAndTellsIdleClients) {
    auto proxy = start();
    auto busy = logged_in(proxy->port());
    auto idle = logged_in(proxy->port());
    busy.converse(wire::query("begin; create temporary table t (n int) on commit drop"));
    EXPECT_EQ(proxy->http("/readyz").status, 200);
    proxy->send_signal(SIGTERM);
    EXPECT_TRUE(wait_until([&] { return proxy->http("/readyz").status != 200; }));
    const auto farewell = idle.read_to_end();
    EXPECT_EQ(sqlstate(farewell), "57P01");
    EXPECT_TRUE(idle.at_end());
    EXPECT_EQ(letters(busy.converse(wire::query("select 1"))), "TDCZ");
    const auto end = busy.converse(wire::query("commit"));
    EXPECT_EQ(tags(end), std::vector<std::string>{"COMMIT"});
    EXPECT_TRUE(busy.closed_by_peer());
    EXPECT_EQ(proxy->wait_for_exit(10s), 0);
}

TEST_F(lifecycle, SigtermEndsAtTheLatestAfterShutdownTimeout) {
    auto proxy = start({{"shutdown_timeout", "500ms"}});
    auto busy = logged_in(proxy->port());
    busy.converse(wire::query("begin; create temporary table t (n int) on commit drop"));
    auto running = logged_in(proxy->port());
    running.send(wire::query("select pg_sleep(600)"));
    proxy->send_signal(SIGTERM);
    EXPECT_EQ(proxy->wait_for_exit(10s), 0);
    EXPECT_THAT(sqlstate(busy.read_to_end()), AnyOf("57P01", ""));
    EXPECT_TRUE(wait_until([] {
        return shared_cluster().primary().count_backends(
                   "state = 'active' and query like '%pg_sleep(600)%'") == 0;
    }));
}

TEST_F(lifecycle, WhileDrainingNewClientsAreRefused) {
    auto proxy = start();
    auto busy = logged_in(proxy->port());
    busy.converse(wire::query("begin; create temporary table t (n int) on commit drop"));
    proxy->send_signal(SIGTERM);
    ASSERT_TRUE(wait_until([&] { return proxy->http("/readyz").status != 200; }));
    EXPECT_FALSE(pg_connection(conninfo(proxy->port(), accounts::app)).connected());
    busy.converse(wire::query("commit"));
    EXPECT_EQ(proxy->wait_for_exit(10s), 0);
}

TEST_F(lifecycle, ForShutdownDelayAllGoesOnButReadiness) {
    auto proxy = start({{"shutdown_delay", "1h"}});
    auto before = logged_in(proxy->port());
    proxy->send_signal(SIGTERM);
    ASSERT_TRUE(wait_until([&] { return proxy->http("/readyz").status != 200; }));
    EXPECT_EQ(letters(before.converse(wire::query("select 1"))), "TDCZ");
    EXPECT_TRUE(pg_connection(conninfo(proxy->port(), accounts::app)).connected());
    proxy->send_signal(SIGTERM);
    EXPECT_EQ(proxy->wait_for_exit(10s), 0);
}

TEST_F(lifecycle, ALoginThatEndsWhileDrainingIsToldTheSame) {
    auto proxy = start();
    wire_client late{proxy->port()};
    late.send(wire::startup({{"user", accounts::app.name}, {"database", "app"}}));
    pollfd asked{late.descriptor(), POLLIN, 0};
    ASSERT_EQ(::poll(&asked, 1, 15'000), 1) << "no authentication request";
    proxy->send_signal(SIGTERM);
    ASSERT_TRUE(wait_until([&] { return proxy->http("/readyz").status != 200; }));
    EXPECT_FALSE(late.authenticate(accounts::app).has_value());
    EXPECT_EQ(sqlstate(late.read_to_end()), "57P01");
    EXPECT_EQ(proxy->wait_for_exit(5s), 0) << "it waited for an idle client";
}

TEST_F(lifecycle, ASecondSigtermStopsAtOnce) {
    auto proxy = start();
    auto busy = logged_in(proxy->port());
    busy.converse(wire::query("begin; create temporary table t (n int) on commit drop"));
    proxy->send_signal(SIGTERM);
    ASSERT_TRUE(wait_until([&] { return proxy->http("/readyz").status != 200; }));
    proxy->send_signal(SIGTERM);
    EXPECT_EQ(proxy->wait_for_exit(3s), 0);
    EXPECT_EQ(sqlstate(busy.read_to_end()), "57P01");
    const auto log = proxy->log();
    EXPECT_EQ(log.find("mode=drain"), log.rfind("mode=drain")) << "one end, not two";
    EXPECT_EQ(log.find("mode=now"), log.rfind("mode=now"));
}

TEST_F(lifecycle, StartsWithNoServerAndServesWhenOneAppears) {
    cluster_options small;
    small.standbys = 0;
    postgres_cluster own{small};
    own.primary().stop();
    pgweir_options options;
    options.wait_until_ready = false;
    const pgweir_process proxy{own.addresses(), options};
    EXPECT_EQ(proxy.http("/livez").status, 200);
    EXPECT_NE(proxy.http("/readyz").status, 200);
    own.primary().start();
    EXPECT_TRUE(wait_until([&] { return proxy.http("/readyz").status == 200; }));
    pg_connection session{conninfo(proxy.port(), accounts::app)};
    ASSERT_TRUE(session.connected()) << session.error();
    EXPECT_EQ(session.value("select 1"), "1");
}

TEST_F(lifecycle, WrongSettingsStopTheStartAndSayWhere) {
    const auto nodes = "nodes = \"127.0.0.1:1\"\nport = 0\nhttp_port = 0\n";
    for (const auto& [line, word] : std::map<std::string, std::string>{
             {"pool_size = \"many\"", "pool_size"},
             {"pool_size = -1", "pool_size"},
             {"no_such_setting = 1", "no_such_setting"},
             {"pool_mode = \"sometimes\"", "transaction"},
             {"queue_timeout = 5", "queue_timeout"},
             {"users_file = \"/nonexistent/users\"", "/nonexistent/users"},
             {"client_tls_sslmode = \"require\"", "client_tls"},
             {"this is not toml", "pgweir.toml"}}) {
        SCOPED_TRACE(line);
        const auto result = run_pgweir(nodes + line + "\n");
        EXPECT_EQ(result.exit_code, 2) << result.output;
        EXPECT_THAT(result.output, HasSubstr(word));
        if (line.find("users_file") == std::string::npos &&
            line.find("client_tls") == std::string::npos)
            EXPECT_THAT(result.output, HasSubstr("4")) << "the line's number";
    }
}

TEST_F(lifecycle, APortThatIsTakenStopsTheStart) {
    const tcp_gate taken{1};
    const auto result = run_pgweir("nodes = \"127.0.0.1:1\"\nlisten_address = \"127.0.0.1\"\n"
                                   "auth_method = \"trust\"\nhttp_port = 0\nport = " +
                                   std::to_string(taken.port()) + "\n");
    EXPECT_NE(result.exit_code, 0);
    EXPECT_THAT(result.output, HasSubstr(std::to_string(taken.port())));
}

} // namespace
} // namespace pgweir::test
