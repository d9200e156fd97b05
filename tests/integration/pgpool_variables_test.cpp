// PGPOOL_* variables of the widely used image, each with the effect it promises.
#include "tests/support/certificates.hpp"
#include "tests/support/ldap_server.hpp"
#include "tests/support/proxied_test.hpp"

namespace pgweir::test {
namespace {

using ::testing::HasSubstr;

class pgpool_variables : public ::testing::Test {
protected:
    using variables = std::map<std::string, std::string>;

    void SetUp() override { PGWEIR_ONLY(); }

    /// What a manifest of that image has at least: nodes as "number:host:port", users, checks.
    static variables basic() {
        std::string nodes;
        int number = 0;
        for (const auto& node : shared_cluster().nodes())
            nodes += std::to_string(number++) + ":" + node->address() + ",";
        return {{"PGPOOL_BACKEND_NODES", nodes}, // the chart leaves a comma at the end
                {"PGPOOL_SR_CHECK_USER", accounts::monitor.name},
                {"PGPOOL_SR_CHECK_PASSWORD", accounts::monitor.password},
                {"PGPOOL_POSTGRES_USERNAME", accounts::superuser.name},
                {"PGPOOL_POSTGRES_PASSWORD", accounts::superuser.password},
                {"PGPOOL_ADMIN_USERNAME", "admin"},
                {"PGPOOL_ADMIN_PASSWORD", "admin-secret"}};
    }
    static std::unique_ptr<pgweir_process> start(variables environment) {
        pgweir_options options;
        options.environment = std::move(environment);
        options.write_users_file = false;
        for (const char* name : {"users_file", "monitor_user", "monitor_password",
                                 "monitor_database", "admin_users", "pool_size"})
            options.settings[name] = "";
        return std::make_unique<pgweir_process>("", options);
    }
    static std::string
    answer(const pgweir_process& proxy, const account& who, const std::string& sql = "select 1") {
        pg_connection session{conninfo(proxy.port(), who, "postgres")};
        return session.connected() ? session.value(sql) : session.error();
    }
};

TEST_F(pgpool_variables, NodesChecksAndThePostgresUserAreEnough) {
    const auto proxy = start(basic());
    EXPECT_EQ(answer(*proxy, accounts::superuser), "1");
    EXPECT_THAT(answer(*proxy, {"postgres", "wrong"}), HasSubstr("authentication failed"));
}

TEST_F(pgpool_variables, CustomUsersAndTheirPasswords) {
    auto environment = basic();
    environment["PGPOOL_POSTGRES_CUSTOM_USERS"] = "other,app_md5";
    environment["PGPOOL_POSTGRES_CUSTOM_PASSWORDS"] = "other-secret,md5-secret";
    const auto proxy = start(environment);
    EXPECT_EQ(answer(*proxy, accounts::other, "select current_user"), "other");
    EXPECT_EQ(answer(*proxy, accounts::md5_user, "select current_user"), "app_md5");
}

TEST_F(pgpool_variables, PasswordsMayComeFromFiles) {
    const temp_directory directory{"secrets"};
    write_file(directory.path() / "postgres", accounts::superuser.password + "\n");
    write_file(directory.path() / "check", accounts::monitor.password);
    auto environment = basic();
    environment.erase("PGPOOL_POSTGRES_PASSWORD");
    environment.erase("PGPOOL_SR_CHECK_PASSWORD");
    environment["PGPOOL_POSTGRES_PASSWORD_FILE"] = (directory.path() / "postgres").string();
    environment["PGPOOL_SR_CHECK_PASSWORD_FILE"] = (directory.path() / "check").string();
    const auto proxy = start(environment);
    EXPECT_EQ(answer(*proxy, accounts::superuser), "1");
}

TEST_F(pgpool_variables, HealthCheckUserServesWhereNoSrCheckUserIsGiven) {
    auto environment = basic();
    environment.erase("PGPOOL_SR_CHECK_USER");
    environment.erase("PGPOOL_SR_CHECK_PASSWORD");
    environment["PGPOOL_HEALTH_CHECK_USER"] = accounts::monitor.name;
    environment["PGPOOL_HEALTH_CHECK_PASSWORD"] = accounts::monitor.password;
    EXPECT_EQ(answer(*start(environment), accounts::superuser), "1");
}

TEST_F(pgpool_variables, NumInitChildrenLimitsClients) {
    auto environment = basic();
    environment["PGPOOL_NUM_INIT_CHILDREN"] = "3";
    environment["PGPOOL_MAX_POOL"] = "2";
    environment["PGPOOL_RESERVED_CONNECTIONS"] = "1";
    const auto proxy = start(environment);
    const auto first = logged_in(proxy->port(), accounts::superuser, "postgres");
    const auto second = logged_in(proxy->port(), accounts::superuser, "postgres");
    EXPECT_THAT(answer(*proxy, accounts::superuser), HasSubstr("FATAL"));
}

TEST_F(pgpool_variables, AuthenticationMethodIsTheClientsMethod) {
    for (const auto& [method, request] :
         std::map<std::string, std::int32_t>{{"md5", 5}, {"scram-sha-256", 10}, {"trust", 10}}) {
        auto environment = basic();
        environment["PGPOOL_AUTHENTICATION_METHOD"] = method;
        const auto proxy = start(environment);
        wire_client client{proxy->port()};
        client.send(wire::startup({{"user", "postgres"}, {"database", "postgres"}}));
        const auto message = client.read();
        ASSERT_TRUE(message && message->type == 'R') << method;
        EXPECT_EQ(read_int32(message->body, 0), request) << method;
        if (method != "trust") continue;
        // Whoever it is but the superuser.
        wire_client other{proxy->port()};
        other.send(wire::startup({{"user", "app"}, {"database", "app"}}));
        const auto welcome = other.read();
        ASSERT_TRUE(welcome && welcome->type == 'R');
        EXPECT_EQ(read_int32(welcome->body, 0), 0);
    }
}

TEST_F(pgpool_variables, TheUsersHbaFileSaysWhoComesIn) {
    const temp_directory directory{"hba"};
    write_file(directory.path() / "pool_hba.conf",
               "# type database user address method\n"
               "host all app 127.0.0.1/32 reject\nhost all all 0.0.0.0/0 md5\n",
               0600);
    auto environment = basic();
    environment["PGPOOL_USER_HBA_FILE"] = (directory.path() / "pool_hba.conf").string();
    const auto proxy = start(environment);
    EXPECT_EQ(answer(*proxy, accounts::superuser), "1");
    EXPECT_THAT(answer(*proxy, accounts::app), HasSubstr("pg_hba.conf rejects connection"));
}

TEST_F(pgpool_variables, LdapIsAskedForAllButTheSuperuser) {
    if (!ldap_server::is_installed()) GTEST_SKIP() << "slapd is not installed";
    const ldap_server directory;
    auto environment = basic();
    environment["PGPOOL_ENABLE_LDAP"] = "yes";
    environment["LDAP_URI"] = "ldap://127.0.0.1:" + std::to_string(directory.port());
    environment["LDAP_BASE"] = ldap_server::people;
    environment["LDAP_BIND_DN"] = ldap_server::reader;
    environment["LDAP_BIND_PASSWORD"] = "reader-secret";
    const auto proxy = start(environment);
    EXPECT_EQ(answer(*proxy, accounts::superuser), "1");
    EXPECT_EQ(answer(*proxy, {"app_plain", "plain-secret"}, "select current_user"), "app_plain");
    EXPECT_THAT(answer(*proxy, {"app_plain", "wrong"}), HasSubstr("LDAP authentication failed"));
    EXPECT_THAT(answer(*proxy, accounts::other), HasSubstr("LDAP authentication failed"))
        << "the servers know it, the directory does not";
}

TEST_F(pgpool_variables, AnAuthorityLetsInWhomItsCertificateNames) {
    const temp_directory directory{"certificates"};
    make_certificates(directory.path());
    make_client_certificate(directory.path(), "boss", "postgres");
    auto environment = basic();
    environment["PGPOOL_ENABLE_TLS"] = "yes";
    environment["PGPOOL_TLS_CERT_FILE"] = (directory.path() / "server.crt").string();
    environment["PGPOOL_TLS_KEY_FILE"] = (directory.path() / "server.key").string();
    environment["PGPOOL_TLS_CA_FILE"] = (directory.path() / "ca.crt").string();
    const auto proxy = start(environment);
    const auto come = [&](const std::string& certificate) {
        const auto base = (directory.path() / certificate).string();
        const pg_connection session{
            conninfo(proxy->port(), {"postgres", ""}, "postgres",
                     "sslmode=require sslcert=" + base + ".crt sslkey=" + base + ".key")};
        return session.connected() ? "in" : session.error();
    };
    EXPECT_EQ(come("boss"), "in");
    EXPECT_THAT(come("client"), HasSubstr("certificate authentication failed"));
    EXPECT_THAT(come("none"), HasSubstr("requires a valid client certificate"));
    EXPECT_EQ(answer(*proxy, accounts::superuser), "1") << "without TLS a password is enough";
}

TEST_F(pgpool_variables, LoadBalancingCanBeSwitchedOff) {
    auto environment = basic();
    environment["PGPOOL_ENABLE_LOAD_BALANCING"] = "no";
    const auto proxy = start(environment);
    pg_connection session{conninfo(proxy->port(), accounts::superuser, "postgres")};
    EXPECT_THAT(explained_route(session, "select 1"), HasSubstr("primary"));
    const auto balanced = start(basic());
    pg_connection other{conninfo(balanced->port(), accounts::superuser, "postgres")};
    EXPECT_TRUE(wait_until(
        [&] { return explained_route(other, "select 1").find("standby") != std::string::npos; }));
}

TEST_F(pgpool_variables, TlsCanBeEnabled) {
    const temp_directory directory{"certificates"};
    make_certificates(directory.path());
    auto environment = basic();
    environment["PGPOOL_ENABLE_TLS"] = "yes";
    environment["PGPOOL_TLS_CERT_FILE"] = (directory.path() / "server.crt").string();
    environment["PGPOOL_TLS_KEY_FILE"] = (directory.path() / "server.key").string();
    const auto proxy = start(environment);
    const pg_connection session{
        conninfo(proxy->port(), accounts::superuser, "postgres",
                 "sslmode=verify-full sslrootcert=" + (directory.path() / "ca.crt").string())};
    EXPECT_TRUE(session.connected()) << session.error();
}

TEST_F(pgpool_variables, ClientIdleLimitEndsIdleClients) {
    auto environment = basic();
    environment["PGPOOL_CLIENT_IDLE_LIMIT"] = "1";
    const auto proxy = start(environment);
    auto client = logged_in(proxy->port(), accounts::superuser, "postgres");
    EXPECT_TRUE(client.closed_by_peer(10s));
}

TEST_F(pgpool_variables, WithoutConnectionCacheServerConnectionsAreNotUsedTwice) {
    auto environment = basic();
    environment["PGPOOL_ENABLE_CONNECTION_CACHE"] = "no";
    const auto proxy = start(environment);
    std::set<std::string> pids;
    for (int round = 0; round < 3; ++round)
        pids.insert(answer(*proxy, accounts::superuser, "select pg_backend_pid()"));
    EXPECT_EQ(pids.size(), 3U);
}

TEST_F(pgpool_variables, WhatHasNoEffectHereDoesNotStopTheStart) {
    auto environment = basic();
    for (const char* name :
         {"PGPOOL_CHILD_LIFE_TIME", "PGPOOL_CHILD_MAX_CONNECTIONS", "PGPOOL_SR_CHECK_PERIOD",
          "PGPOOL_HEALTH_CHECK_PERIOD", "PGPOOL_HEALTH_CHECK_TIMEOUT",
          "PGPOOL_HEALTH_CHECK_MAX_RETRIES", "PGPOOL_HEALTH_CHECK_RETRY_DELAY",
          "PGPOOL_HEALTH_CHECK_PSQL_TIMEOUT", "PGPOOL_CONNECTION_LIFE_TIME", "PGPOOL_TIMEOUT"})
        environment[name] = "30";
    for (const char* name :
         {"PGPOOL_ENABLE_POOL_HBA", "PGPOOL_ENABLE_POOL_PASSWD", "PGPOOL_ENABLE_LOG_HOSTNAME",
          "PGPOOL_ENABLE_LOG_CONNECTIONS", "PGPOOL_ENABLE_STATEMENT_LOAD_BALANCING",
          "PGPOOL_AUTO_FAILBACK", "PGPOOL_DISCARD_STATUS", "PGPOOL_ENABLE_LOG_PCP_PROCESSES"})
        environment[name] = "yes";
    environment["PGPOOL_CONNECT_TIMEOUT"] = "10000"; // this one is in milliseconds
    environment["PGPOOL_FAILOVER_ON_BACKEND_ERROR"] = "off";
    environment["PGPOOL_FAILOVER_ON_BACKEND_SHUTDOWN"] = "on";
    environment["PGPOOL_DISABLE_LOAD_BALANCE_ON_WRITE"] = "always";
    environment["PGPOOL_SOMETHING_NEW"] = "1";
    environment["PGPOOL_SERVICE_PORT"] = "5432";
    environment["PGPOOL_PORT"] = "tcp://10.0.0.1:5432";
    const auto proxy = start(environment);
    EXPECT_EQ(answer(*proxy, accounts::superuser), "1");
    EXPECT_THAT(proxy->log(), HasSubstr("PGPOOL_SOMETHING_NEW"));
}

TEST_F(pgpool_variables, NativeVariablesWorkToo) {
    auto environment = basic();
    environment["PGWEIR_CFG_MAX_CLIENT_CONNECTIONS"] = "1";
    const auto proxy = start(environment);
    const auto only = logged_in(proxy->port(), accounts::superuser, "postgres");
    EXPECT_THAT(answer(*proxy, accounts::superuser), HasSubstr("max_client_connections"));
}

} // namespace
} // namespace pgweir::test
