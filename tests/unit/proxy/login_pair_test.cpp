// The two login machines against each other: every method, every form of secret, every cut of the
// bytes.
#include "protocol/md5.hpp"
#include "protocol/simple_query.hpp"
#include "proxy/session/backend_login.hpp"
#include "proxy/session/frontend_login.hpp"
#include "tests/unit/proxy/messages.hpp"

#include <gtest/gtest.h>

namespace pgweir {
namespace {

struct outcome {
    bool logged_in = false;
    std::string server_says; ///< SQLSTATE of a refusal
    server_credentials credentials;
};

/// Takes one whole message off the front of `stream`, as a reader would after each byte.
std::optional<message> try_take(std::string& stream) {
    if (stream.size() < 5) return std::nullopt;
    const std::size_t size = 1 + protocol::load_uint32(stream.data() + 1);
    if (stream.size() < size) return std::nullopt;
    message whole{stream[0], stream.substr(5, size - 5)};
    stream.erase(0, size);
    return whole;
}

/// Moves bytes between the machines in pieces of `piece` bytes until one of them ends.
outcome run(login_method method,
            const std::optional<stored_secret>& secret,
            const server_credentials& known,
            std::size_t piece) {
    backend_login_settings settings;
    settings.user = settings.database = "ann";
    settings.credentials = known;
    settings.scram_nonce = "client";
    settings.host_is_loopback = true;
    backend_login client{settings};
    frontend_login server{{"salt secret"}, {"server", {'s', 'a', 'l', 't'}}};
    std::string to_server;
    std::string to_client;
    std::string server_in;
    std::string client_in;
    client.start(to_server);
    const auto packet = protocol::decode_startup_packet(std::string_view{to_server}.substr(4));
    auto next = server.start(std::get<protocol::startup_message>(*packet), to_client);
    to_server.clear();
    if (next == frontend_login::action::need_method) next = server.on_method(method, to_client);
    if (next == frontend_login::action::need_secret) next = server.on_secret(secret, to_client);
    const auto move_piece = [piece](std::string& from, std::string& to) {
        to += from.substr(0, piece);
        from.erase(0, piece);
    };
    for (int step = 0; step < 10'000; ++step) {
        if (next == frontend_login::action::done) {
            encode(protocol::ready_for_query{}, to_client);
            next = frontend_login::action::read;
        }
        move_piece(to_client, client_in);
        if (const auto m = try_take(client_in)) {
            const auto then = client.on_message(m->type, m->body, to_server);
            if (then == backend_login::action::done) return {true, {}, server.result().credentials};
            if (then == backend_login::action::failed) return {false, client.sqlstate(), {}};
        }
        move_piece(to_server, server_in);
        if (const auto m = try_take(server_in))
            next = server.on_message(m->type, m->body, to_client);
    }
    ADD_FAILURE() << "the login never ends";
    return {};
}

server_credentials password(std::string_view text) {
    server_credentials credentials;
    credentials.password = text;
    return credentials;
}

std::vector<std::string> forms_of_secret(std::string_view text) {
    return {
        std::string{text}, *protocol::md5_hash("ann", text),
        protocol::format_scram_verifier(*protocol::derive_scram_verifier(text, "pepper", 4096))};
}

constexpr login_method proofs[] = {login_method::password, login_method::md5,
                                   login_method::scram_sha_256};

TEST(LoginPair, AgreesOnTheRightPassword) {
    for (const auto method : proofs)
        for (const auto& text : forms_of_secret("right")) {
            if (method == login_method::scram_sha_256 && text.starts_with("md5")) continue;
            SCOPED_TRACE(text);
            const auto secret = stored_secret::parse(text);
            for (const std::size_t piece : {1U, 2U, 7U, 100'000U})
                EXPECT_TRUE(run(method, *secret, password("right"), piece).logged_in) << piece;
        }
    EXPECT_TRUE(run(login_method::trust, std::nullopt, {}, 1).logged_in);
}

TEST(LoginPair, RefusesAWrongPasswordAndAnUnknownUserAlike) {
    for (const auto method : proofs) {
        for (const auto& text : forms_of_secret("right")) {
            const auto refusal = run(method, *stored_secret::parse(text), password("wrong"), 3);
            EXPECT_FALSE(refusal.logged_in);
            EXPECT_EQ(refusal.server_says, "28P01");
        }
        const auto unknown = run(method, std::nullopt, password("right"), 3);
        EXPECT_FALSE(unknown.logged_in);
        EXPECT_EQ(unknown.server_says, "28P01");
    }
}

TEST(LoginPair, PassesScramKeysOnFromOneLoginToTheNext) {
    const auto secret = stored_secret::parse(forms_of_secret("right").back());
    const auto first = run(login_method::scram_sha_256, *secret, password("right"), 1);
    ASSERT_TRUE(first.credentials.keys);
    const auto second = run(login_method::scram_sha_256, *secret, first.credentials, 1);
    EXPECT_TRUE(second.logged_in);
}

TEST(LoginPair, PassesAnMd5HashOnFromOneLoginToTheNext) {
    const auto secret = stored_secret::parse(*protocol::md5_hash("ann", "right"));
    const auto first = run(login_method::md5, *secret, password("right"), 1);
    EXPECT_TRUE(run(login_method::md5, *secret, first.credentials, 1).logged_in);
}

} // namespace
} // namespace pgweir
