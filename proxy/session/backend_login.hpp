// The frontend's half of a login: pgweir to a PostgreSQL server, from StartupMessage to
// ReadyForQuery. A pure machine, driven by the coroutine that opens a backend. The server is not
// trusted: everything that it says is bounded, and what does not belong ends the login with a text.
// Source: PostgreSQL docs, protocol-flow.
#pragma once

#include "protocol/authentication.hpp"
#include "protocol/scram.hpp"
#include "proxy/session/secrets.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pgweir {

struct backend_login_settings {
    std::string user;
    std::string database;
    /// Sent after user and database, in this order. Names must not be empty.
    std::vector<std::pair<std::string, std::string>> parameters;
    server_credentials credentials;
    /// Fresh for each login: protocol::make_scram_nonce().
    std::string scram_nonce;
    int max_scram_iterations = protocol::default_max_scram_iterations;
    /// A password is sent in clear text only if one of these holds.
    bool may_send_cleartext = false; ///< over TLS, and the settings want it
    bool host_is_loopback = false;   ///< a Unix socket counts
    bool link_is_encrypted = false;
    /// server_end_point() of an encrypted link: SCRAM is bound to it where the server offers that.
    /// Empty: it is not, by the settings or because the certificate does not serve.
    std::string end_point;
    /// No other login will do.
    bool must_bind_channel = false;
};

enum class backend_login_failure : std::uint8_t {
    none,
    server_error,               ///< ErrorResponse: error_message() has it for the frontend
    protocol_violation,         ///< what no PostgreSQL server says here
    no_usable_credentials,      ///< the server asks for what we do not have
    cleartext_refused,          ///< it asks for a password over a link that others can read
    unsupported_authentication, ///< GSS, SSPI, Kerberos, or a SASL mechanism that we do not speak
    scram_failed,               ///< the exchange broke, or the server could not prove itself
    channel_not_bound,          ///< it must be, and the server offers no way
};

class backend_login {
public:
    enum class action : std::uint8_t {
        read,   ///< send the output if there is any; then on_message() with the next message
        done,   ///< ready for queries
        failed, ///< close; failure(), failure_text()
    };
    /// The largest body of a message during login, in bytes: for the reader's limit.
    static constexpr std::size_t max_message_body = 65'536;
    /// Most bytes of parameters, and of notices, that a server may tell us in one login.
    static constexpr std::size_t max_collected = 262'144;

    explicit backend_login(backend_login_settings settings);

    /// Appends the StartupMessage. Call once.
    void start(std::string& out) const;
    /// A whole message.
    [[nodiscard]] action on_message(char type, std::string_view body, std::string& out);

    /// ParameterStatus in the order of arrival; a name that came twice holds its last value.
    [[nodiscard]] const std::vector<std::pair<std::string, std::string>>&
    parameters() const noexcept {
        return parameters_;
    }
    /// BackendKeyData. No key (a server may send none): the connection cannot be cancelled.
    [[nodiscard]] std::int32_t process_id() const noexcept { return process_id_; }
    [[nodiscard]] const std::string& secret_key() const noexcept { return secret_key_; }
    /// NoticeResponses, whole messages one after the other.
    [[nodiscard]] const std::string& notices() const noexcept { return notices_; }

    [[nodiscard]] backend_login_failure failure() const noexcept { return failure_; }
    /// For the log. Holds what the server said, never a secret.
    [[nodiscard]] const std::string& failure_text() const noexcept { return failure_text_; }
    /// The whole ErrorResponse, verbatim, after server_error.
    [[nodiscard]] const std::string& error_message() const noexcept { return error_message_; }
    /// The ErrorResponse's SQLSTATE; empty if it has none.
    [[nodiscard]] const std::string& sqlstate() const noexcept { return sqlstate_; }

private:
    enum class state : std::uint8_t {
        request,
        sasl_continue,
        sasl_final,
        answered,
        authenticated,
        ended
    };

    action on_authentication(std::string_view body, std::string& out);
    action on_request(const protocol::authentication& request, std::string& out);
    action on_cleartext_request(std::string& out);
    action on_md5_request(const protocol::authentication_md5_password& request, std::string& out);
    action on_sasl_request(const protocol::authentication_sasl& request, std::string& out);
    action no_channel_binding();
    action on_sasl_continue(std::string_view data, std::string& out);
    action on_sasl_final(std::string_view data);
    action on_negotiation(std::string_view body);
    action on_parameter_status(std::string_view body);
    action on_key_data(std::string_view body);
    action on_notice(std::string_view body);
    action on_error(std::string_view body);
    action on_ready(std::string_view body);
    action fail(backend_login_failure why, std::string text);
    action unexpected(char type);

    backend_login_settings settings_;
    state state_ = state::request;
    std::optional<protocol::scram_client> scram_;
    bool chose_plus_ = false;
    std::vector<std::pair<std::string, std::string>> parameters_;
    std::size_t collected_ = 0;
    std::int32_t process_id_ = 0;
    std::string secret_key_;
    std::string notices_;
    backend_login_failure failure_ = backend_login_failure::none;
    std::string failure_text_;
    std::string error_message_;
    std::string sqlstate_;
};

} // namespace pgweir
