// Nodes that DNS names stand for: they come, go and move while clients work.
#include "tests/support/dns_server.hpp"
#include "tests/support/proxied_test.hpp"
#include "tests/support/steady_load.hpp"

#include <cstdlib>

namespace pgweir::test {
namespace {

using ::testing::HasSubstr;
using mood = dns_server::mood;

#define NEEDS_A_NAME_SERVER()                                                                      \
    PGWEIR_ONLY();                                                                                 \
    if (const auto why = dns_server::why_not(); !why.empty()) GTEST_SKIP() << why

/// Clients' connections on a server, pgweir's own left out.
int clients_of(const postgres_node& node) {
    return node.count_backends("usename = 'app'");
}

/// A server of its own cluster, that lets everybody in.
std::filesystem::path make_server(const std::filesystem::path& data) {
    const char* directory = std::getenv("PGWEIR_TEST_PG_BIN");
    const std::string programs = directory != nullptr ? directory : "/usr/lib/postgresql/15/bin";
    spawn_options options;
    options.as_postgres = true;
    const auto made = run_command({programs + "/initdb", "-D", data, "-U", "postgres", "-A",
                                   "trust", "--no-sync", "--no-instructions"},
                                  options);
    EXPECT_EQ(made.exit_code, 0) << made.output;
    const auto file = data / "postgresql.conf";
    write_file(file, read_file(file) + "unix_socket_directories = ''\nfsync = off\n", 0600);
    return data;
}

class discovery : public ::testing::Test {
protected:
    void make_cluster(int standbys) {
        cluster_options options;
        options.standbys = standbys;
        options.own_addresses = true;
        cluster_ = std::make_unique<postgres_cluster>(options);
        dns_ = std::make_unique<dns_server>();
    }
    void TearDown() override {
        if (proxy_) EXPECT_TRUE(proxy_->running()) << proxy_->log();
        console_.reset();
        proxy_.reset();
    }
    void start(const std::string& nodes, settings_map settings = {}, bool wait = true) {
        pgweir_options options;
        options.settings = std::move(settings);
        options.settings.try_emplace("discovery_interval", "200ms");
        options.wrapper = dns_->wrapper();
        options.wait_until_ready = wait;
        proxy_ = std::make_unique<pgweir_process>(nodes, options);
        console_ = std::make_unique<pg_connection>(
            conninfo(proxy_->port(), accounts::superuser, "pgweir"));
    }
    [[nodiscard]] std::string by_name(const std::string& name) const {
        return "dns:" + name + ":" + std::to_string(cluster_->primary().port());
    }
    /// The first `count` servers are what pg.test stands for.
    void announce(std::size_t count) {
        std::vector<std::string> addresses;
        for (std::size_t i = 0; i < count; ++i)
            addresses.push_back(cluster_->nodes()[i]->host());
        dns_->set("pg.test", addresses);
    }
    [[nodiscard]] pg_result nodes() { return console_->exec("show nodes"); }
    /// The row of SHOW NODES; -1: no such node.
    [[nodiscard]] static int row_of(const pg_result& nodes, const postgres_node& node) {
        for (int row = 0; row < nodes.rows(); ++row)
            if (nodes.value(row, "address") == node.host()) return row;
        return -1;
    }
    [[nodiscard]] int readable() {
        const auto all = nodes();
        int count = 0;
        for (int row = 0; row < all.rows(); ++row)
            if (all.value(row, "readable") == "t") ++count;
        return count;
    }
    [[nodiscard]] bool wait_readable(int count) {
        return wait_until([&] { return readable() == count; });
    }
    void wait_for_questions(int count) {
        const auto seen = dns_->questions();
        EXPECT_TRUE(wait_until([&] { return dns_->questions() >= seen + count; }));
    }

    std::unique_ptr<postgres_cluster> cluster_;
    std::unique_ptr<dns_server> dns_;
    std::unique_ptr<pgweir_process> proxy_;
    std::unique_ptr<pg_connection> console_;
};

TEST_F(discovery, StandbysComeAndGoUnderLoad) {
    NEEDS_A_NAME_SERVER();
    make_cluster(4);
    announce(3);
    start(by_name("pg.test"), {{"discovery_interval", "1s"}});
    ASSERT_TRUE(wait_readable(2));
    steady_load load{proxy_->port()};
    const auto& fourth = *cluster_->nodes()[3];
    const auto& fifth = *cluster_->nodes()[4];
    for (int round = 0; round < 3; ++round) {
        announce(5);
        const auto begun = std::chrono::steady_clock::now();
        ASSERT_TRUE(wait_until([&] { return clients_of(fourth) > 0 && clients_of(fifth) > 0; }));
        const auto used = std::chrono::steady_clock::now() - begun;
        RecordProperty("used_ms_" + std::to_string(round),
                       std::to_string(used / std::chrono::milliseconds{1}));
        EXPECT_LT(used, 5s) << "2 s where the machine is not busy";
        announce(3);
        ASSERT_TRUE(wait_until([&] { return clients_of(fourth) + clients_of(fifth) == 0; }));
        ASSERT_TRUE(wait_until([&] { return nodes().rows() == 3; }));
    }
    load.stop();
    EXPECT_EQ(load.errors(), 0) << load.first_error();
    EXPECT_GT(load.written(), 0);
    EXPECT_GT(load.logins(), 0);
    const auto log = proxy_->log();
    EXPECT_THAT(log, HasSubstr("node " + fifth.address() + " is new, by the name pg.test"));
    EXPECT_THAT(log, HasSubstr("node " + fifth.address() + " is forgotten"));
    const auto all = nodes();
    EXPECT_EQ(all.value(row_of(all, *cluster_->nodes()[1]), "host"), "pg.test");
}

TEST_F(discovery, AResolverThatFailsChangesNothing) {
    NEEDS_A_NAME_SERVER();
    make_cluster(1);
    announce(2);
    start(by_name("pg.test"));
    ASSERT_TRUE(wait_readable(1));
    for (const auto now : {mood::fails, mood::silent}) {
        dns_->set_mood(now);
        wait_for_questions(4);
        EXPECT_EQ(nodes().rows(), 2);
        EXPECT_EQ(readable(), 1);
        dns_->set_mood(mood::answers);
    }
    dns_->set("pg.test", {});
    wait_for_questions(4);
    EXPECT_EQ(nodes().rows(), 2) << "a name without an address is no order to stop";
    EXPECT_EQ(readable(), 1);
    EXPECT_THAT(proxy_->log(), HasSubstr("name pg.test cannot be resolved: what is known"));
    // Servers can be lost and found meanwhile.
    dns_->set_mood(mood::silent);
    cluster_->standby(0).restart();
    EXPECT_TRUE(wait_readable(1));
}

TEST_F(discovery, StartsWhileNamesCannotBeResolvedAndServesOnceTheyCan) {
    NEEDS_A_NAME_SERVER();
    make_cluster(1);
    dns_->set_mood(mood::fails);
    start(by_name("pg.test"), {}, false);
    wait_for_questions(2);
    pg_connection waiting{conninfo(proxy_->port(), accounts::superuser, "pgweir")};
    EXPECT_EQ(waiting.exec("show nodes").rows(), 0);
    dns_->set_mood(mood::answers);
    announce(2);
    ASSERT_TRUE(proxy_->wait_ready(patience));
    pg_connection session{conninfo(proxy_->port(), accounts::app)};
    session.must("create table found (n int)");
}

TEST_F(discovery, ATransactionEndsWhereItBegan) {
    NEEDS_A_NAME_SERVER();
    make_cluster(1);
    announce(2);
    start(by_name("pg.test"), {{"consistency", "eventual"}});
    ASSERT_TRUE(wait_readable(1));
    pg_connection session{conninfo(proxy_->port(), accounts::app)};
    session.must("create table looked_at (n int)");
    ASSERT_TRUE(wait_until([&] {
        return explained_route(session, "select count(*) from looked_at").find("standby") !=
               std::string::npos;
    }));
    session.must("begin read only");
    session.must("select count(*) from looked_at");
    ASSERT_EQ(clients_of(cluster_->standby(0)), 1);
    announce(1);
    ASSERT_TRUE(wait_until([&] { return readable() == 0; }));
    session.must("select count(*) from looked_at");
    EXPECT_EQ(clients_of(cluster_->standby(0)), 1);
    EXPECT_EQ(nodes().rows(), 2) << "it is there as long as somebody is";
    announce(2);
    EXPECT_TRUE(wait_readable(1)) << "an address that returns is the node that it was";
    announce(1);
    session.must("commit");
    EXPECT_TRUE(wait_until([&] { return clients_of(cluster_->standby(0)) == 0; }));
    EXPECT_TRUE(wait_until([&] { return nodes().rows() == 1; }));
    session.must("select count(*) from looked_at");
}

TEST_F(discovery, AServerOfAnotherClusterIsNotUsed) {
    NEEDS_A_NAME_SERVER();
    make_cluster(1);
    announce(2);
    start(by_name("pg.test"));
    ASSERT_TRUE(wait_readable(1));
    const temp_directory directory{"foreign"};
    postgres_node foreign{make_server(directory.path() / "data"), cluster_->primary().port(),
                          "127.0.0.99"};
    foreign.start();
    foreign.must("create role " + accounts::monitor.name + " login replication in role pg_monitor",
                 "postgres");
    dns_->set("pg.test", {cluster_->primary().host(), cluster_->standby(0).host(), foreign.host()});
    ASSERT_TRUE(wait_until([&] { return row_of(nodes(), foreign) >= 0; }));
    EXPECT_TRUE(wait_until([&] {
        const auto all = nodes();
        return all.value(row_of(all, foreign), "role") == "primary";
    }));
    pg_connection session{conninfo(proxy_->port(), accounts::app)};
    session.must("create table at_home (n int)");
    for (int round = 0; round < 20; ++round)
        session.must("insert into at_home values (1)");
    EXPECT_EQ(cluster_->primary().value("select count(*) from at_home"), "20");
    EXPECT_EQ(readable(), 1);
}

TEST_F(discovery, ANameOfOneServerIsFollowedToAnotherAddress) {
    NEEDS_A_NAME_SERVER();
    make_cluster(2);
    dns_->set("primary.test", {cluster_->primary().host()});
    dns_->set("reader.test", {cluster_->standby(0).host()});
    const auto port = std::to_string(cluster_->primary().port());
    start("primary.test:" + port + ",reader.test:" + port);
    ASSERT_TRUE(wait_readable(1));
    steady_load load{proxy_->port()};
    for (int round = 0; round < 3; ++round) {
        const auto& now = cluster_->standby(round % 2 == 0 ? 1 : 0);
        const auto& before = cluster_->standby(round % 2 == 0 ? 0 : 1);
        ASSERT_TRUE(wait_until([&] { return clients_of(before) > 0; }));
        dns_->set("reader.test", {now.host()});
        ASSERT_TRUE(wait_until([&] { return clients_of(now) > 0; }));
        ASSERT_TRUE(wait_until([&] { return clients_of(before) == 0; }));
    }
    load.stop();
    EXPECT_EQ(load.errors(), 0) << load.first_error();
    EXPECT_EQ(nodes().rows(), 2);
    EXPECT_THAT(proxy_->log(), HasSubstr("node reader.test:" + port + " is at "));
}

TEST_F(discovery, ThePrimarysNameMayMoveToo) {
    NEEDS_A_NAME_SERVER();
    make_cluster(1);
    dns_->set("primary.test", {cluster_->primary().host()});
    const auto port = std::to_string(cluster_->primary().port());
    start("primary.test:" + port);
    pg_connection session{conninfo(proxy_->port(), accounts::app)};
    session.must("create table moved (n int)");
    ASSERT_TRUE(cluster_->wait_caught_up());
    cluster_->primary().stop();
    cluster_->standby(0).promote();
    dns_->set("primary.test", {cluster_->standby(0).host()});
    EXPECT_TRUE(wait_until([&] { return session.exec("insert into moved values (1)").ok(); }, 30s));
    EXPECT_EQ(cluster_->standby(0).value("select count(*) from moved"), "1");
}

} // namespace
} // namespace pgweir::test
