#include "proxy/config/import/import.hpp"
#include "proxy/config/import/pgbouncer_ini.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace pgweir {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using severity = settings_message::severity;

imported_configuration imported(std::string_view text) {
    return import_configuration(text, "pgbouncer.ini", import_format::pgbouncer, {});
}

settings values(std::string_view general, std::string_view databases = "app = host=pg-0") {
    const auto made = imported("[databases]\n" + std::string{databases} + "\n[pgbouncer]\n" +
                               "auth_file = /x/userlist.txt\n" + std::string{general});
    EXPECT_FALSE(made.failed) << made.toml;
    EXPECT_THAT(made.missing, IsEmpty()) << made.toml;
    settings_draft draft;
    read_toml_text(made.toml, "toml", draft);
    EXPECT_FALSE(draft.has_errors()) << made.toml;
    return draft.values;
}

std::vector<std::string> warnings(std::string_view text) {
    std::vector<std::string> texts;
    for (const auto& one : imported(text).remarks)
        if (one.level == severity::warning) texts.push_back(to_string(one));
    return texts;
}

TEST(PgbouncerIni, SectionsLinesAndComments) {
    const auto ini = parse_pgbouncer_ini("; c\n[ databases ]\n\"a=b\" = host=x\n"
                                         "# d\n[pgbouncer]\r\nport=1\r\n%include other.ini\n",
                                         "f");
    ASSERT_EQ(ini.sections.size(), 2U);
    EXPECT_EQ(ini.sections[0].name, "databases");
    EXPECT_EQ(ini.sections[0].lines[0].name, "a=b");
    EXPECT_EQ(ini.sections[0].lines[0].where, "f:3");
    EXPECT_EQ(ini.sections[1].lines[0].value, "1");
    ASSERT_EQ(ini.includes.size(), 1U);
    EXPECT_EQ(ini.includes[0].value, "other.ini");
    EXPECT_TRUE(ini.problems.empty());
}

TEST(PgbouncerIni, WhatIsNoLineIsNamedByItsPlace) {
    const auto ini = parse_pgbouncer_ini("a = 1\n[x\n[y]\nnothing\n", "f");
    ASSERT_EQ(ini.problems.size(), 3U);
    EXPECT_EQ(ini.problems[0].where, "f:1");
    EXPECT_EQ(ini.problems[2].where, "f:4");
}

TEST(PgbouncerIni, ConnectStrings) {
    EXPECT_THAT(
        *parse_connect_string(" host=a  dbname = 'my ''db'' x' pool_size=3"),
        ElementsAre(Pair("host", "a"), Pair("dbname", "my 'db' x"), Pair("pool_size", "3")));
    EXPECT_THAT(*parse_connect_string(""), IsEmpty());
    EXPECT_FALSE(parse_connect_string("host"));
    EXPECT_FALSE(parse_connect_string("host='open"));
}

TEST(ImportPgbouncer, VersionsCiphersAndKeyExchangeOfTls) {
    const auto all = values("client_tls_protocols = tlsv1.3\nserver_tls_protocols = tlsv1.2\n"
                            "client_tls_ciphers = ECDHE-RSA-AES256-GCM-SHA384\n"
                            "client_tls_ecdhcurve = X25519\nclient_tls_dheparams = /x/dh.pem\n"
                            "server_tls13_ciphers = TLS_AES_256_GCM_SHA384\n"
                            "server_tls_ciphers = secure\napplication_name_add_host = 1\n");
    EXPECT_EQ(all.client_tls_min_protocol_version, tls_version::tls_1_3);
    EXPECT_EQ(all.server_tls_max_protocol_version, tls_version::tls_1_2);
    EXPECT_EQ(all.client_tls_ciphers, "ECDHE-RSA-AES256-GCM-SHA384");
    EXPECT_EQ(all.client_tls_ecdhcurve, "X25519");
    EXPECT_EQ(all.client_tls_dh_params_file, "/x/dh.pem");
    EXPECT_EQ(all.server_tls13_ciphers, "TLS_AES_256_GCM_SHA384");
    EXPECT_EQ(all.server_tls_ciphers, "");
    EXPECT_TRUE(all.application_name_add_host);
    const auto by_default = values("client_tls_protocols = secure\nclient_tls_ecdhcurve = auto\n"
                                   "server_tls_protocols = tlsv1.2,tlsv1.3\n");
    EXPECT_EQ(by_default.client_tls_min_protocol_version, tls_version::tls_1_2);
    EXPECT_EQ(by_default.server_tls_max_protocol_version, tls_version::tls_1_3);
    EXPECT_THAT(warnings("[pgbouncer]\nclient_tls_protocols = tlsv1.1,tlsv1.2\n"),
                ::testing::Contains(HasSubstr("TLS before 1.2")));
}

TEST(ImportPgbouncer, GeneralSettings) {
    const auto all = values("listen_addr = 10.0.0.1, ::1\nlisten_port = 7000\n"
                            "max_client_conn = 500\ndefault_pool_size = 7\nmin_pool_size = 2\n"
                            "pool_mode = transaction\nserver_idle_timeout = 30\n"
                            "query_wait_timeout = 12\ntcp_keepidle = 20\ntcp_user_timeout = 5000\n"
                            "auth_type = scram-sha-256\nadmin_users = a, b\n"
                            "server_connect_timeout = 0\nlog_connections = 0\n");
    EXPECT_THAT(all.listen_address, ElementsAre("10.0.0.1", "::1"));
    EXPECT_EQ(all.port, 7000);
    EXPECT_EQ(all.max_client_connections, 500U);
    EXPECT_EQ(all.pool_size, 7U);
    EXPECT_EQ(all.min_pool_size, 2U);
    EXPECT_EQ(all.pool_mode, pool_mode::transaction);
    EXPECT_EQ(all.server_idle_timeout, 30s);
    EXPECT_EQ(all.queue_timeout, 12s);
    EXPECT_EQ(all.tcp_keepalive_idle, 20s);
    EXPECT_EQ(all.tcp_user_timeout, 5s);
    EXPECT_EQ(all.auth_method, auth_method::scram_sha_256);
    EXPECT_THAT(all.admin_users, ElementsAre("a", "b"));
    EXPECT_EQ(all.connect_timeout, 10s);
    EXPECT_FALSE(all.log_connections);
    EXPECT_EQ(all.users_file, "/x/userlist.txt");
}

TEST(ImportPgbouncer, DefaultsThatClientsRelyOn) {
    const auto all = values("");
    EXPECT_THAT(all.listen_address, IsEmpty());
    EXPECT_EQ(all.port, 6432);
    EXPECT_EQ(all.unix_socket_dir, "/tmp");
    EXPECT_EQ(all.pool_mode, pool_mode::session);
    EXPECT_EQ(all.auth_method, auth_method::md5);
}

TEST(ImportPgbouncer, DatabasesBecomeNodesAndTheirOwnSettings) {
    const auto all = values("", "a = host=pg-0,pg-1 port=5433 pool_size=3 pool_mode=statement\n"
                                "b.c = host=pg-0 port=5433 dbname=b.c reserve_pool=1\n");
    EXPECT_EQ(format_value(all.nodes), "pg-0:5433,pg-1:5433");
    EXPECT_EQ(all.databases.at("a").pool_size, 3U);
    EXPECT_EQ(all.databases.at("a").pool_mode, pool_mode::statement);
    EXPECT_EQ(all.databases.at("b.c").reserve_pool_size, 1U);
}

TEST(ImportPgbouncer, WhatADatabaseCannotHaveHere) {
    EXPECT_THAT(warnings("[databases]\na = host=x dbname=b\n"),
                ElementsAre(HasSubstr("clients must ask for b")));
    EXPECT_THAT(warnings("[databases]\na = host=x user=u password=geheim\n"),
                ElementsAre(HasSubstr("a user"), HasSubstr("a password")));
    EXPECT_THAT(imported("[databases]\na = host=x password=geheim\n").toml,
                Not(HasSubstr("geheim")));
    EXPECT_THAT(warnings("[databases]\na = host=x\nb = host=y\n"),
                ElementsAre(HasSubstr("one cluster")));
    EXPECT_THAT(warnings("[databases]\n* = pool_size=3\n"),
                ElementsAre(HasSubstr("set pool_size in general"), HasSubstr("Unix socket")));
}

TEST(ImportPgbouncer, UsersHaveTheirOwn) {
    const auto made = imported("[users]\nann = pool_mode=session max_user_client_connections=4 "
                               "query_timeout=9 max_user_connections=1\n");
    EXPECT_THAT(made.toml, HasSubstr("[users.\"ann\"]\npool_mode = \"session\"\n"
                                     "max_client_connections = 4\nquery_timeout = \"9s\"\n"));
    EXPECT_THAT(made.toml, HasSubstr("ann max_user_connections has no meaning for a user here"));
}

TEST(ImportPgbouncer, WhatIsAskedForAndMissingIsAWarning) {
    for (const auto* line :
         {"auth_type = hba", "auth_type = any", "auth_ldap_options = x", "max_db_connections = 5",
          "server_reset_query_always = 1", "disable_pqexec = 1", "no_such = 1"}) {
        EXPECT_EQ(warnings("[pgbouncer]\n" + std::string{line}).size(), 1U) << line;
    }
    EXPECT_THAT(imported("[pgbouncer]\nauth_type = any\n").toml,
                HasSubstr("auth_method = \"scram-sha-256\""));
    EXPECT_THAT(warnings("[pgbouncer]\nmax_db_connections = 0\npkt_buf = 4096\nverbose = 2\n"),
                IsEmpty());
    EXPECT_THAT(warnings("[peers]\n1 = host=x\n"), ElementsAre(HasSubstr("[peers]")));
    EXPECT_THAT(warnings("%include /x.ini\n"), ElementsAre(HasSubstr("/x.ini, which is not read")));
}

TEST(ImportPgbouncer, BytesThatNoSettingsFileMayHaveAreAFailure) {
    const auto made = imported("[databases]\napp = host=pg-0 p\xffool_size=5\n");
    EXPECT_TRUE(made.failed);
    EXPECT_THAT(to_string(made.remarks.back()), HasSubstr("cannot stand in a settings file"));
}

TEST(ImportPgbouncer, RulesAreThoseOfPostgresql) {
    const auto made = imported("[pgbouncer]\nauth_ident_file = /i\nauth_hba_file = /h\n"
                               "auth_type = hba\n");
    EXPECT_THAT(made.toml, HasSubstr("hba_file = \"/h\""));
    EXPECT_THAT(made.toml, HasSubstr("ident_file = \"/i\""));
    EXPECT_THAT(imported("[pgbouncer]\nauth_hba_file = /h\nauth_type = md5\n").toml,
                Not(HasSubstr("\nhba_file")));
    EXPECT_THAT(imported("[pgbouncer]\nauth_type = cert\n").toml,
                HasSubstr("hba_rules = [\"hostssl all all all cert\"]"));
    EXPECT_THAT(imported("[pgbouncer]\nauth_type = pam\n").toml,
                HasSubstr("hba_rules = [\"local all all pam\", \"host all all all pam\"]"));
}

/// Debian's sample as installed, and with every setting that it shows taken out of its comment.
TEST(ImportPgbouncer, EverySettingOfTheSampleIsExplained) {
    std::ifstream file{"/usr/share/doc/pgbouncer/examples/pgbouncer.ini"};
    if (!file) file.open("/etc/pgbouncer/pgbouncer.ini");
    if (!file) GTEST_SKIP() << "Debian package pgbouncer is not installed";
    std::string plain;
    std::string text;
    for (std::string line; std::getline(file, line);) {
        plain += line + "\n";
        const auto first = line.find_first_not_of("; ");
        const auto equals = line.find(" = ");
        const bool shows = line.starts_with(';') && !line.starts_with(";;") &&
                           equals != std::string::npos && !line.starts_with("; job") &&
                           line.substr(first, equals - first).find(' ') == std::string::npos;
        text += (shows ? line.substr(first) : line) + "\n";
    }
    for (const auto& given : {plain, text}) {
        const auto made = imported(given);
        EXPECT_FALSE(made.failed);
        for (const auto& one : made.remarks)
            EXPECT_THAT(one.text, Not(HasSubstr("pgweir knows")));
        settings_draft draft;
        read_toml_text(made.toml, "toml", draft);
        EXPECT_FALSE(draft.has_errors());
    }
    std::size_t count = 0;
    for (const auto& section : parse_pgbouncer_ini(text, "f").sections)
        count += section.lines.size();
    EXPECT_GT(count, 80U);
}

} // namespace
} // namespace pgweir
