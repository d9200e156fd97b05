// A server that speaks TLS, its certificates, and pgweir in front of it with settings of each
// test's own.
#pragma once

#include "tests/support/certificates.hpp"
#include "tests/support/proxied_test.hpp"

#include <memory>
#include <string>

namespace pgweir::test {

class tls_fixture : public ::testing::Test {
protected:
    void SetUp() override { PGWEIR_ONLY(); }
    static void TearDownTestSuite() { instance().reset(); }

    /// Without standbys; made on first use.
    static postgres_cluster& cluster() {
        if (!instance()) {
            cluster_options options;
            options.standbys = 0;
            options.tls = true;
            instance() = std::make_unique<postgres_cluster>(options);
        }
        return *instance();
    }
    static std::filesystem::path certificates() { return cluster().ca_file().parent_path(); }
    static std::string file(const std::string& name) { return (certificates() / name).string(); }
    static settings_map for_clients(const std::string& mode) {
        return {{"client_tls_sslmode", mode},
                {"client_tls_cert_file", file("server.crt")},
                {"client_tls_key_file", file("server.key")},
                {"client_tls_ca_file", file("ca.crt")}};
    }
    static std::unique_ptr<pgweir_process> start(const settings_map& settings) {
        pgweir_options options;
        options.settings = settings;
        return std::make_unique<pgweir_process>(cluster().addresses(), options);
    }
    /// The answer to "select 1", or why there was none.
    static std::string attempt(const pgweir_process& proxy,
                               const std::string& extra,
                               const account& who = accounts::app) {
        pg_connection session{conninfo(proxy.port(), who, "app", extra)};
        return session.connected() ? session.value("select 1") : session.error();
    }
    /// For a conninfo.
    static std::string client_certificate(const std::string& name) {
        return "sslmode=require sslcert=" + file(name + ".crt") + " sslkey=" + file(name + ".key");
    }
    static int backends_with_tls() {
        return std::stoi(cluster().primary().value(
            "select count(*) from pg_stat_ssl join pg_stat_activity using (pid) where ssl and "
            "datname = 'app' and usename = 'app'"));
    }

private:
    static std::unique_ptr<postgres_cluster>& instance() {
        static std::unique_ptr<postgres_cluster> made;
        return made;
    }
};

} // namespace pgweir::test
