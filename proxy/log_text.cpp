// The text of log lines: escaping, and the way from `sentence key=value: detail` to JSON (see
// log.hpp).
#include "proxy/log.hpp"

#include <algorithm>

namespace pgweir::log {

namespace {

void append(fmt::memory_buffer& out, std::string_view text) {
    out.append(text.data(), text.data() + text.size());
}

unsigned char byte_at(std::string_view text, std::size_t at) {
    return static_cast<unsigned char>(text[at]);
}

/// Length of the printable character at `at`: 1 for ASCII, 2 to 4 for well-formed UTF-8, 0 for
/// anything else. C1 controls (U+0080 to U+009F) steer terminals too and count as not printable.
std::size_t printable_length(std::string_view text, std::size_t at) {
    const auto first = byte_at(text, at);
    if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : 0;
    std::size_t length = 0;
    if (first >= 0xc2 && first <= 0xdf)
        length = 2;
    else if (first >= 0xe0 && first <= 0xef)
        length = 3;
    else if (first >= 0xf0 && first <= 0xf4)
        length = 4;
    if (length == 0 || at + length > text.size()) return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte_at(text, at + i) & 0xc0U) != 0x80) return 0;
    }
    const auto second = byte_at(text, at + 1);
    const bool control = first == 0xc2 && second < 0xa0;
    const bool too_long = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
    const bool outside = (first == 0xed && second > 0x9f) || (first == 0xf4 && second > 0x8f);
    return control || too_long || outside ? 0 : length;
}

bool is_key_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/// Length of the key if `text` begins with `key=`, else 0.
std::size_t key_length(std::string_view text) {
    std::size_t length = 0;
    while (length < text.size() && is_key_character(text[length]))
        ++length;
    return length < text.size() && text[length] == '=' ? length : 0;
}

/// Takes a value off the front of `rest`: in quotes (escapes undone), or bare up to the next blank.
/// A bare value that ends in a colon is followed by the detail: `ends` becomes true.
std::string take_value(std::string_view& rest, bool& ends) {
    std::string value;
    std::size_t at = 0;
    if (rest.starts_with('"')) {
        for (at = 1; at < rest.size() && rest[at] != '"'; ++at) {
            if (rest[at] == '\\' && at + 1 < rest.size() &&
                (rest[at + 1] == '"' || rest[at + 1] == '\\'))
                ++at;
            value += rest[at];
        }
        at = std::min(at + 1, rest.size());
        ends = rest.substr(at).starts_with(':');
        if (ends) ++at;
    } else {
        at = std::min(rest.find(' '), rest.size());
        value = rest.substr(0, at);
        ends = value.size() > 1 && value.ends_with(':') && at < rest.size();
        if (ends) value.pop_back();
    }
    rest.remove_prefix(at);
    if (rest.starts_with(' ')) rest.remove_prefix(1);
    return value;
}

} // namespace

void append_escaped(fmt::memory_buffer& out, std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const auto length = printable_length(text, at);
        if (length == 0)
            fmt::format_to(fmt::appender(out), "\\x{:02x}", byte_at(text, at));
        else
            append(out, text.substr(at, length));
        at += std::max<std::size_t>(length, 1);
    }
}

void append_quoted(fmt::memory_buffer& out, std::string_view text) {
    const bool bare = !text.empty() && std::ranges::none_of(text, [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte <= 0x20 || byte == 0x7f || byte >= 0x80 || c == '"' || c == '\\' || c == '=' ||
               c == ':';
    });
    if (bare) {
        append(out, text);
        return;
    }
    append(out, "\"");
    while (!text.empty()) {
        const auto special = std::min(text.find_first_of("\"\\"), text.size());
        append_escaped(out, text.substr(0, special));
        if (special == text.size()) break;
        append(out, "\\");
        append(out, text.substr(special, 1));
        text.remove_prefix(special + 1);
    }
    append(out, "\"");
}

void append_json(fmt::memory_buffer& out, std::string_view text) {
    append(out, "\"");
    for (std::size_t at = 0; at < text.size();) {
        const auto length = printable_length(text, at);
        const char c = text[at];
        if (c == '"' || c == '\\') {
            append(out, "\\");
            append(out, text.substr(at, 1));
        } else if (length != 0) {
            append(out, text.substr(at, length));
        } else {
            // A byte that is no character stands as the character of that number.
            fmt::format_to(fmt::appender(out), "\\u{:04x}", byte_at(text, at));
        }
        at += std::max<std::size_t>(length, 1);
    }
    append(out, "\"");
}

void append_json_members(fmt::memory_buffer& out, std::string_view line) {
    std::size_t start = 0;
    while (start < line.size() && key_length(line.substr(start)) == 0) {
        start = std::min(line.find(' ', start), line.size() - 1) + 1;
    }
    auto event = line.substr(0, start);
    if (event.ends_with(' ')) event.remove_suffix(1);
    append(out, ",\"event\":");
    append_json(out, event);
    auto rest = line.substr(start);
    bool ends = false;
    while (!ends) {
        const auto length = key_length(rest);
        if (length == 0) break;
        const auto key = rest.substr(0, length);
        rest.remove_prefix(length + 1);
        const auto value = take_value(rest, ends);
        append(out, ",");
        append_json(out, key);
        append(out, ":");
        append_json(out, value);
    }
    if (rest.empty()) return;
    append(out, ",\"detail\":");
    append_json(out, rest);
}

} // namespace pgweir::log
