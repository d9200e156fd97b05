#include "protocol/startup.hpp"

#include "protocol/session_parameters.hpp"

#include <algorithm>
#include <ranges>

namespace pgweir::protocol {
namespace {

constexpr std::uint32_t special_code(std::uint32_t low) {
    return 1234U << 16U | low;
}
constexpr std::uint32_t cancel_request_code = special_code(5678);
constexpr std::uint32_t ssl_request_code = special_code(5679);
constexpr std::uint32_t gssenc_request_code = special_code(5680);

void encode_code(std::uint32_t code, std::string& out) {
    wire_writer to{out};
    to.uint32(code);
    to.finish();
}

result<startup_packet> decode_startup_message(protocol_version version, wire_reader in) {
    startup_message message{version, {}};
    if (version.major() != 3) return message;
    message.parameters.reserve(8); // most clients send fewer
    for (;;) {
        const auto name = in.string();
        if (name.empty()) break;
        message.parameters.push_back({name, in.string()});
    }
    if (const auto ec = in.finish()) return ec;
    return message;
}

result<startup_packet> decode_cancel_request(wire_reader in) {
    cancel_request message;
    message.process_id = in.int32();
    message.secret_key = in.remainder();
    if (const auto ec = in.finish()) return ec;
    const auto size = message.secret_key.size();
    if (size < min_secret_key_size || size > max_secret_key_size) return decode_errc::bad_length;
    return message;
}

bool is_blank(char c) noexcept {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

std::vector<std::string> split_words(std::string_view text) {
    std::vector<std::string> words;
    for (std::size_t i = 0; i < text.size();) {
        if (is_blank(text[i])) {
            ++i;
            continue;
        }
        std::string word;
        for (; i < text.size() && !is_blank(text[i]); ++i) {
            // A backslash at the very end stands for nothing, as in PostgreSQL.
            if (text[i] == '\\') {
                ++i;
                if (i == text.size()) break;
            }
            word.push_back(text[i]);
        }
        words.push_back(std::move(word));
    }
    return words;
}

} // namespace

std::optional<std::string_view> startup_message::find(std::string_view name) const noexcept {
    for (const auto& parameter : std::views::reverse(parameters))
        if (parameter.name == name) return parameter.value;
    return std::nullopt;
}

result<std::size_t> startup_packet_size(std::string_view bytes, std::size_t limit) {
    if (bytes.size() < 4) return std::size_t{0};
    const std::size_t size = load_uint32(bytes.data());
    if (size < 8) return decode_errc::bad_length;
    if (size > limit) return decode_errc::too_long;
    return size;
}

result<startup_packet> decode_startup_packet(std::string_view body) {
    wire_reader in{body};
    const auto code = in.uint32();
    if (!in.ok()) return in.finish();
    switch (code) {
    case cancel_request_code:
        return decode_cancel_request(in);
    case ssl_request_code:
        if (const auto ec = in.finish()) return ec;
        return ssl_request{};
    case gssenc_request_code:
        if (const auto ec = in.finish()) return ec;
        return gssenc_request{};
    default:
        return decode_startup_message(protocol_version{code}, in);
    }
}

result<negotiate_protocol_version> decode_negotiate_protocol_version(std::string_view body) {
    wire_reader in{body};
    negotiate_protocol_version message;
    message.newest.value = in.uint32();
    const auto count = in.int32();
    if (count < 0) in.fail(decode_errc::bad_length);
    // One option takes a byte at least, so the body bounds the loop whatever the count says.
    for (std::int32_t i = 0; i < count && in.ok(); ++i)
        message.unrecognized_options.push_back(in.string());
    if (const auto ec = in.finish()) return ec;
    return message;
}

void encode(const startup_message& message, std::string& out) {
    wire_writer to{out};
    to.uint32(message.version.value);
    for (const auto& parameter : message.parameters) {
        to.string(parameter.name);
        to.string(parameter.value);
    }
    to.byte1('\0');
    to.finish();
}

void encode(const ssl_request& /*message*/, std::string& out) {
    encode_code(ssl_request_code, out);
}

void encode(const gssenc_request& /*message*/, std::string& out) {
    encode_code(gssenc_request_code, out);
}

void encode(const cancel_request& message, std::string& out) {
    wire_writer to{out};
    to.uint32(cancel_request_code);
    to.int32(message.process_id);
    to.bytes(message.secret_key);
    to.finish();
}

void encode(const negotiate_protocol_version& message, std::string& out) {
    wire_writer to{out, negotiate_protocol_version::type};
    to.uint32(message.newest.value);
    to.int32(static_cast<std::int32_t>(message.unrecognized_options.size()));
    for (const auto option : message.unrecognized_options)
        to.string(option);
    to.finish();
}

result<std::vector<std::pair<std::string, std::string>>> split_options(std::string_view options) {
    std::vector<std::pair<std::string, std::string>> parameters;
    const auto words = split_words(options);
    for (std::size_t i = 0; i < words.size(); ++i) {
        std::string_view assignment = words[i];
        if (assignment == "-c") {
            if (++i == words.size()) return decode_errc::bad_value;
            assignment = words[i];
        } else if (assignment.starts_with("-c") || assignment.starts_with("--")) {
            assignment.remove_prefix(2);
        } else {
            return decode_errc::bad_value;
        }
        const auto equals = assignment.find('=');
        if (equals == 0 || equals == std::string_view::npos) return decode_errc::bad_value;
        std::string name{assignment.substr(0, equals)};
        std::ranges::replace(name, '-', '_');
        parameters.emplace_back(std::move(name), std::string{assignment.substr(equals + 1)});
    }
    return parameters;
}

} // namespace pgweir::protocol
