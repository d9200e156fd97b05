// Servers that die, hang up or answer garbage: their session is told, nobody else is touched.
#include "tests/support/proxied_test.hpp"
#include "tests/support/tcp_gate.hpp"

#include <thread>

namespace pgweir::test {
namespace {

using ::testing::AnyOf;
using ::testing::StartsWith;

/// A cluster without standbys behind a gate, with a pgweir of its own for each test.
class broken_server : public ::testing::Test {
protected:
    static void SetUpTestSuite() {
        if (is_direct()) return;
        cluster_options options;
        options.standbys = 0;
        cluster_ = std::make_unique<postgres_cluster>(options);
    }
    static void TearDownTestSuite() { cluster_.reset(); }
    void SetUp() override {
        PGWEIR_ONLY();
        gate_ = std::make_unique<tcp_gate>(cluster_->primary().port());
        pgweir_options options;
        options.settings = {{"pool_size", "3"}, {"server_tls_sslmode", "disable"}};
        proxy_ = std::make_unique<pgweir_process>(gate_->address(), options);
    }
    void TearDown() override {
        if (proxy_) EXPECT_TRUE(proxy_->running()) << proxy_->log();
        proxy_.reset();
        gate_.reset();
    }
    [[nodiscard]] wire_client wire() const { return logged_in(proxy_->port()); }
    void expect_serving() const {
        auto client = wire();
        EXPECT_EQ(first_columns(client.converse(wire::query("select 'fine'"))),
                  std::vector<std::string>{"fine"});
    }

    static std::unique_ptr<postgres_cluster> cluster_;
    std::unique_ptr<tcp_gate> gate_;
    std::unique_ptr<pgweir_process> proxy_;
};

std::unique_ptr<postgres_cluster> broken_server::cluster_;

TEST_F(broken_server, AnIdleServerConnectionThatDiesIsNoticedByNobody) {
    auto client = wire();
    for (int round = 0; round < 10; ++round) {
        client.converse(wire::query("select 1"));
        // With a timeout it waits for the backends' end.
        cluster_->primary().must("select pg_terminate_backend(pid, 5000) from pg_stat_activity "
                                 "where datname = 'app' and usename = 'app'");
        std::this_thread::sleep_for(100ms); // until pgweir has read their farewell
        const auto messages = client.converse(wire::query("select 'again'"));
        EXPECT_EQ(letters(messages), "TDCZ") << sqlstate(messages);
    }
}

TEST_F(broken_server, AServerThatDiesInAStatementIsAnErrorAndTheSessionLives) {
    auto client = wire();
    client.send(wire::query("select pg_sleep(600), 'dies-soon'"));
    ASSERT_TRUE(wait_until([] {
        return cluster_->primary().count_backends(
                   "state = 'active' and query like '%dies-soon%'") == 1;
    }));
    cluster_->primary().must("select pg_terminate_backend(pid) from pg_stat_activity where query "
                             "like '%dies-soon%' and pid <> pg_backend_pid()");
    const auto messages = client.read_until_ready();
    EXPECT_THAT(sqlstate(messages), AnyOf(StartsWith("57P0"), StartsWith("08")));
    EXPECT_EQ(statuses(messages), "I");
    int errors = 0;
    for (const auto& message : messages)
        if (message.type == 'E') ++errors;
    EXPECT_EQ(errors, 1) << "exactly one error";
    EXPECT_EQ(letters(client.converse(wire::query("select 1"))), "TDCZ");
}

/// The server lives: who has ended the statement does not want it to begin anew.
TEST_F(broken_server, AReadThatSomebodyEndsIsNotAskedAgainOfTheSameServer) {
    pg_connection session{conninfo(proxy_->port(), accounts::app)};
    ASSERT_TRUE(wait_until([&] {
        return explained_route(session, "select pg_sleep(1)").find("pure_read") !=
               std::string::npos;
    }));
    auto client = wire();
    client.send(wire::query("select pg_sleep(600), 'ends-once'"));
    ASSERT_TRUE(wait_until([] {
        return cluster_->primary().count_backends(
                   "state = 'active' and query like '%ends-once%'") == 1;
    }));
    cluster_->primary().must("select pg_terminate_backend(pid) from pg_stat_activity where query "
                             "like '%ends-once%' and pid <> pg_backend_pid()");
    const auto messages = client.read_until_ready();
    EXPECT_EQ(sqlstate(messages), "57P01");
    EXPECT_EQ(statuses(messages), "I");
    EXPECT_EQ(letters(client.converse(wire::query("select 1"))), "TDCZ");
}

TEST_F(broken_server, AServerThatDiesInABlockLeavesItAborted) {
    auto client = wire();
    client.converse(wire::query("begin; create temporary table t (n int) on commit drop"));
    cluster_->primary().must("select pg_terminate_backend(pid) from pg_stat_activity where datname "
                             "= 'app' and usename = 'app'");
    const auto messages = client.converse(wire::query("insert into t values (1)"));
    EXPECT_THAT(sqlstate(messages), AnyOf(StartsWith("57P0"), "40001", StartsWith("08"), "25P02"));
    if (!client.at_end()) {
        EXPECT_EQ(statuses(messages), "E");
        EXPECT_EQ(sqlstate(client.converse(wire::query("select 1"))), "25P02");
        EXPECT_EQ(statuses(client.converse(wire::query("rollback"))), "I");
        EXPECT_EQ(letters(client.converse(wire::query("select 1"))), "TDCZ");
    }
}

TEST_F(broken_server, ACommitWithoutAnAnswerIsOfUnknownOutcome) {
    auto client = wire();
    client.converse(wire::query("begin; create table if not exists maybe (n int)"));
    gate_->cut_answer("commit /* lost */", 0);
    const auto messages = client.converse(wire::query("commit /* lost */"));
    EXPECT_EQ(sqlstate(messages), "08007");
    EXPECT_EQ(statuses(messages), "I");
    expect_serving();
}

TEST_F(broken_server, AnAutocommitWriteWithoutAnAnswerIsOfUnknownOutcome) {
    auto client = wire();
    client.converse(wire::query("create table if not exists written (n int)"));
    gate_->cut_answer("values (4711)", 0);
    const auto messages = client.converse(wire::query("insert into written values (4711)"));
    EXPECT_EQ(sqlstate(messages), "08007");
    EXPECT_EQ(letters(client.converse(wire::query("select 1"))), "TDCZ");
}

TEST_F(broken_server, AnAnswerCutAtAnyByteIsNeverMixedWithTheNext) {
    auto client = wire();
    // The whole answer has 76 or 77 bytes; what is cut later is the answer to the next query.
    for (std::size_t cut = 0; cut < 76; ++cut) {
        SCOPED_TRACE(cut);
        const auto token = "cut-token-" + std::to_string(cut);
        gate_->cut_answer(token, cut);
        const auto messages =
            client.converse(wire::query("select '" + token + "' from pg_sleep(0)"));
        if (client.at_end()) {
            client = wire(); // a session may end, never get a wrong answer
        } else {
            const auto values = first_columns(messages);
            if (!values.empty()) EXPECT_EQ(values[0], token);
            EXPECT_EQ(statuses(messages).size(), 1U);
        }
        ASSERT_EQ(first_columns(client.converse(wire::query("select 'next'"))),
                  std::vector<std::string>{"next"});
    }
}

TEST_F(broken_server, GarbageFromAServerDropsThatConnectionAndTellsItsSession) {
    const std::vector<std::string> forgeries{
        std::string(100, '\0'),
        std::string(100, '\xff'),
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "T" + wire::int32(3),
        "T" + wire::int32(-5),
        "D" + wire::int32(0x7fffffff) + "x",
        wire::message('Z', "X"),
        wire::message('Z', ""),
        wire::message('E', ""),
        wire::message('E', "no terminator"),
        wire::message('C', "unterminated"),
        wire::message('q', "unknown type"),
        wire::message('1', ""),
        wire::message('Z', "I"),
        wire::message('T', "\1\1"),
    };
    for (std::size_t index = 0; index < forgeries.size(); ++index) {
        SCOPED_TRACE(index);
        auto client = wire();
        const auto token = "forged-" + std::to_string(index) + "-end";
        gate_->forge_answer(token, forgeries[index]);
        client.send(wire::query("select '" + token + "'"));
        const auto answer = client.read(3s); // an error, an end, or what was forged if it is legal
        if (answer) EXPECT_THAT(answer->type, AnyOf('E', 'Z', 'T', 'C', 'D'));
        client.reset();
        expect_serving();
    }
}

TEST_F(broken_server, AServerThatHangsIsNotWaitedForByOthersForEver) {
    auto client = wire();
    client.converse(wire::query("select 1"));
    gate_->hold(true);
    EXPECT_EQ(proxy_->http("/livez").status, 200);
    gate_->hold(false);
    expect_serving();
}

TEST_F(broken_server, ARefusedConnectionIsTriedAgain) {
    gate_->refuse(true);
    gate_->cut_all();
    auto client = wire_client{proxy_->port()};
    std::thread back{[&] {
        std::this_thread::sleep_for(300ms);
        gate_->refuse(false);
    }};
    client.login(accounts::app);
    const auto messages = client.converse(wire::query("select 'waited'"));
    back.join();
    EXPECT_EQ(first_columns(messages), std::vector<std::string>{"waited"}) << sqlstate(messages);
}

TEST_F(broken_server, ARestartOfThePrimaryIsSurvivedByIdleSessions) {
    std::vector<wire_client> clients;
    for (int count = 0; count < 5; ++count) {
        clients.push_back(wire());
        clients.back().converse(wire::query("select 1"));
    }
    cluster_->primary().restart();
    for (auto& client : clients)
        EXPECT_EQ(letters(client.converse(wire::query("select 2"))), "TDCZ");
}

TEST_F(broken_server, SlowServersOnlySlowDown) {
    gate_->delay_answers(20ms);
    expect_serving();
    auto client = wire();
    EXPECT_EQ(letters(client.converse(wire::extended("select 1") + wire::sync())), "12TDCZ");
}

} // namespace
} // namespace pgweir::test
