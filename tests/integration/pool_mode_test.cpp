// Session and statement mode.
#include "tests/support/proxied_test.hpp"

namespace pgweir::test {
namespace {

class pool_mode : public ::testing::Test {
protected:
    void SetUp() override { PGWEIR_ONLY(); }
    static std::unique_ptr<pgweir_process> start(const std::string& mode) {
        pgweir_options options;
        options.settings = {{"pool_mode", mode}, {"pool_size", "2"}, {"queue_timeout", "500ms"}};
        return std::make_unique<pgweir_process>(shared_cluster().addresses(), options);
    }
};

TEST_F(pool_mode, InSessionModeTheServerConnectionIsTheSessionsUntilItLeaves) {
    const auto proxy = start("session");
    auto first = logged_in(proxy->port());
    const auto pid = first_columns(first.converse(wire::query("select pg_backend_pid()")));
    first.converse(wire::query("create temporary table mine (n int)"));
    for (int round = 0; round < 5; ++round) {
        auto second = logged_in(proxy->port());
        second.converse(wire::query("select 1"));
        EXPECT_EQ(first_columns(first.converse(wire::query("select pg_backend_pid()"))), pid);
    }
    EXPECT_EQ(letters(first.converse(wire::query("select * from mine"))), "TCZ");
}

TEST_F(pool_mode, InSessionModeThePoolSizeLimitsSessions) {
    const auto proxy = start("session");
    auto first = logged_in(proxy->port());
    auto second = logged_in(proxy->port());
    first.converse(wire::query("select txid_current()"));
    second.converse(wire::query("select txid_current()"));
    wire_client third{proxy->port()};
    const auto login = third.login(accounts::app);
    const auto messages =
        statuses(login) == "I" ? third.converse(wire::query("select txid_current()")) : login;
    EXPECT_EQ(sqlstate(messages), "53300");
    first.send(wire::terminate());
    EXPECT_TRUE(first.closed_by_peer());
    auto fourth = logged_in(proxy->port());
    EXPECT_EQ(letters(fourth.converse(wire::query("select txid_current()"))), "TDCZ");
}

TEST_F(pool_mode, InSessionModeTheConnectionIsCleanForTheNextSession) {
    const auto proxy = start("session");
    for (int round = 0; round < 6; ++round) {
        auto client = logged_in(proxy->port());
        EXPECT_EQ(first_columns(client.converse(wire::query("show work_mem"))),
                  std::vector<std::string>{"4MB"});
        EXPECT_EQ(letters(client.converse(wire::query("create temporary table t (n int)"))), "CZ");
        client.converse(wire::query("set work_mem = '9MB'"));
        client.converse(wire::query("prepare p as select 1"));
        client.converse(wire::parse("p2", "select 1") + wire::sync());
    }
}

TEST_F(pool_mode, InStatementModeBlocksAreRefused) {
    const auto proxy = start("statement");
    auto client = logged_in(proxy->port());
    EXPECT_EQ(letters(client.converse(wire::query("select 1"))), "TDCZ");
    const auto messages = client.converse(wire::query("begin"));
    EXPECT_NE(sqlstate(messages), "");
}

} // namespace
} // namespace pgweir::test
