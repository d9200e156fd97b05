#include "protocol/error_response.hpp"
#include "protocol/md5.hpp"
#include "protocol/session_parameters.hpp"
#include "protocol/simple_query.hpp"
#include "protocol/startup.hpp"
#include "proxy/session/backend_login.hpp"
#include "tests/unit/proxy/messages.hpp"

#include <gtest/gtest.h>

namespace pgweir {
namespace {

using action = backend_login::action;
using why = backend_login_failure;
using std::string_view_literals::operator""sv;

backend_login_settings settings_with_password() {
    backend_login_settings settings;
    settings.user = "ann";
    settings.database = "shop";
    settings.credentials.password = "right";
    settings.scram_nonce = "client";
    return settings;
}

/// Shows whole messages to the login; gives the last action.
action feed(backend_login& login, std::string messages, std::string& out) {
    auto last = action::read;
    for (const auto& m : take_messages(messages))
        last = login.on_message(m.type, m.body, out);
    return last;
}

action feed(backend_login& login, std::string messages) {
    std::string out;
    return feed(login, std::move(messages), out);
}

void expect_failure(std::string messages,
                    why reason,
                    backend_login_settings settings = settings_with_password()) {
    backend_login login{std::move(settings)};
    EXPECT_EQ(feed(login, std::move(messages)), action::failed);
    EXPECT_EQ(login.failure(), reason) << login.failure_text();
    EXPECT_NE(login.failure_text(), "");
    EXPECT_EQ(login.failure_text().find("right"), std::string::npos);
}

const std::string ok = encoded(protocol::authentication_ok{});
const std::string ready = encoded(protocol::ready_for_query{});
const std::string cleartext = encoded(protocol::authentication_cleartext_password{});

std::string sasl_request(std::vector<std::string_view> mechanisms = {"SCRAM-SHA-256"}) {
    return encoded(protocol::authentication_sasl{std::move(mechanisms)});
}

TEST(BackendLogin, SendsAStartupMessageWithItsParameters) {
    auto settings = settings_with_password();
    settings.parameters = {{"application_name", "app"}, {"client_encoding", "UTF8"}};
    std::string out;
    backend_login{settings}.start(out);
    const auto packet = protocol::decode_startup_packet(std::string_view{out}.substr(4));
    const auto& message = std::get<protocol::startup_message>(*packet);
    EXPECT_EQ(message.version, protocol::protocol_3_0);
    ASSERT_EQ(message.parameters.size(), 4U);
    EXPECT_EQ(message.parameters[0].value, "ann");
    EXPECT_EQ(message.parameters[1].value, "shop");
    EXPECT_EQ(message.parameters[2].name, "application_name");
    EXPECT_EQ(message.parameters[3].value, "UTF8");
}

TEST(BackendLogin, CollectsWhatTheServerTells) {
    backend_login login{settings_with_password()};
    const auto notice =
        encoded(protocol::make_notice(protocol::error_severity::warning, "01000", "careful"));
    EXPECT_EQ(feed(login, ok + encoded(protocol::parameter_status{"TimeZone", "UTC"}) +
                              encoded(protocol::parameter_status{"DateStyle", "ISO"}) + notice +
                              encoded(protocol::parameter_status{"TimeZone", "CET"}) +
                              encoded(protocol::backend_key_data{77, "long secret key"}) + ready),
              action::done);
    EXPECT_EQ(login.parameters(), (std::vector<std::pair<std::string, std::string>>{
                                      {"TimeZone", "CET"}, {"DateStyle", "ISO"}}));
    EXPECT_EQ(login.process_id(), 77);
    EXPECT_EQ(login.secret_key(), "long secret key");
    EXPECT_EQ(login.notices(), notice);
    EXPECT_EQ(login.failure(), why::none);
}

TEST(BackendLogin, DoesWithoutKeyData) {
    backend_login login{settings_with_password()};
    EXPECT_EQ(feed(login, ok + ready), action::done);
    EXPECT_EQ(login.secret_key(), "");
}

TEST(BackendLogin, AnswersMd5FromPasswordOrHash) {
    const auto request = encoded(protocol::authentication_md5_password{{'s', 'a', 'l', 't'}});
    const auto hash = *protocol::md5_hash("ann", "right");
    const auto answer = *protocol::md5_answer(hash, {'s', 'a', 'l', 't'});
    auto with_hash = settings_with_password();
    with_hash.credentials.password.reset();
    with_hash.credentials.md5_hash = hash;
    for (const auto& settings : {settings_with_password(), with_hash}) {
        backend_login login{settings};
        std::string out;
        EXPECT_EQ(feed(login, request, out), action::read);
        EXPECT_EQ(out, encoded(protocol::password_message{answer}));
        EXPECT_EQ(feed(login, ok + ready), action::done);
    }
    auto without = settings_with_password();
    without.credentials = {};
    expect_failure(request, why::no_usable_credentials, without);
}

TEST(BackendLogin, SendsAPasswordInClearOnlyWhereNobodyListens) {
    expect_failure(cleartext, why::cleartext_refused);
    for (const auto allow :
         {&backend_login_settings::host_is_loopback, &backend_login_settings::may_send_cleartext}) {
        auto settings = settings_with_password();
        settings.*allow = true;
        backend_login login{settings};
        std::string out;
        EXPECT_EQ(feed(login, cleartext, out), action::read);
        EXPECT_EQ(out, encoded(protocol::password_message{"right"}));
        settings.credentials = {};
        settings.credentials.md5_hash = *protocol::md5_hash("ann", "right");
        expect_failure(cleartext, why::no_usable_credentials, settings);
    }
}

TEST(BackendLogin, SpeaksScramWithPasswordOrKeys) {
    const auto verifier = *protocol::derive_scram_verifier("right", "salt", 4096);
    auto with_keys = settings_with_password();
    with_keys.credentials.password.reset();
    with_keys.credentials.keys = *protocol::derive_scram_keys("right", "salt", 4096);
    for (auto settings : {settings_with_password(), with_keys}) {
        settings.link_is_encrypted = true;
        protocol::scram_server server{verifier, "server"};
        backend_login login{settings};
        std::string out;
        EXPECT_EQ(feed(login, sasl_request({"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"}), out),
                  action::read);
        const auto initial = take_messages(out);
        const auto first = protocol::decode_sasl_initial_response(initial.at(0).body);
        EXPECT_EQ(first->mechanism, "SCRAM-SHA-256");
        const auto challenge = *server.on_client_first(*first->data);
        EXPECT_EQ(feed(login, encoded(protocol::authentication_sasl_continue{challenge}), out),
                  action::read);
        const auto proof = take_messages(out);
        const auto final = *server.on_client_final(proof.at(0).body);
        EXPECT_EQ(
            feed(login, encoded(protocol::authentication_sasl_final{final}) + ok + ready, out),
            action::done);
        EXPECT_EQ(out, "");
    }
}

TEST(BackendLogin, BindsScramToTheChannelWhereTheServerOffersThat) {
    auto settings = settings_with_password();
    settings.link_is_encrypted = true;
    settings.end_point = "hash";
    const auto first_words = [&](std::vector<std::string_view> offered) {
        backend_login login{settings};
        std::string out;
        EXPECT_EQ(feed(login, sasl_request(std::move(offered)), out), action::read);
        return out;
    };
    const auto initial = [](std::string_view mechanism, std::string_view data) {
        return encoded(protocol::sasl_initial_response{mechanism, data});
    };
    EXPECT_EQ(first_words({"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"}),
              initial("SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,n=,r=client"));
    EXPECT_EQ(first_words({"SCRAM-SHA-256"}), initial("SCRAM-SHA-256", "y,,n=,r=client"))
        << "a server that does offer it sees that somebody has taken it away";
    settings.end_point.clear();
    EXPECT_EQ(first_words({"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"}),
              initial("SCRAM-SHA-256", "n,,n=,r=client"));
    settings.link_is_encrypted = false;
    expect_failure(sasl_request({"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"}), why::protocol_violation,
                   settings);
}

TEST(BackendLogin, ThatMustBindTheChannelLogsInInNoOtherWay) {
    auto settings = settings_with_password();
    settings.link_is_encrypted = true;
    settings.end_point = "hash";
    settings.must_bind_channel = true;
    const auto md5 = encoded(protocol::authentication_md5_password{{'s', 'a', 'l', 't'}});
    for (const auto& request : {ok, cleartext, md5, sasl_request()})
        expect_failure(request, why::channel_not_bound, settings);
    backend_login login{settings};
    EXPECT_EQ(feed(login, sasl_request({"SCRAM-SHA-256-PLUS"})), action::read);
    settings.end_point.clear();
    expect_failure(sasl_request({"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"}), why::channel_not_bound,
                   settings);
}

TEST(BackendLogin, TrustsNoServerThatSkipsOrFakesItsProof) {
    const auto challenge = encoded(protocol::authentication_sasl_continue{"r=clientx,s=QQ==,i=1"});
    expect_failure(sasl_request() + ok, why::scram_failed);
    expect_failure(sasl_request() + challenge + ok, why::scram_failed);
    const std::string fake = "v=" + std::string(43, 'A') + "=";
    expect_failure(sasl_request() + challenge + encoded(protocol::authentication_sasl_final{fake}),
                   why::scram_failed);
    expect_failure(sasl_request() +
                       encoded(protocol::authentication_sasl_continue{"r=other,s=QQ==,i=1"}),
                   why::scram_failed);
    expect_failure(sasl_request() + encoded(protocol::authentication_sasl_continue{
                                        "r=clientx,s=QQ==,i=2147483647"}),
                   why::scram_failed);
    expect_failure(sasl_request() + encoded(protocol::authentication_sasl_final{fake}),
                   why::protocol_violation);
    expect_failure(challenge, why::protocol_violation);
    expect_failure(sasl_request() + cleartext, why::protocol_violation);
    expect_failure(sasl_request() + sasl_request(), why::protocol_violation);
}

TEST(BackendLogin, SaysWhatItCannotDo) {
    auto without_end_point = settings_with_password();
    without_end_point.link_is_encrypted = true;
    expect_failure(sasl_request({"SCRAM-SHA-256-PLUS"}), why::unsupported_authentication,
                   without_end_point);
    expect_failure(sasl_request({}), why::unsupported_authentication);
    for (const std::int32_t code : {2, 7, 9})
        expect_failure(encoded(protocol::authentication_unsupported{code, ""}),
                       why::unsupported_authentication);
    auto only_hash = settings_with_password();
    only_hash.credentials = {};
    only_hash.credentials.md5_hash = *protocol::md5_hash("ann", "right");
    expect_failure(sasl_request(), why::no_usable_credentials, only_hash);
}

TEST(BackendLogin, KeepsTheServersErrorVerbatim) {
    const auto error = encoded(protocol::make_error(protocol::error_severity::fatal, "3D000",
                                                    "database \"shop\" does not exist"));
    for (const auto& before : {std::string{}, sasl_request(), ok}) {
        backend_login login{settings_with_password()};
        EXPECT_EQ(feed(login, before + error), action::failed);
        EXPECT_EQ(login.failure(), why::server_error);
        EXPECT_EQ(login.error_message(), error);
        EXPECT_EQ(login.sqlstate(), "3D000");
        EXPECT_EQ(login.failure_text(), "database \"shop\" does not exist");
    }
}

TEST(BackendLogin, SurvivesAnErrorWithoutFields) {
    for (const auto body : {""sv, "\0"sv, "Mtext\0\0"sv, "C"sv, "garbage"sv}) {
        backend_login login{settings_with_password()};
        std::string out;
        EXPECT_EQ(login.on_message('E', body, out), action::failed);
        EXPECT_EQ(login.sqlstate(), "");
        EXPECT_NE(login.failure_text(), "");
    }
}

TEST(BackendLogin, RefusesWhatDoesNotBelongInALogin) {
    for (const char type : {'T', 'D', 'C', 'G', 'A', '1', 'x', '\0', '\xff'})
        for (const auto& before : {std::string{}, ok}) {
            backend_login login{settings_with_password()};
            std::string out;
            EXPECT_EQ(feed(login, before), action::read);
            EXPECT_EQ(login.on_message(type, "", out), action::failed);
            EXPECT_EQ(login.failure(), why::protocol_violation);
        }
    expect_failure(ready, why::protocol_violation);
    expect_failure(encoded(protocol::parameter_status{"a", "b"}), why::protocol_violation);
    expect_failure(encoded(protocol::backend_key_data{1, "abcd"}), why::protocol_violation);
    expect_failure(ok + ok, why::scram_failed);
    expect_failure(ok + encoded(protocol::backend_key_data{1, "abcd"}) +
                       encoded(protocol::backend_key_data{1, "abcd"}),
                   why::protocol_violation);
    expect_failure(ok + encoded(protocol::ready_for_query{protocol::transaction_status::failed}),
                   why::protocol_violation);
    expect_failure(ok + ready + ready, why::protocol_violation);
}

TEST(BackendLogin, RefusesBrokenMessages) {
    for (const auto& [type, body] : {std::pair{'R', ""sv},
                                     {'R', "\0\0\0"sv},
                                     {'R', "\0\0\0\0x"sv},
                                     {'R', "\0\0\0\5abc"sv},
                                     {'R', "\0\0\0\x63"sv},
                                     {'S', "x"sv},
                                     {'K', "abc"sv},
                                     {'K', "abcd\1\2\3"sv},
                                     {'Z', ""sv},
                                     {'Z', "Q"sv},
                                     {'v', "\0\3"sv},
                                     {'v', "\0\3\0\0\xff\xff\xff\xff"sv}}) {
        backend_login login{settings_with_password()};
        std::string out;
        const bool comes_first = type == 'R' || type == 'v';
        EXPECT_EQ(feed(login, comes_first ? std::string{} : ok), action::read);
        EXPECT_EQ(login.on_message(type, body, out), action::failed) << type;
        EXPECT_EQ(login.failure(), why::protocol_violation);
    }
}

TEST(BackendLogin, TakesOnlyAHarmlessNegotiation) {
    backend_login login{settings_with_password()};
    EXPECT_EQ(feed(login, encoded(protocol::negotiate_protocol_version{}) + ok + ready),
              action::done);
    expect_failure(encoded(protocol::negotiate_protocol_version{protocol::protocol_3_2, {}}),
                   why::protocol_violation);
    expect_failure(
        encoded(protocol::negotiate_protocol_version{protocol::protocol_3_0, {"_pq_.x"}}),
        why::protocol_violation);
    expect_failure(ok + encoded(protocol::negotiate_protocol_version{}), why::protocol_violation);
}

TEST(BackendLogin, BoundsWhatAServerMayTell) {
    const std::string big(60'000, 'x');
    std::string parameters = ok;
    std::string notices;
    for (int i = 0; i < 5; ++i) {
        parameters += encoded(protocol::parameter_status{"p" + std::to_string(i), big});
        notices += encoded(protocol::make_notice(protocol::error_severity::notice, "00000", big));
    }
    expect_failure(parameters, why::protocol_violation);
    expect_failure(notices, why::protocol_violation);
}

} // namespace
} // namespace pgweir
