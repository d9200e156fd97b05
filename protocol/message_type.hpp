// The type byte of every message, per direction, and its name for logs.
// Source: PostgreSQL docs, protocol-message-formats.
#pragma once

#include <string_view>

namespace pgweir::protocol {

/// Sent by the frontend (an application, or pgweir towards a node).
namespace frontend_type {
inline constexpr char bind = 'B';
inline constexpr char close = 'C';
inline constexpr char copy_data = 'd';
inline constexpr char copy_done = 'c';
inline constexpr char copy_fail = 'f';
inline constexpr char describe = 'D';
inline constexpr char execute = 'E';
inline constexpr char flush = 'H';
inline constexpr char function_call = 'F';
inline constexpr char parse = 'P';
inline constexpr char password = 'p'; ///< also SASLInitialResponse, SASLResponse and GSSResponse
inline constexpr char query = 'Q';
inline constexpr char sync = 'S';
inline constexpr char terminate = 'X';
} // namespace frontend_type

/// Sent by the backend.
namespace backend_type {
inline constexpr char authentication = 'R';
inline constexpr char backend_key_data = 'K';
inline constexpr char bind_complete = '2';
inline constexpr char close_complete = '3';
inline constexpr char command_complete = 'C';
inline constexpr char copy_both_response = 'W';
inline constexpr char copy_data = 'd';
inline constexpr char copy_done = 'c';
inline constexpr char copy_in_response = 'G';
inline constexpr char copy_out_response = 'H';
inline constexpr char data_row = 'D';
inline constexpr char empty_query_response = 'I';
inline constexpr char error_response = 'E';
inline constexpr char function_call_response = 'V';
inline constexpr char negotiate_protocol_version = 'v';
inline constexpr char no_data = 'n';
inline constexpr char notice_response = 'N';
inline constexpr char notification_response = 'A';
inline constexpr char parameter_description = 't';
inline constexpr char parameter_status = 'S';
inline constexpr char parse_complete = '1';
inline constexpr char portal_suspended = 's';
inline constexpr char ready_for_query = 'Z';
inline constexpr char row_description = 'T';
} // namespace backend_type

/// The manual's name of a message, empty for a letter that the direction does not have.
[[nodiscard]] constexpr std::string_view frontend_message_name(char type) noexcept {
    switch (type) {
    case frontend_type::bind:
        return "Bind";
    case frontend_type::close:
        return "Close";
    case frontend_type::copy_data:
        return "CopyData";
    case frontend_type::copy_done:
        return "CopyDone";
    case frontend_type::copy_fail:
        return "CopyFail";
    case frontend_type::describe:
        return "Describe";
    case frontend_type::execute:
        return "Execute";
    case frontend_type::flush:
        return "Flush";
    case frontend_type::function_call:
        return "FunctionCall";
    case frontend_type::parse:
        return "Parse";
    case frontend_type::password:
        return "PasswordMessage";
    case frontend_type::query:
        return "Query";
    case frontend_type::sync:
        return "Sync";
    case frontend_type::terminate:
        return "Terminate";
    default:
        return {};
    }
}

/// As frontend_message_name, for what a backend sends.
[[nodiscard]] constexpr std::string_view backend_message_name(char type) noexcept {
    switch (type) {
    case backend_type::authentication:
        return "Authentication";
    case backend_type::backend_key_data:
        return "BackendKeyData";
    case backend_type::bind_complete:
        return "BindComplete";
    case backend_type::close_complete:
        return "CloseComplete";
    case backend_type::command_complete:
        return "CommandComplete";
    case backend_type::copy_both_response:
        return "CopyBothResponse";
    case backend_type::copy_data:
        return "CopyData";
    case backend_type::copy_done:
        return "CopyDone";
    case backend_type::copy_in_response:
        return "CopyInResponse";
    case backend_type::copy_out_response:
        return "CopyOutResponse";
    case backend_type::data_row:
        return "DataRow";
    case backend_type::empty_query_response:
        return "EmptyQueryResponse";
    case backend_type::error_response:
        return "ErrorResponse";
    case backend_type::function_call_response:
        return "FunctionCallResponse";
    case backend_type::negotiate_protocol_version:
        return "NegotiateProtocolVersion";
    case backend_type::no_data:
        return "NoData";
    case backend_type::notice_response:
        return "NoticeResponse";
    case backend_type::notification_response:
        return "NotificationResponse";
    case backend_type::parameter_description:
        return "ParameterDescription";
    case backend_type::parameter_status:
        return "ParameterStatus";
    case backend_type::parse_complete:
        return "ParseComplete";
    case backend_type::portal_suspended:
        return "PortalSuspended";
    case backend_type::ready_for_query:
        return "ReadyForQuery";
    case backend_type::row_description:
        return "RowDescription";
    default:
        return {};
    }
}

} // namespace pgweir::protocol
