#include "protocol/error_response.hpp"
#include "protocol/rows.hpp"
#include "protocol/simple_query.hpp"
#include "proxy/admin/console_answer.hpp"

namespace pgweir {

namespace {

/// Oid and size of PostgreSQL's type. Source: pg_type.dat.
protocol::field_description describe(const admin_column& column) {
    protocol::field_description field;
    field.name = column.name;
    switch (column.type) {
    case column_type::text:
        break;
    case column_type::boolean:
        field.type_oid = 16;
        field.type_size = 1;
        break;
    case column_type::int4:
        field.type_oid = 23;
        field.type_size = 4;
        break;
    case column_type::int8:
        field.type_oid = 20;
        field.type_size = 8;
        break;
    case column_type::float8:
        field.type_oid = 701;
        field.type_size = 8;
        break;
    case column_type::numeric:
        field.type_oid = 1700;
        break;
    }
    return field;
}

} // namespace

void append_row_description(std::string& out, std::span<const admin_column> columns) {
    protocol::row_description message;
    for (const auto& column : columns)
        message.fields.push_back(describe(column));
    encode(message, out);
}

void append_row(std::string& out, const admin_row& row) {
    protocol::data_row message;
    for (const auto& value : row)
        message.values.push_back(value ? std::optional<std::string_view>{*value} : std::nullopt);
    encode(message, out);
}

void append_error(std::string& out, const admin_error& why, bool is_fatal) {
    const auto severity =
        is_fatal ? protocol::error_severity::fatal : protocol::error_severity::error;
    auto message = protocol::make_error(severity, why.sqlstate, why.message);
    message.hint = why.hint;
    message.detail = why.detail;
    encode(message, out);
}

void append_notice(std::string& out, std::string_view text) {
    encode(protocol::make_notice(protocol::error_severity::notice, "00000", text), out);
}

void append_complete(std::string& out, std::string_view tag) {
    encode(protocol::command_complete{tag}, out);
}

void append_ready(std::string& out) {
    encode(protocol::ready_for_query{}, out);
}

} // namespace pgweir
