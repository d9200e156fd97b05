// ErrorResponse and NoticeResponse with all their fields, and the one table of SQLSTATEs that
// pgweir itself may send. Decoders return views into the body. Source: PostgreSQL docs,
// protocol-error-fields and errcodes-appendix.
#pragma once

#include "protocol/message_type.hpp"
#include "protocol/wire.hpp"

#include <cstdint>
#include <optional>

namespace pgweir::protocol {

/// The codes that pgweir sends of its own accord. sqlstate_name() gives the manual's condition
/// name.
namespace sqlstate {
inline constexpr std::string_view successful_completion = "00000";
inline constexpr std::string_view warning = "01000";
inline constexpr std::string_view connection_failure = "08006";
inline constexpr std::string_view transaction_resolution_unknown = "08007";
inline constexpr std::string_view protocol_violation = "08P01";
inline constexpr std::string_view feature_not_supported = "0A000";
inline constexpr std::string_view invalid_parameter_value = "22023";
inline constexpr std::string_view read_only_sql_transaction = "25006";
inline constexpr std::string_view no_active_sql_transaction = "25P01";
inline constexpr std::string_view in_failed_sql_transaction = "25P02";
inline constexpr std::string_view invalid_sql_statement_name = "26000";
inline constexpr std::string_view invalid_authorization_specification = "28000";
inline constexpr std::string_view invalid_password = "28P01";
inline constexpr std::string_view invalid_cursor_name = "34000";
inline constexpr std::string_view invalid_catalog_name = "3D000";
inline constexpr std::string_view serialization_failure = "40001";
inline constexpr std::string_view insufficient_privilege = "42501";
inline constexpr std::string_view syntax_error = "42601";
inline constexpr std::string_view undefined_object = "42704";
inline constexpr std::string_view duplicate_prepared_statement = "42P05";
inline constexpr std::string_view too_many_connections = "53300";
inline constexpr std::string_view program_limit_exceeded = "54000";
inline constexpr std::string_view object_not_in_prerequisite_state = "55000";
inline constexpr std::string_view query_canceled = "57014";
inline constexpr std::string_view admin_shutdown = "57P01";
inline constexpr std::string_view crash_shutdown = "57P02";
inline constexpr std::string_view cannot_connect_now = "57P03";
inline constexpr std::string_view idle_session_timeout = "57P05";
inline constexpr std::string_view internal_error = "XX000";
} // namespace sqlstate

/// "too_many_connections" for "53300"; empty for a code that is not in the table.
[[nodiscard]] std::string_view sqlstate_name(std::string_view code) noexcept;

/// How bad it is. The words of `S` and `V` are the upper-case names.
enum class error_severity : std::uint8_t { error, fatal, panic, warning, notice, debug, info, log };
[[nodiscard]] std::string_view to_string(error_severity severity) noexcept;

/// Every field of the message, in the manual's order. Empty: the field is absent.
struct error_fields {
    std::string_view severity;             ///< S, localized
    std::string_view severity_unlocalized; ///< V
    std::string_view sqlstate;             ///< C
    std::string_view message;              ///< M
    std::string_view detail;               ///< D
    std::string_view hint;                 ///< H
    std::string_view position;             ///< P, 1-based, in characters
    std::string_view internal_position;    ///< p
    std::string_view internal_query;       ///< q
    std::string_view where;                ///< W
    std::string_view schema_name;          ///< s
    std::string_view table_name;           ///< t
    std::string_view column_name;          ///< c
    std::string_view data_type_name;       ///< d
    std::string_view constraint_name;      ///< n
    std::string_view file;                 ///< F
    std::string_view line;                 ///< L
    std::string_view routine;              ///< R
};

/// ErrorResponse (B).
struct error_response : error_fields {
    static constexpr char type = backend_type::error_response;
};
/// NoticeResponse (B).
struct notice_response : error_fields {
    static constexpr char type = backend_type::notice_response;
};

/// An error with what every message must have. The views are not copied.
[[nodiscard]] error_response
make_error(error_severity severity, std::string_view sqlstate, std::string_view message) noexcept;
[[nodiscard]] notice_response
make_notice(error_severity severity, std::string_view sqlstate, std::string_view message) noexcept;

/// All fields; unknown field codes are skipped. Errors: short_body, unterminated_string,
/// trailing_bytes; missing_field without a five-character SQLSTATE or without a message.
[[nodiscard]] result<error_response> decode_error_response(std::string_view body);
[[nodiscard]] result<notice_response> decode_notice_response(std::string_view body);

/// One field of an ErrorResponse or NoticeResponse, looked for without judging the rest; empty if
/// it is not there or the body breaks off before it. For a SQLSTATE that is not five characters use
/// find_sqlstate.
[[nodiscard]] std::optional<std::string_view> find_error_field(std::string_view body,
                                                               char code) noexcept;
/// The field C if it is five digits or upper-case letters, else empty.
[[nodiscard]] std::string_view find_sqlstate(std::string_view body) noexcept;

/// Absent (empty) fields are left out, except M, which is always there.
void encode(const error_response& message, std::string& out);
void encode(const notice_response& message, std::string& out);

} // namespace pgweir::protocol
