// What has been somebody's vulnerability: one test for each kind that no other file has. The table
// in tests/README.md says where the others are.
#include "tests/support/proxied_test.hpp"
#include "tests/support/tcp_gate.hpp"

namespace pgweir::test {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

class security : public proxied_test {
protected:
    static void expect_serving(int port = target_port()) {
        auto client = logged_in(port);
        EXPECT_EQ(statuses(client.converse(wire::query("select 1"))), "I");
    }
    static wire_message refusal(int port, const account& who, const std::string& database) {
        wire_client client{port};
        const auto messages = client.login(who, database);
        const auto* const error = find(messages, 'E');
        return error == nullptr ? wire_message{} : *error;
    }
};

TEST_F(security, LongNamesInTheStartupPacketAreErrorsOnly) {
    for (const std::size_t size : {63U, 64U, 65U, 1024U, 9000U}) {
        SCOPED_TRACE(size);
        const std::string name(size, 'd');
        EXPECT_EQ(field(refusal(target_port(), accounts::app, name), 'C'), "3D000");
        EXPECT_EQ(field(refusal(target_port(), {name, "x"}, "app"), 'C'), "28P01");
        wire_client client{target_port()};
        const auto messages = client.login(accounts::app, "app", {{"application_name", name}});
        EXPECT_EQ(statuses(messages), "I");
    }
    expect_serving();
}

TEST_F(security, NoMessageIsTakenBeforeTheStartupPacketOrBeforeTheProof) {
    const std::vector<std::string> messages{wire::query("select 1"),
                                            wire::sync(),
                                            wire::terminate(),
                                            wire::password("x"),
                                            wire::copy_done(),
                                            wire::execute(""),
                                            wire::function_call(1598, {"4"}),
                                            wire::close('S', "x")};
    for (std::size_t i = 0; i < messages.size(); ++i) {
        SCOPED_TRACE(i);
        wire_client first{target_port()};
        first.send(messages[i]);
        EXPECT_EQ(find(first.read_to_end(500ms), 'D'), nullptr);
        if (messages[i][0] == 'p') continue;
        wire_client early{target_port()};
        early.send(wire::startup({{"user", accounts::app.name}, {"database", "app"}}) +
                   messages[i]);
        const auto answer = early.read_to_end(500ms);
        EXPECT_EQ(find(answer, 'D'), nullptr);
        EXPECT_EQ(find(answer, 'Z'), nullptr);
        EXPECT_TRUE(early.at_end());
    }
    expect_serving();
}

/// What a decoder believes that it should not is answered with something else than this.
TEST_F(security, BodiesThatCannotBeAreErrorsOnly) {
    auto bystander = logged_in(target_port());
    bystander.converse(wire::query("begin"));
    const auto statement = wire::parse("s", "select $1", {23});
    std::vector<std::string> broken{wire::describe('X', "s"), wire::close('X', "s"),
                                    wire::message('S', "x"), wire::message('H', "x"),
                                    wire::message('Q', std::string{"select 1\0;\0", 11})};
    for (const auto& whole :
         {statement, wire::bind("p", "s", {"1"}), wire::describe('S', "s"), wire::execute("p"),
          wire::close('S', "s"), wire::query("select 1"), wire::function_call(1598, {"4"})})
        for (std::size_t size = 0; size + 5 < whole.size(); ++size)
            broken.push_back(wire::message(whole[0], whole.substr(5, size)));
    for (const auto& message : broken) {
        SCOPED_TRACE(::testing::PrintToString(message));
        auto client = logged_in(target_port());
        client.send((message[0] == 'B' ? statement + message : message) + wire::sync());
        EXPECT_EQ(sqlstate(client.read_until_ready()), "08P01");
    }
    EXPECT_EQ(statuses(bystander.converse(wire::query("select 1"))), "T");
    expect_serving();
}

/// Neither what a server's role nor whether it may write is asked of somebody else's functions.
TEST_F(security, OwnQueriesMeanTheCatalogWhateverTheSearchPath) {
    PGWEIR_ONLY();
    cluster_options alone;
    alone.standbys = 0;
    postgres_cluster own{alone};
    for (const std::string database : {"postgres", "app"})
        own.primary().must("create schema evil; grant usage on schema evil to public;"
                           "create function evil.pg_is_in_recovery() returns bool language sql "
                           "as 'select true';"
                           "create function evil.current_setting(text) returns text language sql "
                           "as $$ select 'evil' $$",
                           database);
    for (const auto& who : {accounts::app, accounts::monitor, accounts::superuser})
        own.primary().must("alter role " + who.name + " set search_path = evil, pg_catalog");
    const pgweir_process proxy{own.addresses()};
    pg_connection session{conninfo(proxy.port(), accounts::app)};
    session.must("create table public.written as select 1 as n");
    EXPECT_EQ(session.value("select pg_is_in_recovery()"), "t") << "what the client itself means";
    session.must("insert into public.written values (2)");
    EXPECT_THAT(proxy.log(), Not(HasSubstr("evil")));
}

TEST_F(security, WhoMayOnlyLookMayGiveNoCommand) {
    PGWEIR_ONLY();
    pgweir_options options;
    options.settings["stats_users"] = "[\"app\"]";
    options.settings["admin_users"] = "[\"postgres\"]";
    const pgweir_process proxy{cluster().addresses(), options};
    auto victim = logged_in(proxy.port());
    pg_connection watcher{conninfo(proxy.port(), accounts::app, "pgweir")};
    ASSERT_TRUE(watcher.connected()) << watcher.error();
    EXPECT_TRUE(watcher.exec("show clients").ok());
    for (const std::string& command :
         {"kill_client " + std::to_string(victim.pid()), std::string{"pause"},
          std::string{"reload"}, std::string{"shutdown"}, std::string{"reconnect"},
          std::string{"detach '0'"}, std::string{"switchover"}})
        EXPECT_EQ(watcher.exec(command).sqlstate(), "42501") << command;
    EXPECT_EQ(statuses(victim.converse(wire::query("select 1"))), "I");
}

TEST_F(security, WhatAServerSaysInsteadOfAnsweringSslRequestReachesNobody) {
    PGWEIR_ONLY();
    tcp_gate gate{cluster().primary().port()};
    pgweir_options options;
    options.settings["server_tls_sslmode"] = "prefer";
    options.settings["queue_timeout"] = "1s";
    const pgweir_process proxy{gate.address(), options};
    const auto lie = wire::message('E', std::string{"SFATAL"} + '\0' + "C28000" + '\0' +
                                            "MYour-password-please" + '\0' + '\0');
    // As often as it is tried.
    for (int i = 0; i < 1000; ++i)
        gate.forge_answer(wire::ssl_request(), lie);
    wire_client client{proxy.port()};
    const auto messages = client.login(accounts::app);
    const auto* const error = find(messages, 'E');
    ASSERT_NE(error, nullptr);
    EXPECT_THAT(error->body, Not(HasSubstr("Your-password-please")));
    EXPECT_THAT(proxy.log(), Not(HasSubstr("Your-password-please")));
}

/// A cluster with TLS behind a gate.
class security_of_cancel : public ::testing::Test {};

TEST_F(security_of_cancel, AKeyThatCameEncryptedIsNeverSentInClear) {
    PGWEIR_ONLY();
    cluster_options with_tls;
    with_tls.standbys = 0;
    with_tls.tls = true;
    const postgres_cluster cluster{with_tls};
    tcp_gate gate{cluster.nodes().front()->port()};
    pgweir_options options;
    options.settings["server_tls_sslmode"] = "prefer";
    const pgweir_process proxy{gate.address(), options};
    auto client = logged_in(proxy.port());
    client.send(wire::query("select pg_sleep(1), ssl from pg_stat_ssl where pid = "
                            "pg_backend_pid()"));
    EXPECT_TRUE(client.silent_for(100ms));
    gate.forge_answer(wire::ssl_request(), "N");
    wire_client canceller{proxy.port()};
    canceller.send(wire::cancel_request(client.pid(), client.key()));
    EXPECT_TRUE(canceller.closed_by_peer());
    const auto answer = client.read_until_ready();
    EXPECT_EQ(letters(answer), "TDCZ");
    EXPECT_EQ(proxy.metric("pgweir_cancels_total", "result=\"failed\""), 1);
    EXPECT_EQ(statuses(client.converse(wire::query("select 1"))), "I");
}

} // namespace
} // namespace pgweir::test
