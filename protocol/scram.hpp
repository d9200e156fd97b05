// SCRAM-SHA-256 for both roles, with channel binding (-PLUS) and without, as small machines:
// message in, message out. Pure but for make_scram_nonce(). Passwords are used byte for byte: that
// is SASLprep for ASCII, and what PostgreSQL does where SASLprep fails; text that SASLprep would
// change must be given in its prepared form. Source: RFC 5802, RFC 7677, PostgreSQL docs
// sasl-authentication, auth-scram.c.
#pragma once

#include "protocol/error.hpp"
#include "protocol/sha256.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace pgweir::protocol {

inline constexpr std::string_view scram_mechanism = "SCRAM-SHA-256";
inline constexpr std::string_view scram_plus_mechanism = "SCRAM-SHA-256-PLUS";
/// The one way of binding that PostgreSQL knows: to the hash of the server's certificate.
inline constexpr std::string_view scram_binding_type = "tls-server-end-point";
inline constexpr int default_scram_iterations = 4096;
/// Most iterations that a frontend agrees to compute (about 50 ms of a core).
inline constexpr int default_max_scram_iterations = 100'000;
/// Longest SCRAM message accepted, in bytes; PostgreSQL's own are below 200, and it accepts 1024.
inline constexpr std::size_t max_scram_message_size = 4096;

enum class scram_errc : std::uint8_t {
    malformed = 1,             ///< not the message that belongs here, or too long
    channel_binding_requested, ///< a binding in a mechanism that has none, or of another type
    channel_binding_missing,   ///< none in the mechanism that must have one
    channel_binding_downgrade, ///< the frontend could bind, and was told that we cannot
    channel_binding_mismatch,  ///< another channel, or the last message contradicts the first one
    extension_requested,       ///< a mandatory extension
    authzid_requested,         ///< an authorization identity
    nonce_mismatch,            ///< the nonce is not ours continued
    bad_iterations,            ///< no number, below 1, or above the limit
    wrong_password,            ///< the proof does not fit the verifier
    bad_server_signature,      ///< the backend does not know the verifier
    rejected,                  ///< the backend said e=
    out_of_order,              ///< a call that does not belong here
    bad_verifier,              ///< not SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey
    crypto_failure,            ///< libcrypto refused
};
[[nodiscard]] const boost::system::error_category& scram_category() noexcept;
[[nodiscard]] error_code make_error_code(scram_errc value) noexcept;

using scram_key = sha256_digest;

/// What proves a user to a backend and a backend to a user, as good as the password where the
/// verifier has the same salt and iterations.
struct scram_keys {
    scram_key client_key{};
    scram_key server_key{};
};

/// What pg_authid.rolpassword holds: enough to check a proof, not to make one.
struct scram_verifier {
    int iterations = default_scram_iterations;
    std::string salt; ///< raw bytes
    scram_key stored_key{};
    scram_key server_key{};
};

/// Errors: scram_errc::bad_verifier.
[[nodiscard]] result<scram_verifier> parse_scram_verifier(std::string_view text);
[[nodiscard]] std::string format_scram_verifier(const scram_verifier& verifier);
/// Costs `iterations` HMACs: do it once per user. Errors: bad_iterations, crypto_failure.
[[nodiscard]] result<scram_verifier>
derive_scram_verifier(std::string_view password, std::string salt, int iterations);
/// As above, for a frontend that already knows the password.
[[nodiscard]] result<scram_keys>
derive_scram_keys(std::string_view password, std::string_view salt, int iterations);
/// True if `password` is the one that the verifier was made from. Compares in constant time.
[[nodiscard]] bool matches(const scram_verifier& verifier, std::string_view password);

/// A salt that is always the same for one user and tells nothing without `secret`.
[[nodiscard]] std::string scram_salt_for(std::string_view user, std::string_view secret);
/// A verifier that no password fits, for users who do not exist: salt as above, default iterations.
[[nodiscard]] scram_verifier mock_scram_verifier(std::string_view user, std::string_view secret);

/// 18 random bytes as 24 printable characters. Empty if libcrypto has no randomness to give.
[[nodiscard]] std::string make_scram_nonce();

/// Whether and how the frontend binds an exchange to the TLS connection below it (RFC 5802, section
/// 6): what it says of that, and what it binds to.
class scram_channel {
public:
    /// Not at all: no TLS, or it may not.
    [[nodiscard]] static scram_channel unbound() { return {"n,,", {}}; }
    /// It could, but the backend has not offered that. One that has then knows of somebody between.
    [[nodiscard]] static scram_channel could_bind() { return {"y,,", {}}; }
    /// To the hash of the backend's certificate, for SCRAM-SHA-256-PLUS.
    [[nodiscard]] static scram_channel bound(std::string end_point);

    [[nodiscard]] const std::string& gs2_header() const noexcept { return gs2_header_; }
    /// The value of the final message's attribute c.
    [[nodiscard]] std::string attribute() const;

private:
    scram_channel(std::string gs2_header, std::string data)
        : gs2_header_{std::move(gs2_header)}, data_{std::move(data)} {}

    std::string gs2_header_;
    std::string data_;
};

/// The backend's role. Any error ends the exchange.
class scram_server {
public:
    /// `end_point`: the hash of the certificate, where SCRAM-SHA-256-PLUS has been offered too.
    scram_server(scram_verifier verifier, std::string nonce, std::string end_point = {});

    /// The client-first-message; gives the server-first-message. `plus`: the mechanism is
    /// SCRAM-SHA-256-PLUS.
    [[nodiscard]] result<std::string> on_client_first(std::string_view message, bool plus = false);
    /// The client-final-message; gives the server-final-message, or wrong_password.
    [[nodiscard]] result<std::string> on_client_final(std::string_view message);
    /// The frontend's keys, recovered from its proof. Valid once on_client_final has succeeded.
    [[nodiscard]] const scram_keys& keys() const noexcept { return keys_; }

private:
    enum class state : std::uint8_t { first, final, ended };

    scram_verifier verifier_;
    std::string nonce_; ///< ours; then the frontend's and ours
    std::string client_first_bare_;
    std::string server_first_;
    std::string end_point_;
    std::string channel_binding_; ///< what the final message must say of it
    scram_keys keys_;
    state state_ = state::first;
};

/// The frontend's role, from a password or from keys. Any error ends the exchange.
class scram_client {
public:
    scram_client(std::string password,
                 std::string nonce,
                 int max_iterations = default_max_scram_iterations,
                 scram_channel channel = scram_channel::unbound());
    scram_client(const scram_keys& keys,
                 std::string nonce,
                 scram_channel channel = scram_channel::unbound());

    /// The client-first-message.
    [[nodiscard]] std::string first() const;
    /// The server-first-message; gives the client-final-message.
    [[nodiscard]] result<std::string> on_server_first(std::string_view message);
    /// The server-final-message. No error: the backend has proved that it knows the verifier.
    [[nodiscard]] error_code on_server_final(std::string_view message);
    [[nodiscard]] bool is_verified() const noexcept { return state_ == state::verified; }

private:
    enum class state : std::uint8_t { first, final, verified, ended };

    std::variant<std::string, scram_keys> credential_;
    std::string nonce_;
    int max_iterations_;
    scram_channel channel_;
    scram_key server_signature_{};
    state state_ = state::first;
};

} // namespace pgweir::protocol

template <>
struct boost::system::is_error_code_enum<pgweir::protocol::scram_errc> : std::true_type {};
