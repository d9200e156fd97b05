// The Authentication requests of a backend and what a frontend answers: PasswordMessage, SASL*,
// GSSResponse. The four answers share the letter 'p'; only the request before tells which one it
// is. Source: PostgreSQL docs, protocol-message-formats and sasl-authentication.
#pragma once

#include "protocol/message_type.hpp"
#include "protocol/wire.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

namespace pgweir::protocol {

/// AuthenticationOk (B): the rest of the start-up follows.
struct authentication_ok {};
struct authentication_cleartext_password {};
struct authentication_md5_password {
    std::array<char, 4> salt{};
};
/// AuthenticationSASL (B): the mechanisms that the backend offers, best first.
struct authentication_sasl {
    std::vector<std::string_view> mechanisms;
};
struct authentication_sasl_continue {
    std::string_view data;
};
struct authentication_sasl_final {
    std::string_view data;
};
/// AuthenticationKerberosV5, GSS, SSPI and GSSContinue (B), which pgweir does not speak.
struct authentication_unsupported {
    std::int32_t code = 0;
    std::string_view data;
};

using authentication = std::variant<authentication_ok,
                                    authentication_cleartext_password,
                                    authentication_md5_password,
                                    authentication_sasl,
                                    authentication_sasl_continue,
                                    authentication_sasl_final,
                                    authentication_unsupported>;

/// PasswordMessage (F): clear text, or the answer to an MD5 request.
struct password_message {
    static constexpr char type = frontend_type::password;
    std::string_view password;
};
/// SASLInitialResponse (F). No data is not the same as empty data.
struct sasl_initial_response {
    static constexpr char type = frontend_type::password;
    std::string_view mechanism;
    std::optional<std::string_view> data;
};
/// SASLResponse (F).
struct sasl_response {
    static constexpr char type = frontend_type::password;
    std::string_view data;
};
/// GSSResponse (F).
struct gss_response {
    static constexpr char type = frontend_type::password;
    std::string_view data;
};

/// Errors: short_body, unterminated_string, trailing_bytes; bad_value for a code that no version
/// has.
[[nodiscard]] result<authentication> decode_authentication(std::string_view body);
[[nodiscard]] result<password_message> decode_password_message(std::string_view body);
/// Also bad_length: data longer than the message, or a length below -1.
[[nodiscard]] result<sasl_initial_response> decode_sasl_initial_response(std::string_view body);
/// Cannot fail: the whole body is data.
[[nodiscard]] result<sasl_response> decode_sasl_response(std::string_view body);
[[nodiscard]] result<gss_response> decode_gss_response(std::string_view body);

void encode(const authentication_ok& message, std::string& out);
void encode(const authentication_cleartext_password& message, std::string& out);
void encode(const authentication_md5_password& message, std::string& out);
void encode(const authentication_sasl& message, std::string& out);
void encode(const authentication_sasl_continue& message, std::string& out);
void encode(const authentication_sasl_final& message, std::string& out);
void encode(const authentication_unsupported& message, std::string& out);
void encode(const password_message& message, std::string& out);
void encode(const sasl_initial_response& message, std::string& out);
void encode(const sasl_response& message, std::string& out);
void encode(const gss_response& message, std::string& out);

} // namespace pgweir::protocol
