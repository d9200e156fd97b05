// Nodes that go and come, and a new primary. Each test has a cluster of its own.
#include "tests/support/proxied_test.hpp"

#include <thread>

namespace pgweir::test {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class failover : public ::testing::Test {
protected:
    void SetUp() override {
        PGWEIR_ONLY();
        cluster_ = std::make_unique<postgres_cluster>();
        start({});
    }
    void TearDown() override {
        if (proxy_) EXPECT_TRUE(proxy_->running()) << proxy_->log();
        proxy_.reset();
        cluster_.reset();
    }
    void start(const settings_map& settings) {
        proxy_.reset();
        pgweir_options options;
        options.settings = settings;
        proxy_ = std::make_unique<pgweir_process>(cluster_->addresses(), options);
    }
    [[nodiscard]] pg_connection connect() const {
        return pg_connection{conninfo(proxy_->port(), accounts::app)};
    }
    /// Points the other standby at the promoted one, as repmgr would.
    void follow(std::size_t follower, std::size_t promoted) {
        cluster_->standby(follower).set(
            "primary_conninfo",
            "host=127.0.0.1 port=" + std::to_string(cluster_->standby(promoted).port()) +
                " user=" + accounts::monitor.name + " password=" + accounts::monitor.password);
    }

    std::unique_ptr<postgres_cluster> cluster_;
    std::unique_ptr<pgweir_process> proxy_;
};

TEST_F(failover, LossOfAStandbyIsHardlyNoticed) {
    auto session = connect();
    session.must("create table noticed (n int)");
    cluster_->standby(0).kill();
    int errors = 0;
    for (int round = 0; round < 50; ++round) {
        if (!session.exec("select count(*) from noticed").ok()) ++errors;
        ASSERT_TRUE(session.exec("insert into noticed values (1)").ok());
    }
    EXPECT_EQ(errors, 0);
    EXPECT_EQ(proxy_->http("/readyz").status, 200);
    cluster_->standby(0).start();
    EXPECT_TRUE(wait_until([&] {
        connect().must("select 1"); // a session that has read elsewhere may stay there
        return cluster_->standby(0).count_backends("usename = 'app'") > 0;
    })) << "a node that is back is used again by itself";
}

TEST_F(failover, AHungStandbyIsLeftAlone) {
    start({{"check_timeout", "500ms"}, {"query_timeout", "0ms"}});
    auto session = connect();
    session.must("select 1");
    cluster_->standby(0).suspend();
    auto other = connect();
    int answered = 0;
    for (int round = 0; round < 10; ++round)
        if (other.exec("begin; create temporary table t (n int) on commit drop; commit").ok())
            ++answered;
    EXPECT_EQ(answered, 10) << "writes do not care about a standby";
    cluster_->standby(0).resume();
}

TEST_F(failover, WithAllStandbysGoneThePrimaryReads) {
    auto session = connect();
    session.must("select 1");
    cluster_->standby(0).stop();
    cluster_->standby(1).stop();
    EXPECT_TRUE(wait_until([&] { return session.exec("select 1").ok(); }));
    for (int round = 0; round < 20; ++round)
        EXPECT_EQ(session.value("select 1"), "1");
}

TEST_F(failover, WritesFollowAPromotedStandby) {
    auto session = connect();
    session.must("create table followed (n int)");
    EXPECT_TRUE(cluster_->wait_caught_up());
    cluster_->primary().kill();
    cluster_->standby(0).promote();
    follow(1, 0);
    EXPECT_TRUE(
        wait_until([&] { return session.exec("insert into followed values (1)").ok(); }, 30s));
    EXPECT_EQ(cluster_->standby(0).value("select count(*) from followed"), "1");
    EXPECT_EQ(session.value("select count(*) from followed"), "1");
}

TEST_F(failover, AWriteThatWasNotSentWaitsForTheNewPrimary) {
    auto session = connect();
    session.must("create table awaited (n int)");
    EXPECT_TRUE(cluster_->wait_caught_up());
    cluster_->primary().kill();
    ASSERT_TRUE(wait_until(
        [&] { return proxy_->http("/metrics").status == 200 && !cluster_->primary().running(); }));
    auto writer = connect();
    std::thread promotion{[&] {
        std::this_thread::sleep_for(1s);
        cluster_->standby(0).promote();
    }};
    const auto result = writer.exec("insert into awaited values (1)");
    promotion.join();
    EXPECT_TRUE(result.ok()) << result.message();
}

TEST_F(failover, WithoutAPrimaryWritesFailAfterFailoverTimeoutAndReadsGoOn) {
    start({{"failover_timeout", "1s"}});
    auto session = connect();
    session.must("create table unwritable (n int)");
    EXPECT_TRUE(cluster_->wait_caught_up());
    auto idle = connect();
    EXPECT_EQ(idle.value("select count(*) from unwritable"), "0");
    // Only what is known of a table made a moment ago can be read elsewhere.
    EXPECT_TRUE(wait_until([&] {
        return explained_route(session, "select count(*) from unwritable").find("standby") !=
               std::string::npos;
    }));
    cluster_->primary().stop();
    const auto write = idle.exec("insert into unwritable values (1)");
    EXPECT_THAT(write.sqlstate(), AnyOf("57P03", StartsWith("57P0"), StartsWith("08")));
    EXPECT_TRUE(wait_until([&] { return connect().exec("select count(*) from unwritable").ok(); }))
        << "reads are served by standbys";
}

TEST_F(failover, AnOldPrimaryThatComesBackIsNotWrittenTo) {
    auto session = connect();
    session.must("create table split (n int)");
    EXPECT_TRUE(cluster_->wait_caught_up());
    cluster_->primary().kill();
    cluster_->standby(0).promote();
    follow(1, 0);
    ASSERT_TRUE(wait_until([&] { return session.exec("insert into split values (1)").ok(); }, 30s));
    cluster_->primary().start(); // as if nothing had happened: it takes writes
    for (int round = 0; round < 40; ++round) {
        ASSERT_TRUE(session.exec("insert into split values (2)").ok());
        std::this_thread::sleep_for(25ms);
    }
    EXPECT_EQ(cluster_->primary().value("select count(*) from split"), "0");
}

} // namespace
} // namespace pgweir::test
