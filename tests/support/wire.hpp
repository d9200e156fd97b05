// The v3 protocol's messages as bytes, for tests. Written apart from protocol/ on purpose: a shared
// mistake would not be seen.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pgweir::test {

/// One message from a server; `type` is its letter, `body` what follows the length.
struct wire_message {
    char type = 0;
    std::string body;
};

namespace wire {

using startup_parameters = std::vector<std::pair<std::string, std::string>>;
using optional_text = std::optional<std::string>;

constexpr std::int32_t protocol_3_0 = 196608;
constexpr std::int32_t protocol_3_2 = 196610;

std::string int16(std::int16_t value);
std::string int32(std::int32_t value);
/// With the terminating NUL.
std::string text(std::string_view value);
/// Type, length, body.
std::string message(char type, std::string_view body = {});

std::string startup(const startup_parameters& parameters, std::int32_t version = protocol_3_0);
std::string ssl_request();
std::string gssenc_request();
std::string cancel_request(std::int32_t pid, std::string_view key);

std::string query(std::string_view sql);
std::string
parse(std::string_view name, std::string_view sql, const std::vector<std::int32_t>& types = {});
/// Text parameters, all results in one format (0 text, 1 binary).
std::string bind(std::string_view portal,
                 std::string_view statement,
                 const std::vector<optional_text>& parameters = {},
                 std::int16_t result_format = 0);
std::string describe(char kind, std::string_view name);
std::string execute(std::string_view portal, std::int32_t max_rows = 0);
std::string close(char kind, std::string_view name);
std::string sync();
std::string flush();
std::string function_call(std::int32_t function, const std::vector<std::string>& arguments);
std::string copy_data(std::string_view bytes);
std::string copy_done();
std::string copy_fail(std::string_view reason);
std::string password(std::string_view value);
std::string terminate();

/// Parse, Bind, Describe portal, Execute of an unnamed statement, without Sync.
std::string extended(std::string_view sql, const std::vector<optional_text>& parameters = {});

} // namespace wire

/// The letters of messages: "TDCZ". Asynchronous ones (S, N, A) are left out.
std::string letters(const std::vector<wire_message>& messages);
/// A field of an ErrorResponse or NoticeResponse, such as 'C' (SQLSTATE), 'M', 'S'; "" if absent.
std::string field(const wire_message& message, char code);
/// The SQLSTATE of the first ErrorResponse; "" if there is none.
std::string sqlstate(const std::vector<wire_message>& messages);
/// The first message of a type, or null.
const wire_message* find(const std::vector<wire_message>& messages, char type);
/// The columns of a DataRow; NULL is empty optional.
std::vector<wire::optional_text> columns(const wire_message& data_row);
/// The first column of each DataRow as text.
std::vector<std::string> first_columns(const std::vector<wire_message>& messages);
/// The status letters of all ReadyForQuery messages, such as "IT".
std::string statuses(const std::vector<wire_message>& messages);
/// The tags of all CommandComplete messages.
std::vector<std::string> tags(const std::vector<wire_message>& messages);
/// Column names of a RowDescription.
std::vector<std::string> column_names(const wire_message& row_description);
std::int32_t read_int32(std::string_view bytes, std::size_t offset);

} // namespace pgweir::test
