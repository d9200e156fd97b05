// SHOW pgweir.session: what pgweir holds for the session that asks.
#include "tests/support/proxied_test.hpp"

namespace pgweir::test {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class session_show : public proxied_test {
protected:
    void SetUp() override { PGWEIR_ONLY(); }

    static std::map<std::string, std::string> shown(pg_connection& session) {
        const auto result = session.exec("show pgweir.session");
        EXPECT_TRUE(result.ok()) << result.message();
        std::map<std::string, std::string> items;
        for (int row = 0; row < result.rows(); ++row)
            items[result.value(row, "item")] = result.value(row, "value");
        return items;
    }
};

TEST_F(session_show, AFreshSessionHoldsNothing) {
    auto session = connect(accounts::app, "app", "application_name=looking");
    auto items = shown(session);
    EXPECT_EQ(items["user"], "app");
    EXPECT_EQ(items["database"], "app");
    EXPECT_EQ(items["pid"], std::to_string(session.backend_pid()));
    EXPECT_EQ(items["pool_mode"], "transaction");
    EXPECT_EQ(items["consistency"], "session");
    EXPECT_EQ(items["transaction"], "none");
    EXPECT_EQ(items["pins"], "");
    EXPECT_EQ(items["leased"], "no");
    EXPECT_EQ(items["server"], "");
    EXPECT_EQ(items["server_pid"], "");
    EXPECT_EQ(items["unconfirmed"], "no");
    EXPECT_EQ(items["parameter application_name"], "looking");
}

TEST_F(session_show, ParametersPinsPositionAndTheServerConnection) {
    auto session = connect();
    session.must("set work_mem = '7MB'; set my.tenant = 'acme'; set role app");
    auto items = shown(session);
    EXPECT_EQ(items["parameter work_mem"], "7MB");
    EXPECT_EQ(items["parameter my.tenant"], "acme");
    EXPECT_EQ(items["parameter role"], "app");
    EXPECT_EQ(items["unconfirmed"], "no");
    EXPECT_EQ(items["leased"], "no");
    session.must("create table if not exists shown (n int); insert into shown values (1)");
    EXPECT_TRUE(wait_until([&] { return shown(session)["position"] != ""; }));
    EXPECT_THAT(shown(session)["position"], MatchesRegex("1:[0-9A-F]+/[0-9A-F]+"));
    session.must("reset work_mem");
    EXPECT_FALSE(shown(session).contains("parameter work_mem"));

    session.must("listen somewhere");
    session.must("create temporary table mine (n int)");
    items = shown(session);
    EXPECT_THAT(items["pins"], HasSubstr("listen"));
    EXPECT_THAT(items["pins"], HasSubstr("temporary_object"));
    EXPECT_EQ(items["leased"], "yes");
    EXPECT_EQ(items["server"], cluster().primary().address());
    EXPECT_EQ(items["server_pid"], session.value("select pg_backend_pid()"));
    session.must("unlisten *; drop table mine");
    items = shown(session);
    EXPECT_EQ(items["pins"], "");
    EXPECT_EQ(items["leased"], "no");
}

TEST_F(session_show, TransactionsAndPreparedStatements) {
    auto session = connect();
    session.must("begin");
    EXPECT_EQ(shown(session)["transaction"], "not begun on a server");
    session.must("select txid_current()");
    auto items = shown(session);
    EXPECT_EQ(items["transaction"], "on the primary");
    EXPECT_EQ(items["leased"], "yes");
    session.must("rollback");
    EXPECT_TRUE(session.prepare("one", "select 1").ok());
    EXPECT_EQ(shown(session)["prepared_statements"], "1");
    // What was changed in the same breath is asked first.
    auto client = wire();
    const auto messages = client.converse(
        wire::query("set work_mem = '9MB'") + wire::query("show pgweir.session"), 2);
    bool found = false;
    for (const auto& m : messages)
        if (m.type == 'D') found = found || m.body.find("9MB") != std::string::npos;
    EXPECT_TRUE(found);
}

} // namespace
} // namespace pgweir::test
