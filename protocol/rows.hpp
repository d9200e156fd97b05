// Result rows: RowDescription and DataRow. The relay forwards them unread; these are for result
// sets that pgweir itself makes (SHOW, EXPLAIN ROUTE) or reads (its own catalog queries). Source:
// PostgreSQL docs, protocol-message-formats.
#pragma once

#include "protocol/message_type.hpp"
#include "protocol/wire.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace pgweir::protocol {

/// One column of a result.
struct field_description {
    std::string_view name;
    std::uint32_t table_oid = 0;
    std::int16_t column_number = 0;
    std::uint32_t type_oid = 25; ///< text
    std::int16_t type_size = -1; ///< negative: variable width
    std::int32_t type_modifier = -1;
    std::int16_t format = 0; ///< 0 text, 1 binary
};

/// RowDescription (B).
struct row_description {
    static constexpr char type = backend_type::row_description;
    std::vector<field_description> fields;
};

/// DataRow (B). An empty optional is NULL.
struct data_row {
    static constexpr char type = backend_type::data_row;
    std::vector<std::optional<std::string_view>> values;
};

/// Errors: short_body, unterminated_string, trailing_bytes, bad_length (a value's length below -1).
/// Nothing is allocated for a count that the body is too short for.
[[nodiscard]] result<row_description> decode_row_description(std::string_view body);
[[nodiscard]] result<data_row> decode_data_row(std::string_view body);

void encode(const row_description& message, std::string& out);
void encode(const data_row& message, std::string& out);

} // namespace pgweir::protocol
