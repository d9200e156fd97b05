#include "protocol/scram.hpp"

#include "protocol/base64.hpp"
#include "protocol/random.hpp"
#include "protocol/scram_message.hpp"
#include "protocol/sha256.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

namespace pgweir::protocol {
namespace {

std::string_view as_text(const scram_key& key) noexcept {
    return {reinterpret_cast<const char*>(key.data()), key.size()};
}

const unsigned char* as_bytes(std::string_view text) noexcept {
    return reinterpret_cast<const unsigned char*>(text.data());
}

scram_key exclusive_or(scram_key a, const scram_key& b) noexcept {
    for (std::size_t i = 0; i < a.size(); ++i)
        a[i] = static_cast<unsigned char>(a[i] ^ b[i]);
    return a;
}

bool equal_in_constant_time(const scram_key& a, const scram_key& b) noexcept {
    return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::optional<int> parse_iterations(std::string_view text) noexcept {
    int value = 0;
    const char* const begin = text.data();
    const char* const end = begin + text.size();
    const auto [stop, ec] = std::from_chars(begin, end, value);
    if (ec != std::errc{} || stop != end || value < 1) return std::nullopt;
    return value;
}

std::optional<scram_key> parse_key(std::string_view text) {
    const auto bytes = base64_decode(text);
    if (!bytes || bytes->size() != scram_key{}.size()) return std::nullopt;
    scram_key key;
    std::ranges::copy(*bytes, key.begin());
    return key;
}

/// Cuts `text` at the first `separator`; the tail is empty if there is none.
std::pair<std::string_view, std::string_view> cut(std::string_view text, char separator) noexcept {
    const auto at = text.find(separator);
    if (at == std::string_view::npos) return {text, {}};
    return {text.substr(0, at), text.substr(at + 1)};
}

std::string concat_auth_message(std::string_view client_first_bare,
                                std::string_view server_first,
                                std::string_view client_final_without_proof) {
    std::string text{client_first_bare};
    text.append(",").append(server_first).append(",").append(client_final_without_proof);
    return text;
}

} // namespace

result<scram_verifier> parse_scram_verifier(std::string_view text) {
    const auto [mechanism, rest] = cut(text, '$');
    const auto [parameters, keys] = cut(rest, '$');
    const auto [iterations, salt] = cut(parameters, ':');
    const auto [stored_key, server_key] = cut(keys, ':');
    const auto count = parse_iterations(iterations);
    auto raw_salt = base64_decode(salt);
    const auto stored = parse_key(stored_key);
    const auto server = parse_key(server_key);
    if (mechanism != scram_mechanism || !count || !raw_salt || raw_salt->empty() || !stored ||
        !server)
        return scram_errc::bad_verifier;
    // A longer salt makes a server-first-message that frontends refuse.
    if (raw_salt->size() > 1024) return scram_errc::bad_verifier;
    return scram_verifier{*count, std::move(*raw_salt), *stored, *server};
}

std::string format_scram_verifier(const scram_verifier& verifier) {
    std::string text{scram_mechanism};
    text.append("$").append(std::to_string(verifier.iterations));
    text.append(":").append(base64_encode(verifier.salt));
    text.append("$").append(base64_encode(as_text(verifier.stored_key)));
    text.append(":").append(base64_encode(as_text(verifier.server_key)));
    return text;
}

result<scram_keys>
derive_scram_keys(std::string_view password, std::string_view salt, int iterations) {
    if (iterations < 1) return scram_errc::bad_iterations;
    constexpr std::size_t largest = std::numeric_limits<int>::max();
    if (password.size() > largest || salt.size() > largest) return scram_errc::malformed;
    scram_key salted{};
    if (PKCS5_PBKDF2_HMAC(password.empty() ? "" : password.data(),
                          static_cast<int>(password.size()), as_bytes(salt),
                          static_cast<int>(salt.size()), iterations, EVP_sha256(),
                          static_cast<int>(salted.size()), salted.data()) != 1)
        return scram_errc::crypto_failure;
    return scram_keys{hmac_sha256(as_text(salted), "Client Key"),
                      hmac_sha256(as_text(salted), "Server Key")};
}

result<scram_verifier>
derive_scram_verifier(std::string_view password, std::string salt, int iterations) {
    const auto keys = derive_scram_keys(password, salt, iterations);
    if (!keys) return keys.error();
    const auto stored_key = sha256(as_text(keys->client_key));
    return scram_verifier{iterations, std::move(salt), stored_key, keys->server_key};
}

bool matches(const scram_verifier& verifier, std::string_view password) {
    const auto keys = derive_scram_keys(password, verifier.salt, verifier.iterations);
    return keys && equal_in_constant_time(keys->server_key, verifier.server_key);
}

std::string scram_salt_for(std::string_view user, std::string_view secret) {
    const auto digest = hmac_sha256(secret, std::string{"salt "}.append(user));
    return std::string{as_text(digest).substr(0, 16)};
}

scram_verifier mock_scram_verifier(std::string_view user, std::string_view secret) {
    return {default_scram_iterations, scram_salt_for(user, secret),
            hmac_sha256(secret, std::string{"stored key "}.append(user)),
            hmac_sha256(secret, std::string{"server key "}.append(user))};
}

std::string make_scram_nonce() {
    std::array<unsigned char, 18> bytes{};
    if (!fill_random(bytes)) return {};
    return base64_encode({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

scram_channel scram_channel::bound(std::string end_point) {
    return {std::string{"p="}.append(scram_binding_type).append(",,"), std::move(end_point)};
}

std::string scram_channel::attribute() const {
    return base64_encode(gs2_header_ + data_);
}

scram_server::scram_server(scram_verifier verifier, std::string nonce, std::string end_point)
    : verifier_{std::move(verifier)}, nonce_{std::move(nonce)}, end_point_{std::move(end_point)} {}

result<std::string> scram_server::on_client_first(std::string_view message, bool plus) {
    if (std::exchange(state_, state::ended) != state::first) return scram_errc::out_of_order;
    const auto first = parse_client_first(message);
    if (!first) return first.error();
    const bool binds = !first->binding_type.empty();
    if (binds && (!plus || end_point_.empty() || first->binding_type != scram_binding_type))
        return scram_errc::channel_binding_requested;
    if (!binds && plus) return scram_errc::channel_binding_missing;
    // It can, and we have said that we can: somebody has taken that out of the offer.
    if (first->says_y && !end_point_.empty()) return scram_errc::channel_binding_downgrade;
    channel_binding_ = (binds           ? scram_channel::bound(end_point_)
                        : first->says_y ? scram_channel::could_bind()
                                        : scram_channel::unbound())
                           .attribute();
    client_first_bare_ = first->bare;
    nonce_.insert(0, first->nonce);
    server_first_ = "r=" + nonce_ + ",s=" + base64_encode(verifier_.salt) +
                    ",i=" + std::to_string(verifier_.iterations);
    state_ = state::final;
    return server_first_;
}

result<std::string> scram_server::on_client_final(std::string_view message) {
    if (std::exchange(state_, state::ended) != state::final) return scram_errc::out_of_order;
    const auto final = parse_client_final(message);
    if (!final) return final.error();
    if (final->channel_binding != channel_binding_) return scram_errc::channel_binding_mismatch;
    if (final->nonce != nonce_) return scram_errc::nonce_mismatch;
    const auto proof = parse_key(final->proof);
    if (!proof) return scram_errc::malformed;
    const auto auth_message =
        concat_auth_message(client_first_bare_, server_first_, final->without_proof);
    const auto client_signature = hmac_sha256(as_text(verifier_.stored_key), auth_message);
    const auto client_key = exclusive_or(*proof, client_signature);
    if (!equal_in_constant_time(sha256(as_text(client_key)), verifier_.stored_key))
        return scram_errc::wrong_password;
    keys_ = {client_key, verifier_.server_key};
    return "v=" + base64_encode(as_text(hmac_sha256(as_text(verifier_.server_key), auth_message)));
}

scram_client::scram_client(std::string password,
                           std::string nonce,
                           int max_iterations,
                           scram_channel channel)
    : credential_{std::move(password)}, nonce_{std::move(nonce)}, max_iterations_{max_iterations},
      channel_{std::move(channel)} {}

scram_client::scram_client(const scram_keys& keys, std::string nonce, scram_channel channel)
    : credential_{keys}, nonce_{std::move(nonce)},
      max_iterations_{std::numeric_limits<int>::max()}, // keys cost no iterations
      channel_{std::move(channel)} {}

// The user name is left empty: PostgreSQL takes it from the StartupMessage.
std::string scram_client::first() const {
    return channel_.gs2_header() + "n=,r=" + nonce_;
}

result<std::string> scram_client::on_server_first(std::string_view message) {
    if (std::exchange(state_, state::ended) != state::first) return scram_errc::out_of_order;
    const auto challenge = parse_server_first(message);
    if (!challenge) return challenge.error();
    if (nonce_.empty() || !challenge->nonce.starts_with(nonce_) ||
        challenge->nonce.size() == nonce_.size())
        return scram_errc::nonce_mismatch;
    const auto salt = base64_decode(challenge->salt);
    if (!salt || salt->empty()) return scram_errc::malformed;
    const auto iterations = parse_iterations(challenge->iterations);
    if (!iterations || *iterations > max_iterations_) return scram_errc::bad_iterations;
    if (const auto* password = std::get_if<std::string>(&credential_)) {
        const auto derived = derive_scram_keys(*password, *salt, *iterations);
        if (!derived) return derived.error();
        credential_ = *derived;
    }
    const auto& keys = std::get<scram_keys>(credential_);
    std::string final = "c=" + channel_.attribute() + ",r=";
    final.append(challenge->nonce);
    const auto auth_message = concat_auth_message("n=,r=" + nonce_, message, final);
    const auto signature = hmac_sha256(as_text(sha256(as_text(keys.client_key))), auth_message);
    server_signature_ = hmac_sha256(as_text(keys.server_key), auth_message);
    final.append(",p=").append(base64_encode(as_text(exclusive_or(signature, keys.client_key))));
    state_ = state::final;
    return final;
}

error_code scram_client::on_server_final(std::string_view message) {
    if (std::exchange(state_, state::ended) != state::final) return scram_errc::out_of_order;
    const auto final = parse_server_final(message);
    if (!final) return final.error();
    if (final->is_error) return scram_errc::rejected;
    const auto signature = parse_key(final->value);
    if (!signature) return scram_errc::malformed;
    if (!equal_in_constant_time(*signature, server_signature_))
        return scram_errc::bad_server_signature;
    state_ = state::verified;
    return {};
}

} // namespace pgweir::protocol
