// The backend's half of a login: an application's StartupMessage in, AuthenticationOk or a FATAL
// error out. A pure machine, driven by the session's coroutine; answers are appended to a buffer
// that the caller sends. ParameterStatus, BackendKeyData and ReadyForQuery are the session's to
// send afterwards. Source: PostgreSQL docs, protocol-flow (Start-up); auth.c, auth-sasl.c and
// backend_startup.c.
#pragma once

#include "protocol/scram.hpp"
#include "protocol/startup.hpp"
#include "proxy/access/login_method.hpp"
#include "proxy/session/secrets.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pgweir {

struct frontend_login_settings {
    /// Makes the salts of users who do not exist (or have a plain password) stable and unguessable.
    /// Random, the same for all logins of a process.
    std::string_view salt_secret; // outlives the login
    /// What `md5` asks of a user who does not exist: SCRAM, or MD5 where the users' secrets are
    /// plain or md5.
    bool unknown_users_get_md5 = false;
    /// server_end_point() of the client's TLS stream: with it SCRAM-SHA-256-PLUS is offered too.
    std::string end_point{};
};

/// The random part of one login.
struct login_entropy {
    std::string scram_nonce;
    std::array<char, 4> md5_salt{};
};
/// Fresh randomness. Empty if libcrypto has none to give.
[[nodiscard]] std::optional<login_entropy> make_login_entropy();

using parameter_list = std::vector<std::pair<std::string, std::string>>;

/// What a session knows of its frontend after a login.
struct login_result {
    std::string user;
    std::string database;
    std::string application_name;
    /// The `replication` parameter: such a session needs a connection of its own.
    std::string replication;
    /// Run-time parameters in the order in which PostgreSQL applies them: those of `options` first.
    /// Names as the frontend wrote them; application_name is among them. A name may come twice; the
    /// later value counts.
    parameter_list parameters;
    /// What both sides speak from now on.
    protocol::protocol_version version = protocol::protocol_3_0;
    /// Empty after `trust`.
    server_credentials credentials;
};

class frontend_login {
public:
    enum class action : std::uint8_t {
        read,        ///< send the output; then on_message() with the next message
        need_method, ///< choose by user() and database() how it is to prove itself; then
                     ///< on_method()
        need_secret, ///< look up user(); then on_secret()
        need_check,  ///< ask whether password() is the right one; then on_checked()
        done,        ///< send the output, which ends with AuthenticationOk; result()
        failed, ///< send the output, which ends with a FATAL error, and close; failure() for the
                ///< log
    };
    /// The largest body that a message may have before authentication, in bytes: for the reader's
    /// limit.
    static constexpr std::size_t max_message_body = 65'536;

    explicit frontend_login(frontend_login_settings settings, login_entropy entropy = {});
    /// Before on_secret(), if the constructor was given none: challenges are made of it.
    void set_entropy(login_entropy fresh) { entropy_ = std::move(fresh); }

    /// The message's views are not kept. Call once.
    [[nodiscard]] action start(const protocol::startup_message& message, std::string& out);
    /// A whole message with a type byte.
    [[nodiscard]] action on_message(char type, std::string_view body, std::string& out);
    /// Trust, cert and peer succeed: what they demand has been seen by whoever calls. With md5 a
    /// user whose secret is SCRAM is asked for SCRAM, as in PostgreSQL.
    [[nodiscard]] action on_method(login_method method, std::string& out);
    /// The secret of user(), or nothing if there is no such user: the exchange goes on and fails at
    /// its end.
    [[nodiscard]] action on_secret(std::optional<stored_secret> secret, std::string& out);
    /// What others (LDAP, PAM) say of password(); `why` is for the log.
    [[nodiscard]] action on_checked(bool is_right, std::string why, std::string& out);
    /// Ends it for a reason outside: `text` is what the frontend is told, `why` (empty: the same)
    /// is for the log.
    [[nodiscard]] action
    refuse(std::string_view sqlstate, std::string text, std::string why, std::string& out);

    [[nodiscard]] const std::string& user() const noexcept { return result_.user; }
    [[nodiscard]] const std::string& database() const noexcept { return result_.database; }
    [[nodiscard]] const std::string& replication() const noexcept { return result_.replication; }
    /// As it was sent, while it is to be checked.
    [[nodiscard]] const std::string& password() const noexcept {
        return result_.credentials.password ? *result_.credentials.password : no_password_;
    }
    /// Why it failed, in more words than the frontend is told; never a secret.
    [[nodiscard]] const std::string& failure() const noexcept { return failure_; }
    [[nodiscard]] login_result& result() { return result_; }

private:
    enum class state : std::uint8_t {
        start,
        method,
        secret,
        password,
        foreign_password,
        check,
        md5,
        sasl_initial,
        sasl_final,
        ended
    };

    action read_parameters(const protocol::startup_message& message, std::string& out);
    void negotiate(const protocol::startup_message& message, std::string& out);
    action request_password(state then, std::string& out);
    action request_sasl(std::string& out);
    action on_password(std::string_view body, std::string& out);
    action on_md5_answer(std::string_view body, std::string& out);
    action on_sasl_initial(std::string_view body, std::string& out);
    action on_client_first(std::string_view data, std::string& out);
    action on_client_final(std::string_view body, std::string& out);
    action succeed(std::string& out);
    action fail(std::string_view sqlstate, std::string text, std::string& out);
    action wrong_password(std::string why, std::string& out);

    frontend_login_settings settings_;
    login_entropy entropy_;
    state state_ = state::start;
    login_method method_ = login_method::reject;
    login_result result_;
    std::string failure_;
    std::optional<stored_secret> secret_;
    std::optional<protocol::scram_server> scram_;
    bool secret_fits_scram_ = false;
    bool chose_plus_ = false; ///< SCRAM-SHA-256-PLUS
    std::string no_password_;
    bool awaits_first_ = false; ///< the initial response came without data
};

} // namespace pgweir
