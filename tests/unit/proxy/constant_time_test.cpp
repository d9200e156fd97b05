// Whatever a stranger may guess is compared by libcrypto's CRYPTO_memcmp, and the whole of it: time
// does not tell how much of a guess was right. This program's own CRYPTO_memcmp stands before the
// library's and notes how much it was asked for.
#include "protocol/authentication.hpp"
#include "protocol/md5.hpp"
#include "proxy/session/cancel_registry.hpp"
#include "proxy/session/frontend_login.hpp"
#include "proxy/session/secrets.hpp"
#include "tests/unit/proxy/messages.hpp"

#include <gmock/gmock.h>
#include <openssl/crypto.h>

#include <utility>
#include <vector>

namespace {

std::vector<std::size_t>& compared() {
    static thread_local std::vector<std::size_t> sizes;
    return sizes;
}

} // namespace

extern "C" int CRYPTO_memcmp(const void* a, const void* b, std::size_t size) {
    compared().push_back(size);
    const auto* const left = static_cast<const unsigned char*>(a);
    const auto* const right = static_cast<const unsigned char*>(b);
    unsigned differs = 0;
    for (std::size_t i = 0; i < size; ++i)
        differs |= static_cast<unsigned>(left[i] ^ right[i]);
    return static_cast<int>(differs);
}

namespace pgweir {
namespace {

using ::testing::Contains;

std::vector<std::size_t> taken() {
    return std::exchange(compared(), {});
}

TEST(ConstantTime, ProofsAndSignaturesOfScram) {
    const auto verifier = *protocol::derive_scram_verifier("right", "0123456789abcdef", 4096);
    for (const auto* password : {"right", "wrong"}) {
        protocol::scram_server server{verifier, "server"};
        protocol::scram_client client{password, "client"};
        const auto challenge = server.on_client_first(client.first());
        const auto proof = client.on_server_first(*challenge);
        taken();
        const auto last = server.on_client_final(*proof);
        EXPECT_THAT(taken(), Contains(32U)) << password;
        const auto signature = last ? *last : "v=" + std::string(43, 'A') + "=";
        EXPECT_EQ(!client.on_server_final(signature), last.has_value());
        EXPECT_THAT(taken(), Contains(32U)) << password;
    }
}

TEST(ConstantTime, PasswordsInClear) {
    const auto scram = protocol::format_scram_verifier(
        *protocol::derive_scram_verifier("right", "0123456789abcdef", 4096));
    const auto md5 = *protocol::md5_hash("ann", "right");
    for (const auto& [secret, size] :
         {std::pair{std::string{"right"}, 5U}, {md5, 35U}, {scram, 32U}})
        for (const std::string guess : {"right", "wrong", "rigth"}) {
            const auto stored = *stored_secret::parse(secret);
            taken();
            EXPECT_EQ(stored.matches("ann", guess, "salt"), guess == "right");
            EXPECT_THAT(taken(), Contains(size)) << secret << " " << guess;
        }
}

TEST(ConstantTime, AnswersByMd5) {
    const std::array<char, 4> salt{'s', 'a', 'l', 't'};
    const auto hash = *protocol::md5_hash("ann", "right");
    auto wrong = *protocol::md5_answer(hash, salt);
    wrong.back() = wrong.back() == '0' ? '1' : '0';
    for (const auto& answer : {*protocol::md5_answer(hash, salt), wrong}) {
        frontend_login login{{"salt secret"}, {"server", salt}};
        std::string out;
        using action = frontend_login::action;
        EXPECT_EQ(login.start({protocol::protocol_3_0, {{"user", "ann"}}}, out),
                  action::need_method);
        EXPECT_EQ(login.on_method(login_method::md5, out), action::need_secret);
        EXPECT_EQ(login.on_secret(*stored_secret::parse(hash), out), action::read);
        taken();
        const auto message = encoded(protocol::password_message{answer});
        EXPECT_EQ(login.on_message('p', std::string_view{message}.substr(5), out),
                  answer == wrong ? action::failed : action::done);
        EXPECT_THAT(taken(), Contains(35U));
    }
}

/// Of unknown ids too.
TEST(ConstantTime, CancelKeys) {
    cancel_registry registry;
    const auto mine = registry.add(0, cancel_registry::long_key);
    auto wrong = mine.secret_key;
    wrong.front() = static_cast<char>(wrong.front() ^ 1);
    for (const auto& [id, key] : {std::pair{mine.process_id, mine.secret_key},
                                  {mine.process_id, wrong},
                                  {mine.process_id + 1, mine.secret_key},
                                  {mine.process_id, std::string{"four"}}}) {
        taken();
        EXPECT_EQ(registry.find(id, key).has_value(),
                  id == mine.process_id && key == mine.secret_key);
        EXPECT_THAT(taken(), Contains(cancel_registry::long_key + 1));
    }
}

} // namespace
} // namespace pgweir
