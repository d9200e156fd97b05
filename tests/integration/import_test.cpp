// `pgweir import`: a configuration of pgpool or PgBouncer, and pgweir started with what it prints.
#include "tests/support/proxied_test.hpp"

#include <fstream>

namespace pgweir::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class import_command : public ::testing::Test {
protected:
    void SetUp() override { PGWEIR_ONLY(); }

    [[nodiscard]] std::string path(const std::string& name) const {
        return (directory_.path() / name).string();
    }
    /// What it says on standard error; the settings are in pgweir.toml then.
    [[nodiscard]] command_result import(const std::string& name) const {
        const auto command = pgweir_process::binary().string() + " import " + path(name) + " 2>" +
                             path("said") + " >" + path("pgweir.toml");
        auto result = run_command({"bash", "-c", command});
        result.output = read_file(path("said"));
        return result;
    }
    [[nodiscard]] child_process start() const {
        spawn_options options;
        options.log_file = path("log");
        return child_process{{pgweir_process::binary().string(), "--config", path("pgweir.toml"),
                              "--set", "http_address="},
                             options};
    }
    [[nodiscard]] std::string
    answer(int port, const account& who, const std::string& sql = "select current_user") const {
        pg_connection session{conninfo(port, who, "app")};
        return session.connected() ? session.value(sql) : session.error();
    }

    temp_directory directory_{"import"};
};

TEST_F(import_command, AnswersClientsAsPgpoolWasToldTo) {
    const auto port = free_port();
    std::string text = "# pgpool\nbackend_clustering_mode = 'streaming_replication'\n"
                       "listen_addresses = '127.0.0.1'\nport = " +
                       std::to_string(port) + "\nunix_socket_directories = ''\n";
    int number = 0;
    for (const auto& node : shared_cluster().nodes()) {
        const auto id = std::to_string(number++);
        const auto& address = node->address();
        const auto colon = address.rfind(':');
        text += "backend_hostname" + id + " = '" + address.substr(0, colon) + "'\nbackend_port" +
                id + " = " + address.substr(colon + 1) + "\n";
    }
    text += "sr_check_user = '" + accounts::monitor.name + "'\nsr_check_password = '" +
            accounts::monitor.password + "'\nload_balance_mode = off\nuse_watchdog = on\n" +
            "child_life_time = 5min\nno_such_parameter = 1\n";
    write_file(path("pgpool.conf"), text);
    write_file(path("pool_passwd"), accounts::app.name + ":TEXT" + accounts::app.password + "\n");
    const auto imported = import("pgpool.conf");
    EXPECT_EQ(imported.exit_code, 0);
    EXPECT_THAT(imported.output, HasSubstr("use_watchdog has no effect: there is no virtual"));
    EXPECT_THAT(imported.output, HasSubstr("no_such_parameter is no parameter of pgpool"));
    EXPECT_THAT(imported.output, Not(HasSubstr("child_life_time"))) << "a comment in the file";
    EXPECT_THAT(imported.output, Not(HasSubstr(accounts::monitor.password)));
    EXPECT_THAT(read_file(path("pgweir.toml")), HasSubstr("child_life_time has no meaning here"));

    const auto pgweir = start();
    EXPECT_TRUE(wait_until([&] { return answer(port, accounts::app) == accounts::app.name; }))
        << read_file(path("log"));
    pg_connection session{conninfo(port, accounts::app, "app")};
    EXPECT_EQ(session.value("select pg_is_in_recovery()"), "f");
    EXPECT_THAT(answer(port, accounts::other), HasSubstr("authentication failed"));
}

TEST_F(import_command, AnswersClientsAsPgbouncerWasToldTo) {
    const auto port = free_port();
    std::string hosts;
    std::string databases;
    int number = 0;
    for (const auto& node : shared_cluster().nodes()) {
        const auto& address = node->address();
        const auto colon = address.rfind(':');
        databases += (number++ == 0 ? "app" : "app" + std::to_string(number)) +
                     " = host=" + address.substr(0, colon) + " port=" + address.substr(colon + 1) +
                     "\n";
    }
    write_file(path("pgbouncer.ini"),
               "[databases]\n" + databases +
                   "[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = " + std::to_string(port) +
                   "\nunix_socket_dir =\nauth_type = scram-sha-256\n" +
                   "auth_file = " + path("userlist.txt") + "\npool_mode = transaction\n");
    write_file(path("userlist.txt"), users_file());
    const auto imported = import("pgbouncer.ini");
    EXPECT_EQ(imported.exit_code, 0) << imported.output;
    // The monitor's login is nothing that PgBouncer knows of.
    std::ofstream{path("extra")} << "monitor_user = \"" << accounts::monitor.name
                                 << "\"\nmonitor_password = \"" << accounts::monitor.password
                                 << "\"\n";
    write_file(path("pgweir.toml"), read_file(path("extra")) + read_file(path("pgweir.toml")));
    const auto pgweir = start();
    EXPECT_TRUE(wait_until([&] { return answer(port, accounts::app) == accounts::app.name; }))
        << read_file(path("log"));
    EXPECT_EQ(answer(port, accounts::other), accounts::other.name);
}

TEST_F(import_command, WhatCannotBeDoneIsRefused) {
    write_file(path("pgpool.conf"), "backend_clustering_mode = 'snapshot_isolation'\n");
    const auto imported = import("pgpool.conf");
    EXPECT_EQ(imported.exit_code, 2);
    EXPECT_THAT(imported.output, HasSubstr("is snapshot_isolation, which pgweir does not do"));
    EXPECT_EQ(read_file(path("pgweir.toml")), "");
    EXPECT_EQ(import("nothing.conf").exit_code, 2);
    write_file(path("c.conf"), "[pgbouncer]\nlisten_port = 1\n");
    const auto forced = run_command(
        {pgweir_process::binary().string(), "import", path("c.conf"), "--from", "pgpool"});
    EXPECT_EQ(forced.exit_code, 2) << "that is no pgpool.conf";
    EXPECT_EQ(import("c.conf").exit_code, 0);
}

} // namespace
} // namespace pgweir::test
