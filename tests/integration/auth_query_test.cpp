// Users whose secrets the servers alone know: roles and passwords that change, limits on time, and
// server connections that are made when no client is there.
#include "tests/support/proxied_test.hpp"

#include <thread>

namespace pgweir::test {
namespace {

using ::testing::HasSubstr;

class auth_query : public ::testing::Test {
protected:
    void SetUp() override { PGWEIR_ONLY(); }

    static pgweir_options options(const std::string& ttl = "1s") {
        pgweir_options made;
        made.write_users_file = false;
        made.settings["users_file"] = "";
        made.settings["auth_user"] = accounts::superuser.name;
        made.settings["auth_password"] = accounts::superuser.password;
        made.settings["auth_cache_ttl"] = ttl;
        return made;
    }
    static std::string user(const pgweir_process& proxy, const account& who) {
        pg_connection session{conninfo(proxy.port(), who, "postgres")};
        return session.connected() ? session.value("select current_user") : session.error();
    }
    /// Whether the proof alone is taken for the user's, whatever a server says then.
    static bool is_believed(const pgweir_process& proxy,
                            const account& who,
                            const wire::startup_parameters& more = {}) {
        wire::startup_parameters all{{"user", who.name}, {"database", "app"}};
        all.insert(all.end(), more.begin(), more.end());
        wire_client client{proxy.port()};
        client.send(wire::startup(all));
        return !client.authenticate(who).has_value();
    }
    static cluster_options alone() {
        cluster_options made;
        made.standbys = 0;
        return made;
    }
    static postgres_node& primary() { return shared_cluster().primary(); }

    /// A role that lives as long as the object.
    struct role {
        role(postgres_node& n, std::string name, const std::string& attributes)
            : node{n}, who{std::move(name), "secret-of-a-role"} {
            node.must("drop role if exists " + who.name, "postgres");
            node.must(create_role_sql(who, attributes), "postgres");
        }
        ~role() {
            pg_connection session{node.direct(accounts::superuser, "postgres")};
            session.exec("drop role " + who.name);
        }
        role(const role&) = delete;
        role& operator=(const role&) = delete;
        postgres_node& node;
        account who;
    };
};

TEST_F(auth_query, ARoleThatMayNotLogInDoesNotWhateverTheQuerySays) {
    auto careless = options();
    careless.settings["auth_query"] =
        "select rolname, rolpassword from pg_authid where rolname = $1";
    const pgweir_process proxy{shared_cluster().addresses(), careless};
    const role barred{primary(), "q_barred", ""};
    primary().must("alter role q_barred nologin", "postgres");
    const role endless{primary(), "q_endless", "valid until 'infinity'"};
    const role later{primary(), "q_later", "valid until '2099-01-01'"};
    EXPECT_THAT(user(proxy, barred.who), HasSubstr("password authentication failed"));
    EXPECT_THAT(user(proxy, accounts::expired), HasSubstr("password authentication failed"));
    // Whatever the server would have said then.
    EXPECT_FALSE(is_believed(proxy, barred.who));
    EXPECT_FALSE(is_believed(proxy, accounts::expired));
    EXPECT_TRUE(is_believed(proxy, later.who));
    EXPECT_EQ(user(proxy, endless.who), "q_endless");
    EXPECT_EQ(user(proxy, later.who), "q_later");
}

/// CVE-2015-6817: neither who does not exist nor whom the query's row does not name.
TEST_F(auth_query, NobodyComesInWithTheSecretOfAnotherRole) {
    const pgweir_process proxy{shared_cluster().addresses(), options()};
    EXPECT_TRUE(is_believed(proxy, accounts::superuser));
    EXPECT_FALSE(is_believed(proxy, {"nobody_here", accounts::superuser.password}))
        << "the lookup role's";
    auto careless = options();
    careless.settings["auth_query"] =
        "select rolname, rolpassword from pg_authid where rolname = 'other' or $1::text is null";
    const pgweir_process one_row{shared_cluster().addresses(), careless};
    EXPECT_TRUE(is_believed(one_row, accounts::other));
    for (const std::string name : {"app", "nobody_here"})
        EXPECT_FALSE(is_believed(one_row, {name, accounts::other.password})) << name;
}

/// CVE-2025-12819.
TEST_F(auth_query, TheLookupMeansTheCatalogWhateverTheSearchPath) {
    postgres_cluster cluster{alone()};
    cluster.primary().must("create schema evil; grant usage on schema evil to public;"
                           "create table evil.pg_shadow (usename text, passwd text);"
                           "insert into evil.pg_shadow values ('app', 'of the attacker');"
                           "grant select on evil.pg_shadow to public");
    auto unqualified = options();
    unqualified.settings["auth_database"] = "app";
    unqualified.settings["auth_query"] = "select usename, passwd from pg_shadow where usename = $1";
    const pgweir_process proxy{cluster.addresses(), unqualified};
    const account attacker{"app", "of the attacker"};
    EXPECT_FALSE(is_believed(proxy, attacker, {{"search_path", "evil, pg_catalog"}}));
    EXPECT_FALSE(is_believed(proxy, attacker, {{"options", "-c search_path=evil,pg_catalog"}}));
    EXPECT_TRUE(is_believed(proxy, accounts::app, {{"search_path", "evil, pg_catalog"}}));
    cluster.primary().must("alter role postgres set search_path = evil, pg_catalog");
    for (int i = 0; i < 2; ++i) // a failure makes the next one ask again
        EXPECT_FALSE(is_believed(proxy, attacker)) << "by the lookup role's own path";
    EXPECT_TRUE(is_believed(proxy, accounts::app));
}

TEST_F(auth_query, AnAnswerIsNotRememberedLongerThanTheRoleIsValid) {
    const pgweir_process proxy{shared_cluster().addresses(), options("1h")};
    const role ending{primary(), "q_ending", ""};
    primary().must("do $$ begin execute format('alter role q_ending valid until %L', "
                   "clock_timestamp() + interval '4 s'); end $$",
                   "postgres");
    EXPECT_EQ(user(proxy, ending.who), "q_ending");
    EXPECT_TRUE(wait_until(
        [&] { return user(proxy, ending.who).find("authentication failed") != std::string::npos; },
        patience, 200ms));
}

TEST_F(auth_query, ManyLoginsOfOneUserAreFewQuestions) {
    auto one_worker = options("1h");
    one_worker.settings["workers"] = "1";
    const pgweir_process proxy{shared_cluster().addresses(), one_worker};
    std::vector<std::unique_ptr<wire_client>> clients;
    for (int i = 0; i < 50; ++i) {
        clients.push_back(std::make_unique<wire_client>(proxy.port()));
        clients.back()->send(wire::startup({{"user", "app"}, {"database", "app"}}));
    }
    for (auto& client : clients) {
        const auto message = client->read();
        ASSERT_TRUE(message && message->type == 'R');
        EXPECT_EQ(read_int32(message->body, 0), 10);
    }
    EXPECT_LE(proxy.metric("pgweir_auth_queries_total"), 5);
    EXPECT_GE(proxy.metric("pgweir_auth_queries_total"), 1);
}

TEST_F(auth_query, ALoginWaitsForTheServerThatKnows) {
    postgres_cluster cluster{alone()};
    const pgweir_process proxy{cluster.addresses(), options()};
    cluster.primary().stop();
    std::string answer;
    std::thread login{[&] { answer = user(proxy, accounts::other); }};
    EXPECT_TRUE(wait_until([&] { return proxy.metric("pgweir_clients", "state=\"login\"") >= 1; }));
    cluster.primary().start();
    login.join();
    EXPECT_EQ(answer, "other");
}

TEST_F(auth_query, WhereNobodyCanBeAskedTheLoginIsRefusedAsSuch) {
    auto broken = options();
    broken.settings["auth_query"] = "select no_such_function($1)";
    const pgweir_process proxy{shared_cluster().addresses(), broken};
    wire_client client{proxy.port()};
    const auto messages = client.login(accounts::app, "app");
    const auto* const error = find(messages, 'E');
    ASSERT_NE(error, nullptr);
    EXPECT_EQ(field(*error, 'C'), "57P03");
    EXPECT_EQ(field(*error, 'S'), "FATAL");
    EXPECT_THAT(proxy.log(), HasSubstr("auth_query failed"));
    EXPECT_GE(proxy.metric("pgweir_auth_query_failures_total"), 1);
}

TEST_F(auth_query, AnEmptyAuthDatabaseIsTheOneThatTheClientAsksFor) {
    auto own = options();
    own.wrapper = {"env", "PGWEIR_CFG_AUTH_DATABASE="};
    own.settings["auth_query"] =
        "select rolname, rolpassword from pg_authid where rolname = $1 and "
        "current_database() = 'app'";
    const pgweir_process proxy{shared_cluster().addresses(), own};
    pg_connection session{conninfo(proxy.port(), accounts::app, "app")};
    EXPECT_TRUE(session.connected()) << session.error();
    EXPECT_THAT(user(proxy, accounts::app), HasSubstr("authentication failed"))
        << "and what one database says is not said to another";
}

TEST_F(auth_query, ServerConnectionsAreMadeAgainWithoutTheClientsPassword) {
    postgres_cluster cluster{alone()};
    const pgweir_process proxy{cluster.addresses(), options()};
    pg_connection session{conninfo(proxy.port(), accounts::other, "postgres")};
    ASSERT_EQ(session.value("select current_user"), "other");
    cluster.primary().restart();
    EXPECT_TRUE(wait_until([&] {
        auto result = session.exec("select current_user");
        return result.ok() && result.value() == "other";
    })) << session.error();
    EXPECT_EQ(cluster.primary().count_backends("usename = 'other'"), 1);
}

TEST_F(auth_query, KeysThatTheServerRefusesAreNotTriedAgain) {
    postgres_cluster cluster{alone()};
    auto& node = cluster.primary();
    const pgweir_process proxy{cluster.addresses(), options()};
    const role changing{node, "q_changing", ""};
    pg_connection session{conninfo(proxy.port(), changing.who, "postgres")};
    ASSERT_EQ(session.value("select current_user"), "q_changing");
    node.must("alter role q_changing password 'another'", "postgres");
    node.must("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'q_changing'",
              "postgres");
    const auto tries = [&] {
        const auto log = node.log();
        std::size_t count = 0;
        const std::string said = "password authentication failed for user \"q_changing\"";
        for (auto at = log.find(said); at != std::string::npos; at = log.find(said, at + 1))
            ++count;
        return count;
    };
    EXPECT_TRUE(wait_until([&] { return !session.exec("select 1").ok() && tries() == 1; }));
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(session.exec("select 1").sqlstate(), "28000");
    EXPECT_EQ(tries(), 1U);
    const account now{"q_changing", "another"};
    EXPECT_TRUE(wait_until([&] { return user(proxy, now) == "q_changing"; }));
    EXPECT_EQ(session.value("select current_user"), "q_changing") << "with what that login taught";
}

} // namespace
} // namespace pgweir::test
