// Who may come in: methods, wrong passwords, unknown users, users from a file and from the servers.
#include "tests/support/proxied_test.hpp"

namespace pgweir::test {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

class authentication : public proxied_test {
protected:
    /// The ErrorResponse that a login gets; its type is 0 if it succeeds.
    static wire_message refusal(int port, const account& who, const std::string& database = "app") {
        wire_client client{port};
        const auto messages = client.login(who, database);
        const auto* error = find(messages, 'E');
        return error == nullptr ? wire_message{} : *error;
    }

    /// The number of the first authentication request that a user is sent.
    static std::int32_t first_request(int port, const account& who) {
        wire_client client{port};
        client.send(wire::startup({{"user", who.name}, {"database", "app"}}));
        const auto message = client.read();
        return message && message->type == 'R' ? read_int32(message->body, 0) : -1;
    }

    static std::string current_user(int port, const account& who) {
        pg_connection session{conninfo(port, who)};
        if (!session.connected()) return session.error();
        return session.value("select current_user");
    }
};

constexpr std::int32_t request_ok = 0;
constexpr std::int32_t request_cleartext = 3;
constexpr std::int32_t request_md5 = 5;
constexpr std::int32_t request_sasl = 10;

TEST_F(authentication, ScramUsersLogInWithAwkwardPasswords) {
    EXPECT_EQ(first_request(target_port(), accounts::app), request_sasl);
    EXPECT_EQ(current_user(target_port(), accounts::app), "app");
    EXPECT_EQ(current_user(target_port(), accounts::other), "other");
}

TEST_F(authentication, AWrongPasswordIs28P01) {
    const auto error = refusal(target_port(), {"app", "wrong"});
    EXPECT_EQ(field(error, 'C'), "28P01");
    EXPECT_EQ(field(error, 'S'), "FATAL");
    EXPECT_EQ(field(error, 'M'), "password authentication failed for user \"app\"");
}

TEST_F(authentication, AnUnknownUserCannotBeToldFromAWrongPassword) {
    const auto error = refusal(target_port(), {"nobody_here", "wrong"});
    EXPECT_EQ(field(error, 'C'), "28P01");
    EXPECT_EQ(field(error, 'M'), "password authentication failed for user \"nobody_here\"");
    EXPECT_EQ(first_request(target_port(), {"nobody_here", ""}), request_sasl)
        << "an unknown user must be asked the same way";
}

TEST_F(authentication, AnEmptyPasswordIsRefused) {
    EXPECT_EQ(field(refusal(target_port(), {"app", ""}), 'C'), "28P01");
}

TEST_F(authentication, TheSecondClientOfAWarmPoolIsAuthenticatedToo) {
    auto first = connect();
    EXPECT_EQ(first.value("select 1"), "1");
    EXPECT_EQ(field(refusal(target_port(), {"app", "wrong"}), 'C'), "28P01");
}

TEST_F(authentication, AdminUsersWithAWrongPasswordAreRefusedInTheAdminDatabase) {
    PGWEIR_ONLY();
    EXPECT_EQ(field(refusal(target_port(), {"postgres", "wrong"}, "pgweir"), 'C'), "28P01");
    EXPECT_THAT(field(refusal(target_port(), accounts::app, "pgweir"), 'C'),
                AnyOf("28000", "42501"));
}

TEST_F(authentication, Md5PasswordAndTrustCanBeChosen) {
    PGWEIR_ONLY();
    const std::map<std::string, std::int32_t> methods{{"md5", request_md5},
                                                      {"password", request_cleartext},
                                                      {"scram-sha-256", request_sasl},
                                                      {"trust", request_ok}};
    for (const auto& [method, request] : methods) {
        SCOPED_TRACE(method);
        pgweir_options options;
        options.settings["auth_method"] = method;
        const pgweir_process proxy{cluster().addresses(), options};
        EXPECT_EQ(first_request(proxy.port(), accounts::app), request);
        EXPECT_EQ(current_user(proxy.port(), accounts::app), "app");
        if (method != "trust") {
            EXPECT_EQ(field(refusal(proxy.port(), {"app", "wrong"}), 'C'), "28P01");
            EXPECT_EQ(field(refusal(proxy.port(), {"nobody", "x"}), 'C'), "28P01");
        }
    }
}

TEST_F(authentication, ServersMayAskForScramMd5PlainTextOrNothing) {
    PGWEIR_ONLY();
    EXPECT_EQ(current_user(target_port(), accounts::app), "app");
    EXPECT_EQ(current_user(target_port(), accounts::md5_user), "app_md5");
    EXPECT_EQ(current_user(target_port(), accounts::plain_user), "app_plain");
    pgweir_options options;
    options.settings["auth_method"] = "trust";
    const pgweir_process proxy{cluster().addresses(), options};
    EXPECT_EQ(current_user(proxy.port(), accounts::trusted), "app_trust");
}

TEST_F(authentication, AVerifierInTheUsersFileServesWithoutAnyPassword) {
    PGWEIR_ONLY();
    const auto verifier = cluster().primary().value(
        "select rolpassword from pg_authid where rolname = 'app'", "postgres");
    pgweir_options options;
    options.write_users_file = false;
    const temp_directory directory{"users"};
    write_file(directory.path() / "users.txt", "\"app\" \"" + verifier + "\"\n", 0600);
    options.settings["users_file"] = (directory.path() / "users.txt").string();
    const pgweir_process proxy{cluster().addresses(), options};
    EXPECT_EQ(current_user(proxy.port(), accounts::app), "app");
    EXPECT_EQ(field(refusal(proxy.port(), {"app", "wrong"}), 'C'), "28P01");
}

pgweir_options by_auth_query() {
    pgweir_options options;
    options.write_users_file = false;
    options.settings["users_file"] = "";
    options.settings["auth_user"] = accounts::lookup.name;
    options.settings["auth_password"] = accounts::lookup.password;
    options.settings["auth_query"] = "select name, verifier from weir.lookup($1)";
    options.settings["auth_database"] = "postgres";
    options.settings["auth_cache_ttl"] = "1s";
    return options;
}

TEST_F(authentication, TheAuthQueryFindsUsersThatNoFileKnows) {
    PGWEIR_ONLY();
    const pgweir_process proxy{cluster().addresses(), by_auth_query()};
    EXPECT_EQ(current_user(proxy.port(), accounts::app), "app");
    EXPECT_EQ(current_user(proxy.port(), accounts::other), "other");
    EXPECT_EQ(field(refusal(proxy.port(), {"app", "wrong"}), 'C'), "28P01");
    EXPECT_EQ(field(refusal(proxy.port(), {"nobody_here", "wrong"}), 'C'), "28P01")
        << "and never the lookup role instead";
    EXPECT_EQ(field(refusal(proxy.port(), {"a\"b\\c'd; drop table x", "wrong"}), 'C'), "28P01");
    EXPECT_EQ(field(refusal(proxy.port(), accounts::expired), 'C'), "28P01");
}

TEST_F(authentication, ARoleMadeAMomentAgoLogsInAndANewPasswordReplacesTheOld) {
    PGWEIR_ONLY();
    const pgweir_process proxy{cluster().addresses(), by_auth_query()};
    auto& primary = cluster().primary();
    primary.must("drop role if exists newcomer", "postgres");
    primary.must("create role newcomer login password 'first'", "postgres");
    EXPECT_EQ(current_user(proxy.port(), {"newcomer", "first"}), "newcomer");
    primary.must("alter role newcomer password 'second'", "postgres");
    EXPECT_TRUE(wait_until(
        [&] { return field(refusal(proxy.port(), {"newcomer", "first"}), 'C') == "28P01"; }));
    EXPECT_EQ(current_user(proxy.port(), {"newcomer", "second"}), "newcomer");
    EXPECT_TRUE(cluster().wait_caught_up());
    primary.must("drop role newcomer", "postgres");
}

TEST_F(authentication, TheLookupConnectionIgnoresTheClientsSearchPath) {
    PGWEIR_ONLY();
    const pgweir_process proxy{cluster().addresses(), by_auth_query()};
    wire_client client{proxy.port()};
    const auto messages =
        client.login(accounts::app, "app", {{"search_path", "evil"}, {"options", "-c role=none"}});
    EXPECT_EQ(statuses(messages), "I");
    EXPECT_THAT(proxy.log(), Not(HasSubstr("evil")));
}

TEST_F(authentication, PasswordsNeverAppearInTheLog) {
    PGWEIR_ONLY();
    for (const std::string method : {"scram-sha-256", "md5", "password"}) {
        SCOPED_TRACE(method);
        pgweir_options options;
        options.settings["log_level"] = "debug";
        options.settings["auth_method"] = method;
        const pgweir_process proxy{cluster().addresses(), options};
        current_user(proxy.port(), accounts::app);
        refusal(proxy.port(), {"app", "wrong-guess-7731"});
        EXPECT_TRUE(
            wait_until([&] { return proxy.log().find("login failed") != std::string::npos; }));
        for (const auto& who : {accounts::app, accounts::monitor, accounts::superuser})
            EXPECT_THAT(proxy.log(), Not(HasSubstr(who.password)));
        EXPECT_THAT(proxy.log(), Not(HasSubstr("wrong-guess-7731")));
    }
}

TEST_F(authentication, MalformedSaslMessagesAreRefusedAndNothingElseHappens) {
    const auto body = [](const std::string& mechanism, const std::string& first) {
        return wire::message('p', wire::text(mechanism) +
                                      wire::int32(static_cast<std::int32_t>(first.size())) + first);
    };
    const std::vector<std::string> answers{
        body("SCRAM-SHA-256", ""),
        body("SCRAM-SHA-256", "n,,"),
        body("SCRAM-SHA-256", "n,,n=,r="),
        body("SCRAM-SHA-256", "n,,n=,x=y"),
        body("SCRAM-SHA-256", "p=tls-unique,,n=,r=abc"),
        body("SCRAM-SHA-256", "n,,n=,r=" + std::string(65536, 'a')),
        body("SCRAM-SHA-256", std::string("n,,n=,r=a\0b", 11)),
        body("NO-SUCH-MECHANISM", "n,,n=,r=abc"),
        wire::message('p', "SCRAM-SHA-256"),
        wire::message('p', ""),
        wire::message('p', wire::text("SCRAM-SHA-256") + wire::int32(-1)),
        wire::message('p', wire::text("SCRAM-SHA-256") + wire::int32(0x7fffffff)),
        wire::query("select 1"),
    };
    for (std::size_t index = 0; index < answers.size(); ++index) {
        SCOPED_TRACE(index);
        wire_client client{target_port()};
        client.send(wire::startup({{"user", "app"}, {"database", "app"}}));
        ASSERT_TRUE(client.read().has_value());
        client.send(answers[index]);
        const auto reply = client.read();
        if (reply && reply->type == 'R') { // a challenge to an odd but legal first message
            client.send(wire::message('p', "c=biws,r=foreign,p=AAAA"));
            EXPECT_NE(sqlstate(client.read_to_end()), "");
            continue;
        }
        if (reply) EXPECT_EQ(reply->type, 'E');
        EXPECT_TRUE(client.closed_by_peer());
    }
    EXPECT_EQ(current_user(target_port(), accounts::app), "app");
}

} // namespace
} // namespace pgweir::test
