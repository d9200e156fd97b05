#include "protocol/authentication.hpp"
#include "protocol/error_response.hpp"
#include "protocol/md5.hpp"
#include "proxy/session/frontend_login.hpp"
#include "tests/unit/proxy/messages.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>

namespace pgweir {
namespace {

using action = frontend_login::action;
using std::string_view_literals::operator""sv;

protocol::startup_message startup_of(std::vector<protocol::startup_parameter> parameters) {
    return {protocol::protocol_3_0, std::move(parameters)};
}

/// A login that goes on by one method as soon as it asks for one.
class login_by : public frontend_login {
public:
    login_by(login_method method, const frontend_login_settings& settings, login_entropy entropy)
        : frontend_login{settings, std::move(entropy)}, method_{method} {}

    action start(const protocol::startup_message& message, std::string& out) {
        const auto next = frontend_login::start(message, out);
        return next == action::need_method ? on_method(method_, out) : next;
    }

private:
    login_method method_;
};

login_by login_with(login_method method) {
    return {method, {"salt secret"}, {"server", {'s', 'a', 'l', 't'}}};
}

/// A login that has come as far as the request for a proof of ann.
login_by asked(login_method method, std::optional<stored_secret> secret, std::string& out) {
    auto login = login_with(method);
    EXPECT_EQ(login.start(startup_of({{"user", "ann"}}), out), action::need_secret);
    EXPECT_EQ(out, "");
    EXPECT_EQ(login.on_secret(std::move(secret), out), action::read);
    return login;
}

stored_secret secret_of(std::string_view text) {
    return *stored_secret::parse(text);
}

std::string scram_secret() {
    return protocol::format_scram_verifier(
        *protocol::derive_scram_verifier("right", "0123456789abcdef", 4096));
}

std::string body(const std::string& message) {
    return message.substr(5);
}

std::string password_body(std::string_view password) {
    return body(encoded(protocol::password_message{password}));
}

void expect_fatal(std::string& out, std::string_view sqlstate, std::string_view text) {
    auto messages = take_messages(out);
    ASSERT_FALSE(messages.empty());
    ASSERT_EQ(messages.back().type, 'E');
    const auto error = protocol::decode_error_response(messages.back().body);
    ASSERT_TRUE(error);
    EXPECT_EQ(error->severity, "FATAL");
    EXPECT_EQ(error->sqlstate, sqlstate);
    EXPECT_EQ(error->message, text);
}

constexpr std::string_view refused = "password authentication failed for user \"ann\"";

/// Runs SCRAM against the login with a client machine; `first` as the initial response or after an
/// empty one.
action run_scram(frontend_login& login, std::string_view password, std::string& out) {
    protocol::scram_client client{std::string{password}, "client"};
    EXPECT_EQ(types_in(out), "R");
    out.clear();
    const auto first = client.first();
    const auto initial = encoded(protocol::sasl_initial_response{protocol::scram_mechanism, first});
    if (const auto next = login.on_message('p', body(initial), out); next != action::read)
        return next;
    const auto challenge = take_messages(out);
    const auto request = protocol::decode_authentication(challenge.at(0).body);
    const auto& data = std::get<protocol::authentication_sasl_continue>(*request).data;
    return login.on_message('p', *client.on_server_first(data), out);
}

TEST(FrontendLogin, WithTrustIsDoneAtOnce) {
    auto login = login_with(login_method::trust);
    std::string out;
    EXPECT_EQ(login.start(startup_of({{"user", "ann"}}), out), action::done);
    EXPECT_EQ(out, encoded(protocol::authentication_ok{}));
    const auto result = login.result();
    EXPECT_EQ(result.user, "ann");
    EXPECT_EQ(result.database, "ann");
    EXPECT_FALSE(result.credentials.password);
}

TEST(FrontendLogin, OffersScramPlusWhereThereIsAChannelToBindTo) {
    for (const bool is_tls : {true, false}) {
        frontend_login_settings settings{"salt secret"};
        if (is_tls) settings.end_point = "hash";
        login_by login{login_method::scram_sha_256, settings, {"server", {'s', 'a', 'l', 't'}}};
        std::string out;
        EXPECT_EQ(login.start(startup_of({{"user", "ann"}}), out), action::need_secret);
        EXPECT_EQ(login.on_secret(secret_of(scram_secret()), out), action::read);
        EXPECT_EQ(out.find("SCRAM-SHA-256-PLUS") != std::string::npos, is_tls);
        out.clear();
        protocol::scram_client client{"right", "client", 5000,
                                      protocol::scram_channel::bound("hash")};
        const auto first = client.first();
        const auto initial =
            encoded(protocol::sasl_initial_response{protocol::scram_plus_mechanism, first});
        const auto next = login.on_message('p', body(initial), out);
        if (!is_tls) {
            EXPECT_EQ(next, action::failed);
            continue;
        }
        ASSERT_EQ(next, action::read);
        const auto challenge = take_messages(out);
        const auto request = protocol::decode_authentication(challenge.at(0).body);
        const auto& data = std::get<protocol::authentication_sasl_continue>(*request).data;
        EXPECT_EQ(login.on_message('p', *client.on_server_first(data), out), action::done);
    }
}

TEST(FrontendLogin, RefusesWhoWasKeptFromBindingTheChannel) {
    frontend_login_settings settings{"salt secret"};
    settings.end_point = "hash";
    login_by login{login_method::scram_sha_256, settings, {"server", {'s', 'a', 'l', 't'}}};
    std::string out;
    EXPECT_EQ(login.start(startup_of({{"user", "ann"}}), out), action::need_secret);
    EXPECT_EQ(login.on_secret(secret_of(scram_secret()), out), action::read);
    const auto initial =
        encoded(protocol::sasl_initial_response{protocol::scram_mechanism, "y,,n=,r=client"});
    EXPECT_EQ(login.on_message('p', body(initial), out), action::failed);
    EXPECT_NE(login.failure().find("negotiation error"), std::string::npos);
}

TEST(FrontendLogin, KeepsParametersInPostgreSQLsOrder) {
    auto login = login_with(login_method::trust);
    std::string out;
    const auto message = startup_of({{"user", "ann"},
                                     {"DateStyle", "ISO"},
                                     {"database", "shop"},
                                     {"options", "-c work_mem=1MB --search-path=a"},
                                     {"Application_Name", "app"},
                                     {"replication", "database"},
                                     {"extra_float_digits", "2"}});
    EXPECT_EQ(login.start(message, out), action::done);
    const auto result = login.result();
    EXPECT_EQ(result.database, "shop");
    EXPECT_EQ(result.application_name, "app");
    EXPECT_EQ(result.replication, "database");
    EXPECT_EQ(result.parameters, (parameter_list{{"work_mem", "1MB"},
                                                 {"search_path", "a"},
                                                 {"DateStyle", "ISO"},
                                                 {"Application_Name", "app"},
                                                 {"extra_float_digits", "2"}}));
}

TEST(FrontendLogin, TakesAnEmptyApplicationNameAndAnEmptyDatabase) {
    auto login = login_with(login_method::trust);
    std::string out;
    const auto message = startup_of({{"user", "ann"}, {"database", ""}, {"application_name", ""}});
    EXPECT_EQ(login.start(message, out), action::done);
    const auto result = login.result();
    EXPECT_EQ(result.database, "ann");
    EXPECT_EQ(result.parameters, (parameter_list{{"application_name", ""}}));
}

TEST(FrontendLogin, RefusesAStartWithoutAUser) {
    for (const auto& parameters :
         {std::vector<protocol::startup_parameter>{}, {{"user", ""}}, {{"database", "x"}}}) {
        auto login = login_with(login_method::trust);
        std::string out;
        EXPECT_EQ(login.start(startup_of(parameters), out), action::failed);
        expect_fatal(out, "28000", "no PostgreSQL user name specified in startup packet");
    }
}

TEST(FrontendLogin, RefusesOtherMajorVersionsReadably) {
    for (const std::uint32_t major : {0U, 1U, 2U, 4U, 65535U}) {
        auto login = login_with(login_method::trust);
        std::string out;
        EXPECT_EQ(login.start({{major << 16U}, {}}, out), action::failed);
        expect_fatal(out, "0A000",
                     "unsupported frontend protocol " + std::to_string(major) +
                         ".0: server supports 3.0 to 3.2");
    }
}

TEST(FrontendLogin, NegotiatesOnceForALaterVersionAndUnknownOptions) {
    auto login = login_with(login_method::trust);
    std::string out;
    const protocol::startup_message message{{protocol::protocol_3_2.value + 7},
                                            {{"user", "ann"}, {"_pq_.a", "1"}, {"_pq_.b", "2"}}};
    EXPECT_EQ(login.start(message, out), action::done);
    const auto messages = take_messages(out);
    ASSERT_EQ(messages.size(), 2U);
    const auto answer = protocol::decode_negotiate_protocol_version(messages[0].body);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->newest, protocol::protocol_3_2);
    EXPECT_EQ(answer->unrecognized_options, (std::vector<std::string_view>{"_pq_.a", "_pq_.b"}));
    EXPECT_EQ(messages[1].type, 'R');
    EXPECT_TRUE(login.result().parameters.empty());
}

TEST(FrontendLogin, SpeaksTheVersionThatWasAskedForUpTo32) {
    for (const std::uint32_t minor : {0U, 1U, 2U}) {
        auto login = login_with(login_method::trust);
        std::string out;
        const protocol::protocol_version asked{protocol::protocol_3_0.value + minor};
        EXPECT_EQ(login.start({asked, {{"user", "ann"}}}, out), action::done);
        EXPECT_EQ(types_in(out), "R");
        EXPECT_EQ(login.result().version, asked);
    }
}

TEST(FrontendLogin, NegotiatesForEitherReasonAlone) {
    for (const auto& message :
         {protocol::startup_message{{protocol::protocol_3_2.value + 1}, {{"user", "ann"}}},
          protocol::startup_message{protocol::protocol_3_0, {{"user", "ann"}, {"_pq_.x", ""}}}}) {
        auto login = login_with(login_method::trust);
        std::string out;
        EXPECT_EQ(login.start(message, out), action::done);
        EXPECT_EQ(types_in(out), "vR");
    }
}

TEST(FrontendLogin, RefusesOptionsThatItCannotRead) {
    auto login = login_with(login_method::trust);
    std::string out;
    EXPECT_EQ(login.start(startup_of({{"user", "ann"}, {"options", "-c"}}), out), action::failed);
    expect_fatal(out, "42601", "invalid command-line argument for server process: -c");
}

TEST(FrontendLogin, WithScramLeavesKeysForTheServerSide) {
    std::string out;
    auto login = asked(login_method::scram_sha_256, secret_of(scram_secret()), out);
    EXPECT_EQ(run_scram(login, "right", out), action::done);
    EXPECT_EQ(types_in(out), "RR");
    const auto known = protocol::derive_scram_keys("right", "0123456789abcdef", 4096);
    const auto credentials = login.result().credentials;
    ASSERT_TRUE(credentials.keys);
    EXPECT_EQ(credentials.keys->client_key, known->client_key);
    EXPECT_FALSE(credentials.password);
}

TEST(FrontendLogin, WithScramAndAPlainSecretLeavesThePassword) {
    std::string out;
    auto login = asked(login_method::scram_sha_256, secret_of("right"), out);
    EXPECT_EQ(run_scram(login, "right", out), action::done);
    const auto credentials = login.result().credentials;
    EXPECT_EQ(credentials.password, "right");
    EXPECT_FALSE(credentials.keys);
}

TEST(FrontendLogin, TellsNothingApartWhenItRefuses) {
    const std::vector<std::optional<stored_secret>> secrets = {
        std::nullopt, stored_secret{}, secret_of(*protocol::md5_hash("ann", "right")),
        secret_of("other"), secret_of(scram_secret())};
    for (std::size_t i = 0; i < secrets.size(); ++i) {
        SCOPED_TRACE(i);
        std::string out;
        auto login = asked(login_method::scram_sha_256, secrets[i], out);
        // Only the last of these has a password that could be right.
        EXPECT_EQ(run_scram(login, i + 1 < secrets.size() ? "right" : "wrong", out),
                  action::failed);
        EXPECT_EQ(types_in(out), "E");
        expect_fatal(out, "28P01", refused);
        EXPECT_TRUE(login.failure().starts_with(refused));
        EXPECT_EQ(login.failure().find("right"), std::string::npos);
    }
}

TEST(FrontendLogin, AsksForScramUnderMd5WhereTheSecretIsScram) {
    std::string out;
    auto login = asked(login_method::md5, secret_of(scram_secret()), out);
    EXPECT_EQ(run_scram(login, "right", out), action::done);
}

TEST(FrontendLogin, WithMd5TakesTheRightAnswerOnly) {
    const auto hash = *protocol::md5_hash("ann", "right");
    const auto right = *protocol::md5_answer(hash, {'s', 'a', 'l', 't'});
    for (const auto& text : {std::string{"right"}, hash}) {
        std::string out;
        auto login = asked(login_method::md5, secret_of(text), out);
        EXPECT_EQ(out, encoded(protocol::authentication_md5_password{{'s', 'a', 'l', 't'}}));
        out.clear();
        EXPECT_EQ(login.on_message('p', password_body(right), out), action::done);
        const auto credentials = login.result().credentials;
        EXPECT_EQ(credentials.md5_hash, text == hash ? hash : "");
        EXPECT_EQ(credentials.password.value_or(""), text == hash ? "" : "right");
    }
    for (const auto& wrong : {hash, std::string{"right"}, right + "0", right.substr(1)}) {
        std::string out;
        auto login = asked(login_method::md5, secret_of(hash), out);
        out.clear();
        EXPECT_EQ(login.on_message('p', password_body(wrong), out), action::failed);
        expect_fatal(out, "28P01", refused);
    }
}

TEST(FrontendLogin, WithMd5RefusesUnknownUsersBySetting) {
    for (const bool get_md5 : {false, true}) {
        login_by login{login_method::md5, {"s", get_md5}, {"server", {}}};
        std::string out;
        EXPECT_EQ(login.start(startup_of({{"user", "ann"}}), out), action::need_secret);
        EXPECT_EQ(login.on_secret(std::nullopt, out), action::read);
        if (!get_md5) {
            EXPECT_EQ(run_scram(login, "", out), action::failed);
        } else {
            out.clear();
            // What an empty password would answer.
            const auto answer = *protocol::md5_answer(*protocol::md5_hash("ann", ""), {});
            EXPECT_EQ(login.on_message('p', password_body(answer), out), action::failed);
        }
        expect_fatal(out, "28P01", refused);
    }
}

TEST(FrontendLogin, WithPasswordChecksAnyFormOfSecret) {
    for (const auto& text :
         {std::string{"right"}, *protocol::md5_hash("ann", "right"), scram_secret()}) {
        std::string out;
        auto login = asked(login_method::password, secret_of(text), out);
        EXPECT_EQ(out, encoded(protocol::authentication_cleartext_password{}));
        out.clear();
        EXPECT_EQ(login.on_message('p', password_body("right"), out), action::done);
        EXPECT_EQ(login.result().credentials.password, "right");
        auto other = asked(login_method::password, secret_of(text), out = "");
        out.clear();
        EXPECT_EQ(other.on_message('p', password_body("wrong"), out), action::failed);
        expect_fatal(out, "28P01", refused);
    }
    std::string out;
    auto login = asked(login_method::password, std::nullopt, out);
    EXPECT_EQ(login.on_message('p', password_body("x"), out), action::failed);
    expect_fatal(out, "28P01", refused);
}

TEST(FrontendLogin, TakesPasswordsUpTo65535Bytes) {
    const std::string longest(65'535, 'p');
    std::string out;
    auto login = asked(login_method::password, secret_of(longest), out);
    EXPECT_EQ(login.on_message('p', password_body(longest), out), action::done);
    auto other = asked(login_method::password, secret_of(longest), out = "");
    EXPECT_EQ(other.on_message('p', password_body(longest + "p"), out), action::failed);
    expect_fatal(out, "08P01", "invalid message length");
}

TEST(FrontendLogin, RefusesAnEmptyPassword) {
    for (const auto method : {login_method::password, login_method::md5}) {
        std::string out;
        auto login = asked(method, secret_of("right"), out);
        EXPECT_EQ(login.on_message('p', password_body(""), out), action::failed);
        expect_fatal(out, "28P01", "empty password returned by client");
    }
}

TEST(FrontendLogin, RefusesOtherMessagesWhileItWaitsForAProof) {
    for (const auto method :
         {login_method::password, login_method::md5, login_method::scram_sha_256}) {
        for (const char type : {'Q', 'X', 'S', '\0'}) {
            std::string out;
            auto login = asked(method, secret_of("right"), out);
            EXPECT_EQ(login.on_message(type, "", out), action::failed);
            expect_fatal(out, "08P01",
                         "expected password response, got message type " + std::to_string(type));
        }
    }
}

TEST(FrontendLogin, RefusesBrokenProofs) {
    for (const auto broken :
         {""sv, "x"sv, "SCRAM-SHA-256\0"sv, "SCRAM-SHA-256\0\0\0\0\5n,,"sv,
          "SCRAM-SHA-256\0\0\0\0\0"sv, "SCRAM-SHA-1\0\0\0\0\3n,,"sv,
          "SCRAM-SHA-256-PLUS\0\0\0\0\3p=x"sv, "SCRAM-SHA-256\0\0\0\0\x0cp=x,,n=,r=ab"sv,
          "SCRAM-SHA-256\0\x7f\xff\xff\xffn"sv}) {
        std::string out;
        auto login = asked(login_method::scram_sha_256, secret_of("right"), out);
        EXPECT_EQ(login.on_message('p', broken, out), action::failed) << broken;
        EXPECT_EQ(protocol::find_sqlstate(take_messages(out).back().body), "08P01");
        EXPECT_EQ(login.on_message('p', broken, out), action::failed) << "after the end";
    }
    for (const auto broken : {""sv, "no end"sv, "two\0ends\0"sv}) {
        std::string out;
        auto login = asked(login_method::password, secret_of("right"), out);
        EXPECT_EQ(login.on_message('p', broken, out), action::failed);
        EXPECT_EQ(protocol::find_sqlstate(take_messages(out).back().body), "08P01");
    }
}

TEST(FrontendLogin, TakesAnInitialResponseWithoutData) {
    std::string out;
    auto login = asked(login_method::scram_sha_256, secret_of("right"), out);
    out.clear();
    const auto initial = encoded(protocol::sasl_initial_response{protocol::scram_mechanism, {}});
    EXPECT_EQ(login.on_message('p', body(initial), out), action::read);
    EXPECT_EQ(out, encoded(protocol::authentication_sasl_continue{}));
    out.clear();
    EXPECT_EQ(login.on_message('p', "n,,n=,r=client", out), action::read);
    EXPECT_EQ(types_in(out), "R");
}

TEST(FrontendLogin, RefusesMessagesOutOfOrder) {
    std::string out;
    auto early = login_with(login_method::password);
    EXPECT_EQ(early.on_message('p', password_body("x"), out), action::failed);
    expect_fatal(out, "08P01", "message out of order");
    auto waiting = login_with(login_method::password);
    EXPECT_EQ(waiting.start(startup_of({{"user", "ann"}}), out = ""), action::need_secret);
    EXPECT_EQ(waiting.on_message('p', password_body("x"), out), action::failed);
    expect_fatal(out, "08P01", "message out of order");
    auto twice = login_with(login_method::trust);
    EXPECT_EQ(twice.start(startup_of({{"user", "ann"}}), out = ""), action::done);
    EXPECT_EQ(twice.start(startup_of({{"user", "ann"}}), out = ""), action::failed);
    expect_fatal(out, "08P01", "unexpected startup packet");
}

TEST(FrontendLogin, AsksForItsMethodOnceItKnowsWho) {
    std::string out;
    frontend_login login{{"salt secret"}, {"server", {}}};
    const auto message =
        startup_of({{"user", "ann"}, {"database", "shop"}, {"replication", "true"}});
    EXPECT_EQ(login.start(message, out), action::need_method);
    EXPECT_EQ(out, "");
    EXPECT_EQ(login.user(), "ann");
    EXPECT_EQ(login.database(), "shop");
    EXPECT_EQ(login.replication(), "true");
    EXPECT_EQ(login.on_method(login_method::scram_sha_256, out), action::need_secret);
    EXPECT_EQ(login.on_method(login_method::trust, out), action::failed) << "one method, once";
}

TEST(FrontendLogin, WhatACertificateOrTheSystemHasProvedIsDone) {
    for (const auto method : {login_method::cert, login_method::peer}) {
        auto login = login_with(method);
        std::string out;
        EXPECT_EQ(login.start(startup_of({{"user", "ann"}}), out), action::done);
        EXPECT_EQ(out, encoded(protocol::authentication_ok{}));
    }
    auto login = login_with(login_method::reject);
    std::string out;
    EXPECT_EQ(login.start(startup_of({{"user", "ann"}}), out), action::failed);
}

TEST(FrontendLogin, HandsAPasswordToWhomeverMayJudgeIt) {
    for (const auto method : {login_method::ldap, login_method::pam}) {
        const std::string name = method == login_method::ldap ? "LDAP" : "PAM";
        for (const bool right : {true, false}) {
            auto login = login_with(method);
            std::string out;
            EXPECT_EQ(login.start(startup_of({{"user", "ann"}}), out), action::read);
            EXPECT_EQ(out, encoded(protocol::authentication_cleartext_password{}));
            out.clear();
            EXPECT_EQ(login.on_message('p', password_body("tried"), out), action::need_check);
            EXPECT_EQ(out, "");
            EXPECT_EQ(login.password(), "tried");
            EXPECT_EQ(login.on_checked(right, "its server said so", out),
                      right ? action::done : action::failed);
            if (right) {
                EXPECT_EQ(out, encoded(protocol::authentication_ok{}));
                EXPECT_EQ(login.result().credentials.password, "tried");
            } else {
                expect_fatal(out, "28000", name + " authentication failed for user \"ann\"");
                EXPECT_EQ(login.failure(), name + " authentication failed for user \"ann\": its "
                                                  "server said so");
                EXPECT_FALSE(login.result().credentials.password);
            }
        }
    }
    auto login = login_with(login_method::ldap);
    std::string out;
    EXPECT_EQ(login.start(startup_of({{"user", "ann"}}), out), action::read);
    EXPECT_EQ(login.on_checked(true, {}, out), action::failed) << "nothing was sent yet";
    auto empty = login_with(login_method::ldap);
    out.clear();
    EXPECT_EQ(empty.start(startup_of({{"user", "ann"}}), out), action::read);
    out.clear();
    EXPECT_EQ(empty.on_message('p', password_body(""), out), action::failed);
}

TEST(FrontendLogin, CanBeRefusedFromOutside) {
    frontend_login login{{"salt secret"}, {"server", {}}};
    std::string out;
    EXPECT_EQ(login.start(startup_of({{"user", "ann"}}), out), action::need_method);
    EXPECT_EQ(login.refuse("28000", "no pg_hba.conf entry", "by hba:7", out), action::failed);
    expect_fatal(out, "28000", "no pg_hba.conf entry");
    EXPECT_EQ(login.failure(), "no pg_hba.conf entry: by hba:7");
}

TEST(FrontendLogin, CutsLongNamesOffAsTheServersWill) {
    auto login = login_with(login_method::trust);
    std::string out;
    const std::string seen(63, 'u');
    EXPECT_EQ(login.start(startup_of({{"user", seen + "x"}, {"database", seen + "yy"}}), out),
              action::done);
    EXPECT_EQ(login.user(), seen);
    EXPECT_EQ(login.database(), seen);
}

TEST(FrontendLogin, WithoutRandomnessChallengesNobody) {
    for (const auto method :
         {login_method::password, login_method::md5, login_method::scram_sha_256}) {
        frontend_login login{{"salt secret"}};
        std::string out;
        EXPECT_EQ(login.start(startup_of({{"user", "ann"}}), out), action::need_method);
        EXPECT_EQ(login.on_method(method, out), action::need_secret);
        EXPECT_EQ(login.on_secret(secret_of("right"), out), action::failed);
        expect_fatal(out, "XX000", "no randomness available");
    }
}

TEST(LoginEntropy, IsFresh) {
    constexpr std::size_t tries = 100;
    std::set<std::string> nonces;
    std::set<std::array<char, 4>> salts;
    for (std::size_t i = 0; i < tries; ++i) {
        const auto made = make_login_entropy();
        ASSERT_TRUE(made);
        EXPECT_FALSE(made->scram_nonce.empty());
        nonces.insert(made->scram_nonce);
        salts.insert(made->md5_salt);
    }
    EXPECT_EQ(nonces.size(), tries);
    EXPECT_GE(salts.size(), tries - 1) << "of 2^32 a hundred are hardly ever the same";
}

} // namespace
} // namespace pgweir
