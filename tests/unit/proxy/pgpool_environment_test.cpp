#include "proxy/config/load.hpp"
#include "proxy/config/values.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace pgweir {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using severity = settings_message::severity;

/// What the image demands, so that each test adds only what it is about.
environment_variables with(environment_variables more) {
    const auto has = [&](std::string_view name) {
        return std::ranges::any_of(more, [&](const auto& one) { return one.first == name; });
    };
    if (!has("PGPOOL_BACKEND_NODES"))
        more.emplace_back("PGPOOL_BACKEND_NODES", "0:pg-0:5432,1:pg-1:5432,");
    if (!has("PGPOOL_POSTGRES_PASSWORD") && !has("PGPOOL_POSTGRES_PASSWORD_FILE")) {
        more.emplace_back("PGPOOL_POSTGRES_PASSWORD", "pw");
    }
    return more;
}

loaded_settings load(environment_variables more) {
    return load_settings(
        {.config_file = {}, .assignments = {}, .environment = with(std::move(more))});
}

settings values(environment_variables more) {
    return load(std::move(more)).values;
}

std::string failure(environment_variables more) {
    try {
        static_cast<void>(load(std::move(more)));
    } catch (const settings_error& error) {
        return error.what();
    }
    return "no error";
}

/// The texts of one severity, with their places.
std::vector<std::string> messages(const environment_variables& more, severity level) {
    std::vector<std::string> texts;
    for (const auto& one : load(more).messages) {
        if (one.level == level) texts.push_back(to_string(one));
    }
    return texts;
}

class secret_file {
public:
    explicit secret_file(std::string_view content)
        : path_{testing::TempDir() + "pgweir_pgpool_" + std::to_string(getpid()) + "_" +
                std::to_string(++made)} {
        std::ofstream{path_} << content;
    }
    ~secret_file() { ::unlink(path_.c_str()); }
    secret_file(const secret_file&) = delete;
    secret_file& operator=(const secret_file&) = delete;
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    static inline int made = 0;
    std::string path_;
};

TEST(PgpoolEnvironment, BackendNodesHaveANumberAndMayEndInAComma) {
    const auto nodes =
        values({{"PGPOOL_BACKEND_NODES", "1:b:5433:0.5:/data:ALLOW_TO_FAILOVER,0:a,2:[::1]::2,"}})
            .nodes;
    EXPECT_EQ(nodes,
              (std::vector<node_setting>{{"a", 5432, 1}, {"b", 5433, 0.5}, {"::1", 5432, 2}}));
    EXPECT_EQ(values({{"PGPOOL_BACKEND_NODES", "0:a;1:b"}}).nodes.size(), 2U);
    EXPECT_EQ(values({{"PGPOOL_BACKEND_NODES", "0:a 1:b "}}).nodes.size(), 2U);
    EXPECT_THAT(messages({{"PGPOOL_BACKEND_NODES", "0:a,2:b"}}, severity::information),
                ElementsAre("environment variable PGPOOL_BACKEND_NODES: node 2 is number 1 here"));
    EXPECT_THAT(
        messages({{"PGPOOL_BACKEND_NODES", "0:a:1:1:/d:ALWAYS_PRIMARY"}}, severity::warning),
        ElementsAre(HasSubstr("the flag ALWAYS_PRIMARY has no effect")));
    for (const auto* bad : {"a:5432", "0:", "0:a:x", "0:a:1:w", "0:a,0:b", "0:a:1:1:d:f:g"}) {
        EXPECT_THAT(failure({{"PGPOOL_BACKEND_NODES", bad}}),
                    HasSubstr("environment variable PGPOOL_BACKEND_NODES: has"))
            << bad;
    }
}

TEST(PgpoolEnvironment, BackendApplicationNames) {
    EXPECT_THAT(values({{"PGPOOL_BACKEND_APPLICATION_NAMES", "pg-0 pg-1,"}}).node_application_names,
                ElementsAre("pg-0", "pg-1"));
}

TEST(PgpoolEnvironment, PortNumber) {
    EXPECT_EQ(values({{"PGPOOL_PORT_NUMBER", "9999"}}).port, 9999);
    EXPECT_THAT(failure({{"PGPOOL_PORT_NUMBER", "x"}}),
                HasSubstr("environment variable PGPOOL_PORT_NUMBER: port must be"));
}

TEST(PgpoolEnvironment, PostgresUserIsPostgresUnlessNamed) {
    EXPECT_EQ(values({}).users.at("postgres").password, secret{"pw"});
    const auto all =
        values({{"PGPOOL_POSTGRES_USERNAME", "boss"}, {"PGPOOL_POSTGRES_PASSWORD", "x y"}});
    EXPECT_EQ(all.users.at("boss").password, secret{"x y"});
    EXPECT_FALSE(all.users.contains("postgres"));
}

TEST(PgpoolEnvironment, APasswordMayStandInAFile) {
    const secret_file file{"from file\n"};
    const auto all = values({{"PGPOOL_POSTGRES_PASSWORD_FILE", file.path()},
                             {"PGPOOL_SR_CHECK_PASSWORD", "loses"},
                             {"PGPOOL_SR_CHECK_PASSWORD_FILE", file.path()},
                             {"PGPOOL_ADMIN_USERNAME", "admin"},
                             {"PGPOOL_ADMIN_PASSWORD_FILE", file.path()}});
    EXPECT_EQ(all.users.at("postgres").password, secret{"from file"});
    EXPECT_EQ(all.monitor_password, secret{"from file"});
    EXPECT_EQ(all.users.at("admin").password, secret{"from file"});
    EXPECT_THAT(failure({{"PGPOOL_SR_CHECK_PASSWORD_FILE", "/nonexistent/s"}}),
                HasSubstr("environment variable PGPOOL_SR_CHECK_PASSWORD_FILE: names "
                          "/nonexistent/s, which cannot be read"));
}

TEST(PgpoolEnvironment, CustomUsersAndPasswordsAreAsMany) {
    const auto all = values(
        {{"PGPOOL_POSTGRES_CUSTOM_USERS", "a,b;c"}, {"PGPOOL_POSTGRES_CUSTOM_PASSWORDS", "1;2 3"}});
    EXPECT_EQ(all.users.at("a").password, secret{"1"});
    EXPECT_EQ(all.users.at("c").password, secret{"3"});
    EXPECT_THAT(failure({{"PGPOOL_POSTGRES_CUSTOM_USERS", "a,b"},
                         {"PGPOOL_POSTGRES_CUSTOM_PASSWORDS", "1"}}),
                HasSubstr("has 2 names, PGPOOL_POSTGRES_CUSTOM_PASSWORDS 1 passwords"));
}

TEST(PgpoolEnvironment, UsernameAndPassword) {
    EXPECT_EQ(values({{"PGPOOL_USERNAME", "u"}, {"PGPOOL_PASSWORD", "p"}}).users.at("u").password,
              secret{"p"});
}

TEST(PgpoolEnvironment, TheAdministratorMayUseTheAdminDatabase) {
    const auto all = values({{"PGPOOL_ADMIN_USERNAME", "admin"}, {"PGPOOL_ADMIN_PASSWORD", "p"}});
    EXPECT_THAT(all.admin_users, ElementsAre("admin"));
    EXPECT_EQ(all.users.at("admin").password, secret{"p"});
    EXPECT_THAT(messages({{"PGPOOL_ADMIN_USERNAME", "postgres"}, {"PGPOOL_ADMIN_PASSWORD", "p"}},
                         severity::warning),
                ElementsAre(HasSubstr("gives postgres a second password; the first one holds")));
}

TEST(PgpoolEnvironment, StreamingReplicationCheckBecomesTheMonitor) {
    const auto all = values({{"PGPOOL_SR_CHECK_USER", "repmgr"},
                             {"PGPOOL_SR_CHECK_PASSWORD", "r"},
                             {"PGPOOL_SR_CHECK_DATABASE", "repmgr"},
                             {"PGPOOL_SR_CHECK_PERIOD", "30"}});
    EXPECT_EQ(all.monitor_user, "repmgr");
    EXPECT_EQ(all.monitor_password, secret{"r"});
    EXPECT_EQ(all.monitor_database, "repmgr");
    EXPECT_EQ(all.monitor_interval, 200ms);
}

TEST(PgpoolEnvironment, HealthCheckUserStandsInForTheOther) {
    const auto alone =
        values({{"PGPOOL_HEALTH_CHECK_USER", "h"}, {"PGPOOL_HEALTH_CHECK_PASSWORD", "p"}});
    EXPECT_EQ(alone.monitor_user, "h");
    EXPECT_EQ(alone.monitor_password, secret{"p"});
    EXPECT_THAT(messages({{"PGPOOL_HEALTH_CHECK_USER", "h"}, {"PGPOOL_SR_CHECK_USER", "s"}},
                         severity::information),
                ElementsAre(HasSubstr("one role does all checks")));
}

TEST(PgpoolEnvironment, TimesHaveTheirOwnUnits) {
    const auto all = values({{"PGPOOL_CONNECT_TIMEOUT", "3000"},
                             {"PGPOOL_HEALTH_CHECK_TIMEOUT", "7"},
                             {"PGPOOL_CLIENT_IDLE_LIMIT", "600"},
                             {"PGPOOL_CONNECTION_LIFE_TIME", "120"}});
    EXPECT_EQ(all.connect_timeout, 3s);
    EXPECT_EQ(all.check_timeout, 7s);
    EXPECT_EQ(all.client_idle_timeout, 10min);
    EXPECT_EQ(all.server_idle_timeout, 2min);
    EXPECT_THAT(failure({{"PGPOOL_CONNECT_TIMEOUT", "soon"}}),
                HasSubstr("connect_timeout must be a duration"));
}

TEST(PgpoolEnvironment, SizesLimitClientsAndServers) {
    const auto all = values({{"PGPOOL_NUM_INIT_CHILDREN", "40"},
                             {"PGPOOL_MAX_POOL", "2"},
                             {"PGPOOL_RESERVED_CONNECTIONS", "5"}});
    EXPECT_EQ(all.max_client_connections, 35U);
    EXPECT_EQ(all.max_server_connections, 80U);
    EXPECT_EQ(values({{"PGPOOL_NUM_INIT_CHILDREN", "40"}}).max_server_connections, 0U);
    EXPECT_EQ(values({{"PGPOOL_MAX_POOL", "2"}}), values({}));
    EXPECT_EQ(
        values({{"PGPOOL_NUM_INIT_CHILDREN", "9999999"}, {"PGPOOL_MAX_POOL", "99999999999999999"}})
            .max_server_connections,
        262143U);
    EXPECT_THAT(failure({{"PGPOOL_NUM_INIT_CHILDREN", "5"}, {"PGPOOL_RESERVED_CONNECTIONS", "5"}}),
                HasSubstr("PGPOOL_RESERVED_CONNECTIONS: must be below"));
    EXPECT_THAT(failure({{"PGPOOL_NUM_INIT_CHILDREN", "many"}}),
                HasSubstr("must be a whole number"));
}

TEST(PgpoolEnvironment, LoadBalancing) {
    EXPECT_FALSE(values({{"PGPOOL_ENABLE_LOAD_BALANCING", "no"}}).splitting);
    EXPECT_TRUE(values({{"PGPOOL_ENABLE_LOAD_BALANCING", "YES"}}).splitting);
    EXPECT_THAT(failure({{"PGPOOL_ENABLE_LOAD_BALANCING", "perhaps"}}),
                HasSubstr("must be yes or no"));
}

TEST(PgpoolEnvironment, DisableLoadBalanceOnWrite) {
    for (const auto* word : {"off", "trans_transaction", "always", "dml_adaptive"}) {
        EXPECT_THAT(
            messages({{"PGPOOL_DISABLE_LOAD_BALANCE_ON_WRITE", word}}, severity::information),
            ElementsAre(HasSubstr("own writes")));
    }
    EXPECT_TRUE(
        messages({{"PGPOOL_DISABLE_LOAD_BALANCE_ON_WRITE", "transaction"}}, severity::information)
            .empty());
    EXPECT_THAT(failure({{"PGPOOL_DISABLE_LOAD_BALANCE_ON_WRITE", "sometimes"}}),
                HasSubstr("must be one of off"));
}

TEST(PgpoolEnvironment, WithoutConnectionCacheEachSessionHasItsOwnConnection) {
    const auto all = values({{"PGPOOL_ENABLE_CONNECTION_CACHE", "no"}});
    EXPECT_EQ(all.pool_mode, pool_mode::session);
    EXPECT_EQ(all.server_reset_query, "");
    EXPECT_EQ(values({{"PGPOOL_ENABLE_CONNECTION_CACHE", "yes"}}).pool_mode,
              pool_mode::transaction);
}

TEST(PgpoolEnvironment, AuthenticationMethod) {
    EXPECT_EQ(values({{"PGPOOL_AUTHENTICATION_METHOD", "md5"}}).auth_method, auth_method::md5);
    EXPECT_THAT(values({{"PGPOOL_AUTHENTICATION_METHOD", "md5"}}).hba_rules, IsEmpty());
    EXPECT_EQ(values({}).auth_method, auth_method::scram_sha_256);
}

TEST(PgpoolEnvironment, TrustIsNotForTheSuperuser) {
    const auto all =
        values({{"PGPOOL_AUTHENTICATION_METHOD", "trust"}, {"PGPOOL_POSTGRES_USERNAME", "a\"b"}});
    EXPECT_EQ(all.auth_method, auth_method::trust);
    EXPECT_THAT(all.hba_rules, ElementsAre("local all \"a\"\"b\" scram-sha-256",
                                           "host all \"a\"\"b\" all scram-sha-256",
                                           "local all,replication all auth_method",
                                           "host all,replication all all auth_method"));
}

TEST(PgpoolEnvironment, TlsWithCertificateAndKey) {
    const secret_file file{"pem"};
    const auto all = values({{"PGPOOL_ENABLE_TLS", "yes"},
                             {"PGPOOL_TLS_CERT_FILE", file.path()},
                             {"PGPOOL_TLS_KEY_FILE", file.path()},
                             {"PGPOOL_TLS_PREFER_SERVER_CIPHERS", "yes"}});
    EXPECT_EQ(all.client_tls_sslmode, tls_mode::prefer);
    EXPECT_EQ(all.client_tls_cert_file, file.path());
    EXPECT_EQ(all.client_tls_key_file, file.path());
    EXPECT_THAT(failure({{"PGPOOL_ENABLE_TLS", "yes"}}),
                HasSubstr("needs PGPOOL_TLS_CERT_FILE and PGPOOL_TLS_KEY_FILE"));
    EXPECT_EQ(values({{"PGPOOL_TLS_CERT_FILE", file.path()}}).client_tls_sslmode,
              tls_mode::disable);
}

TEST(PgpoolEnvironment, TlsAuthoritiesLetInWhomACertificateNames) {
    const secret_file file{"pem"};
    const auto loaded = load({{"PGPOOL_ENABLE_TLS", "yes"},
                              {"PGPOOL_TLS_CERT_FILE", file.path()},
                              {"PGPOOL_TLS_KEY_FILE", file.path()},
                              {"PGPOOL_TLS_CA_FILE", file.path()}});
    EXPECT_EQ(loaded.values.client_tls_sslmode, tls_mode::prefer);
    EXPECT_EQ(loaded.values.client_tls_ca_file, file.path());
    EXPECT_THAT(loaded.values.hba_rules,
                ElementsAre("hostssl all all all cert", "local all,replication all auth_method",
                            "host all,replication all all auth_method"));
    EXPECT_EQ(loaded.messages.size(), 1U);
}

TEST(PgpoolEnvironment, PasswdFileIsReadIfItIsAPath) {
    const secret_file file{"bob:TEXTp:w\n"};
    const auto loaded = values({{"PGPOOL_PASSWD_FILE", file.path()}, {"PGPOOL_AES_KEY", "k"}});
    EXPECT_EQ(loaded.pool_passwd_file, file.path());
    EXPECT_EQ(loaded.pool_key, secret{"k"});
    EXPECT_EQ(values({{"PGPOOL_PASSWD_FILE", "pool_passwd"}}), values({}));
    EXPECT_THAT(failure({{"PGPOOL_PASSWD_FILE", "/nonexistent/p"}}), HasSubstr("cannot be read"));
    const secret_file key{"from a file\n"};
    EXPECT_EQ(values({{"PGPOOL_AES_KEY_FILE", key.path()}}).pool_key, secret{"from a file"});
}

TEST(PgpoolEnvironment, LogConnections) {
    EXPECT_FALSE(values({{"PGPOOL_ENABLE_LOG_CONNECTIONS", "no"}}).log_connections);
}

TEST(PgpoolEnvironment, TheUsersRulesReplaceTheImages) {
    const secret_file rules{"local all all md5\n"};
    const secret_file pem{"pem"};
    const auto all = values({{"PGPOOL_USER_HBA_FILE", rules.path()},
                             {"PGPOOL_AUTHENTICATION_METHOD", "trust"},
                             {"PGPOOL_ENABLE_TLS", "yes"},
                             {"PGPOOL_TLS_CERT_FILE", pem.path()},
                             {"PGPOOL_TLS_KEY_FILE", pem.path()},
                             {"PGPOOL_TLS_CA_FILE", pem.path()}});
    EXPECT_EQ(all.hba_file, rules.path());
    EXPECT_THAT(all.hba_rules, IsEmpty());
    EXPECT_THAT(failure({{"PGPOOL_USER_HBA_FILE", "/x/pool_hba.conf"}}),
                HasSubstr("cannot be read"));
    const auto off =
        load({{"PGPOOL_USER_HBA_FILE", rules.path()}, {"PGPOOL_ENABLE_POOL_HBA", "no"}});
    EXPECT_EQ(off.values.hba_file, "");
    EXPECT_EQ(off.messages.size(), 2U);
    EXPECT_THAT(messages({{"PGPOOL_ENABLE_POOL_HBA", "no"}}, severity::warning),
                ElementsAre(HasSubstr("auth_method holds")));
    EXPECT_TRUE(load({{"PGPOOL_ENABLE_POOL_HBA", "yes"}}).messages.empty());
}

TEST(PgpoolEnvironment, TheUsersFileWinsOverTheVariables) {
    const secret_file file{"port = 7001\nport = 7002 # the last one\nlog_connections = off\n"
                           "num_init_children = 50\nbackend_weight1 = 0\nno_such_thing = 1\n"
                           "child_life_time = 300\nsr_check_user = 'other'\n"};
    const auto loaded = load({{"PGPOOL_USER_CONF_FILE", file.path()},
                              {"PGPOOL_PORT_NUMBER", "6000"},
                              {"PGPOOL_NUM_INIT_CHILDREN", "10"},
                              {"PGPOOL_RESERVED_CONNECTIONS", "5"},
                              {"PGPOOL_SR_CHECK_USER", "repmgr"},
                              {"PGPOOL_SR_CHECK_PASSWORD", "r"},
                              {"PGPOOL_BACKEND_NODES", "0:a:1:0.5,1:b:2,"}});
    const auto& all = loaded.values;
    EXPECT_EQ(all.port, 7002);
    EXPECT_FALSE(all.log_connections);
    EXPECT_EQ(all.max_client_connections, 45U);
    EXPECT_EQ(format_value(all.nodes), "a:1:0.5,b:2:0");
    EXPECT_EQ(all.monitor_user, "other");
    EXPECT_EQ(all.monitor_password, secret{"r"});
    EXPECT_THAT(all.listen_address, ElementsAre("*")) << "it is not the whole configuration";
    std::vector<std::string> texts;
    for (const auto& one : loaded.messages)
        texts.push_back(to_string(one));
    EXPECT_THAT(texts, testing::UnorderedElementsAre(
                           HasSubstr(":6: no_such_thing is no parameter of pgpool"),
                           HasSubstr(":7: child_life_time has no meaning here")));
}

TEST(PgpoolEnvironment, TheUsersFileMustBeReadableAndRight) {
    EXPECT_THAT(failure({{"PGPOOL_USER_CONF_FILE", "/nonexistent/p"}}),
                HasSubstr("cannot be read"));
    const secret_file broken{"port 'open\n"};
    EXPECT_THAT(failure({{"PGPOOL_USER_CONF_FILE", broken.path()}}), HasSubstr(":1: port is not"));
    const secret_file native{"backend_clustering_mode = native_replication\n"};
    EXPECT_THAT(failure({{"PGPOOL_USER_CONF_FILE", native.path()}}),
                HasSubstr("is native_replication"));
}

TEST(PgpoolEnvironment, TheUsersFileTakesNoDemandForCertificatesBack) {
    const secret_file pem{"pem"};
    const secret_file conf{"ssl = on\nssl_cert = '" + pem.path() + "'\nssl_key = '" + pem.path() +
                           "'\n"};
    const auto all = values({{"PGPOOL_ENABLE_TLS", "yes"},
                             {"PGPOOL_TLS_CERT_FILE", pem.path()},
                             {"PGPOOL_TLS_KEY_FILE", pem.path()},
                             {"PGPOOL_TLS_CA_FILE", pem.path()},
                             {"PGPOOL_USER_CONF_FILE", conf.path()}});
    EXPECT_EQ(all.client_tls_sslmode, tls_mode::prefer);
    EXPECT_EQ(all.client_tls_ca_file, pem.path());
    EXPECT_EQ(all.hba_rules.at(0), "hostssl all all all cert");
    EXPECT_THAT(values({{"PGPOOL_USER_CONF_FILE", conf.path()}}).hba_rules, IsEmpty());
}

TEST(PgpoolEnvironment, UsersThatNoVariableNamesAreAskedFromTheServers) {
    const auto all = values({{"PGPOOL_POSTGRES_USERNAME", "boss"}});
    EXPECT_EQ(all.auth_user, "boss");
    EXPECT_EQ(all.auth_password, secret{"pw"});
}

TEST(PgpoolEnvironment, APasswordFileOfALaterSourceWins) {
    const secret_file file{"later\n"};
    const auto all = values({{"PGPOOL_SR_CHECK_PASSWORD", "r"},
                             {"PGWEIR_CFG_AUTH_PASSWORD_FILE", file.path()},
                             {"PGWEIR_CFG_MONITOR_PASSWORD_FILE", file.path()}});
    EXPECT_EQ(all.auth_password, secret{"later"});
    EXPECT_EQ(all.monitor_password, secret{"later"});
    EXPECT_EQ(all.users.at("postgres").password, secret{"pw"});
    EXPECT_THAT(failure({{"PGWEIR_CFG_AUTH_PASSWORD_FILE", file.path()},
                         {"PGWEIR_CFG_AUTH_PASSWORD", "x"}}),
                HasSubstr("contradicts auth_password"));
}

TEST(PgpoolEnvironment, TheSocketIsInTheImagesDirectory) {
    EXPECT_EQ(values({{"PGPOOL_TMP_DIR", "/tmp"}}).unix_socket_dir, "/tmp");
    EXPECT_EQ(values({}).unix_socket_dir, "");
}

class MissingFeature : public testing::TestWithParam<std::pair<std::string, std::string>> {};

TEST_P(MissingFeature, AskedForIsAWarning) {
    const auto& [name, value] = GetParam();
    EXPECT_THAT(messages({{name, value}}, severity::warning),
                ElementsAre(HasSubstr("environment variable " + name)));
    EXPECT_TRUE(load({{name, value == "yes" ? "no" : ""}}).messages.empty());
    EXPECT_EQ(values({{name, value}}), values({}));
}

INSTANTIATE_TEST_SUITE_P(All,
                         MissingFeature,
                         testing::Values(std::pair{"PGPOOL_ENABLE_LOG_HOSTNAME", "yes"},
                                         std::pair{"PGPOOL_ENABLE_LOG_PER_NODE_STATEMENT", "yes"}));

class ObsoleteVariable : public testing::TestWithParam<std::string> {};

TEST_P(ObsoleteVariable, IsAcceptedWithOneLineAndWithoutEffect) {
    const environment_variables set{{GetParam(), "60"}};
    EXPECT_THAT(messages(set, severity::information),
                ElementsAre(HasSubstr("environment variable " + GetParam() + ": has no effect")));
    EXPECT_TRUE(messages(set, severity::warning).empty());
    EXPECT_EQ(values(set), values({}));
    EXPECT_TRUE(load({{GetParam(), ""}}).messages.empty()) << "empty means default";
}

INSTANTIATE_TEST_SUITE_P(All,
                         ObsoleteVariable,
                         testing::Values("PGPOOL_SR_CHECK_PERIOD",
                                         "PGPOOL_HEALTH_CHECK_PERIOD",
                                         "PGPOOL_HEALTH_CHECK_MAX_RETRIES",
                                         "PGPOOL_HEALTH_CHECK_RETRY_DELAY",
                                         "PGPOOL_HEALTH_CHECK_PSQL_TIMEOUT",
                                         "PGPOOL_CHILD_MAX_CONNECTIONS",
                                         "PGPOOL_CHILD_LIFE_TIME",
                                         "PGPOOL_TLS_PREFER_SERVER_CIPHERS",
                                         "PGPOOL_ENABLE_LOG_PCP_PROCESSES",
                                         "PGPOOL_LOG_LINE_PREFIX",
                                         "PGPOOL_CLIENT_MIN_MESSAGES",
                                         "PGPOOL_AUTO_FAILBACK",
                                         "PGPOOL_FAILOVER_ON_BACKEND_SHUTDOWN",
                                         "PGPOOL_FAILOVER_ON_BACKEND_ERROR",
                                         "PGPOOL_DISCARD_STATUS",
                                         "PGPOOL_EXTRA_FLAGS",
                                         "PGPOOL_TIMEOUT",
                                         "PGPOOL_DAEMON_USER",
                                         "PGPOOL_DAEMON_GROUP",
                                         "PGPOOL_ENABLE_POOL_PASSWD",
                                         "PGPOOL_MAX_POOL",
                                         "PGPOOL_RESERVED_CONNECTIONS"));

TEST(PgpoolEnvironment, UnknownNamesAreOneWarningAndConstantsOfTheImageNone) {
    EXPECT_THAT(
        messages({{"PGPOOL_WHATEVER", "1"},
                  {"PGPOOL_ELSE", ""},
                  {"PGPOOL_BASE_DIR", "/opt"},
                  {"PGPOOL_TMP_DIR", "/tmp"},
                  {"PGPOOL_SERVICE_HOST", "10.0.0.1"},
                  {"PGPOOL_PORT", "tcp://10.0.0.1:5432"}},
                 severity::warning),
        ElementsAre("environment: variables that mean nothing here: PGPOOL_ELSE, PGPOOL_WHATEVER"));
}

TEST(PgpoolEnvironment, EmptyMeansDefault) {
    EXPECT_EQ(values({{"PGPOOL_PORT_NUMBER", ""},
                      {"PGPOOL_NUM_INIT_CHILDREN", ""},
                      {"PGPOOL_ENABLE_LOAD_BALANCING", ""},
                      {"PGPOOL_AUTHENTICATION_METHOD", ""},
                      {"PGPOOL_SR_CHECK_USER", ""},
                      {"PGPOOL_CONNECT_TIMEOUT", ""}}),
              values({}));
}

TEST(PgpoolEnvironment, IsLeftAloneWithoutItsVariables) {
    const auto loaded = load_settings({.config_file = {},
                                       .assignments = {"nodes=a", "auth_user=x"},
                                       .environment = {{"PGPOOL_SERVICE_HOST", "10.0.0.1"}}});
    EXPECT_TRUE(loaded.messages.empty());
    EXPECT_TRUE(loaded.values.users.empty());
}

} // namespace
} // namespace pgweir
