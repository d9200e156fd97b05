// Every method over every kind of connection under every client_tls_sslmode: psql, a driver of
// another family, and start-up packets of 3.0 and 3.2 of our own, each outcome against the table.
#include "tests/auth/login_table.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/ldap_server.hpp"
#include "tests/support/proxied_test.hpp"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <sstream>

namespace pgweir::test {
namespace {

const std::string password = "right secret";

class login_table : public ::testing::Test {
protected:
    static void SetUpTestSuite() {
        if (::geteuid() != 0) GTEST_SKIP() << "a PAM service needs a file in /etc/pam.d";
        directory_ = std::make_unique<temp_directory>("auth");
        make_certificates(path());
        make_client_certificate(path(), "other", "somebody_else");
        make_client_certificate(path(), "foreign", "anybody", "other_ca");
        ldap_ = std::make_unique<ldap_server>();
        make_users();
        make_pam_service();
    }
    static void TearDownTestSuite() {
        std::filesystem::remove(pam_file());
        ldap_.reset();
        directory_.reset();
    }

    static const std::filesystem::path& path() { return directory_->path(); }
    static std::string file(const std::string& name) { return (path() / name).string(); }
    static std::string pam_service() { return "pgweir-auth-" + std::to_string(::getpid()); }
    static std::filesystem::path pam_file() { return "/etc/pam.d/" + pam_service(); }

    static void make_users() {
        std::string users = users_file();
        std::set<std::string> made;
        for (const auto& login : all_logins()) {
            if (!made.insert(login.user()).second) continue;
            const account who{login.user(), password};
            shared_cluster().primary().must(create_role_sql(who), "postgres");
            users += "\"" + who.name + "\" \"" + password + "\"\n";
            make_client_certificate(path(), who.name, who.name);
        }
        write_file(path() / "users.txt", users, 0600);
        ASSERT_TRUE(shared_cluster().wait_caught_up());
    }
    static void make_pam_service() {
        write_file(path() / "decide",
                   "#!/bin/sh\nread -r given\n[ \"$given\" = '" + password + "' ]\n", 0755);
        write_file(pam_file(), "auth required pam_exec.so quiet expose_authtok " + file("decide") +
                                   "\naccount required pam_permit.so\n");
    }
    static std::string rules() {
        std::ostringstream text;
        text << "local all auth_peer peer map=m\nhostssl all auth_cert all cert\n";
        for (const std::string method :
             {"trust", "reject", "password", "md5", "scram-sha-256", "ldap", "pam"}) {
            auto says = method;
            if (method == "pam") says += " pamservice=" + pam_service();
            // The directory knows the user by another name.
            if (method == "ldap")
                says = "ldap ldapserver=127.0.0.1 ldapport=" + std::to_string(ldap_->port()) +
                       " ldapbasedn=\"" + ldap_server::people + "\" ldapbinddn=\"" +
                       ldap_server::reader +
                       "\" ldapbindpasswd=reader-secret ldapsearchfilter=\"(uid=ann)\"";
            const auto user = login_case{{}, {}, method, true}.user();
            text << "local all " << user << " " << says << '\n';
            text << "host all " << user << " all " << says << '\n';
        }
        return text.str();
    }
    static std::unique_ptr<pgweir_process> start(const std::string& mode) {
        write_file(path() / "hba", rules(), 0600);
        write_file(path() / "ident",
                   "m " + std::string{::getpwuid(::getuid())->pw_name} + " auth_peer\n", 0600);
        pgweir_options options;
        options.write_users_file = false;
        options.settings = {{"users_file", file("users.txt")},
                            {"hba_file", file("hba")},
                            {"ident_file", file("ident")},
                            {"client_tls_sslmode", mode},
                            {"client_tls_cert_file", file("server.crt")},
                            {"client_tls_key_file", file("server.key")},
                            {"client_tls_ca_file", file("ca.crt")}};
        return std::make_unique<pgweir_process>(shared_cluster().addresses(), options);
    }

    static std::string secret_of(const login_case& login) {
        if (!login.right) return "wrong";
        return login.method == "ldap" ? "ann-secret" : password;
    }
    /// The file name of the certificate that is shown; empty: none.
    static std::string certificate_of(const login_case& login) {
        if (login.way == "tls_own") return file(login.user());
        if (login.way == "tls_other") return file("other");
        if (login.way == "tls_foreign") return file("foreign");
        return {};
    }

    static std::unique_ptr<temp_directory> directory_;
    static std::unique_ptr<ldap_server> ldap_;
};

std::unique_ptr<temp_directory> login_table::directory_;
std::unique_ptr<ldap_server> login_table::ldap_;

/// What a client saw, against the table.
class tally {
public:
    void note(const login_case& login, const std::string& client, const std::string& outcome) {
        const auto expected = expected_outcome(login);
        ++cells_;
        ++outcomes_[client + " " + outcome];
        EXPECT_EQ(outcome, expected) << client << " " << login.text();
    }
    void print() const {
        for (const auto& [what, count] : outcomes_)
            std::cout << "figures: " << what << ": " << count << "\n";
        std::cout << "figures: " << cells_ << " logins\n";
    }

private:
    int cells_ = 0;
    std::map<std::string, int> outcomes_;
};

/// psql does not tell the SQLSTATE: what it says is translated.
std::string outcome_of_psql(const command_result& said) {
    const auto has = [&](const char* text) { return said.output.find(text) != std::string::npos; };
    if (said.exit_code == 0 && said.output == "1\n") return "in";
    if (has("password authentication failed")) return "28P01";
    if (has("pg_hba.conf") || has("authentication failed for user") ||
        has("connection requires a valid client certificate") || has("TLS is required"))
        return "28000";
    if (has("SSL error") || has("does not support SSL") || has("alert") || has("SSL SYSCALL") ||
        has("server closed the connection"))
        return "tls";
    return said.output;
}

TEST_F(login_table, ByPsql) {
    tally all;
    std::unique_ptr<pgweir_process> proxy;
    std::string mode;
    for (const auto& login : all_logins()) {
        if (mode != login.mode) proxy = start(mode = login.mode);
        auto conninfo =
            "host=" + (login.way == "unix" ? proxy->directory().string() : "127.0.0.1") +
            " port=" + std::to_string(proxy->port()) + " user=" + login.user() +
            " dbname=app connect_timeout=20 sslmode=" + (login.is_tls() ? "require" : "disable");
        const auto certificate = certificate_of(login);
        conninfo += " sslcert=" + (certificate.empty() ? file("none") : certificate) + ".crt" +
                    " sslkey=" + (certificate.empty() ? file("none") : certificate) + ".key";
        spawn_options spawn;
        spawn.environment = {{"PGPASSWORD", secret_of(login)}};
        const auto said =
            run_command({"psql", "-X", "-A", "-t", "-w", "-c", "select 1", conninfo}, spawn);
        all.note(login, "psql", outcome_of_psql(said));
    }
    all.print();
}

TEST_F(login_table, ByADriverWithAProtocolOfItsOwn) {
    tally all;
    std::unique_ptr<pgweir_process> proxy;
    const auto logins = all_logins();
    for (auto next = logins.begin(); next != logins.end();) {
        const auto mode = next->mode;
        proxy = start(mode);
        const auto end = std::find_if(next, logins.end(),
                                      [&](const login_case& one) { return one.mode != mode; });
        std::ostringstream lines;
        for (auto login = next; login != end; ++login) {
            const auto certificate = certificate_of(*login);
            lines << R"({"host": ")"
                  << (login->way == "unix" ? proxy->directory().string() : "127.0.0.1")
                  << R"(", "port": )" << proxy->port() << R"(, "user": ")" << login->user()
                  << R"(", "password": ")" << secret_of(*login) << R"(", "tls": )"
                  << (login->is_tls() ? "true" : "false") << R"(, "certificate": ")"
                  << (certificate.empty() ? "" : certificate + ".crt") << R"(", "key": ")"
                  << (certificate.empty() ? "" : certificate + ".key") << "\"}\n";
        }
        write_file(path() / "logins", lines.str(), 0600);
        const std::string program = std::string{PGWEIR_SOURCE_DIR} + "/tests/auth/attempt.py";
        const auto said =
            run_command({"sh", "-c", "exec /usr/bin/python3 " + program + " <" + file("logins")});
        std::istringstream answers{said.output};
        for (std::string line; next != end && std::getline(answers, line); ++next)
            all.note(*next, "asyncpg", line);
        ASSERT_TRUE(next == end) << said.output;
    }
    all.print();
}

TEST_F(login_table, ByStartUpPacketsOfOurOwn) {
    tally all;
    std::unique_ptr<pgweir_process> proxy;
    std::string mode;
    for (const auto& login : all_logins()) {
        if (login.is_tls()) continue;
        if (mode != login.mode) proxy = start(mode = login.mode);
        for (const auto version : {wire::protocol_3_0, wire::protocol_3_2}) {
            auto client = login.way == "unix" ? wire_client{proxy->socket_file()}
                                              : wire_client{proxy->port()};
            client.send(wire::startup({{"user", login.user()}, {"database", "app"}}, version));
            const auto refused = client.authenticate({login.user(), secret_of(login)});
            const bool newer = version == wire::protocol_3_2;
            all.note(login, newer ? "3.2" : "3.0", refused ? field(*refused, 'C') : "in");
        }
    }
    all.print();
}

} // namespace
} // namespace pgweir::test
