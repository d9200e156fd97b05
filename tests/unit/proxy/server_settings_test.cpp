#include "proxy/server_settings.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

using namespace pgweir;
using namespace std::chrono_literals;

namespace {

using options = std::vector<std::pair<std::string, std::string>>;

} // namespace

TEST(ServerSettings, TheMonitorWatchesTheConfiguredNodes) {
    settings s;
    s.nodes = {{"db-0", 5432, 1.0}, {"/run/postgresql", 5433, 0.0}};
    s.node_application_names = {"walreceiver0"};
    const auto m = monitor_settings_of(s);
    ASSERT_EQ(m.nodes.size(), 2U);
    EXPECT_EQ(m.nodes[0], (monitored_node{"db-0", 5432, 1.0, "walreceiver0", false, "", "", true}));
    EXPECT_EQ(m.nodes[1], (monitored_node{"/run/postgresql", 5433, 0.0, "", false, "", "", true}))
        << "fewer names than nodes";
}

TEST(ServerSettings, NodesAreNearIfTheirZoneIsOursOrWeHaveNone) {
    settings s;
    s.nodes = {{"a", 5432, 1.0}, {"b", 5432, 1.0}, {"c", 5432, 1.0}};
    s.node_zones = {"east", "west"};
    for (const auto& node : monitor_settings_of(s).nodes)
        EXPECT_TRUE(node.near);
    s.zone = "west";
    const auto m = monitor_settings_of(s);
    EXPECT_FALSE(m.nodes[0].near);
    EXPECT_TRUE(m.nodes[1].near);
    EXPECT_FALSE(m.nodes[2].near) << "nobody knows where it is";
    EXPECT_EQ(m.nodes[1].zone, "west");
}

TEST(ServerSettings, TheMonitorLogsInAsConfigured) {
    settings s;
    s.monitor_user = "watcher";
    s.monitor_password = secret{"hush"};
    s.monitor_database = "repmgr";
    const auto m = monitor_settings_of(s);
    EXPECT_EQ(m.user, "watcher");
    EXPECT_EQ(m.password, "hush");
    EXPECT_EQ(m.database, "repmgr");
}

TEST(ServerSettings, TlsTowardsServersHoldsForTheMonitorInLibpqsWords) {
    settings s;
    EXPECT_EQ(monitor_settings_of(s).connection_options, (options{{"sslmode", "prefer"}}))
        << "no empty file names";
    s.server_tls_sslmode = tls_mode::verify_full;
    s.server_tls_ca_file = "/ca.pem";
    s.server_tls_cert_file = "/cert.pem";
    s.server_tls_key_file = "/key.pem";
    EXPECT_EQ(monitor_settings_of(s).connection_options, (options{{"sslmode", "verify-full"},
                                                                  {"sslrootcert", "/ca.pem"},
                                                                  {"sslcert", "/cert.pem"},
                                                                  {"sslkey", "/key.pem"}}));
}

TEST(ServerSettings, OnlyWhatDiffersFromLibpqsOwnIsTold) {
    settings s;
    s.server_tls_sslmode = tls_mode::require;
    s.server_tls_crl_file = "/ca.crl";
    s.server_tls_crl_dir = "/crl";
    s.server_tls_min_protocol_version = tls_version::tls_1_3;
    s.server_tls_channel_binding = channel_binding_use::require;
    EXPECT_EQ(monitor_settings_of(s).connection_options,
              (options{{"sslmode", "require"},
                       {"sslcrl", "/ca.crl"},
                       {"sslcrldir", "/crl"},
                       {"ssl_min_protocol_version", "TLSv1.3"},
                       {"channel_binding", "require"}}));
}

TEST(ServerSettings, TheMonitorsTimesAreTheSettingsOwn) {
    settings s;
    s.monitor_interval = 11ms;
    s.monitor_interval_waiting = 12ms;
    s.monitor_interval_idle = 13ms;
    s.connect_timeout = 14ms;
    s.check_timeout = 15ms;
    const auto m = monitor_settings_of(s);
    EXPECT_EQ(m.interval, 11ms);
    EXPECT_EQ(m.waiting_interval, 12ms);
    EXPECT_EQ(m.idle_interval, 13ms);
    EXPECT_EQ(m.connect_timeout, 14ms);
    EXPECT_EQ(m.check_timeout, 15ms);
}

TEST(ServerSettings, ALagLimitOfZeroIsNone) {
    settings s;
    EXPECT_FALSE(monitor_settings_of(s).topology.max_standby_lag_bytes);
    EXPECT_FALSE(monitor_settings_of(s).topology.max_standby_lag_time);
    s.max_standby_lag_bytes.value = 1'000;
    s.max_standby_lag_time = 2s;
    EXPECT_EQ(monitor_settings_of(s).topology.max_standby_lag_bytes, 1'000U);
    EXPECT_EQ(monitor_settings_of(s).topology.max_standby_lag_time, 2s);
}

TEST(ServerSettings, QuorumAndSystemIdentifierReachTheTopology) {
    settings s;
    s.write_quorum = 2;
    s.system_identifier = 7'000'000'000'000'000'001;
    EXPECT_EQ(monitor_settings_of(s).topology.write_quorum, 2U);
    EXPECT_EQ(monitor_settings_of(s).topology.system_identifier, 7'000'000'000'000'000'001U);
}

TEST(ServerSettings, TheRoutersListsCompile) {
    settings s;
    s.read_only_function_list = {"get_.*"};
    s.write_function_list = {"touch_.*"};
    s.primary_routing_query_pattern_list = {"audit"};
    s.database_redirect_preference_list = {{"reports", "standby", 1.0}};
    s.user_redirect_preference_list = {{"robot", "primary", 0.5}};
    s.app_name_redirect_preference_list = {{"psql", "1", 1.0}};
    const auto policy = routing_policy::compile(policy_text(s));
    ASSERT_TRUE(policy);
    EXPECT_TRUE(policy->is_reading_function("get_total"));
    EXPECT_TRUE(policy->is_writing_function("touch_row"));
    EXPECT_TRUE(policy->is_primary_query("select * from audit"));
    EXPECT_EQ(policy->preference("reports", "x", "x"),
              (redirect{redirect_target::standby, 0, 1.0}));
    EXPECT_EQ(policy->preference("x", "robot", "x"), (redirect{redirect_target::primary, 0, 0.5}));
    EXPECT_EQ(policy->preference("x", "x", "psql"), (redirect{redirect_target::node, 1, 1.0}));
}

TEST(ServerSettings, WhatTheCatalogQueriesCannotHaveAnsweredMakesNoCatalog) {
    EXPECT_EQ(catalog_from("shop", 150'000, {}, nullptr), nullptr);
}
