// SCRAM-SHA-256-PLUS, and TLS with servers: what nobody in between can relay, put before or take
// away.
#include "tests/integration/tls_fixture.hpp"
#include "tests/support/tcp_gate.hpp"

namespace pgweir::test {
namespace {

using ::testing::HasSubstr;

class channel_binding : public tls_fixture {};

TEST_F(channel_binding, ClientsBindTheirLoginToTheProxysCertificate) {
    const auto proxy = start(for_clients("prefer"));
    EXPECT_EQ(attempt(*proxy, "sslmode=require channel_binding=require"), "1");
    EXPECT_EQ(attempt(*proxy, "sslmode=require channel_binding=disable"), "1");
    EXPECT_THAT(attempt(*proxy, "sslmode=disable channel_binding=require"),
                HasSubstr("channel binding"));
    EXPECT_THAT(attempt(*proxy, "sslmode=require channel_binding=require", account{"app", "wrong"}),
                HasSubstr("password authentication failed for user \"app\""));
}

TEST_F(channel_binding, ServersAreLoggedInToByItWhereThatIsRequired) {
    const auto proxy =
        start({{"server_tls_sslmode", "require"}, {"server_tls_channel_binding", "require"}});
    EXPECT_EQ(attempt(*proxy, ""), "1");
    const auto refused = attempt(*proxy, "", accounts::md5_user);
    EXPECT_THAT(refused, HasSubstr("server_tls_channel_binding"));
}

/// What a client's own login has proved serves a bound login at the server.
TEST_F(channel_binding, KeysOfTheClientsLoginServeABoundOne) {
    pgweir_options options;
    options.settings = {{"server_tls_sslmode", "require"},
                        {"server_tls_channel_binding", "require"},
                        {"auth_user", "postgres"},
                        {"auth_password", accounts::superuser.password},
                        {"users_file", ""}};
    const pgweir_process proxy{cluster().addresses(), options};
    pg_connection session{conninfo(proxy.port(), accounts::other)};
    ASSERT_TRUE(session.connected()) << session.error();
    EXPECT_EQ(session.value("select current_user"), "other");
}

/// CVE-2021-23222: whoever sits in between says something before TLS begins.
TEST_F(channel_binding, BytesBeforeTlsFromAServerAreNeverTakenForItsOwn) {
    tcp_gate gate{cluster().primary().port()};
    pgweir_options options;
    options.settings = {{"server_tls_sslmode", "require"}, {"queue_timeout", "2s"}};
    const pgweir_process proxy{gate.address(), options};
    // A login that would need no password, and readiness, behind the server's own consent.
    const auto injected = "R" + wire::int32(8) + wire::int32(0) + wire::message('Z', "I");
    gate.append_to_answer(wire::ssl_request(), injected);
    const auto answer = attempt(proxy, "");
    EXPECT_TRUE(answer == "1" || answer.find("TLS handshake") != std::string::npos) << answer;
    EXPECT_THAT(proxy.log(), HasSubstr("TLS handshake with the server failed"));
    EXPECT_TRUE(wait_until([&] { return attempt(proxy, "") == "1"; }));
    EXPECT_GE(backends_with_tls(), 1);
}

/// What it says instead of an answer is not shown to anybody, nor believed.
TEST_F(channel_binding, AnErrorInPlaceOfTheAnswerAboutTlsReachesNobody) {
    tcp_gate gate{cluster().primary().port()};
    pgweir_options options;
    options.settings = {{"server_tls_sslmode", "prefer"}, {"queue_timeout", "2s"}};
    const pgweir_process proxy{gate.address(), options};
    gate.forge_answer(wire::ssl_request(),
                      wire::message('E', wire::text("SFATAL") + wire::text("Mforged words") +
                                             std::string(1, '\0')));
    const auto answer = attempt(proxy, "");
    EXPECT_EQ(answer.find("forged words"), std::string::npos) << answer;
    EXPECT_TRUE(wait_until([&] { return attempt(proxy, "") == "1"; }));
    EXPECT_EQ(proxy.log().find("forged words"), std::string::npos);
}

/// A server that understands direct TLS is another pgweir here.
TEST_F(channel_binding, ServersAreSpokenToByDirectTls) {
    auto inner = for_clients("require");
    inner["auth_method"] = "trust";
    const auto behind = start(inner);
    pgweir_options options;
    options.settings = {{"server_tls_sslmode", "verify-full"},
                        {"server_tls_ca_file", file("ca.crt")},
                        {"server_tls_sslnegotiation", "direct"},
                        {"monitor_user", "postgres"}};
    const pgweir_process proxy{"127.0.0.1:" + std::to_string(behind->port()), options};
    EXPECT_EQ(attempt(proxy, ""), "1");
    // PostgreSQL before 17 does not: no login, and no fall back to something weaker.
    options.settings.erase("monitor_user");
    options.settings["queue_timeout"] = "1s";
    const pgweir_process old{cluster().addresses(), options};
    EXPECT_NE(attempt(old, ""), "1");
}

} // namespace
} // namespace pgweir::test
