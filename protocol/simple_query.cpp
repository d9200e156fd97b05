#include "protocol/simple_query.hpp"

#include <charconv>

namespace pgweir::protocol {

result<query> decode_query(std::string_view body) {
    wire_reader in{body};
    const query message{in.string()};
    if (const auto ec = in.finish()) return ec;
    return message;
}

result<terminate> decode_terminate(std::string_view body) {
    if (const auto ec = wire_reader{body}.finish()) return ec;
    return terminate{};
}

result<command_complete> decode_command_complete(std::string_view body) {
    wire_reader in{body};
    const command_complete message{in.string()};
    if (const auto ec = in.finish()) return ec;
    return message;
}

result<empty_query_response> decode_empty_query_response(std::string_view body) {
    if (const auto ec = wire_reader{body}.finish()) return ec;
    return empty_query_response{};
}

result<ready_for_query> decode_ready_for_query(std::string_view body) {
    wire_reader in{body};
    const char letter = in.byte1();
    if (const auto ec = in.finish()) return ec;
    if (!is_transaction_status(letter)) return decode_errc::bad_value;
    return ready_for_query{static_cast<transaction_status>(letter)};
}

void encode(const query& message, std::string& out) {
    wire_writer to{out, query::type};
    to.string(message.text);
    to.finish();
}

void encode(const terminate& /*message*/, std::string& out) {
    encode_empty(terminate::type, out);
}

void encode(const command_complete& message, std::string& out) {
    wire_writer to{out, command_complete::type};
    to.string(message.tag);
    to.finish();
}

void encode(const empty_query_response& /*message*/, std::string& out) {
    encode_empty(empty_query_response::type, out);
}

void encode(const ready_for_query& message, std::string& out) {
    wire_writer to{out, ready_for_query::type};
    to.byte1(static_cast<char>(message.status));
    to.finish();
}

std::optional<std::uint64_t> row_count(std::string_view tag) noexcept {
    const auto blank = tag.rfind(' ');
    if (blank == std::string_view::npos) return std::nullopt;
    std::uint64_t count = 0;
    const auto digits = tag.substr(blank + 1);
    const char* const begin = digits.data();
    const char* const end = begin + digits.size();
    const auto [stop, ec] = std::from_chars(begin, end, count);
    if (ec != std::errc{} || stop != end) return std::nullopt;
    return count;
}

} // namespace pgweir::protocol
