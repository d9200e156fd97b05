#include "tests/support/wire.hpp"

namespace pgweir::test {

namespace wire {

std::string int16(std::int16_t value) {
    const auto bits = static_cast<std::uint16_t>(value);
    return {static_cast<char>(bits >> 8), static_cast<char>(bits & 0xff)};
}

std::string int32(std::int32_t value) {
    const auto bits = static_cast<std::uint32_t>(value);
    return {static_cast<char>(bits >> 24), static_cast<char>((bits >> 16) & 0xff),
            static_cast<char>((bits >> 8) & 0xff), static_cast<char>(bits & 0xff)};
}

std::string text(std::string_view value) {
    return std::string{value} + '\0';
}

namespace {

std::string with_length(std::string_view body) {
    return int32(static_cast<std::int32_t>(body.size() + 4)) + std::string{body};
}

std::string count(std::size_t value) {
    return int16(static_cast<std::int16_t>(static_cast<std::uint16_t>(value)));
}

} // namespace

std::string message(char type, std::string_view body) {
    return std::string(1, type) + with_length(body);
}

std::string startup(const startup_parameters& parameters, std::int32_t version) {
    std::string body = int32(version);
    for (const auto& [name, value] : parameters)
        body += text(name) + text(value);
    return with_length(body + '\0');
}

std::string ssl_request() {
    return with_length(int32(80877103));
}

std::string gssenc_request() {
    return with_length(int32(80877104));
}

std::string cancel_request(std::int32_t pid, std::string_view key) {
    return with_length(int32(80877102) + int32(pid) + std::string{key});
}

std::string query(std::string_view sql) {
    return message('Q', text(sql));
}

std::string
parse(std::string_view name, std::string_view sql, const std::vector<std::int32_t>& types) {
    std::string body = text(name) + text(sql) + count(types.size());
    for (const auto type : types)
        body += int32(type);
    return message('P', body);
}

std::string bind(std::string_view portal,
                 std::string_view statement,
                 const std::vector<optional_text>& parameters,
                 std::int16_t result_format) {
    std::string body = text(portal) + text(statement) + int16(0) + count(parameters.size());
    for (const auto& parameter : parameters) {
        body += parameter ? with_length(*parameter)
                                .replace(0, 4, int32(static_cast<std::int32_t>(parameter->size())))
                          : int32(-1);
    }
    return message('B', body + int16(1) + int16(result_format));
}

std::string describe(char kind, std::string_view name) {
    return message('D', std::string(1, kind) + text(name));
}

std::string execute(std::string_view portal, std::int32_t max_rows) {
    return message('E', text(portal) + int32(max_rows));
}

std::string close(char kind, std::string_view name) {
    return message('C', std::string(1, kind) + text(name));
}

std::string sync() {
    return message('S');
}

std::string flush() {
    return message('H');
}

std::string function_call(std::int32_t function, const std::vector<std::string>& arguments) {
    std::string body = int32(function) + int16(1) + int16(0) + count(arguments.size());
    for (const auto& argument : arguments)
        body += int32(static_cast<std::int32_t>(argument.size())) + argument;
    return message('F', body + int16(0));
}

std::string copy_data(std::string_view bytes) {
    return message('d', bytes);
}

std::string copy_done() {
    return message('c');
}

std::string copy_fail(std::string_view reason) {
    return message('f', text(reason));
}

std::string password(std::string_view value) {
    return message('p', text(value));
}

std::string terminate() {
    return message('X');
}

std::string extended(std::string_view sql, const std::vector<optional_text>& parameters) {
    return parse("", sql) + wire::bind("", "", parameters) + describe('P', "") + execute("");
}

} // namespace wire

namespace {

bool is_asynchronous(char type) {
    return type == 'S' || type == 'N' || type == 'A';
}

} // namespace

std::string letters(const std::vector<wire_message>& messages) {
    std::string result;
    for (const auto& message : messages)
        if (!is_asynchronous(message.type)) result += message.type;
    return result;
}

std::string field(const wire_message& message, char code) {
    std::size_t at = 0;
    while (at < message.body.size() && message.body[at] != '\0') {
        const auto end = message.body.find('\0', at + 1);
        if (end == std::string::npos) break;
        if (message.body[at] == code) return message.body.substr(at + 1, end - at - 1);
        at = end + 1;
    }
    return "";
}

const wire_message* find(const std::vector<wire_message>& messages, char type) {
    for (const auto& message : messages)
        if (message.type == type) return &message;
    return nullptr;
}

std::string sqlstate(const std::vector<wire_message>& messages) {
    const auto* error = find(messages, 'E');
    return error == nullptr ? "" : field(*error, 'C');
}

std::int32_t read_int32(std::string_view bytes, std::size_t offset) {
    std::uint32_t value = 0;
    for (std::size_t index = 0; index < 4; ++index)
        value = value << 8 | static_cast<unsigned char>(bytes.at(offset + index));
    return static_cast<std::int32_t>(value);
}

namespace {

std::size_t read_count(std::string_view bytes) {
    return static_cast<std::size_t>(static_cast<unsigned char>(bytes.at(0))) << 8 |
           static_cast<unsigned char>(bytes.at(1));
}

} // namespace

std::vector<wire::optional_text> columns(const wire_message& data_row) {
    std::vector<wire::optional_text> result;
    std::size_t at = 2;
    for (std::size_t left = read_count(data_row.body); left > 0; --left) {
        const auto length = read_int32(data_row.body, at);
        at += 4;
        if (length < 0) {
            result.emplace_back();
            continue;
        }
        result.emplace_back(data_row.body.substr(at, static_cast<std::size_t>(length)));
        at += static_cast<std::size_t>(length);
    }
    return result;
}

std::vector<std::string> first_columns(const std::vector<wire_message>& messages) {
    std::vector<std::string> result;
    for (const auto& message : messages)
        if (message.type == 'D') result.push_back(columns(message).at(0).value_or("(null)"));
    return result;
}

std::string statuses(const std::vector<wire_message>& messages) {
    std::string result;
    for (const auto& message : messages)
        if (message.type == 'Z') result += message.body;
    return result;
}

std::vector<std::string> tags(const std::vector<wire_message>& messages) {
    std::vector<std::string> result;
    for (const auto& message : messages)
        if (message.type == 'C') result.push_back(message.body.substr(0, message.body.find('\0')));
    return result;
}

std::vector<std::string> column_names(const wire_message& row_description) {
    std::vector<std::string> result;
    std::size_t at = 2;
    for (std::size_t left = read_count(row_description.body); left > 0; --left) {
        const auto end = row_description.body.find('\0', at);
        result.push_back(row_description.body.substr(at, end - at));
        at = end + 1 + 18;
    }
    return result;
}

} // namespace pgweir::test
