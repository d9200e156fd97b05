#include "proxy/config/draft.hpp"
#include "proxy/config/load.hpp"
#include "proxy/config/table.hpp"

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

/// A file in the test's own directory, gone at the end.
class temporary_file {
public:
    explicit temporary_file(std::string_view content) {
        static int number = 0;
        path_ = testing::TempDir() + "pgweir_config_" + std::to_string(getpid()) + "_" +
                std::to_string(++number);
        std::ofstream{path_} << content;
    }
    ~temporary_file() { ::unlink(path_.c_str()); }
    temporary_file(const temporary_file&) = delete;
    temporary_file& operator=(const temporary_file&) = delete;
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
};

/// The least that is valid.
std::vector<std::string> valid(std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"nodes=pg-0,pg-1", "auth_method=trust"});
    return more;
}

loaded_settings load(std::vector<std::string> assignments, environment_variables environment = {}) {
    return load_settings({.config_file = {},
                          .assignments = std::move(assignments),
                          .environment = std::move(environment)});
}

std::string failure(const settings_sources& sources) {
    try {
        static_cast<void>(load_settings(sources));
    } catch (const settings_error& error) {
        return error.what();
    }
    return "no error";
}

/// The same for assignments on top of the least that is valid.
std::string refusal(std::vector<std::string> assignments) {
    return failure(
        {.config_file = {}, .assignments = valid(std::move(assignments)), .environment = {}});
}

TEST(LoadSettings, EveryRowReadsBackWhatItWrites) {
    const settings defaults;
    settings copy;
    for (const auto& group : setting_groups()) {
        for (const auto& row : group.rows) {
            if (row.is_secret) continue;
            raw_value raw;
            raw.text = row.format(defaults, row.limits);
            EXPECT_EQ(row.parse(raw, row.limits, copy), "")
                << row.name << " refuses its own default " << raw.text;
        }
    }
    EXPECT_EQ(copy, defaults);
}

TEST(LoadSettings, LaterSourcesWin) {
    const temporary_file file{
        "nodes = 'a'\nauth_method = 'trust'\nport = 2\npool_size = 2\nqueue_size = 2\n"};
    const auto loaded = load_settings({.config_file = file.path(),
                                       .assignments = {"queue_size=4"},
                                       .environment = {{"PGPOOL_PORT_NUMBER", "1"},
                                                       {"PGWEIR_CFG_POOL_SIZE", "3"},
                                                       {"PGWEIR_CFG_QUEUE_SIZE", "3"}}});
    EXPECT_EQ(loaded.values.port, 2);
    EXPECT_EQ(loaded.values.pool_size, 3U);
    EXPECT_EQ(loaded.values.queue_size, 4U);
}

TEST(LoadSettings, TomlHoldsEveryKindOfValueAndTheTablesOfDatabasesAndUsers) {
    const temporary_file file{R"(
nodes = ["pg-0:5432", "[::1]:5433:0.5"]
auth_method = "trust"
pool_size = 7
splitting = false
queue_timeout = "1500ms"
unix_socket_permissions = 0o770
primary_routing_query_pattern_list = ["SELECT a;.*", "x,y"]
[databases.reports]
consistency = "eventual"
pool_size = 3
[databases."odd.name"]
route = "standby"
[users.batch]
password = "p=1"
pool_mode = "session"
query_timeout = "1min"
)"};
    const auto all =
        load_settings({.config_file = file.path(), .assignments = {}, .environment = {}}).values;
    EXPECT_EQ(all.nodes, (std::vector<node_setting>{{"pg-0", 5432, 1.0}, {"::1", 5433, 0.5}}));
    EXPECT_FALSE(all.splitting);
    EXPECT_EQ(all.queue_timeout, 1500ms);
    EXPECT_EQ(all.unix_socket_permissions.value, 0770U);
    EXPECT_THAT(all.primary_routing_query_pattern_list, ElementsAre("SELECT a;.*", "x,y"));
    EXPECT_EQ(all.databases.at("odd.name").route, forced_route::standby);
    EXPECT_EQ(all.users.at("batch").password, secret{"p=1"});
    const auto policy = policy_for(all, "reports", "batch");
    EXPECT_EQ(policy.pool_size, 3U);
    EXPECT_EQ(policy.pool_mode, pool_mode::session);
    EXPECT_EQ(policy.consistency.level, consistency_level::eventual);
    EXPECT_EQ(policy.query_timeout, 1min);
    EXPECT_EQ(policy_for(all, "other", "other").pool_size, 7U);
}

TEST(LoadSettings, AMistakeInAFileNamesFileLineKeyAndWhatIsAllowed) {
    const temporary_file file{
        "nodes = 'a'\nauth_method = 'trust'\nport = 70000\npool_sise = 3\nqueue_timeout = 5\n"
        "[users.x]\nport = 1\n[odd]\n"};
    const auto text = failure({.config_file = file.path(), .assignments = {}, .environment = {}});
    EXPECT_THAT(text, HasSubstr(file.path() + ":3: port must be a whole number, from 0 to 65535"));
    EXPECT_THAT(text,
                HasSubstr(file.path() + ":4: pool_sise is not a setting; did you mean pool_size?"));
    EXPECT_THAT(text,
                HasSubstr(file.path() + ":5: queue_timeout needs a unit: must be a duration"));
    EXPECT_THAT(text,
                HasSubstr(file.path() + ":7: port cannot be set for a user, only in general"));
    EXPECT_THAT(text, HasSubstr(file.path() + ":8: odd is not a table that pgweir knows"));
}

TEST(LoadSettings, WhatIsNotTomlNamesTheLine) {
    const temporary_file file{"port = 1\n\nport = = 2\n"};
    EXPECT_THAT(failure({.config_file = file.path(), .assignments = {}, .environment = {}}),
                HasSubstr(file.path() + ":3: is not TOML"));
    EXPECT_THAT(
        failure({.config_file = "/nonexistent/pgweir.toml", .assignments = {}, .environment = {}}),
        HasSubstr("/nonexistent/pgweir.toml: cannot be read: No such file"));
}

TEST(LoadSettings, WhatTomlsReaderTakesForGrantedIsAnError) {
    for (const char* const text :
         {"[=", "[\x01", "[[ .x]]", " [ #", "a = 1979-05-27T.07(:32:00Z", "a = -\xc6\xa0"}) {
        settings_draft draft;
        read_toml_text(std::string{"port = 1\n\n"} + text + "\n", "f", draft);
        ASSERT_TRUE(draft.has_errors()) << text;
        EXPECT_THAT(to_string(draft.messages().front()), HasSubstr("f:3: is not TOML"));
    }
}

TEST(LoadSettings, CharactersBeyondAsciiStandInQuotesAndComments) {
    for (const char* const text : {"\n\xc3\xa9 = 1", "\n[\xc3\xa9]", "\na = \xef\xbb\xbb",
                                   "\na = 'x'\xc3\xa9", "a = \"\"\"\n\\ \xc3\xa9\"\"\""}) {
        settings_draft draft;
        read_toml_text(std::string{"port = 1\n"} + text + "\n", "f", draft);
        ASSERT_TRUE(draft.has_errors()) << text;
        EXPECT_THAT(to_string(draft.messages().front()), HasSubstr("f:3: is not TOML"));
    }
    settings_draft draft;
    read_toml_text("\xef\xbb\xbf# \xc3\xa9 ' \"\nzone = \"\\\"\xc3\xa9 # \" # '\n"
                   "auth_query = '''\n\xc3\xa9''\n'''\n['users'.\"\xc3\xa9\"]\n",
                   "f", draft);
    EXPECT_FALSE(draft.has_errors());
    EXPECT_EQ(draft.values.zone, "\"\xc3\xa9 # ");
}

TEST(LoadSettings, AssignmentsMayNameDatabasesAndUsers) {
    const auto all = load(valid({"databases.a.b.pool_size=3", "users.x.splitting=off"})).values;
    EXPECT_EQ(all.databases.at("a.b").pool_size, 3U);
    EXPECT_EQ(all.users.at("x").splitting, false);
    EXPECT_THAT(refusal({"databases.a.password=x"}),
                HasSubstr("password cannot be set for a database"));
    EXPECT_THAT(refusal({"port"}), HasSubstr("--set: port needs a value"));
}

TEST(LoadSettings, AnotherProxysWordIsAnsweredWithOurs) {
    EXPECT_THAT(refusal({"default_pool_size=3"}), HasSubstr("did you mean pool_size?"));
    EXPECT_THAT(refusal({"query_wait_timeout=3"}), HasSubstr("did you mean queue_timeout?"));
    EXPECT_THAT(refusal({"zzzzzzzzzzzz=3"}), HasSubstr("see pgweir --help-settings"));
}

TEST(LoadSettings, UnknownVariablesAreOneWarningAndThoseOfKubernetesNone) {
    const auto loaded =
        load(valid({"auth_user=x"}), {{"PGWEIR_CFG_NOPE", "1"},
                                      {"PGWEIR_CFG_NEITHER", "2"},
                                      {"PGWEIR_CFG_SERVICE_HOST", "10.0.0.1"},
                                      {"PGWEIR_CFG_PORT", "tcp://10.0.0.1:5432"},
                                      {"PGWEIR_CFG_PORT_5432_TCP_ADDR", "10.0.0.1"},
                                      {"PGPOOL_SERVICE_HOST", "10.0.0.1"},
                                      {"PGPOOL_SERVICE_PORT", "5432"},
                                      {"PGPOOL_SERVICE_PORT_POSTGRES", "5432"},
                                      {"PGPOOL_PORT", "tcp://10.0.0.1:5432"},
                                      {"PGPOOL_PORT_5432_TCP", "tcp://10.0.0.1:5432"},
                                      {"PGPOOL_PORT_5432_TCP_PROTO", "tcp"},
                                      {"PGPOOL_PORT_5432_TCP_PORT", "5432"},
                                      {"PGWEIR_PORT", "1"},
                                      {"HOME", "/"}});
    EXPECT_EQ(loaded.values.port, 5432);
    std::vector<std::string> warnings;
    for (const auto& one : loaded.messages) {
        if (one.key.empty()) warnings.push_back(to_string(one));
    }
    EXPECT_THAT(
        warnings,
        ElementsAre(
            "environment: variables that are no settings: PGWEIR_CFG_NOPE, PGWEIR_CFG_NEITHER"));
}

TEST(LoadSettings, AnEmptyFileIsNoError) {
    const temporary_file file{""};
    const auto loaded = load_settings(
        {.config_file = file.path(), .assignments = valid({"port=6543"}), .environment = {}});
    EXPECT_EQ(loaded.values.port, 6543);
    EXPECT_THAT(failure({.config_file = "/", .assignments = {}, .environment = {}}),
                HasSubstr("/: cannot be read: Is a directory"));
}

TEST(LoadSettings, APasswordMayStandInAFile) {
    const temporary_file file{"s3cret\r\nsecond line\n"};
    EXPECT_EQ(load(valid({"monitor_password_file=" + file.path()})).values.monitor_password,
              secret{"s3cret"});
    EXPECT_EQ(load(valid(), {{"PGWEIR_CFG_AUTH_PASSWORD_FILE", file.path()}}).values.auth_password,
              secret{"s3cret"});
    EXPECT_THAT(refusal({"monitor_password_file=" + file.path(), "monitor_password=x"}),
                HasSubstr("monitor_password_file contradicts monitor_password (--set)"));
    EXPECT_THAT(refusal({"auth_password_file=/nonexistent/x"}), HasSubstr("cannot be read"));
}

TEST(LoadSettings, AUsersPasswordMayStandInAFile) {
    const temporary_file file{"s3cret\n"};
    const auto loaded = load(valid({"users.ann.password_file=" + file.path()}));
    EXPECT_EQ(loaded.values.users.at("ann").password, secret{"s3cret"});
    EXPECT_THAT(refusal({"users.ann.password_file=" + file.path(), "users.ann.password=x"}),
                HasSubstr("users.ann: password_file contradicts password"));
    EXPECT_THAT(refusal({"users.ann.password_file=/nonexistent/x"}), HasSubstr("cannot be read"));
    EXPECT_THAT(refusal({"databases.app.password_file=/x"}), HasSubstr("cannot be set"));
}

TEST(LoadSettings, AnyNativeVariableMayNameAFile) {
    const temporary_file file{"7\n"};
    const temporary_file nodes{"a,b:5433\n"};
    EXPECT_EQ(load(valid(), {{"PGWEIR_CFG_POOL_SIZE_FILE", file.path()}}).values.pool_size, 7U);
    EXPECT_EQ(load({"auth_user=x"}, {{"PGWEIR_CFG_NODES_FILE", nodes.path()}}).values.nodes.size(),
              2U);
    EXPECT_EQ(load(valid(), {{"PGWEIR_CFG_POOL_SIZE_FILE", ""}}).values.pool_size, 20U);
    const auto failure = [](const environment_variables& set) {
        try {
            static_cast<void>(load(valid(), set));
        } catch (const settings_error& error) {
            return std::string{error.what()};
        }
        return std::string{"no error"};
    };
    EXPECT_EQ(failure({{"PGWEIR_CFG_POOL_SIZE_FILE", file.path()}, {"PGWEIR_CFG_POOL_SIZE", "3"}}),
              "environment variable PGWEIR_CFG_POOL_SIZE_FILE: pool_size contradicts "
              "PGWEIR_CFG_POOL_SIZE; set one of them");
    EXPECT_THAT(failure({{"PGWEIR_CFG_POOL_SIZE_FILE", "/nonexistent/x"}}),
                HasSubstr("cannot be read"));
}

struct contradiction {
    std::vector<std::string> assignments;
    std::string says;
};

class ContradictorySettings : public testing::TestWithParam<contradiction> {};

TEST_P(ContradictorySettings, StopTheStart) {
    EXPECT_THAT(refusal(GetParam().assignments), HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(
    All,
    ContradictorySettings,
    testing::Values(
        contradiction{{"nodes="}, "nodes must be set"},
        contradiction{{"nodes=a,b,a:5432"}, "nodes has a:5432 twice"},
        contradiction{{"node_application_names=x"}, "must name as many as nodes has (2), not 1"},
        contradiction{{"listen_address="}, "listen_address is empty and so is unix_socket_dir"},
        contradiction{{"port=9719"}, "http_port is the same as port (--set)"},
        contradiction{{"admin_from=local,10.0.0.0/33"}, "admin_from has the entry \"10.0.0.0/33\""},
        contradiction{{"monitor_interval=10ms"}, "monitor_interval_waiting must not be longer"},
        contradiction{{"monitor_interval=2s"}, "monitor_interval_idle must not be shorter"},
        contradiction{{"pool_size=5", "min_pool_size=6"},
                      "min_pool_size must not exceed pool_size (5)"},
        contradiction{{"pool_size=5", "max_pinned=5"}, "max_pinned must be below pool_size (5)"},
        contradiction{{"databases.d.pool_size=2", "databases.d.max_pinned=2"},
                      "databases.d.max_pinned must be below"},
        contradiction{{"write_function_list=f(("}, "not a POSIX extended regular expression"},
        contradiction{{"user_redirect_preference_list=bob:2"}, "names node 2, but nodes has 2"},
        contradiction{{"auth_method=md5"}, "nobody could log in"},
        contradiction{{"auth_user=a", "auth_query=select 1"}, "auth_query must contain $1"},
        contradiction{{"client_tls_sslmode=require"}, "client_tls_cert_file must be set"},
        contradiction{{"client_tls_cert_file=/etc/passwd"}, "client_tls_key_file must be set"},
        contradiction{{"server_tls_sslmode=verify-full"}, "server_tls_ca_file must be set"},
        contradiction{{"client_tls_crl_dir=/tmp"}, "client_tls_ca_file must be set"},
        contradiction{{"server_tls_crl_file=/etc/passwd"}, "server_tls_ca_file must be set"},
        contradiction{{"client_tls_crl_dir=/etc/passwd", "client_tls_ca_file=/etc/passwd"},
                      "names /etc/passwd, which is not a directory"},
        contradiction{
            {"client_tls_min_protocol_version=TLSv1.3", "client_tls_max_protocol_version=TLSv1.2"},
            "must not be newer than client_tls_max_protocol_version"},
        contradiction{{"server_tls_sslnegotiation=direct"}, "server_tls_sslnegotiation is direct"},
        contradiction{{"server_tls_channel_binding=require"},
                      "needs server_tls_sslmode require, verify-ca or verify-full"},
        contradiction{{"proxy_protocol_from=10.0.0.0/8,local"},
                      "proxy_protocol_from has the entry \"local\""},
        contradiction{{"users_file=/nonexistent/u"},
                      "names /nonexistent/u, which cannot be read: No such file"},
        contradiction{{"users_file=/etc"}, "names /etc, which is a directory"},
        contradiction{{"unix_socket_dir=/nonexistent"}, "is not a directory"}));

TEST(LoadSettings, SeveralMistakesAreAllListed) {
    EXPECT_EQ(refusal({"port=x", "pool_size=0"}),
              "--set: port must be a whole number, from 0 to 65535\n"
              "--set: pool_size must be a whole number, from 1 to 100000");
}

TEST(PolicyFor, TheUserWinsOverTheDatabaseAndPinsNeverFillAPool) {
    auto all = load(valid({"databases.d.pool_size=8", "databases.d.max_client_connections=50",
                           "users.u.pool_size=4"}))
                   .values;
    EXPECT_EQ(policy_for(all, "d", "u").pool_size, 4U);
    EXPECT_EQ(policy_for(all, "d", "u").max_pinned, 3U);
    EXPECT_EQ(policy_for(all, "d", "u").database_max_client_connections, 50U);
    EXPECT_EQ(policy_for(all, "d", "other").pool_size, 8U);
    EXPECT_EQ(policy_for(all, "d", "other").max_pinned, 6U);
    all.pool_size = 1;
    EXPECT_EQ(policy_for(all, "", "").max_pinned, 1U);
    all.pool_size = 2;
    EXPECT_EQ(policy_for(all, "", "").max_pinned, 1U);
    all.max_pinned = 15;
    all.pool_size = 20;
    EXPECT_EQ(policy_for(all, "d", "u").max_pinned, 3U);
}

TEST(ApplyReload, KeepsWhatNeedsARestartAndSaysSo) {
    const auto current = load(valid()).values;
    auto wanted = load(valid({"port=1", "pool_size=3", "users.x.pool_size=1"})).values;
    const auto result = apply_reload(current, wanted);
    EXPECT_EQ(result.values.port, 5432);
    EXPECT_EQ(result.values.pool_size, 3U);
    EXPECT_THAT(result.changed, ElementsAre("pool_size", "users.x"));
    ASSERT_EQ(result.messages.size(), 1U);
    EXPECT_EQ(to_string(result.messages[0]),
              "reload: port was changed; it takes effect at the next start");
    EXPECT_TRUE(apply_reload(result.values, result.values).changed.empty());
}

} // namespace
} // namespace pgweir
