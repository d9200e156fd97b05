// TLS towards clients and towards servers, with PostgreSQL's words for how much is asked.
#include "tests/integration/tls_fixture.hpp"

#include <csignal>

namespace pgweir::test {
namespace {

using ::testing::HasSubstr;

class tls : public tls_fixture {};

TEST_F(tls, ClientsMayVerifyTheProxysCertificate) {
    const auto proxy = start(for_clients("prefer"));
    EXPECT_EQ(attempt(*proxy, "sslmode=verify-full sslrootcert=" + file("ca.crt")), "1");
    EXPECT_EQ(attempt(*proxy, "sslmode=require"), "1");
    EXPECT_EQ(attempt(*proxy, "sslmode=disable"), "1");
    EXPECT_THAT(attempt(*proxy, "sslmode=verify-ca sslrootcert=" + file("other_ca.crt")),
                HasSubstr("certificate verify failed"));
}

TEST_F(tls, RequireTurnsPlainClientsAway) {
    const auto proxy = start(for_clients("require"));
    EXPECT_EQ(attempt(*proxy, "sslmode=require"), "1");
    EXPECT_THAT(attempt(*proxy, "sslmode=disable"), HasSubstr("FATAL"));
    wire_client client{proxy->port()};
    client.send(wire::startup({{"user", "app"}, {"database", "app"}}));
    EXPECT_EQ(sqlstate(client.read_to_end()), "28000");
}

TEST_F(tls, DisableAnswersN) {
    const auto proxy = start({{"client_tls_sslmode", "disable"}});
    EXPECT_THAT(attempt(*proxy, "sslmode=require"), HasSubstr("does not support SSL"));
    EXPECT_EQ(attempt(*proxy, "sslmode=prefer"), "1");
}

TEST_F(tls, VerifyCaWantsAClientCertificateOfTheCa) {
    const auto proxy = start(for_clients("verify-ca"));
    EXPECT_EQ(attempt(*proxy, "sslmode=require sslcert=" + file("client.crt") +
                                  " sslkey=" + file("client.key")),
              "1");
    EXPECT_NE(attempt(*proxy, "sslmode=require sslcert=/nonexistent"), "1");
}

TEST_F(tls, BytesBehindSslRequestBeforeTheHandshakeEndTheConnection) {
    const auto proxy = start(for_clients("prefer"));
    wire_client client{proxy->port()};
    client.send(wire::ssl_request() + wire::startup({{"user", "app"}, {"database", "app"}}));
    const auto answer = client.read_byte();
    if (answer) EXPECT_NE(*answer, 'R') << "cleartext was taken as if it came by TLS";
    EXPECT_TRUE(client.closed_by_peer(5s));
    EXPECT_EQ(attempt(*proxy, "sslmode=require"), "1");
}

TEST_F(tls, GarbageInsteadOfAHandshakeEndsThatConnectionOnly) {
    const auto proxy = start(for_clients("prefer"));
    wire_client client{proxy->port()};
    client.send(wire::ssl_request());
    EXPECT_EQ(client.read_byte(), 'S');
    client.send(std::string(200, 'g'));
    EXPECT_TRUE(client.closed_by_peer(5s));
    EXPECT_EQ(attempt(*proxy, "sslmode=require"), "1");
}

TEST_F(tls, LargeResultsAndStatementsPassEncrypted) {
    const auto proxy = start(for_clients("require"));
    pg_connection session{conninfo(proxy->port(), accounts::app, "app", "sslmode=require")};
    ASSERT_TRUE(session.connected()) << session.error();
    const auto result = session.exec("select repeat('t', 1000) from generate_series(1, 50000)");
    EXPECT_EQ(result.rows(), 50000);
    EXPECT_EQ(session.value("select length('" + std::string(5'000'000, 'q') + "')"), "5000000");
}

TEST_F(tls, PipelinesInBothDirectionsDoNotDeadlockEncrypted) {
    const auto proxy = start(for_clients("require"));
    pg_connection session{conninfo(proxy->port(), accounts::app, "app", "sslmode=require")};
    ASSERT_EQ(PQenterPipelineMode(session.handle()), 1);
    for (int unit = 0; unit < 300; ++unit) {
        PQsendQueryParams(session.handle(), "select repeat('x', 3000)", 0, nullptr, nullptr,
                          nullptr, nullptr, 0);
        PQpipelineSync(session.handle());
    }
    int synced = 0;
    for (int step = 0; step < 2000 && synced < 300; ++step) {
        const auto result = session.next_result();
        if (result && result->status() == PGRES_PIPELINE_SYNC) ++synced;
    }
    EXPECT_EQ(synced, 300);
}

TEST_F(tls, CancelWorksEncrypted) {
    auto settings = for_clients("require");
    settings["server_tls_sslmode"] = "require";
    const auto proxy = start(settings);
    pg_connection session{conninfo(proxy->port(), accounts::app, "app", "sslmode=require")};
    session.send("select pg_sleep(600), 'tls-cancel'");
    ASSERT_TRUE(wait_until([] {
        return cluster().primary().count_backends(
                   "state = 'active' and query like '%tls-cancel%'") == 1;
    }));
    // libpq 15 sends its cancel request unencrypted; it must still be honoured.
    EXPECT_TRUE(session.cancel());
    EXPECT_EQ(session.next_result()->sqlstate(), "57014");
}

TEST_F(tls, ServersAreSpokenToByTlsAsAsked) {
    for (const std::string mode : {"require", "verify-ca", "verify-full", "prefer"}) {
        SCOPED_TRACE(mode);
        const auto proxy =
            start({{"server_tls_sslmode", mode}, {"server_tls_ca_file", file("ca.crt")}});
        pg_connection session{conninfo(proxy->port(), accounts::app)};
        ASSERT_TRUE(session.connected()) << session.error();
        session.must("begin; select 1");
        EXPECT_GE(backends_with_tls(), 1);
        session.must("commit");
    }
    const auto plain = start({{"server_tls_sslmode", "disable"}});
    pg_connection session{conninfo(plain->port(), accounts::app)};
    session.must("begin; select txid_current()");
    EXPECT_TRUE(wait_until([] { return backends_with_tls() == 0; }));
}

TEST_F(tls, AServerCertificateOfAnotherCaIsRefused) {
    pgweir_options options;
    options.settings = {{"server_tls_sslmode", "verify-ca"},
                        {"server_tls_ca_file", file("other_ca.crt")},
                        {"failover_timeout", "500ms"}};
    options.wait_until_ready = false;
    const pgweir_process proxy{cluster().addresses(), options};
    EXPECT_FALSE(wait_until([&] { return proxy.http("/readyz").status == 200; }, 1500ms));
    EXPECT_EQ(backends_with_tls(), 0);
}

TEST_F(tls, AServerWithoutTlsIsRefusedWhenTlsIsRequired) {
    pgweir_options options;
    options.settings = {{"server_tls_sslmode", "require"}, {"failover_timeout", "500ms"}};
    options.wait_until_ready = false;
    const pgweir_process proxy{shared_cluster().addresses(), options};
    EXPECT_FALSE(wait_until([&] { return proxy.http("/readyz").status == 200; }, 1500ms));
}

TEST_F(tls, ANewCertificateIsServedAfterReload) {
    auto proxy = start(for_clients("require"));
    pg_connection before{conninfo(proxy->port(), accounts::app, "app", "sslmode=require")};
    EXPECT_EQ(before.value("select 1"), "1");
    // A certificate of a CA of its own, told apart by who can verify it.
    const temp_directory fresh{"certificates"};
    make_certificates(fresh.path());
    proxy->rewrite_settings({{"client_tls_cert_file", (fresh.path() / "server.crt").string()},
                             {"client_tls_key_file", (fresh.path() / "server.key").string()}});
    proxy->send_signal(SIGHUP);
    const auto root = "sslmode=verify-full sslrootcert=" + (fresh.path() / "ca.crt").string();
    EXPECT_TRUE(wait_until([&] { return attempt(*proxy, root) == "1"; }));
    EXPECT_EQ(before.value("select 2"), "2") << "connections that are there go on";
}

} // namespace
} // namespace pgweir::test
