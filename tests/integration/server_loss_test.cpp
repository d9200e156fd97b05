// What a session hears when its server dies, hangs or is voted out under it. Each test has a
// cluster of its own.
#include "tests/support/proxied_test.hpp"

#include <future>

namespace pgweir::test {
namespace {

using ::testing::HasSubstr;

/// Reads for some seconds without a word; `tag` finds it in pg_stat_activity.
std::string long_read(const std::string& tag) {
    return "select count(*), '" + tag +
           "' from generate_series(1, 6000) as a, "
           "generate_series(1, 6000) as b where a % 7 = b % 5";
}

class server_loss : public ::testing::Test {
protected:
    void SetUp() override {
        PGWEIR_ONLY();
        start({}, 2);
    }
    void TearDown() override {
        if (proxy_)
            EXPECT_TRUE(proxy_->running()) << [&] {
                auto session = connect();
                return session.exec("select 1").message() + explained_route(session, "select 1") +
                       cluster_->standby(0).value(
                           "select concat_ws(' ', pg_last_wal_receive_lsn(), "
                           "pg_last_wal_replay_lsn())");
            }();
        proxy_.reset();
        cluster_.reset();
    }
    void start(const settings_map& settings, int standbys) {
        proxy_.reset();
        if (!cluster_ || static_cast<int>(cluster_->standbys()) != standbys) {
            cluster_options with;
            with.standbys = standbys;
            cluster_ = std::make_unique<postgres_cluster>(with);
        }
        pgweir_options options;
        options.settings = settings;
        proxy_ = std::make_unique<pgweir_process>(cluster_->addresses(), options);
    }
    [[nodiscard]] pg_connection connect() const {
        return pg_connection{conninfo(proxy_->port(), accounts::app)};
    }
    /// A session whose reads are known to be reads.
    [[nodiscard]] pg_connection connect_reader(const std::string& statement) const {
        auto session = connect();
        EXPECT_TRUE(wait_until([&] {
            return explained_route(session, statement).find("standby") != std::string::npos;
        }));
        return session;
    }
    /// The first standby is the primary, the other one follows it, as repmgr would have it.
    void promote_first() {
        cluster_->standby(0).promote();
        cluster_->standby(1).set(
            "primary_conninfo",
            "host=127.0.0.1 port=" + std::to_string(cluster_->standby(0).port()) +
                " user=" + accounts::monitor.name + " password=" + accounts::monitor.password);
    }
    /// Where the statement with this tag is running; null: nowhere.
    [[nodiscard]] postgres_node* runs_on(const std::string& tag,
                                         postgres_node* not_on = nullptr,
                                         const std::string& state = "active") {
        for (const auto& node : cluster_->nodes())
            if (node.get() != not_on &&
                node->count_backends("state = '" + state + "' and query like '%" + tag + "%'") > 0)
                return node.get();
        return nullptr;
    }
    [[nodiscard]] postgres_node* wait_for_it(const std::string& tag) {
        postgres_node* found = nullptr;
        EXPECT_TRUE(wait_until([&] { return (found = runs_on(tag)) != nullptr; }));
        return found;
    }

    std::unique_ptr<postgres_cluster> cluster_;
    std::unique_ptr<pgweir_process> proxy_;
};

TEST_F(server_loss, AReadOfAKilledStandbyIsAskedOfTheOther) {
    start({{"consistency", "eventual"}}, 2);
    auto session = connect_reader(long_read("orphan"));
    auto answer = std::async(std::launch::async, [&] { return session.exec(long_read("orphan")); });
    auto* const victim = wait_for_it("orphan");
    ASSERT_NE(victim, nullptr);
    ASSERT_NE(victim, &cluster_->primary());
    victim->kill();
    const auto result = answer.get();
    EXPECT_TRUE(result.ok()) << result.message();
    EXPECT_EQ(session.value("select 1"), "1");
    EXPECT_EQ(proxy_->metric("pgweir_retries_total", "reason=\"connection_lost\""), 1);
}

TEST_F(server_loss, AStatementThatMayHaveKilledItsServerNeverReachesThePrimary) {
    start({{"consistency", "eventual"}}, 1);
    auto session = connect_reader(long_read("lethal"));
    auto answer = std::async(std::launch::async, [&] { return session.exec(long_read("lethal")); });
    auto* const victim = wait_for_it("lethal");
    ASSERT_EQ(victim, &cluster_->standby(0));
    victim->kill();
    const auto result = answer.get();
    EXPECT_EQ(result.sqlstate(), "57P02");
    EXPECT_EQ(session.value("select 1"), "1") << "the connection is usable";
    EXPECT_EQ(cluster_->primary().count_backends("query like '%lethal%'"), 0);
}

TEST_F(server_loss, AReadOfATerminatedConnectionMayGoToThePrimary) {
    start({{"consistency", "eventual"}}, 1);
    auto session = connect_reader(long_read("ended"));
    auto answer = std::async(std::launch::async, [&] { return session.exec(long_read("ended")); });
    auto* const victim = wait_for_it("ended");
    ASSERT_EQ(victim, &cluster_->standby(0));
    victim->must("select pg_terminate_backend(pid) from pg_stat_activity where query like "
                 "'%ended%' and pid <> pg_backend_pid()");
    const auto result = answer.get();
    EXPECT_TRUE(result.ok()) << result.message();
}

TEST_F(server_loss, AReadOfAKilledPrimaryIsAskedOfAStandby) {
    cluster_->standby(0).pause_replay();
    cluster_->standby(1).pause_replay();
    auto session = connect_reader("select 1");
    session.must("create table primed (n int)");
    EXPECT_TRUE(wait_until([&] {
        return explained_route(session, "select from primed").find("standby") != std::string::npos;
    }));
    // Its own table is not there yet on the standbys.
    auto answer = std::async(std::launch::async, [&] {
        return session.exec(long_read("primed") + " and not exists (select from primed)");
    });
    auto* const victim = wait_for_it("primed");
    ASSERT_EQ(victim, &cluster_->primary());
    victim->kill();
    cluster_->standby(0).resume_replay();
    cluster_->standby(1).resume_replay();
    promote_first();
    const auto result = answer.get();
    EXPECT_TRUE(result.ok()) << result.message();
}

TEST_F(server_loss, AReadOfAHungStandbyIsAskedElsewhereWithinTheBound) {
    start({{"check_timeout", "500ms"}, {"consistency", "eventual"}}, 2);
    auto session = connect_reader(long_read("hung"));
    auto answer = std::async(std::launch::async, [&] { return session.exec(long_read("hung")); });
    auto* const victim = wait_for_it("hung");
    ASSERT_NE(victim, nullptr);
    ASSERT_NE(victim, &cluster_->primary());
    victim->suspend();
    const auto result = answer.get();
    EXPECT_TRUE(result.ok()) << result.message();
    victim->resume();
    EXPECT_TRUE(wait_until([&] {
        return proxy_->metric("pgweir_node_up", "node=\"" + victim->address() + "\"") == 1;
    }));
}

TEST_F(server_loss, AHungPrimaryEndsItsBlocksAndKeepsNobodyConnected) {
    start({{"check_timeout", "500ms"}, {"failover_timeout", "1s"}}, 1);
    auto in_block = connect();
    in_block.must("create table hanging (n int)");
    in_block.must("begin");
    in_block.must("lock table hanging in share row exclusive mode");
    auto writing = connect();
    auto unanswered = std::async(std::launch::async,
                                 [&] { return writing.exec("insert into hanging values (2)"); });
    ASSERT_NE(wait_for_it("values (2)"), nullptr);
    cluster_->primary().suspend();
    EXPECT_EQ(unanswered.get().sqlstate(), "08007");
    const auto told = in_block.exec("insert into hanging values (3)");
    EXPECT_EQ(told.sqlstate().substr(0, 4), "57P0");
    EXPECT_EQ(in_block.exec("select 1").sqlstate(), "25P02");
    EXPECT_TRUE(in_block.exec("rollback").ok());
    // Where the standby's WAL ends within a record, it cannot show that it has replayed it all:
    // what must not be stale waits.
    auto reading = connect();
    reading.must("set pgweir.consistency = eventual");
    // A machine that has no time for the standby either may miss its look once.
    EXPECT_TRUE(wait_until([&] { return reading.exec("select 1").ok(); })) << "the standby reads";
    cluster_->primary().resume();
    EXPECT_TRUE(wait_until([&] { return in_block.exec("insert into hanging values (4)").ok(); }));
    EXPECT_EQ(in_block.value("select count(*) from hanging where n = 3"), "0");
}

/// What may be read on a standby says the catalog, and nobody has read this one before.
// Its login has begun to wait for the primary before anybody knows that there is none.
TEST_F(server_loss, ALoginDoesNotWaitForAPrimaryThatIsGone) {
    start({{"monitor_interval", "2s"}, {"monitor_interval_idle", "2s"}}, 1);
    cluster_->primary().must("create database unused");
    EXPECT_TRUE(cluster_->wait_caught_up());
    EXPECT_EQ(connect().value("select 1"), "1");
    cluster_->primary().kill();
    const auto before = std::chrono::steady_clock::now();
    auto session = pg_connection{conninfo(proxy_->port(), accounts::app) + " dbname=unused"};
    EXPECT_EQ(session.value("select count(*) from pg_class where relname = 'pg_class'"), "1");
    EXPECT_LT(std::chrono::steady_clock::now() - before, 15s);
}

TEST_F(server_loss, ADatabaseThatNobodyHasUsedIsReadWithoutAPrimary) {
    start({{"check_timeout", "500ms"}}, 1);
    cluster_->primary().must("create database unused");
    EXPECT_TRUE(cluster_->wait_caught_up());
    EXPECT_EQ(connect().value("select 1"), "1");
    cluster_->primary().kill();
    auto session = pg_connection{conninfo(proxy_->port(), accounts::app) + " dbname=unused"};
    EXPECT_EQ(session.value("select count(*) from pg_class where relname = 'pg_class'"), "1");
}

/// repmgr promotes while the old primary still lives behind a cut line: what its open blocks would
/// commit is lost.
TEST_F(server_loss, ABlockOfAnOutvotedPrimaryIsNotCommittedThere) {
    auto session = connect();
    session.must("create table outvoted (n int)");
    ASSERT_TRUE(cluster_->wait_caught_up());
    session.must("begin");
    session.must("insert into outvoted values (1)");
    promote_first();
    ASSERT_TRUE(wait_until([&] {
        return connect().exec("insert into outvoted values (2)").ok() &&
               cluster_->standby(0).value("select count(*) from outvoted where n = 2") != "0";
    }));
    EXPECT_FALSE(session.exec("commit").ok());
    EXPECT_EQ(cluster_->primary().value("select count(*) from outvoted where n = 1"), "0");
    EXPECT_TRUE(session.exec("insert into outvoted values (3)").ok());
    EXPECT_EQ(cluster_->standby(0).value("select count(*) from outvoted where n = 3"), "1");
}

/// The client wants it answered by the primary, and it could be what has killed that.
TEST_F(server_loss, AReadHasNoUnknownOutcome) {
    auto session = connect_reader(long_read("known"));
    auto answer = std::async(std::launch::async, [&] {
        return session.exec("/* pgweir: primary */ " + long_read("known"));
    });
    auto* const victim = wait_for_it("known");
    ASSERT_EQ(victim, &cluster_->primary());
    victim->kill();
    EXPECT_EQ(answer.get().sqlstate(), "57P01");
}

TEST_F(server_loss, ABlockThatHasOnlyReadOutlivesItsStandby) {
    start({{"consistency", "eventual"}}, 2);
    auto session = connect_reader("select 1");
    session.must("create table outlived (n int)");
    EXPECT_TRUE(cluster_->wait_caught_up());
    session = connect_reader("select count(*) from outlived");
    session.must("begin");
    EXPECT_EQ(session.value("select count(*) from outlived"), "0");
    auto* const victim =
        runs_on("count(*) from outlived", &cluster_->primary(), "idle in transaction");
    ASSERT_NE(victim, nullptr);
    victim->kill();
    EXPECT_EQ(session.value("select count(*) from outlived"), "0");
    session.must("insert into outlived values (1)");
    session.must("commit");
    EXPECT_EQ(cluster_->primary().value("select count(*) from outlived"), "1");
}

/// What the lost block may have changed is not asked of the next server, least of all of a standby.
TEST_F(server_loss, DoubtsEndWithTheServerThatTheyAreAbout) {
    start({{"consistency", "eventual"}}, 2);
    auto session = connect_reader("select 1");
    session.must("create table doubted (n int)");
    EXPECT_TRUE(cluster_->wait_caught_up());
    session.must("begin");
    session.must("do $$ begin perform 1; end $$");
    cluster_->primary().kill();
    promote_first();
    EXPECT_FALSE(session.exec("insert into doubted values (1)").ok());
    session.must("rollback");
    for (int round = 0; round < 5; ++round)
        EXPECT_EQ(session.value("select 1"), "1");
    EXPECT_TRUE(session.exec("insert into doubted values (2)").ok());
    EXPECT_EQ(cluster_->standby(0).value("select count(*) from doubted"), "1");
}

TEST_F(server_loss, APreparedReadIsAskedAgainToo) {
    start({{"consistency", "eventual"}}, 2);
    auto session = connect_reader(long_read("parsed"));
    ASSERT_TRUE(session.prepare("asked", long_read("parsed")).ok());
    auto answer =
        std::async(std::launch::async, [&] { return session.exec_prepared("asked", {}); });
    auto* const victim = wait_for_it("parsed");
    ASSERT_NE(victim, nullptr);
    victim->kill();
    const auto result = answer.get();
    EXPECT_TRUE(result.ok()) << result.message();
}

} // namespace
} // namespace pgweir::test
