// The text form of each type of setting: reading it with limits, writing it so that it reads back
// the same, and saying in words what is allowed. One overload per type of field in settings.hpp.
#pragma once

#include "proxy/config/settings.hpp"

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pgweir {

/// A value before its type is known, from a file, the command line or the environment.
struct raw_value {
    enum class kind : std::uint8_t { text, number, boolean, list };
    kind form = kind::text;
    std::string text;               // unless a list
    std::vector<std::string> items; // of a list
};

/// What a value may be, in its base unit: a number, bytes, milliseconds.
struct value_limits {
    std::uint64_t min = 0;
    std::uint64_t max = std::numeric_limits<std::uint64_t>::max();
    bool or_zero = false; // 0 is allowed too, though below min
    /// How a list given as one text is cut.
    char separator = ',';
};

/// Each returns an empty text and sets `out`, or says what is allowed ("is not …; …") and leaves
/// `out` alone.
using parse_error = std::string;
[[nodiscard]] parse_error parse_value(const raw_value& raw, const value_limits& limits, bool& out);
[[nodiscard]] parse_error
parse_value(const raw_value& raw, const value_limits& limits, std::uint16_t& out);
[[nodiscard]] parse_error
parse_value(const raw_value& raw, const value_limits& limits, std::uint32_t& out);
[[nodiscard]] parse_error
parse_value(const raw_value& raw, const value_limits& limits, std::uint64_t& out);
[[nodiscard]] parse_error
parse_value(const raw_value& raw, const value_limits& limits, file_mode& out);
[[nodiscard]] parse_error
parse_value(const raw_value& raw, const value_limits& limits, byte_count& out);
[[nodiscard]] parse_error
parse_value(const raw_value& raw, const value_limits& limits, std::chrono::milliseconds& out);
[[nodiscard]] parse_error
parse_value(const raw_value& raw, const value_limits& limits, std::string& out);
[[nodiscard]] parse_error
parse_value(const raw_value& raw, const value_limits& limits, secret& out);
[[nodiscard]] parse_error
parse_value(const raw_value& raw, const value_limits& limits, std::vector<std::string>& out);
[[nodiscard]] parse_error
parse_value(const raw_value& raw, const value_limits& limits, std::vector<node_setting>& out);
[[nodiscard]] parse_error parse_value(const raw_value& raw,
                                      const value_limits& limits,
                                      std::vector<redirect_preference>& out);
[[nodiscard]] parse_error
parse_value(const raw_value& raw, const value_limits& limits, consistency_setting& out);

/// The text of a value, as parse_value reads it. Secrets come out masked.
[[nodiscard]] std::string format_value(bool value);
[[nodiscard]] std::string format_value(std::uint64_t value);
[[nodiscard]] inline std::string format_value(std::uint16_t value) {
    return format_value(std::uint64_t{value});
}
[[nodiscard]] inline std::string format_value(std::uint32_t value) {
    return format_value(std::uint64_t{value});
}
[[nodiscard]] std::string format_value(file_mode value);
[[nodiscard]] std::string format_value(byte_count value);
[[nodiscard]] std::string format_value(std::chrono::milliseconds value);
[[nodiscard]] std::string format_value(const std::string& value);
[[nodiscard]] std::string format_value(const secret& value);
[[nodiscard]] std::string format_value(const std::vector<std::string>& value, char separator = ',');
[[nodiscard]] std::string format_value(const std::vector<node_setting>& value);
[[nodiscard]] std::string format_value(const std::vector<redirect_preference>& value);
[[nodiscard]] std::string format_value(const consistency_setting& value);

/// "host:port", with brackets around an IPv6 address: a node's name for people.
[[nodiscard]] std::string node_name(const node_setting& node);

template <class Enum> using word_list = std::span<const std::pair<std::string_view, Enum>>;

[[nodiscard]] word_list<pool_mode> words_of(pool_mode);
[[nodiscard]] word_list<auth_method> words_of(auth_method);
[[nodiscard]] word_list<tls_mode> words_of(tls_mode);
[[nodiscard]] word_list<ldap_certificates> words_of(ldap_certificates);
[[nodiscard]] word_list<tls_version> words_of(tls_version);
[[nodiscard]] word_list<tls_negotiation> words_of(tls_negotiation);
[[nodiscard]] word_list<channel_binding_use> words_of(channel_binding_use);
[[nodiscard]] word_list<log_level> words_of(log_level);
[[nodiscard]] word_list<log_format> words_of(log_format);
[[nodiscard]] word_list<forced_route> words_of(forced_route);
[[nodiscard]] word_list<ready_condition> words_of(ready_condition);
[[nodiscard]] word_list<primary_reads> words_of(primary_reads);

template <class T>
concept word_setting = requires(T value) { words_of(value); };

template <word_setting Enum> [[nodiscard]] std::string allowed_words() {
    std::string all;
    for (const auto& [word, value] : words_of(Enum{})) {
        if (!all.empty()) all += ", ";
        all += word;
    }
    return all;
}

template <word_setting Enum>
[[nodiscard]] parse_error parse_value(const raw_value& raw, const value_limits&, Enum& out) {
    for (const auto& [word, value] : words_of(Enum{})) {
        if (raw.form == raw_value::kind::text && raw.text == word) {
            out = value;
            return {};
        }
    }
    return "must be one of " + allowed_words<Enum>();
}

template <word_setting Enum> [[nodiscard]] std::string format_value(Enum wanted) {
    for (const auto& [word, value] : words_of(wanted)) {
        if (value == wanted) return std::string{word};
    }
    return {};
}

/// Name of the type and what it takes, for the reference and for messages: "duration, 1ms to 1h".
[[nodiscard]] std::string allowed_number(const value_limits& limits);
[[nodiscard]] std::string allowed_bytes(const value_limits& limits);
[[nodiscard]] std::string allowed_duration(const value_limits& limits);

} // namespace pgweir
