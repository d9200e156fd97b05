// Log lines: `spdlog::info("client logged in peer={} user={}", peer, log::quoted(user))` anywhere,
// on any thread. A line is a sentence, then key=value pairs, then perhaps `: detail`. It goes to
// standard error, as text or as JSON. Nothing is formatted while its level is off. Text that a peer
// chose goes through `quoted`.
#pragma once

#include "proxy/config/settings.hpp"

#include <spdlog/fmt/fmt.h>

#include <memory>
#include <string>
#include <string_view>

namespace spdlog {
class formatter;
}

namespace pgweir {

struct settings_message;

namespace log {

/// Makes the logger that all lines go to. Once, before there are threads.
void set_up(log_level level, log_format format);
/// Any thread, any time.
void set_level(log_level level);
/// One line for what was noted while settings were read.
void write(const settings_message& message);

/// Untrusted text as one value: bare if that is unmistakable, else in quotes with escapes. Refers
/// to the text, so it is for use within a logging call only.
struct quoted {
    explicit quoted(std::string_view value) : text{value} {}
    std::string_view text;
};

/// `text` with control characters and what is no UTF-8 as \xNN, so that it can neither end a line
/// nor steer a terminal.
void append_escaped(fmt::memory_buffer& out, std::string_view text);
void append_quoted(fmt::memory_buffer& out, std::string_view text);
/// A JSON string with its quotes.
void append_json(fmt::memory_buffer& out, std::string_view text);
/// The members `,"event":…,"key":…,"detail":…` that a line's text becomes in JSON.
void append_json_members(fmt::memory_buffer& out, std::string_view line);

[[nodiscard]] std::unique_ptr<spdlog::formatter> make_formatter(log_format format);

} // namespace log
} // namespace pgweir

template <> struct fmt::formatter<pgweir::log::quoted> : fmt::formatter<fmt::string_view> {
    template <class Context> auto format(const pgweir::log::quoted& value, Context& context) const {
        fmt::memory_buffer out;
        pgweir::log::append_quoted(out, value.text);
        return fmt::format_to(context.out(), "{}", fmt::string_view{out.data(), out.size()});
    }
};
