#include "protocol/error_response.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace pgweir::protocol {
namespace {

struct field_code {
    char code;
    std::string_view error_fields::* member;
};

constexpr std::array fields{
    field_code{'S', &error_fields::severity},
    field_code{'V', &error_fields::severity_unlocalized},
    field_code{'C', &error_fields::sqlstate},
    field_code{'M', &error_fields::message},
    field_code{'D', &error_fields::detail},
    field_code{'H', &error_fields::hint},
    field_code{'P', &error_fields::position},
    field_code{'p', &error_fields::internal_position},
    field_code{'q', &error_fields::internal_query},
    field_code{'W', &error_fields::where},
    field_code{'s', &error_fields::schema_name},
    field_code{'t', &error_fields::table_name},
    field_code{'c', &error_fields::column_name},
    field_code{'d', &error_fields::data_type_name},
    field_code{'n', &error_fields::constraint_name},
    field_code{'F', &error_fields::file},
    field_code{'L', &error_fields::line},
    field_code{'R', &error_fields::routine},
};

using named_sqlstate = std::pair<std::string_view, std::string_view>;

constexpr std::array sqlstate_names{
    named_sqlstate{sqlstate::successful_completion, "successful_completion"},
    named_sqlstate{sqlstate::warning, "warning"},
    named_sqlstate{sqlstate::connection_failure, "connection_failure"},
    named_sqlstate{sqlstate::transaction_resolution_unknown, "transaction_resolution_unknown"},
    named_sqlstate{sqlstate::protocol_violation, "protocol_violation"},
    named_sqlstate{sqlstate::feature_not_supported, "feature_not_supported"},
    named_sqlstate{sqlstate::invalid_parameter_value, "invalid_parameter_value"},
    named_sqlstate{sqlstate::read_only_sql_transaction, "read_only_sql_transaction"},
    named_sqlstate{sqlstate::no_active_sql_transaction, "no_active_sql_transaction"},
    named_sqlstate{sqlstate::in_failed_sql_transaction, "in_failed_sql_transaction"},
    named_sqlstate{sqlstate::invalid_sql_statement_name, "invalid_sql_statement_name"},
    named_sqlstate{sqlstate::invalid_authorization_specification,
                   "invalid_authorization_specification"},
    named_sqlstate{sqlstate::invalid_password, "invalid_password"},
    named_sqlstate{sqlstate::invalid_cursor_name, "invalid_cursor_name"},
    named_sqlstate{sqlstate::invalid_catalog_name, "invalid_catalog_name"},
    named_sqlstate{sqlstate::serialization_failure, "serialization_failure"},
    named_sqlstate{sqlstate::insufficient_privilege, "insufficient_privilege"},
    named_sqlstate{sqlstate::syntax_error, "syntax_error"},
    named_sqlstate{sqlstate::undefined_object, "undefined_object"},
    named_sqlstate{sqlstate::duplicate_prepared_statement, "duplicate_prepared_statement"},
    named_sqlstate{sqlstate::too_many_connections, "too_many_connections"},
    named_sqlstate{sqlstate::program_limit_exceeded, "program_limit_exceeded"},
    named_sqlstate{sqlstate::object_not_in_prerequisite_state, "object_not_in_prerequisite_state"},
    named_sqlstate{sqlstate::query_canceled, "query_canceled"},
    named_sqlstate{sqlstate::admin_shutdown, "admin_shutdown"},
    named_sqlstate{sqlstate::crash_shutdown, "crash_shutdown"},
    named_sqlstate{sqlstate::cannot_connect_now, "cannot_connect_now"},
    named_sqlstate{sqlstate::idle_session_timeout, "idle_session_timeout"},
    named_sqlstate{sqlstate::internal_error, "internal_error"},
};

bool is_sqlstate(std::string_view text) noexcept {
    return text.size() == 5 && std::ranges::all_of(text, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
           });
}

template <class Message> result<Message> decode_fields(std::string_view body) {
    wire_reader in{body};
    Message message;
    while (const char code = in.byte1()) {
        const auto text = in.string();
        const auto known = std::ranges::find(fields, code, &field_code::code);
        if (known != fields.end()) message.*(known->member) = text;
    }
    if (const auto ec = in.finish()) return ec;
    if (!is_sqlstate(message.sqlstate) || message.message.data() == nullptr)
        return decode_errc::missing_field;
    return message;
}

template <class Message> void encode_fields(const Message& message, std::string& out) {
    wire_writer to{out, Message::type};
    for (const auto& field : fields) {
        const std::string_view text = message.*(field.member);
        if (text.empty() && field.code != 'M') continue;
        to.byte1(field.code);
        to.string(text);
    }
    to.byte1('\0');
    to.finish();
}

template <class Message>
Message
make_message(error_severity severity, std::string_view code, std::string_view text) noexcept {
    Message message;
    message.severity = to_string(severity);
    message.severity_unlocalized = message.severity;
    message.sqlstate = code;
    message.message = text;
    return message;
}

} // namespace

std::string_view sqlstate_name(std::string_view code) noexcept {
    const auto known = std::ranges::find(sqlstate_names, code, &named_sqlstate::first);
    return known == sqlstate_names.end() ? std::string_view{} : known->second;
}

std::string_view to_string(error_severity severity) noexcept {
    switch (severity) {
    case error_severity::error:
        return "ERROR";
    case error_severity::fatal:
        return "FATAL";
    case error_severity::panic:
        return "PANIC";
    case error_severity::warning:
        return "WARNING";
    case error_severity::notice:
        return "NOTICE";
    case error_severity::debug:
        return "DEBUG";
    case error_severity::info:
        return "INFO";
    case error_severity::log:
        return "LOG";
    }
    return "ERROR";
}

error_response
make_error(error_severity severity, std::string_view sqlstate, std::string_view message) noexcept {
    return make_message<error_response>(severity, sqlstate, message);
}

notice_response
make_notice(error_severity severity, std::string_view sqlstate, std::string_view message) noexcept {
    return make_message<notice_response>(severity, sqlstate, message);
}

result<error_response> decode_error_response(std::string_view body) {
    return decode_fields<error_response>(body);
}

result<notice_response> decode_notice_response(std::string_view body) {
    return decode_fields<notice_response>(body);
}

std::optional<std::string_view> find_error_field(std::string_view body, char code) noexcept {
    wire_reader in{body};
    while (const char next = in.byte1()) {
        const auto text = in.string();
        if (!in.ok()) return std::nullopt;
        if (next == code) return text;
    }
    return std::nullopt;
}

std::string_view find_sqlstate(std::string_view body) noexcept {
    const auto code = find_error_field(body, 'C');
    return code && is_sqlstate(*code) ? *code : std::string_view{};
}

void encode(const error_response& message, std::string& out) {
    encode_fields(message, out);
}
void encode(const notice_response& message, std::string& out) {
    encode_fields(message, out);
}

} // namespace pgweir::protocol
