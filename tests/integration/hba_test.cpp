// Rules of pg_hba.conf and maps of pg_ident.conf: who comes in by which method, what the others are
// told, and that a reload changes it.
#include "tests/support/certificates.hpp"
#include "tests/support/proxied_test.hpp"

#include <pwd.h>
#include <unistd.h>

#include <csignal>

namespace pgweir::test {
namespace {

using ::testing::HasSubstr;

constexpr std::int32_t request_ok = 0;
constexpr std::int32_t request_cleartext = 3;
constexpr std::int32_t request_md5 = 5;
constexpr std::int32_t request_sasl = 10;

class hba : public proxied_test {
protected:
    void SetUp() override { PGWEIR_ONLY(); }

    [[nodiscard]] std::string file(const std::string& name) const {
        return (directory_.path() / name).string();
    }
    void write(const std::string& name, const std::string& text) const {
        write_file(directory_.path() / name, text, 0600);
    }
    /// A pgweir with these rules.
    [[nodiscard]] std::unique_ptr<pgweir_process> start(const std::string& rules,
                                                        const settings_map& more = {}) const {
        write("hba", rules);
        pgweir_options options;
        options.settings = more;
        options.settings["hba_file"] = file("hba");
        return std::make_unique<pgweir_process>(cluster().addresses(), options);
    }
    /// What a client is asked first (the number of the authentication request), or the error.
    struct first_answer {
        std::int32_t request = -1;
        std::string sqlstate;
        std::string message;
    };
    static first_answer knock(wire_client client, const wire::startup_parameters& parameters) {
        client.send(wire::startup(parameters));
        const auto message = client.read();
        first_answer answer;
        if (message && message->type == 'R') answer.request = read_int32(message->body, 0);
        if (message && message->type == 'E') {
            answer.sqlstate = field(*message, 'C');
            answer.message = field(*message, 'M');
        }
        return answer;
    }
    static first_answer
    knock(int port, const std::string& user, const std::string& database = "app") {
        return knock(wire_client{port}, {{"user", user}, {"database", database}});
    }
    static first_answer knock(const pgweir_process& proxy, const std::string& user) {
        return knock(wire_client{proxy.socket_file()}, {{"user", user}, {"database", "app"}});
    }
    static void reload(const pgweir_process& proxy, const std::string& expected) {
        const auto before = proxy.log().size();
        proxy.send_signal(SIGHUP);
        EXPECT_TRUE(wait_until([&] {
            return proxy.log().find(expected, before) != std::string::npos;
        })) << proxy.log();
    }
    static std::string system_user() { return ::getpwuid(::getuid())->pw_name; }
    /// "1", or why not.
    static std::string attempt(const std::string& conninfo) {
        pg_connection session{conninfo};
        return session.connected() ? session.value("select 1") : session.error();
    }

    temp_directory directory_{"hba"};
};

TEST_F(hba, TheFirstRuleThatFitsChoosesTheMethod) {
    const auto proxy = start("local all all trust\n"
                             "host app app_md5 127.0.0.0/8 md5\n"
                             "host app app_plain samehost password\n"
                             "host app other,app_trust 0.0.0.0/0 reject\n"
                             "host app /^app$ 127.0.0.1 255.255.255.255 scram-sha-256\n");
    EXPECT_EQ(knock(proxy->port(), "app_md5").request, request_md5);
    EXPECT_EQ(knock(proxy->port(), "app_plain").request, request_cleartext);
    EXPECT_EQ(knock(proxy->port(), "app").request, request_sasl);
    EXPECT_EQ(knock(*proxy, "app_trust").request, request_ok);
    EXPECT_EQ(attempt(conninfo(proxy->port(), accounts::app)), "1");
    EXPECT_EQ(attempt(conninfo(proxy->port(), accounts::md5_user)), "1");
}

TEST_F(hba, WhoIsKeptOutIsToldAsPostgresqlTellsIt) {
    const auto proxy = start("host app app all scram-sha-256\nhost all other all reject\n");
    const auto none = knock(proxy->port(), "app", "postgres");
    EXPECT_EQ(none.sqlstate, "28000");
    EXPECT_EQ(none.message, "no pg_hba.conf entry for host \"127.0.0.1\", user \"app\", database "
                            "\"postgres\", no encryption");
    const auto rejected = knock(proxy->port(), "other");
    EXPECT_EQ(rejected.sqlstate, "28000");
    EXPECT_EQ(rejected.message, "pg_hba.conf rejects connection for host \"127.0.0.1\", user "
                                "\"other\", database \"app\", no encryption");
    EXPECT_EQ(knock(*proxy, "app").message, "no pg_hba.conf entry for host \"[local]\", user "
                                            "\"app\", database \"app\", no encryption");
    const auto replication = knock(wire_client{proxy->port()},
                                   {{"user", "app"}, {"database", "app"}, {"replication", "true"}});
    EXPECT_EQ(replication.message, "no pg_hba.conf entry for replication connection from host "
                                   "\"127.0.0.1\", user \"app\", no encryption");
    EXPECT_THAT(proxy->log(), HasSubstr("by " + file("hba") + ":2"));
    EXPECT_GE(proxy->metric("pgweir_logins_total", "result=\"refused\""), 4);
    write("hba", "host replication all all reject\n");
    reload(*proxy, "settings reloaded");
    const auto copier = knock(wire_client{proxy->port()}, {{"user", "app"}, {"replication", "on"}});
    EXPECT_EQ(copier.message, "pg_hba.conf rejects replication connection for host \"127.0.0.1\", "
                              "user \"app\", no encryption");
}

TEST_F(hba, AReloadChangesTheRulesAndABrokenFileDoesNot) {
    const auto proxy = start("host all all all scram-sha-256\n");
    pg_connection before{conninfo(proxy->port(), accounts::app)};
    EXPECT_EQ(before.value("select 1"), "1");
    write("hba", "host all app all reject\nhost all all all md5\n");
    reload(*proxy, "settings reloaded");
    EXPECT_EQ(knock(proxy->port(), "app").sqlstate, "28000");
    EXPECT_EQ(knock(proxy->port(), "app_md5").request, request_md5);
    EXPECT_EQ(before.value("select 2"), "2") << "who is in stays";
    write("hba", "host all all all trust\nhost all all 10.0.0.0/99 trust\n");
    reload(*proxy, "hba:2: invalid CIDR mask");
    EXPECT_EQ(knock(proxy->port(), "app").sqlstate, "28000");
    EXPECT_EQ(proxy->metric("pgweir_reload_failures_total"), 1);
}

TEST_F(hba, ABrokenFileStopsTheStart) {
    write("hba", "host all all all\n");
    const auto said = run_pgweir("nodes = [\"127.0.0.1:1\"]\nhba_file = \"" + file("hba") + "\"\n");
    EXPECT_EQ(said.exit_code, 2);
    EXPECT_THAT(said.output, HasSubstr("hba:1: ends before its authentication method"));
}

TEST_F(hba, IncludedFilesCount) {
    write("users", "app\n# others\napp_md5\n");
    write("more", "host all @users all scram-sha-256\n");
    const auto proxy = start("include more\ninclude_if_exists none\nhost all all all reject\n");
    EXPECT_EQ(knock(proxy->port(), "app").request, request_sasl);
    EXPECT_EQ(knock(proxy->port(), "other").sqlstate, "28000");
}

TEST_F(hba, RulesMayStandInTheSettings) {
    pgweir_options options;
    options.settings["hba_rules"] =
        R"(["host all app all auth_method", "host all app_md5 all md5"])";
    const pgweir_process proxy{cluster().addresses(), options};
    EXPECT_EQ(knock(proxy.port(), "app").request, request_sasl);
    EXPECT_EQ(knock(proxy.port(), "app_md5").request, request_md5);
    EXPECT_EQ(knock(proxy.port(), "other").sqlstate, "28000");
}

TEST_F(hba, MembersOfARoleAreAskedFromTheServers) {
    auto& primary = cluster().primary();
    primary.must("drop role if exists hba_inner, hba_outer; create role hba_outer; "
                 "create role hba_inner in role hba_outer; grant hba_inner to app",
                 "postgres");
    const auto proxy = start("host app +hba_outer all scram-sha-256\nhost samerole all all md5\n"
                             "host postgres postgres,+hba_outer all password\n",
                             {{"auth_user", accounts::lookup.name},
                              {"auth_password", accounts::lookup.password},
                              {"auth_query", "select * from weir.lookup($1)"},
                              {"auth_cache_ttl", "1h"}});
    EXPECT_EQ(knock(proxy->port(), "app").request, request_sasl);
    EXPECT_EQ(knock(proxy->port(), "other").sqlstate, "28000");
    EXPECT_EQ(knock(proxy->port(), "postgres").sqlstate, "28000")
        << "a superuser is no member of what was not given to him";
    EXPECT_EQ(knock(proxy->port(), "app", "hba_inner").request, request_md5);
    EXPECT_EQ(knock(proxy->port(), "nobody_here", "nobody_here").sqlstate, "28000");
    primary.must("grant hba_outer to other", "postgres");
    EXPECT_EQ(knock(proxy->port(), "other").request, request_sasl)
        << "who was refused is asked for anew, whatever auth_cache_ttl says";
    primary.must("revoke hba_outer from other; drop role hba_inner, hba_outer", "postgres");
}

TEST_F(hba, RolesThatCannotBeAskedForLetNobodyIn) {
    const auto proxy = start("host all +hba_nobody all trust\nhost all all all trust\n",
                             {{"auth_user", accounts::lookup.name},
                              {"auth_password", "wrong"},
                              {"users_file", ""},
                              {"failover_timeout", "500ms"}});
    EXPECT_EQ(knock(proxy->port(), "app").sqlstate, "57P03");
}

TEST_F(hba, HostNamesAreLookedUp) {
    const auto proxy =
        start("host all app_md5 .invalid trust\nhost all app_md5 localhost md5\n"
              "host all app LocalHost scram-sha-256\nhost all all localhost.x trust\n");
    EXPECT_EQ(knock(proxy->port(), "app").request, request_sasl);
    EXPECT_EQ(knock(proxy->port(), "app_md5").request, request_md5);
    EXPECT_EQ(knock(proxy->port(), "other").sqlstate, "28000");
}

TEST_F(hba, PeerBelievesTheKernel) {
    write("ident", "m /^(" + system_user() + ")$ app\nm nobody_else other\nall_of_them /. all\n");
    const auto proxy =
        start("local app app,other peer map=m\nlocal postgres all peer map=all_of_them\n"
              "local all all peer\n",
              {{"ident_file", file("ident")}});
    EXPECT_EQ(knock(*proxy, "app").request, request_ok);
    const auto refused = knock(*proxy, "other");
    EXPECT_EQ(refused.sqlstate, "28000");
    EXPECT_EQ(refused.message, "Peer authentication failed for user \"other\"");
    const auto unmapped = knock(*proxy, "app_md5");
    EXPECT_EQ(unmapped.sqlstate, "28000");
    EXPECT_THAT(proxy->log(), HasSubstr("the system user is " + system_user()));
    EXPECT_EQ(attempt("host=" + proxy->directory().string() +
                      " port=" + std::to_string(proxy->port()) + " user=app dbname=app"),
              "1");
}

class hba_tls : public hba {
protected:
    void SetUp() override {
        PGWEIR_ONLY();
        make_certificates(directory_.path());
        make_client_certificate(directory_.path(), "boss", "The Boss");
        make_client_certificate(directory_.path(), "stranger", "app", "other_ca");
    }
    [[nodiscard]] std::unique_ptr<pgweir_process> start_tls(const std::string& rules,
                                                            settings_map more = {}) const {
        more["client_tls_sslmode"] = "prefer";
        more["client_tls_cert_file"] = file("server.crt");
        more["client_tls_key_file"] = file("server.key");
        more["client_tls_ca_file"] = file("ca.crt");
        return start(rules, more);
    }
    /// "1", or the error; `certificate` may be empty.
    [[nodiscard]] std::string
    come(const pgweir_process& proxy, const account& who, const std::string& certificate) const {
        const auto name = certificate.empty() ? "none" : certificate;
        return attempt(conninfo(proxy.port(), who, "app",
                                "sslmode=require sslcert=" + file(name + ".crt") +
                                    " sslkey=" + file(name + ".key")));
    }
    static inline const account app_without_password{"app", ""};
};

TEST_F(hba_tls, EncryptionChoosesTheRule) {
    const auto proxy = start_tls("hostssl all app all trust\nhostnossl all app all reject\n"
                                 "hostgssenc all all all trust\n");
    EXPECT_EQ(come(*proxy, app_without_password, ""), "1");
    EXPECT_EQ(knock(proxy->port(), "app").sqlstate, "28000");
    EXPECT_THAT(come(*proxy, accounts::other, ""), HasSubstr("SSL encryption"));
}

TEST_F(hba_tls, ACertificateThatNamesTheUserIsEnough) {
    write("ident", "m \"The Boss\" app\nm \"The Boss\" other\n"
                   "d \"CN=The Boss\" app\n");
    const auto proxy = start_tls("hostssl app app_md5 all cert map=m\nhostssl app app all cert\n",
                                 {{"ident_file", file("ident")}});
    EXPECT_EQ(come(*proxy, app_without_password, "client"), "1");
    EXPECT_THAT(come(*proxy, app_without_password, "boss"),
                HasSubstr("certificate authentication failed for user \"app\""));
    EXPECT_THAT(come(*proxy, app_without_password, ""),
                HasSubstr("connection requires a valid client certificate"));
    EXPECT_NE(come(*proxy, app_without_password, "stranger"), "1");
    EXPECT_THAT(come(*proxy, accounts::md5_user, "boss"),
                HasSubstr("certificate authentication failed"));
}

TEST_F(hba_tls, MapsTranslateTheCertificatesNames) {
    write("ident", "m \"The Boss\" app\nd \"CN=The Boss\" app\nn \"CN=Somebody\" app\n");
    for (const auto& [options, expected] :
         std::map<std::string, bool>{{"map=m", true},
                                     {"map=d clientname=DN", true},
                                     {"map=n clientname=DN", false},
                                     {"map=d", false},
                                     {"map=m clientname=DN", false}}) {
        SCOPED_TRACE(options);
        const auto proxy = start_tls("hostssl all all all cert " + options + "\n",
                                     {{"ident_file", file("ident")}});
        EXPECT_EQ(come(*proxy, app_without_password, "boss") == "1", expected);
    }
}

TEST_F(hba_tls, ACertificateMayBeDemandedBesideThePassword) {
    const auto proxy = start_tls("hostssl all app all scram-sha-256 clientcert=verify-full\n"
                                 "hostssl all all all scram-sha-256 clientcert=verify-ca\n");
    EXPECT_EQ(come(*proxy, accounts::app, "client"), "1");
    EXPECT_THAT(come(*proxy, {"app", "wrong"}, "client"), HasSubstr("password authentication"));
    EXPECT_THAT(come(*proxy, accounts::app, "boss"),
                HasSubstr("certificate authentication failed"));
    EXPECT_EQ(come(*proxy, accounts::other, "boss"), "1");
    EXPECT_THAT(come(*proxy, accounts::other, ""),
                HasSubstr("requires a valid client certificate"));
}

} // namespace
} // namespace pgweir::test
