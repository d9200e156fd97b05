#include "proxy/config/import/import.hpp"
#include "proxy/config/import/pgpool_conf.hpp"
#include "proxy/config/import/pgpool_names.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace pgweir {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using severity = settings_message::severity;

std::vector<std::pair<std::string, std::string>> lines(std::string_view text) {
    std::vector<std::pair<std::string, std::string>> pairs;
    for (const auto& line : parse_pgpool_conf(text, "f").lines)
        pairs.emplace_back(line.name, line.value);
    return pairs;
}

imported_configuration imported(std::string_view text) {
    return import_configuration(text, "pgpool.conf", import_format::pgpool,
                                [](const std::string& name) -> std::optional<std::string> {
                                    if (name == "pool_passwd")
                                        return "ann:TEXTsecret\nbob:md5abc\ncarl:AESxyz\n# none\n";
                                    return {};
                                });
}

/// What pgweir makes of the printed settings.
settings values(std::string_view text) {
    const auto made = imported("backend_hostname0 = 'pg-0'\n" + std::string{text});
    EXPECT_FALSE(made.failed) << made.toml;
    EXPECT_THAT(made.missing, IsEmpty()) << made.toml;
    settings_draft draft;
    read_toml_text(made.toml, "toml", draft);
    EXPECT_FALSE(draft.has_errors()) << made.toml;
    return draft.values;
}

std::vector<std::string> remarks(std::string_view text, severity level) {
    std::vector<std::string> texts;
    for (const auto& one : imported("pool_passwd = ''\n" + std::string{text}).remarks)
        if (one.level == level && one.key != "pool_passwd") texts.push_back(to_string(one));
    return texts;
}

TEST(PgpoolConf, ValuesWithAndWithoutQuotes) {
    EXPECT_THAT(lines("a = 1\n b='x y' # c\n\n# d = 2\nc 'it''s'\nd = 'a\\'b'#e\nf = ''\n"),
                ElementsAre(std::pair{"a", "1"}, std::pair{"b", "x y"}, std::pair{"c", "it's"},
                            std::pair{"d", "a'b"}, std::pair{"f", ""}));
    EXPECT_THAT(lines("p = '^a\\;b;c#d\\.e'\r\n"), ElementsAre(std::pair{"p", "^a\\;b;c#d\\.e"}));
}

TEST(PgpoolConf, WhatIsNoLineIsNamedByItsPlace) {
    const auto conf = parse_pgpool_conf("a = 'open\nb =\n= 3\nc = 1 2\nd = 4", "f");
    ASSERT_EQ(conf.problems.size(), 4U);
    EXPECT_EQ(to_string(conf.problems[0]), "f:1: a is not a line of the form name = value");
    EXPECT_EQ(conf.problems[3].where, "f:4");
    ASSERT_EQ(conf.lines.size(), 1U);
    EXPECT_EQ(conf.lines[0].where, "f:5");
}

TEST(PgpoolConf, TextThatIsCutAnywhereIsReadWithoutFaults) {
    const std::string text = "a = 'x''y\\'z' # c\nb 12\n'";
    for (std::size_t size = 0; size <= text.size(); ++size)
        static_cast<void>(parse_pgpool_conf(text.substr(0, size), "f"));
}

TEST(ImportPgpool, NodesInTheOrderOfTheirNumbers) {
    const auto made = imported("backend_hostname10 = 'pg-10'\nbackend_port10 = 5433\n"
                               "backend_weight10 = 0.5\nbackend_hostname2 = '/run/pg'\n"
                               "backend_hostname3 = 'fd00::1'\nbackend_weight3 = 0\n"
                               "backend_data_directory2 = '/data'\n"
                               "backend_flag2 = 'ALLOW_TO_FAILOVER|ALWAYS_PRIMARY'\n"
                               "backend_port7 = 1\n");
    EXPECT_FALSE(made.failed);
    EXPECT_THAT(made.toml,
                HasSubstr("nodes = [\"/run/pg:5432\", \"[fd00::1]:5432:0\", \"pg-10:5433:0.5\"]"));
    EXPECT_THAT(made.toml, HasSubstr("node 10 is number 2 here"));
    EXPECT_THAT(made.toml, HasSubstr("ALWAYS_PRIMARY has no effect"));
    EXPECT_THAT(made.toml, HasSubstr("there is no backend_hostname of that number"));
}

TEST(ImportPgpool, LaterLinesWinAlsoUnderAnOldName) {
    EXPECT_EQ(values("port = 1\nport = 7777\n").port, 7777);
    EXPECT_EQ(values("unix_socket_directories = '/a'\nsocket_dir = '/b'\n").unix_socket_dir, "/b");
    EXPECT_THAT(values("black_function_list = 'nextval,setval'").write_function_list,
                ElementsAre("nextval", "setval"));
}

TEST(ImportPgpool, WhereClientsLookStaysWhatItWasByDefault) {
    const auto all = values("");
    EXPECT_THAT(all.listen_address, ElementsAre("localhost"));
    EXPECT_EQ(all.port, 9999);
    EXPECT_EQ(all.unix_socket_dir, "/tmp");
}

TEST(ImportPgpool, UnitsAreTheParametersOwn) {
    const auto all = values("connect_timeout = 3000\nauthentication_timeout = 2min\n"
                            "client_idle_limit = 90\nconnection_life_time = 1h\n"
                            "health_check_timeout = 7\nsearch_primary_node_timeout = 0\n"
                            "delay_threshold = 1000\n");
    EXPECT_EQ(all.connect_timeout, 3s);
    EXPECT_EQ(all.client_login_timeout, 2min);
    EXPECT_EQ(all.client_idle_timeout, 90s);
    EXPECT_EQ(all.server_idle_timeout, 1h);
    EXPECT_EQ(all.check_timeout, 7s);
    EXPECT_EQ(all.failover_timeout, 24h);
    EXPECT_EQ(all.max_standby_lag_bytes.value, 1000U);
    EXPECT_EQ(values("delay_threshold_by_time = 500\ndelay_threshold = 9").max_standby_lag_time,
              500ms);
}

TEST(ImportPgpool, UsersOfPoolPasswd) {
    const auto all = values("");
    EXPECT_EQ(all.users.at("ann").password, secret{"secret"});
    EXPECT_EQ(all.users.at("bob").password, secret{"md5abc"});
    EXPECT_FALSE(all.users.contains("carl"));
    const auto made = imported("");
    for (const auto& one : made.remarks)
        EXPECT_THAT(to_string(one), ::testing::Not(HasSubstr("secret{")));
    EXPECT_THAT(made.toml, HasSubstr("pool_passwd:3: is encrypted; set pool_passwd_file"));
}

TEST(ImportPgpool, TheMonitorsLogin) {
    const auto all = values("sr_check_user = 'repmgr'\nsr_check_password = 'TEXTpw'\n"
                            "sr_check_database = 'repmgr'\nhealth_check_user = 'other'\n");
    EXPECT_EQ(all.monitor_user, "repmgr");
    EXPECT_EQ(all.monitor_password, secret{"pw"});
    EXPECT_EQ(all.monitor_database, "repmgr");
    EXPECT_EQ(values("sr_check_user = ''\nhealth_check_user = 'other'\n").monitor_user, "other");
    EXPECT_THAT(remarks("sr_check_password = 'AESabc'", severity::warning),
                ElementsAre(HasSubstr("is encrypted")));
}

TEST(ImportPgpool, SizesLimitOnlyIfTheyAreNotPgpoolsDefault) {
    const auto all = values("num_init_children = 100\nmax_pool = 2\nreserved_connections = 10\n");
    EXPECT_EQ(all.max_client_connections, 90U);
    EXPECT_EQ(all.max_server_connections, 200U);
    EXPECT_EQ(values("num_init_children = 32\nmax_pool = 4\n").max_client_connections, 10000U);
    EXPECT_THAT(remarks("num_init_children = 5\nreserved_connections = 5", severity::error),
                ElementsAre(HasSubstr("must be below num_init_children")));
}

TEST(ImportPgpool, Routing) {
    const auto all = values("load_balance_mode = off\nstatement_level_load_balance = on\n"
                            "primary_routing_query_pattern_list = 'a\\;b;SELECT.*x'\n"
                            "database_redirect_preference_list = 'db:0(0.5),t.*:standby'\n"
                            "read_only_function_list = 'get_.*, f'\n");
    EXPECT_FALSE(all.splitting);
    EXPECT_TRUE(all.statement_level_load_balance);
    EXPECT_THAT(all.primary_routing_query_pattern_list, ElementsAre("a;b", "SELECT.*x"));
    ASSERT_EQ(all.database_redirect_preference_list.size(), 2U);
    EXPECT_EQ(all.database_redirect_preference_list[0].ratio, 0.5);
    EXPECT_THAT(all.read_only_function_list, ElementsAre("get_.*", "f"));
}

TEST(ImportPgpool, ResetAndCache) {
    EXPECT_EQ(values("reset_query_list = 'ABORT; RESET ALL; SELECT 1'").server_reset_query,
              "RESET ALL; SELECT 1");
    const auto all = values("connection_cache = off\nreset_query_list = 'ABORT; DISCARD ALL'");
    EXPECT_EQ(all.pool_mode, pool_mode::session);
    EXPECT_EQ(all.server_reset_query, "");
}

TEST(ImportPgpool, OtherWaysToReplicateAreRefused) {
    for (const auto* line :
         {"backend_clustering_mode = 'native_replication'",
          "backend_clustering_mode = snapshot_isolation", "replication_mode = on"}) {
        const auto made = imported(line);
        EXPECT_TRUE(made.failed) << line;
    }
    EXPECT_FALSE(imported("master_slave_mode = on\nmaster_slave_sub_mode = 'stream'").failed);
    EXPECT_THAT(remarks("backend_clustering_mode = 'slony'", severity::warning),
                ElementsAre(HasSubstr("is slony")));
}

TEST(ImportPgpool, TlsOfItsClients) {
    const std::string text = "ssl_cert = '/x/c'\nssl_key = '/x/k'\nssl_ca_cert = '/x/ca'\n"
                             "ssl_crl_file = '/x/crl'\nssl_passphrase_command = 'echo x'\n"
                             "ssl_ciphers = 'HIGH:!aNULL'\nssl_ecdh_curve = 'prime256v1'\n"
                             "ssl_dh_params_file = '/x/dh'\nssl_prefer_server_ciphers = off\n";
    const auto on = values("ssl = on\n" + text);
    EXPECT_EQ(on.client_tls_sslmode, tls_mode::prefer);
    EXPECT_EQ(on.client_tls_cert_file, "/x/c");
    EXPECT_EQ(on.client_tls_crl_file, "/x/crl");
    EXPECT_EQ(on.client_tls_passphrase_command.value, "echo x");
    EXPECT_EQ(on.client_tls_ciphers, "HIGH:!aNULL");
    EXPECT_EQ(on.client_tls_ecdhcurve, "prime256v1");
    EXPECT_EQ(on.client_tls_dh_params_file, "/x/dh");
    EXPECT_FALSE(on.client_tls_prefer_server_ciphers);
    const auto off = values("ssl = off\n" + text);
    EXPECT_EQ(off.client_tls_sslmode, tls_mode::disable);
    EXPECT_EQ(off.client_tls_ciphers, "");
}

TEST(ImportPgpool, WhatIsAskedForAndMissingIsAWarning) {
    for (const auto* line :
         {"use_watchdog = on", "memory_cache_enabled = on", "enable_pool_hba = on",
          "failover_command = '/bin/true %d'", "log_statement = on", "unix_socket_group = 'x'",
          "allow_clear_text_frontend_auth = true", "recovery_1st_stage_command = 'x'",
          "backend_clustering_mode = 'logical_replication'", "no_such_thing = 1"}) {
        EXPECT_EQ(remarks(line, severity::warning).size(), 1U) << line;
        EXPECT_THAT(remarks(line, severity::error), IsEmpty()) << line;
    }
    EXPECT_THAT(remarks("no_such_thing = 1", severity::warning),
                ElementsAre(HasSubstr("is no parameter of pgpool")));
    EXPECT_THAT(remarks("use_watchdog = off\nmemory_cache_enabled = off\nfailover_command = ''\n"
                        "wd_port0 = 9000\nmemqcache_expire = 0\nhealth_check_period0 = 3\n",
                        severity::warning),
                IsEmpty());
}

TEST(ImportPgpool, ValuesThatCannotBeAreErrors) {
    EXPECT_TRUE(imported("port = 'many'").failed);
    EXPECT_TRUE(imported("load_balance_mode = perhaps").failed);
    EXPECT_TRUE(imported("connect_timeout = soon").failed);
}

TEST(ImportPgpool, NothingBreaksOutOfTextsAndComments) {
    const auto made = imported("backend_hostname0 = 'pg'\nsr_check_password = 'a\"b\\\\c\\n[x]'\n"
                               "no_such = 'x\\nport = 1'\n");
    settings_draft draft;
    read_toml_text(made.toml, "toml", draft);
    EXPECT_FALSE(draft.has_errors());
    EXPECT_EQ(draft.values.monitor_password, secret{"a\"b\\c\n[x]"});
    EXPECT_EQ(draft.values.port, 9999);
}

/// The sample that Debian installs, with every parameter that it shows taken out of its comment.
TEST(ImportPgpool, EveryParameterOfTheSampleIsExplained) {
    std::ifstream file{"/usr/share/doc/pgpool2/examples/pgpool.conf.sample"};
    if (!file) file.open("/etc/pgpool2/pgpool.conf");
    if (!file) GTEST_SKIP() << "Debian package pgpool2 is not installed";
    std::string text;
    for (std::string line; std::getline(file, line);) {
        const auto first = line.find_first_not_of("#");
        const auto equals = line.find(" = ");
        const bool shows = first == 1 && equals != std::string::npos &&
                           line.substr(1, equals - 1).find(' ') == std::string::npos;
        text += (shows ? line.substr(1) : line) + "\n";
    }
    for (const auto& given : {text, std::string{}}) {
        const auto made = imported(given);
        EXPECT_FALSE(made.failed);
        for (const auto& one : made.remarks)
            EXPECT_THAT(one.text, ::testing::Not(HasSubstr("pgweir knows")));
        settings_draft draft;
        read_toml_text(made.toml, "toml", draft);
        EXPECT_FALSE(draft.has_errors());
    }
    EXPECT_GT(parse_pgpool_conf(text, "f").lines.size(), 150U);
}

TEST(ImportPgpool, EveryLineIsEitherTakenOverOrRemarkedUpon) {
    for (const auto& group : unused_pgpool_parameter_groups()) {
        for (auto name : split_list(group.names, ' ')) {
            if (name.ends_with('N')) name.back() = '0';
            const auto noted = imported(name + " = ''").remarks;
            EXPECT_TRUE(std::ranges::any_of(noted, [&](const auto& one) {
                return one.key == name;
            })) << name;
        }
    }
}

TEST(ImportFormat, IsGuessedByNameOrSections) {
    EXPECT_EQ(guess_import_format("/etc/pgpool2/pgpool.conf", ""), import_format::pgpool);
    EXPECT_EQ(guess_import_format("/etc/pgbouncer/x.ini", ""), import_format::pgbouncer);
    EXPECT_EQ(guess_import_format("some.conf", "; c\n[databases]\n"), import_format::pgbouncer);
    EXPECT_EQ(guess_import_format("some.conf", "port = 1\n"), import_format::pgpool);
}

} // namespace
} // namespace pgweir
