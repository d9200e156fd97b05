// Replication connections pass through 1:1: PostgreSQL's own tools, limits, and their end.
#include "tests/support/proxied_test.hpp"

#include <csignal>
#include <cstdlib>
#include <filesystem>

namespace pgweir::test {
namespace {

using ::testing::HasSubstr;

class replication : public ::testing::Test {
protected:
    static void SetUpTestSuite() {
        cluster_options options;
        options.standbys = 1;
        options.settings["wal_level"] = "logical";
        cluster_ = std::make_unique<postgres_cluster>(options);
        cluster_->primary().must("alter role other replication");
    }
    static void TearDownTestSuite() { cluster_.reset(); }
    void SetUp() override { PGWEIR_ONLY(); }
    void TearDown() override {
        if (!proxy_) return;
        proxy_->expect_clean_log();
        proxy_.reset();
    }

    void start(const settings_map& settings = {}) {
        pgweir_options options;
        options.settings = settings;
        proxy_ = std::make_unique<pgweir_process>(cluster_->addresses(), options);
    }
    static postgres_node& primary() { return cluster_->primary(); }
    static std::string tool(const std::string& name) {
        const char* directory = std::getenv("PGWEIR_TEST_PG_BIN");
        return std::string{directory != nullptr ? directory : "/usr/lib/postgresql/15/bin"} + "/" +
               name;
    }
    spawn_options environment(const account& who) const {
        spawn_options options;
        options.environment = {{"PGHOST", "127.0.0.1"},
                               {"PGPORT", std::to_string(proxy_->port())},
                               {"PGUSER", who.name},
                               {"PGPASSWORD", who.password}};
        return options;
    }
    pg_connection connect(const std::string& mode, const account& who = copies) const {
        return pg_connection{conninfo(proxy_->port(), who, "app", "replication=" + mode)};
    }
    double replicating() const { return proxy_->metric("pgweir_clients", "state=\"replication\""); }
    static int senders() {
        return std::stoi(primary().value("select count(*) from pg_stat_activity where backend_type "
                                         "= 'walsender' and usename = 'other'"));
    }

    static inline const account copies = accounts::other;
    static std::unique_ptr<postgres_cluster> cluster_;
    std::unique_ptr<pgweir_process> proxy_;
};

std::unique_ptr<postgres_cluster> replication::cluster_;

TEST_F(replication, PgBasebackupWithItsWalStreamed) {
    start();
    const temp_directory target{"basebackup"};
    const auto data = target.path() / "data";
    const auto made = run_command(
        {tool("pg_basebackup"), "-D", data, "-X", "stream", "--no-sync", "--checkpoint=fast"},
        environment(copies));
    EXPECT_EQ(made.exit_code, 0) << made.output;
    EXPECT_TRUE(std::filesystem::exists(data / "PG_VERSION"));
    const auto verified =
        run_command({tool("pg_verifybackup"), data.string()}, environment(copies));
    EXPECT_EQ(verified.exit_code, 0) << verified.output;
    EXPECT_TRUE(wait_until([&] { return senders() == 0 && replicating() == 0; }));
}

TEST_F(replication, PgReceivewalUntilItIsToldToStop) {
    start();
    const temp_directory target{"receivewal"};
    auto options = environment(copies);
    options.log_file = target.path() / "log";
    child_process receiver{{tool("pg_receivewal"), "-D", target.path(), "--no-loop"}, options};
    ASSERT_TRUE(wait_until([&] { return senders() == 1; })) << read_file(options.log_file);
    EXPECT_EQ(replicating(), 1);
    primary().must("create table if not exists filler (n int); insert into filler select "
                   "generate_series(1, 10000); select pg_switch_wal()");
    const auto segments = [&] {
        int whole = 0;
        for (const auto& entry : std::filesystem::directory_iterator{target.path()})
            if (entry.path().filename().string().size() == 24) ++whole;
        return whole;
    };
    EXPECT_TRUE(wait_until([&] { return segments() >= 1; }));
    receiver.send_signal(SIGINT);
    EXPECT_EQ(receiver.wait_for_exit(10s), 0) << read_file(options.log_file);
    EXPECT_TRUE(wait_until([&] { return senders() == 0 && replicating() == 0; }));
}

TEST_F(replication, PgRecvlogicalSeesWhatIsCommitted) {
    start();
    const temp_directory target{"recvlogical"};
    const auto file = target.path() / "changes";
    const auto arguments = [&](std::vector<std::string> more) {
        std::vector<std::string> all{tool("pg_recvlogical"), "-d", "app", "--slot", "through"};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    };
    const auto created =
        run_command(arguments({"--create-slot", "-P", "test_decoding"}), environment(copies));
    ASSERT_EQ(created.exit_code, 0) << created.output;
    primary().must("create table if not exists decoded (n int)");
    auto options = environment(copies);
    options.log_file = target.path() / "log";
    child_process receiver{arguments({"--start", "-f", file, "-F", "1", "--no-loop"}), options};
    pg_connection writer{conninfo(proxy_->port(), accounts::superuser)};
    writer.must("insert into decoded values (4711)");
    EXPECT_TRUE(wait_until([&] {
        return std::filesystem::exists(file) && read_file(file).find("4711") != std::string::npos;
    })) << read_file(options.log_file);
    receiver.send_signal(SIGINT);
    EXPECT_EQ(receiver.wait_for_exit(10s), 0) << read_file(options.log_file);
    const auto dropped = run_command(arguments({"--drop-slot"}), environment(copies));
    EXPECT_EQ(dropped.exit_code, 0) << dropped.output;
}

TEST_F(replication, CommandsAndSqlOverConnectionsOfTheirOwn) {
    start({{"pool_size", "2"}});
    auto logical = connect("database");
    ASSERT_TRUE(logical.connected()) << logical.error();
    EXPECT_EQ(logical.exec("IDENTIFY_SYSTEM").value(0, "dbname"), "app");
    EXPECT_EQ(logical.value("select pg_is_in_recovery()"), "f") << "the primary";
    auto physical = connect("true");
    ASSERT_TRUE(physical.connected()) << physical.error();
    EXPECT_EQ(physical.exec("IDENTIFY_SYSTEM").rows(), 1);
    EXPECT_NE(logical.backend_pid(), physical.backend_pid());
    EXPECT_EQ(replicating(), 2);
    EXPECT_EQ(senders(), 2);

    pg_connection admin{conninfo(proxy_->port(), accounts::superuser, "pgweir")};
    const auto clients = admin.exec("show clients");
    int shown = 0;
    for (int row = 0; row < clients.rows(); ++row)
        if (clients.value(row, "replication") != "none") ++shown;
    EXPECT_EQ(shown, 2);
    const auto servers = admin.exec("show servers");
    std::string kinds;
    for (int row = 0; row < servers.rows(); ++row)
        if (servers.value(row, "replication") != "none")
            kinds += servers.value(row, "database") + ";";
    EXPECT_THAT(kinds, HasSubstr("app (replication);"));

    // A cancel request finds its server, and KILL ends both sides.
    logical.send("select pg_sleep(60)");
    ASSERT_TRUE(wait_until([] {
        return primary().value("select count(*) from pg_stat_activity where state = 'active' and "
                               "usename = 'other' and query like '%pg_sleep(60)%'") == "1";
    }));
    EXPECT_TRUE(logical.cancel());
    EXPECT_EQ(logical.next_result()->sqlstate(), "57014");
    while (logical.next_result()) {
    }
    EXPECT_TRUE(admin.exec("kill_client " + std::to_string(logical.backend_pid())).ok());
    EXPECT_FALSE(logical.exec("IDENTIFY_SYSTEM").ok());
    physical.close();
    EXPECT_TRUE(wait_until([&] { return senders() == 0 && replicating() == 0; }));
}

TEST_F(replication, RefusalsAreTheServersOwnOrNameTheLimit) {
    start({{"pool_size", "1"}, {"queue_timeout", "2s"}});
    auto unfit = connect("database", accounts::app);
    EXPECT_FALSE(unfit.connected());
    EXPECT_THAT(unfit.error(), HasSubstr("replication role"));
    auto wrong = connect("perhaps");
    EXPECT_THAT(wrong.error(), HasSubstr("invalid value for parameter \"replication\""));
    auto stranger = connect("true", {"other", "wrong"});
    EXPECT_THAT(stranger.error(), HasSubstr("password authentication failed"));
    EXPECT_TRUE(connect("false", accounts::app).exec("select 1").ok()) << "an ordinary session";
    auto only = connect("true");
    ASSERT_TRUE(only.connected()) << only.error();
    auto second = connect("true");
    EXPECT_THAT(second.error(), HasSubstr("queue_timeout"));
    pg_connection ordinary{conninfo(proxy_->port(), accounts::superuser)};
    EXPECT_EQ(ordinary.value("select 1"), "1");
    only.close();
    EXPECT_TRUE(wait_until([&] { return connect("true").connected(); }));
}

TEST_F(replication, AVanishedServerOrClientTakesTheOtherSideWithIt) {
    start();
    auto client = logged_in(proxy_->port(), copies, "app", {{"replication", "database"}});
    EXPECT_EQ(senders(), 1);
    primary().must("select pg_terminate_backend(pid) from pg_stat_activity where usename = "
                   "'other'");
    EXPECT_EQ(sqlstate(client.read_to_end()), "57P01") << "in the server's words";
    EXPECT_TRUE(wait_until([&] { return replicating() == 0; }));
    auto vanishing = logged_in(proxy_->port(), copies, "app", {{"replication", "database"}});
    EXPECT_EQ(senders(), 1);
    vanishing.reset();
    EXPECT_TRUE(wait_until([&] { return senders() == 0 && replicating() == 0; }));
}

TEST_F(replication, DrainingLeavesItTimeUntilShutdownTimeout) {
    start({{"shutdown_timeout", "1500ms"}});
    auto client = logged_in(proxy_->port(), copies, "app", {{"replication", "database"}});
    proxy_->send_signal(SIGTERM);
    ASSERT_TRUE(wait_until([&] { return proxy_->http("/readyz").status != 200; }));
    EXPECT_EQ(letters(client.converse(wire::query("IDENTIFY_SYSTEM"))), "TDCZ");
    EXPECT_EQ(sqlstate(client.read_to_end()), "57P01");
    EXPECT_EQ(proxy_->wait_for_exit(10s), 0);
    EXPECT_TRUE(wait_until([&] { return senders() == 0; }));
}

} // namespace
} // namespace pgweir::test
