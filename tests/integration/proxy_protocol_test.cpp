// The PROXY protocol: clients behind a balancer are known by their own address, and nobody else can
// say who he is.
#include "tests/integration/tls_fixture.hpp"

namespace pgweir::test {
namespace {

using ::testing::HasSubstr;
using namespace std::string_literals;

const std::string from_far = "PROXY TCP4 192.0.2.1 192.0.2.9 40000 5432\r\n";
const std::string from_far_v2 = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"
                                "\xc0\x00\x02\x07\xc0\x00\x02\x09\x9c\x41\x15\x38"s;
const std::string from_near = "PROXY TCP6 ::1 ::1 40002 5432\r\n";

class proxy_protocol : public tls_fixture {
protected:
    static std::unique_ptr<pgweir_process> behind(const std::string& networks,
                                                  settings_map settings = {}) {
        settings["proxy_protocol_from"] = networks;
        return start(settings);
    }
    /// Logged in by way of a balancer that says this; the SQLSTATE of a refusal.
    static std::string login(wire_client& client,
                             const std::string& header,
                             const std::string& database = "app",
                             const wire::startup_parameters& more = {}) {
        client.send(header);
        return sqlstate(client.login(accounts::superuser, database, more));
    }
};

TEST_F(proxy_protocol, TheClientsAddressIsTheOneInTheHeader) {
    const auto proxy = behind("127.0.0.0/8");
    wire_client first{proxy->port()};
    EXPECT_EQ(login(first, from_far), "");
    EXPECT_EQ(first_columns(first.converse(wire::query("select 'served'"))),
              std::vector<std::string>{"served"});
    EXPECT_THAT(proxy->log(), HasSubstr("client connected peer=192.0.2.1:40000 "));
    wire_client second{proxy->port()};
    EXPECT_EQ(login(second, from_far_v2), "");
    EXPECT_THAT(proxy->log(), HasSubstr("client connected peer=192.0.2.7:40001 "));
    // In pieces, and the balancer for itself.
    wire_client third{proxy->port()};
    EXPECT_TRUE(third.send_in_pieces(from_far));
    EXPECT_EQ(login(third, ""), "");
    wire_client own{proxy->port()};
    EXPECT_EQ(login(own, "PROXY UNKNOWN\r\n"), "");
    EXPECT_THAT(proxy->log(), HasSubstr("client connected peer=127.0.0.1:"));
}

TEST_F(proxy_protocol, RulesAndTheConsoleKnowTheClientsAddress) {
    const auto proxy = behind("127.0.0.1", {{"admin_users", "postgres"}});
    wire_client far{proxy->port()};
    EXPECT_EQ(login(far, from_far, "pgweir"), "28000");
    wire_client near{proxy->port()};
    EXPECT_EQ(login(near, from_near, "pgweir"), "");
    wire_client session{proxy->port()};
    EXPECT_EQ(login(session, from_far), "");
    std::string shown;
    for (const auto& message : near.converse(wire::query("show clients")))
        if (message.type == 'D') shown += message.body;
    EXPECT_THAT(shown, HasSubstr("192.0.2.1"));
    EXPECT_THAT(shown, HasSubstr("40000"));
}

TEST_F(proxy_protocol, ABalancersConnectionWithoutAHeaderIsRefused) {
    const auto proxy = behind("127.0.0.1");
    wire_client client{proxy->port()};
    EXPECT_EQ(login(client, ""), "08P01");
    EXPECT_THAT(proxy->log(), HasSubstr("proxy_protocol_from"));
    // One that only looks whether somebody is there.
    wire_client{proxy->port()}.close();
    wire_client next{proxy->port()};
    EXPECT_EQ(login(next, from_far), "");
}

TEST_F(proxy_protocol, AHeaderFromAnybodyElseIsNotBelieved) {
    const auto proxy = behind("10.0.0.0/8");
    for (const auto& header : {from_far, from_far_v2}) {
        wire_client client{proxy->port()};
        client.send(header + wire::startup({{"user", "postgres"}, {"database", "app"}}));
        EXPECT_EQ(sqlstate(client.read_to_end()), "08P01");
    }
    wire_client client{proxy->port()};
    EXPECT_EQ(login(client, ""), "");
}

TEST_F(proxy_protocol, TheHeaderComesBeforeARequestForTls) {
    auto settings = for_clients("require");
    const auto proxy = behind("127.0.0.1", settings);
    wire_client client{proxy->port()};
    client.send(from_far_v2 + wire::ssl_request());
    EXPECT_EQ(client.read_byte(), 'S');
    wire_client direct{proxy->port()};
    direct.send(from_far + "\x16\x03\x01\x00\x05hello"s);
    EXPECT_TRUE(direct.closed_by_peer(5s));
    EXPECT_THAT(proxy->log(), HasSubstr("TLS handshake failed peer=192.0.2.1:40000"));
}

TEST_F(proxy_protocol, ServersSeeWhoItIsByTheApplicationsName) {
    const auto proxy = behind("127.0.0.1", {{"application_name_add_host", "true"}});
    const auto name_of = [&](const wire::startup_parameters& more) {
        wire_client client{proxy->port()};
        EXPECT_EQ(login(client, from_far, "app", more), "");
        const auto values = first_columns(client.converse(wire::query(
            "select application_name from pg_stat_activity where pid = pg_backend_pid()")));
        return values.empty() ? "nothing" : values[0];
    };
    EXPECT_EQ(name_of({{"application_name", "shop"}}), "shop - 192.0.2.1:40000");
    EXPECT_EQ(name_of({}), "app - 192.0.2.1:40000");
}

} // namespace
} // namespace pgweir::test
