// Certificates and keys that change while pgweir runs: as a mounted Secret does, by SIGHUP, under
// load, and to what cannot be used.
#include "tests/integration/tls_fixture.hpp"
#include "tests/support/steady_load.hpp"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <csignal>
#include <cstdlib>
#include <ctime>

namespace pgweir::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

/// A directory as Kubernetes mounts a Secret: files are links into `..data`, which is a link to a
/// directory that is replaced as a whole.
class mounted_secret {
public:
    explicit mounted_secret(const std::map<std::string, std::string>& files) {
        for (const auto& [name, content] : files)
            fs::create_symlink(fs::path{"..data"} / name, path() / name);
        swap(files);
    }
    void swap(const std::map<std::string, std::string>& files) {
        const auto version = "..version_" + std::to_string(++versions_);
        fs::create_directory(path() / version);
        fs::permissions(path() / version, fs::perms{0755});
        for (const auto& [name, content] : files)
            write_file(path() / version / name, content, 0600);
        fs::create_symlink(version, path() / "..data_tmp");
        fs::rename(path() / "..data_tmp", path() / "..data");
    }
    [[nodiscard]] const fs::path& path() const { return directory_.path(); }

private:
    temp_directory directory_{"secret"};
    int versions_ = 0;
};

using pair_of_files = std::map<std::string, std::string>;

class tls_reload : public tls_fixture {
protected:
    static pair_of_files pair_in(const fs::path& directory) {
        return {{"tls.crt", read_file(directory / "server.crt")},
                {"tls.key", read_file(directory / "server.key")}};
    }
    /// Pairs of the cluster's CA, each with a serial number of its own.
    static std::vector<pair_of_files> make_pairs(int count) {
        std::vector<pair_of_files> all;
        for (int i = 0; i < count; ++i) {
            renew_server_certificate(certificates());
            all.push_back(pair_in(certificates()));
        }
        return all;
    }
    static settings_map settings_for(const mounted_secret& secret) {
        return {{"client_tls_sslmode", "require"},
                {"client_tls_cert_file", (secret.path() / "tls.crt").string()},
                {"client_tls_key_file", (secret.path() / "tls.key").string()}};
    }
    /// The certificate that a new client is shown, as PEM.
    static std::string served(const pgweir_process& proxy) {
        pg_connection session{conninfo(proxy.port(), accounts::app, "app", "sslmode=require")};
        auto* const tls = static_cast<SSL*>(PQsslStruct(session.handle(), "OpenSSL"));
        if (tls == nullptr) return session.error();
        X509* const shown = SSL_get1_peer_certificate(tls);
        BIO* const out = BIO_new(BIO_s_mem());
        PEM_write_bio_X509(out, shown);
        char* text = nullptr;
        const auto size = BIO_ctrl(out, BIO_CTRL_INFO, 0, &text);
        std::string pem{text, static_cast<std::size_t>(size)};
        BIO_free(out);
        X509_free(shown);
        return pem;
    }
};

TEST_F(tls_reload, ASwappedSecretIsTakenOverByItself) {
    const auto pairs = make_pairs(3);
    mounted_secret secret{pairs[0]};
    const auto proxy = start(settings_for(secret));
    EXPECT_EQ(served(*proxy), pairs[0].at("tls.crt"));
    pg_connection before{conninfo(proxy->port(), accounts::app, "app", "sslmode=require")};
    for (const auto round : {1UL, 2UL}) {
        secret.swap(pairs[round]);
        EXPECT_TRUE(wait_until([&] { return served(*proxy) == pairs[round].at("tls.crt"); }));
    }
    EXPECT_EQ(before.value("select 1"), "1") << "who is there stays";
    EXPECT_EQ(proxy->metric("pgweir_tls_reloads_total"), 2);
    EXPECT_EQ(proxy->metric("pgweir_tls_files_refused"), 0);
}

TEST_F(tls_reload, ABrokenPairKeepsTheOldOneAndSaysSo) {
    const auto pairs = make_pairs(2);
    mounted_secret secret{pairs[0]};
    const auto proxy = start(settings_for(secret));
    auto mixed = pairs[1];
    mixed["tls.key"] = pairs[0].at("tls.key");
    secret.swap(mixed);
    EXPECT_TRUE(wait_until([&] { return proxy->metric("pgweir_tls_files_refused") == 1; }));
    EXPECT_EQ(served(*proxy), pairs[0].at("tls.crt"));
    EXPECT_THAT(proxy->log(), HasSubstr("does not belong to certificate"));
    EXPECT_EQ(proxy->metric("pgweir_tls_reload_failures_total"), 1);
    // A reload of the settings must not take it either.
    proxy->send_signal(SIGHUP);
    EXPECT_TRUE(wait_until([&] { return proxy->metric("pgweir_reload_failures_total") == 1; }));
    EXPECT_EQ(served(*proxy), pairs[0].at("tls.crt"));
    secret.swap(pairs[1]);
    EXPECT_TRUE(wait_until([&] { return served(*proxy) == pairs[1].at("tls.crt"); }));
    EXPECT_EQ(proxy->metric("pgweir_tls_files_refused"), 0);
}

TEST_F(tls_reload, WhatIsWrittenAnewWithTheSameContentsRecyclesNothing) {
    const auto pairs = make_pairs(1);
    mounted_secret secret{pairs[0]};
    auto settings = settings_for(secret);
    settings["server_tls_sslmode"] = "verify-ca";
    settings["server_tls_ca_file"] = file("ca.crt");
    const auto proxy = start(settings);
    pg_connection session{conninfo(proxy->port(), accounts::app, "app", "sslmode=require")};
    const auto backend = session.value("select pg_backend_pid()");
    secret.swap(pairs[0]);
    write_file(file("ca.crt"), read_file(file("ca.crt")));
    proxy->send_signal(SIGHUP);
    EXPECT_TRUE(wait_until([&] { return proxy->metric("pgweir_reloads_total") == 1; }));
    EXPECT_TRUE(
        stays_false([&] { return session.value("select pg_backend_pid()") != backend; }, 1500ms));
    EXPECT_EQ(proxy->metric("pgweir_tls_reloads_total"), 0);
}

TEST_F(tls_reload, AnotherAuthorityForServersLetsTheirConnectionsGoWhenFree) {
    const temp_directory own{"authorities"};
    const auto authorities = own.path() / "all.crt";
    write_file(authorities, read_file(file("ca.crt")));
    const auto proxy =
        start({{"server_tls_sslmode", "verify-ca"}, {"server_tls_ca_file", authorities.string()}});
    pg_connection session{conninfo(proxy->port(), accounts::app)};
    session.must("begin");
    const auto backend = session.value("select pg_backend_pid()");
    write_file(authorities, read_file(file("ca.crt")) + read_file(file("other_ca.crt")));
    EXPECT_TRUE(wait_until([&] { return proxy->metric("pgweir_tls_reloads_total") == 1; }));
    EXPECT_EQ(session.value("select pg_backend_pid()"), backend) << "transactions end first";
    session.must("commit");
    EXPECT_TRUE(wait_until([&] { return session.value("select pg_backend_pid()") != backend; }));
}

TEST_F(tls_reload, TheEndOfTheCertificateIsAMetric) {
    const auto proxy = start(for_clients("prefer"));
    const auto end =
        proxy->metric("pgweir_tls_certificate_expiry_timestamp_seconds", "side=\"client\"");
    const auto now = static_cast<double>(std::time(nullptr));
    EXPECT_NEAR(end, now + 30 * 86'400, 86'400);
    EXPECT_EQ(proxy->metric("pgweir_tls_certificate_expiry_timestamp_seconds", "side=\"server\""),
              -1);
}

/// A few rotations here; more by the environment variable PGWEIR_ROTATIONS.
TEST_F(tls_reload, RotationsUnderLoadFailNoHandshakeAndDropNoSession) {
    const auto* const asked = std::getenv("PGWEIR_ROTATIONS");
    const int rotations = asked == nullptr ? 6 : std::atoi(asked);
    const auto pairs = make_pairs(5);
    mounted_secret secret{pairs[0]};
    const auto proxy = start(settings_for(secret));
    steady_load load{proxy->port(), "require"};
    int seen = 0;
    for (int i = 1; i <= rotations; ++i) {
        const auto& next = pairs[static_cast<std::size_t>(i) % pairs.size()];
        secret.swap(next);
        // By itself and when told, in turn.
        if (i % 2 == 0) proxy->send_signal(SIGHUP);
        if (wait_until([&] { return served(*proxy) == next.at("tls.crt"); })) ++seen;
    }
    load.stop();
    EXPECT_EQ(seen, rotations);
    EXPECT_EQ(load.errors(), 0) << load.first_error();
    EXPECT_GT(load.logins(), rotations);
    EXPECT_EQ(proxy->metric("pgweir_client_tls_handshakes_total", "result=\"failed\""), 0);
    std::printf("rotations=%d logins=%d written=%d handshakes=%.0f\n", rotations, load.logins(),
                load.written(),
                proxy->metric("pgweir_client_tls_handshakes_total", "result=\"ok\""));
}

} // namespace
} // namespace pgweir::test
