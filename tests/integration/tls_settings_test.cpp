// What TLS settings demand of clients and servers: versions, ciphers, certificates, revocation,
// encrypted keys.
#include "tests/integration/tls_fixture.hpp"

namespace pgweir::test {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

class tls_settings : public tls_fixture {
protected:
    static settings_map with(settings_map settings, const settings_map& more) {
        for (const auto& [name, value] : more)
            settings[name] = value;
        return settings;
    }
    static std::string
    attribute(const pgweir_process& proxy, const char* name, const std::string& extra = "") {
        pg_connection session{
            conninfo(proxy.port(), accounts::app, "app", "sslmode=require " + extra)};
        const auto* const value = PQsslAttribute(session.handle(), name);
        return value == nullptr ? session.error() : value;
    }
    /// What pgweir says when it cannot start with these settings.
    static std::string refusal(const settings_map& settings) {
        std::string text = "nodes = \"127.0.0.1:1\"\nport = 0\nhttp_port = 0\n"
                           "auth_method = \"trust\"\n";
        for (const auto& [name, value] : settings)
            text += name + " = \"" + value + "\"\n";
        return run_pgweir(text).output;
    }
};

TEST_F(tls_settings, VersionsOfTlsHaveLimits) {
    const auto newest =
        start(with(for_clients("require"), {{"client_tls_min_protocol_version", "TLSv1.3"}}));
    EXPECT_EQ(attribute(*newest, "protocol"), "TLSv1.3");
    EXPECT_THAT(attempt(*newest, "sslmode=require ssl_max_protocol_version=TLSv1.2"),
                HasSubstr("SSL error"));
    const auto older =
        start(with(for_clients("require"), {{"client_tls_max_protocol_version", "TLSv1.2"}}));
    EXPECT_EQ(attribute(*older, "protocol"), "TLSv1.2");
    EXPECT_THAT(attempt(*older, "sslmode=require ssl_min_protocol_version=TLSv1.3"),
                HasSubstr("SSL error"));
}

TEST_F(tls_settings, CiphersAreTheChosenOnes) {
    const auto proxy = start(
        with(for_clients("require"), {{"client_tls_ciphers", "ECDHE-ECDSA-AES256-GCM-SHA384"},
                                      {"client_tls13_ciphers", "TLS_CHACHA20_POLY1305_SHA256"},
                                      {"client_tls_ecdhcurve", "prime256v1"}}));
    EXPECT_EQ(attribute(*proxy, "cipher"), "TLS_CHACHA20_POLY1305_SHA256");
    EXPECT_EQ(attribute(*proxy, "cipher", "ssl_max_protocol_version=TLSv1.2"),
              "ECDHE-ECDSA-AES256-GCM-SHA384");
}

TEST_F(tls_settings, WhatOpensslDoesNotKnowStopsTheStartByName) {
    for (const std::string name :
         {"client_tls_ciphers", "client_tls13_ciphers", "client_tls_ecdhcurve"})
        EXPECT_THAT(refusal(with(for_clients("require"), {{name, "nonsense"}})), HasSubstr(name));
}

TEST_F(tls_settings, AnEncryptedKeyIsOpenedByThePassphraseCommand) {
    encrypt_key(certificates(), "server", "locked", "open sesame");
    auto settings = with(for_clients("require"), {{"client_tls_key_file", file("locked.key")}});
    EXPECT_THAT(refusal(settings), HasSubstr("set client_tls_passphrase_command"));
    settings["client_tls_passphrase_command"] = "echo wrong";
    EXPECT_THAT(refusal(settings), HasSubstr("cannot use private key"));
    settings["client_tls_passphrase_command"] = "exit 3";
    EXPECT_THAT(refusal(settings), HasSubstr("failed with exit code 3"));
    settings["client_tls_passphrase_command"] = "test '%p' = 'Enter PEM pass phrase:' && "
                                                "echo 'open sesame'";
    const auto proxy = start(settings);
    EXPECT_EQ(attempt(*proxy, "sslmode=verify-full sslrootcert=" + file("ca.crt")), "1");
}

TEST_F(tls_settings, ARevokedCertificateIsRefused) {
    make_client_certificate(certificates(), "revoked", "app");
    revoke_certificate(certificates(), "revoked");
    const auto proxy =
        start(with(for_clients("verify-ca"), {{"client_tls_crl_file", file("ca.crl")}}));
    EXPECT_EQ(attempt(*proxy, client_certificate("client")), "1");
    EXPECT_NE(attempt(*proxy, client_certificate("revoked")), "1");
    const temp_directory lists{"crl"};
    write_file(lists.path() / "any.name", read_file(file("ca.crl")));
    const auto by_directory =
        start(with(for_clients("verify-ca"), {{"client_tls_crl_dir", lists.path().string()}}));
    EXPECT_EQ(attempt(*by_directory, client_certificate("client")), "1");
    EXPECT_NE(attempt(*by_directory, client_certificate("revoked")), "1");
}

TEST_F(tls_settings, ARevokedServerIsRefused) {
    cluster();
    revoke_certificate(certificates(), "server");
    pgweir_options options;
    options.settings = {{"server_tls_sslmode", "verify-ca"},
                        {"server_tls_ca_file", file("ca.crt")},
                        {"server_tls_crl_file", file("ca.crl")}};
    options.wait_until_ready = false;
    const pgweir_process proxy{cluster().addresses(), options};
    EXPECT_FALSE(wait_until([&] { return proxy.http("/readyz").status == 200; }, 1500ms));
}

TEST_F(tls_settings, VerifyFullWantsACertificateThatNamesTheUser) {
    make_client_certificate(certificates(), "stranger", "somebody");
    const auto proxy = start(for_clients("verify-full"));
    EXPECT_EQ(attempt(*proxy, client_certificate("client")), "1");
    EXPECT_THAT(attempt(*proxy, client_certificate("client"), accounts::other),
                HasSubstr("certificate authentication failed for user \"other\""));
    EXPECT_THAT(attempt(*proxy, client_certificate("stranger")),
                HasSubstr("certificate authentication failed for user \"app\""));
}

TEST_F(tls_settings, ACertificateThatIsShownMustBeOfTheCaInEveryMode) {
    make_client_certificate(certificates(), "foreign", "app", "other_ca");
    const auto proxy = start(for_clients("prefer"));
    EXPECT_EQ(attempt(*proxy, "sslmode=require"), "1");
    EXPECT_EQ(attempt(*proxy, client_certificate("client")), "1");
    EXPECT_NE(attempt(*proxy, client_certificate("foreign")), "1");
}

TEST_F(tls_settings, ServersAreSpokenToInTheChosenVersion) {
    const auto proxy = start({{"server_tls_sslmode", "require"},
                              {"server_tls_max_protocol_version", "TLSv1.2"},
                              {"server_tls_ciphers", "ECDHE-ECDSA-AES256-GCM-SHA384"}});
    pg_connection session{conninfo(proxy->port(), accounts::app)};
    EXPECT_EQ(session.value("select version || ' ' || cipher from pg_stat_ssl "
                            "where pid = pg_backend_pid()"),
              "TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384");
}

TEST_F(tls_settings, ServersThatAskForACertificateAreShownOne) {
    cluster_options options;
    options.standbys = 0;
    options.tls = true;
    postgres_cluster own{options};
    auto& node = own.primary();
    const auto at = own.ca_file().parent_path();
    node.set("ssl_ca_file", (at / "ca.crt").string());
    const auto rules = node.data_directory() / "pg_hba.conf";
    write_file(rules, "hostssl app app all scram-sha-256 clientcert=verify-ca\n" + read_file(rules),
               0600);
    node.must("select pg_reload_conf()");
    encrypt_key(at, "client", "locked_client", "open sesame");
    const auto answer = [&](const settings_map& more) {
        pgweir_options with;
        with.settings = {{"server_tls_sslmode", "require"}, {"queue_timeout", "2s"}};
        for (const auto& [name, value] : more)
            with.settings[name] = value;
        const pgweir_process proxy{own.addresses(), with};
        return attempt(proxy, "");
    };
    EXPECT_THAT(answer({}), HasSubstr("client certificate"));
    EXPECT_EQ(answer({{"server_tls_cert_file", (at / "client.crt").string()},
                      {"server_tls_key_file", (at / "client.key").string()}}),
              "1");
    EXPECT_EQ(answer({{"server_tls_cert_file", (at / "client.crt").string()},
                      {"server_tls_key_file", (at / "locked_client.key").string()},
                      {"server_tls_passphrase_command", "echo open sesame"}}),
              "1");
}

TEST_F(tls_settings, DirectTlsWithoutItsProtocolsNameIsRefused) {
    const auto proxy = start(for_clients("prefer"));
    const auto speak = [&](std::vector<std::string> more) {
        std::vector<std::string> all{"timeout",  "5",
                                     "openssl",  "s_client",
                                     "-connect", "127.0.0.1:" + std::to_string(proxy->port()),
                                     "-brief"};
        all.insert(all.end(), more.begin(), more.end());
        return run_command(all).output;
    };
    EXPECT_THAT(speak({"-alpn", "postgresql"}), HasSubstr("CONNECTION ESTABLISHED"));
    const auto before = proxy->metric("pgweir_client_tls_handshakes_total", "result=\"failed\"");
    EXPECT_THAT(speak({"-alpn", "h2"}), HasSubstr("alert"));
    EXPECT_THAT(speak({}), AnyOf(HasSubstr("CONNECTION ESTABLISHED"), HasSubstr("alert")));
    EXPECT_EQ(proxy->metric("pgweir_client_tls_handshakes_total", "result=\"failed\""), before + 2);
}

} // namespace
} // namespace pgweir::test
