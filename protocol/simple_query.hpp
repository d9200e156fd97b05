// Query and what frames every answer: CommandComplete, EmptyQueryResponse, ReadyForQuery; and
// Terminate. Decoders return views into the body. Source: PostgreSQL docs,
// protocol-message-formats.
#pragma once

#include "protocol/message_type.hpp"
#include "protocol/wire.hpp"

#include <cstdint>
#include <optional>

namespace pgweir::protocol {

/// What the backend says of its transaction in ReadyForQuery.
enum class transaction_status : char {
    idle = 'I',
    in_transaction = 'T',
    failed = 'E',
};
[[nodiscard]] constexpr bool is_transaction_status(char letter) noexcept {
    return letter == 'I' || letter == 'T' || letter == 'E';
}

/// Query (F).
struct query {
    static constexpr char type = frontend_type::query;
    std::string_view text;
};

/// Terminate (F).
struct terminate {
    static constexpr char type = frontend_type::terminate;
};

/// CommandComplete (B).
struct command_complete {
    static constexpr char type = backend_type::command_complete;
    std::string_view tag;
};

/// EmptyQueryResponse (B).
struct empty_query_response {
    static constexpr char type = backend_type::empty_query_response;
};

/// ReadyForQuery (B).
struct ready_for_query {
    static constexpr char type = backend_type::ready_for_query;
    transaction_status status = transaction_status::idle;
};

/// Errors of all of these: short_body, unterminated_string, trailing_bytes; bad_value for a status
/// letter that we do not know.
[[nodiscard]] result<query> decode_query(std::string_view body);
[[nodiscard]] result<terminate> decode_terminate(std::string_view body);
[[nodiscard]] result<command_complete> decode_command_complete(std::string_view body);
[[nodiscard]] result<empty_query_response> decode_empty_query_response(std::string_view body);
[[nodiscard]] result<ready_for_query> decode_ready_for_query(std::string_view body);

void encode(const query& message, std::string& out);
void encode(const terminate& message, std::string& out);
void encode(const command_complete& message, std::string& out);
void encode(const empty_query_response& message, std::string& out);
void encode(const ready_for_query& message, std::string& out);

/// The row count at the end of a command tag ("INSERT 0 5" gives 5); empty if the tag has none.
[[nodiscard]] std::optional<std::uint64_t> row_count(std::string_view tag) noexcept;

} // namespace pgweir::protocol
