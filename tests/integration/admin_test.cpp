// The admin database and its words.
#include "tests/support/proxied_test.hpp"

#include <csignal>

namespace pgweir::test {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

class admin : public ::testing::Test {
protected:
    void SetUp() override {
        PGWEIR_ONLY();
        if (!proxy_)
            proxy_ =
                std::make_unique<pgweir_process>(shared_cluster().addresses(), pgweir_options{});
        console_ = std::make_unique<pg_connection>(
            conninfo(proxy_->port(), accounts::superuser, "pgweir"));
        ASSERT_TRUE(console_->connected()) << console_->error();
    }
    void TearDown() override {
        if (proxy_) EXPECT_TRUE(proxy_->running()) << proxy_->log();
    }
    static void TearDownTestSuite() { proxy_.reset(); }

    static std::vector<std::string> columns_of(const pg_result& result) {
        std::vector<std::string> names;
        for (int column = 0; column < result.columns(); ++column)
            names.push_back(result.column_name(column));
        return names;
    }
    pg_result show(const std::string& what) { return console_->exec("show " + what); }

    static std::unique_ptr<pgweir_process> proxy_;
    std::unique_ptr<pg_connection> console_;
};

std::unique_ptr<pgweir_process> admin::proxy_;

TEST_F(admin, ShowPoolsCountsClientsAndServers) {
    auto busy = logged_in(proxy_->port());
    busy.converse(wire::query("begin; create temporary table t (n int) on commit drop"));
    const auto pools = show("pools");
    ASSERT_TRUE(pools.ok()) << pools.message();
    for (const char* name : {"database", "user", "cl_active", "cl_waiting", "sv_active", "sv_idle",
                             "maxwait", "pool_mode"})
        EXPECT_THAT(columns_of(pools), ::testing::Contains(name));
    int active = 0;
    for (int row = 0; row < pools.rows(); ++row)
        if (pools.value(row, "database") == "app" && pools.value(row, "user") == "app")
            active += std::stoi(pools.value(row, "sv_active"));
    EXPECT_EQ(active, 1);
    busy.converse(wire::query("commit"));
}

TEST_F(admin, ShowClientsAndServersNameThem) {
    auto client =
        logged_in(proxy_->port(), accounts::app, "app", {{"application_name", "shown in admin"}});
    client.converse(wire::query("create table if not exists pausing (n int)"));
    client.converse(wire::query("begin"));
    client.converse(wire::query("insert into pausing values (1)"));
    const auto clients = show("clients");
    ASSERT_TRUE(clients.ok()) << clients.message();
    bool found = false;
    for (int row = 0; row < clients.rows(); ++row)
        found = found ||
                (clients.value(row, "user") == "app" && clients.value(row, "database") == "app" &&
                 clients.value(row, "application_name") == "shown in admin");
    EXPECT_TRUE(found);
    const auto servers = show("servers");
    ASSERT_TRUE(servers.ok()) << servers.message();
    EXPECT_GE(servers.rows(), 1);
    EXPECT_THAT(columns_of(servers),
                AllOf(::testing::Contains("user"), ::testing::Contains("state"),
                      ::testing::Contains("port")));
    client.converse(wire::query("commit"));
}

TEST_F(admin, ShowNodesTellsRolesAndStates) {
    const auto nodes = show("nodes");
    ASSERT_TRUE(nodes.ok()) << nodes.message();
    ASSERT_EQ(nodes.rows(), 3);
    std::string text;
    for (int row = 0; row < nodes.rows(); ++row)
        for (int column = 0; column < nodes.columns(); ++column)
            text += nodes.value(row, column) + " ";
    EXPECT_THAT(text, AllOf(HasSubstr("primary"), HasSubstr("standby"), HasSubstr("up")));
}

TEST_F(admin, ShowConfigHidesSecrets) {
    const auto config = show("config");
    ASSERT_TRUE(config.ok()) << config.message();
    std::string text;
    for (int row = 0; row < config.rows(); ++row)
        for (int column = 0; column < config.columns(); ++column)
            text += config.value(row, column) + "\n";
    EXPECT_THAT(text, AllOf(HasSubstr("pool_size"), HasSubstr("monitor_password")));
    EXPECT_THAT(text, Not(HasSubstr(accounts::monitor.password)));
}

TEST_F(admin, ReloadReadsTheFile) {
    proxy_->rewrite_settings({{"queue_size", "4321"}});
    EXPECT_TRUE(console_->exec("reload").ok());
    EXPECT_TRUE(wait_until([&] {
        const auto config = show("config");
        for (int row = 0; row < config.rows(); ++row)
            if (config.value(row, 0) == "queue_size") return config.value(row, 1) == "4321";
        return false;
    }));
}

TEST_F(admin, PauseHoldsNewWorkAndResumeLetsItGo) {
    auto client = logged_in(proxy_->port());
    client.converse(wire::query("select 1"));
    const auto paused = console_->exec("pause");
    ASSERT_TRUE(paused.ok()) << paused.message();
    client.send(wire::query("select 2"));
    EXPECT_TRUE(client.silent_for(300ms));
    ASSERT_TRUE(console_->exec("resume").ok());
    EXPECT_EQ(letters(client.read_until_ready()), "TDCZ");
}

TEST_F(admin, PauseWaitsForTransactionsToEnd) {
    auto client = logged_in(proxy_->port());
    client.converse(wire::query("create table if not exists pausing (n int)"));
    client.converse(wire::query("begin"));
    client.converse(wire::query("insert into pausing values (1)"));
    console_->send("pause");
    EXPECT_EQ(letters(client.converse(wire::query("select 1"))), "TDCZ")
        << "a transaction under way goes on";
    client.converse(wire::query("commit"));
    while (auto result = console_->next_result())
        EXPECT_TRUE(result->ok()) << result->message();
    ASSERT_TRUE(console_->exec("resume").ok());
}

TEST_F(admin, DetachTakesANodeOutOfUseAndAttachBringsItBack) {
    const auto status_of = [&](int row) {
        const auto nodes = show("nodes");
        std::string text;
        for (int column = 0; column < nodes.columns(); ++column)
            text += nodes.value(row, column) + " ";
        return text;
    };
    const auto standby = shared_cluster().standby(0).address();
    ASSERT_TRUE(console_->exec("detach '" + standby + "'").ok()) << console_->error();
    EXPECT_TRUE(wait_until([&] {
        return shared_cluster().standby(0).count_backends(
                   "datname = 'app' and application_name not like 'pgweir %'") == 0;
    }));
    EXPECT_THAT(status_of(1) + status_of(0) + status_of(2), HasSubstr("detached"));
    pg_connection session{conninfo(proxy_->port(), accounts::app)};
    for (int round = 0; round < 20; ++round)
        session.must("select 1");
    EXPECT_EQ(shared_cluster().standby(0).count_backends(
                  "datname = 'app' and application_name not like 'pgweir %'"),
              0);
    ASSERT_TRUE(console_->exec("attach '" + standby + "'").ok());
    EXPECT_TRUE(wait_until([&] {
        session.must("select 1");
        return shared_cluster().standby(0).count_backends(
                   "datname = 'app' and application_name not like 'pgweir %'") > 0;
    }));
}

TEST_F(admin, DrainLetsWorkUnderWayEndFirst) {
    const auto standby = shared_cluster().standby(1).address();
    ASSERT_TRUE(console_->exec("drain '" + standby + "'").ok()) << console_->error();
    EXPECT_TRUE(wait_until([&] {
        return shared_cluster().standby(1).count_backends(
                   "datname = 'app' and application_name not like 'pgweir %'") == 0;
    }));
    ASSERT_TRUE(console_->exec("attach '" + standby + "'").ok());
}

TEST_F(admin, UnknownWordsAreErrorsAndTheConsoleGoesOn) {
    EXPECT_EQ(console_->exec("make coffee").sqlstate(), "42601");
    EXPECT_EQ(console_->exec("show me").ok(), false);
    EXPECT_TRUE(show("pools").ok());
    EXPECT_FALSE(console_->exec("detach 'no.such.node:1'").ok());
}

TEST_F(admin, OrdinaryUsersMayNotEnter) {
    const pg_connection other{conninfo(proxy_->port(), accounts::app, "pgweir")};
    EXPECT_FALSE(other.connected());
    EXPECT_THAT(other.error(), Not(HasSubstr("does not exist")));
}

TEST_F(admin, TheConsoleTakesNoServerConnection) {
    const auto before = shared_cluster().primary().count_backends("usename = 'postgres'");
    for (int round = 0; round < 5; ++round)
        show("pools");
    EXPECT_LE(shared_cluster().primary().count_backends("usename = 'postgres'"), before);
}

TEST_F(admin, AfterReconnectNewConnectionsAreSharedByAllWorkers) {
    pgweir_options options;
    options.settings = {{"pool_size", "1"}, {"workers", "2"}};
    const pgweir_process proxy{shared_cluster().addresses(), options};
    const auto pid = [&] {
        pg_connection session{conninfo(proxy.port(), accounts::app)};
        return session.value("select pg_backend_pid() from pg_export_snapshot()");
    };
    const auto before = pid();
    pg_connection console{conninfo(proxy.port(), accounts::superuser, "pgweir")};
    ASSERT_TRUE(console.exec("reconnect").ok());
    const auto after = pid();
    EXPECT_NE(after, before);
    // Also by a worker whose share of the pool is made only now.
    for (int round = 0; round < 20; ++round)
        EXPECT_EQ(pid(), after);
}

} // namespace
} // namespace pgweir::test
