#include "proxy/config/values.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <optional>

namespace pgweir {

namespace {

struct unit {
    std::string_view name;
    std::uint64_t factor;
};

constexpr std::array<unit, 6> duration_units{
    {{"ms", 1}, {"s", 1000}, {"min", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}, {"m", 60'000}}};
constexpr std::array<unit, 5> byte_units{
    {{"B", 1}, {"kB", 1ULL << 10}, {"MB", 1ULL << 20}, {"GB", 1ULL << 30}, {"TB", 1ULL << 40}}};

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
        text.remove_suffix(1);
    return text;
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc{} || end != text.data() + text.size()) return {};
    return value;
}

bool within(std::uint64_t value, const value_limits& limits) {
    return (value >= limits.min && value <= limits.max) || (limits.or_zero && value == 0);
}

/// "12 kB" in base units; empty if malformed, too large, or without a unit (except 0).
template <std::size_t N>
std::optional<std::uint64_t> with_unit(std::string_view text, const std::array<unit, N>& units) {
    text = trim(text);
    if (text == "0") return 0;
    std::uint64_t value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc{}) return {};
    const auto suffix = trim(text.substr(static_cast<std::size_t>(end - text.data())));
    for (const auto& unit : units) {
        if (suffix != unit.name) continue;
        if (value > std::numeric_limits<std::int64_t>::max() / unit.factor) return {};
        return value * unit.factor;
    }
    return {};
}

/// In the largest unit that divides it.
template <std::size_t N>
std::string in_units(std::uint64_t value, const std::array<unit, N>& units) {
    const unit* best = units.data();
    for (const auto& unit : units) {
        if (value % unit.factor == 0 && unit.factor > best->factor) best = &unit;
    }
    if (value == 0) return "0";
    return std::to_string(value / best->factor) + std::string{best->name};
}

template <class Number>
parse_error parse_number(const raw_value& raw, const value_limits& limits, Number& out) {
    auto clipped = limits;
    clipped.max = std::min<std::uint64_t>(limits.max, std::numeric_limits<Number>::max());
    const auto value = whole_number(trim(raw.text));
    const bool scalar = raw.form == raw_value::kind::text || raw.form == raw_value::kind::number;
    if (!scalar || !value || !within(*value, clipped)) return "must be " + allowed_number(clipped);
    out = static_cast<Number>(*value);
    return {};
}

std::string range(const value_limits& limits, std::string (*show)(std::uint64_t)) {
    std::string text = limits.or_zero ? "0 or " : "";
    if (limits.max == std::numeric_limits<std::uint64_t>::max()) {
        return limits.min == 0 ? std::string{} : text + "at least " + show(limits.min);
    }
    return text + "from " + show(limits.min) + " to " + show(limits.max);
}

std::string
with_range(std::string_view what, const value_limits& limits, std::string (*show)(std::uint64_t)) {
    const auto allowed = range(limits, show);
    return allowed.empty() ? std::string{what} : std::string{what} + ", " + allowed;
}

} // namespace

std::string allowed_number(const value_limits& limits) {
    return with_range("a whole number", limits, [](std::uint64_t v) { return std::to_string(v); });
}
std::string allowed_bytes(const value_limits& limits) {
    return with_range("a size such as 64kB, 16MB or 1GB", limits,
                      [](std::uint64_t v) { return in_units(v, byte_units); });
}
std::string allowed_duration(const value_limits& limits) {
    return with_range("a duration such as 500ms, 5s, 2min, 1h or 1d", limits,
                      [](std::uint64_t v) { return in_units(v, duration_units); });
}

parse_error parse_value(const raw_value& raw, const value_limits&, bool& out) {
    constexpr std::array<std::string_view, 4> yes{"true", "on", "yes", "1"};
    constexpr std::array<std::string_view, 4> no{"false", "off", "no", "0"};
    for (std::size_t i = 0; i < yes.size() && raw.form != raw_value::kind::list; ++i) {
        if (raw.text != yes[i] && raw.text != no[i]) continue;
        out = raw.text == yes[i];
        return {};
    }
    return "must be true or false (or on/off, yes/no, 1/0)";
}

parse_error parse_value(const raw_value& raw, const value_limits& limits, std::uint16_t& out) {
    return parse_number(raw, limits, out);
}
parse_error parse_value(const raw_value& raw, const value_limits& limits, std::uint32_t& out) {
    return parse_number(raw, limits, out);
}
parse_error parse_value(const raw_value& raw, const value_limits& limits, std::uint64_t& out) {
    return parse_number(raw, limits, out);
}

parse_error parse_value(const raw_value& raw, const value_limits&, file_mode& out) {
    const auto text = trim(raw.text);
    std::uint32_t value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value, 8);
    if (raw.form == raw_value::kind::list || ec != std::errc{} ||
        end != text.data() + text.size() || value > 0777) {
        return "must be permission bits in octal, from 0000 to 0777";
    }
    out.value = value;
    return {};
}

parse_error parse_value(const raw_value& raw, const value_limits& limits, byte_count& out) {
    auto value = with_unit(raw.text, byte_units);
    if (!value) value = whole_number(trim(raw.text));
    if (raw.form == raw_value::kind::list || !value || !within(*value, limits))
        return "must be " + allowed_bytes(limits);
    out.value = *value;
    return {};
}

parse_error
parse_value(const raw_value& raw, const value_limits& limits, std::chrono::milliseconds& out) {
    const auto value = with_unit(raw.text, duration_units);
    if (raw.form == raw_value::kind::list || !value || !within(*value, limits)) {
        const bool bare =
            raw.form != raw_value::kind::list && whole_number(trim(raw.text)).value_or(0) != 0;
        return std::string{bare ? "needs a unit: " : ""} + "must be " + allowed_duration(limits);
    }
    out = std::chrono::milliseconds{static_cast<std::int64_t>(*value)};
    return {};
}

parse_error parse_value(const raw_value& raw, const value_limits&, std::string& out) {
    if (raw.form != raw_value::kind::text) return "must be a text in quotes";
    if (raw.text.find('\0') != std::string::npos) return "must not contain a zero byte";
    out = raw.text;
    return {};
}

parse_error parse_value(const raw_value& raw, const value_limits& limits, secret& out) {
    return parse_value(raw, limits, out.value);
}

std::string format_value(bool value) {
    return value ? "true" : "false";
}
std::string format_value(std::uint64_t value) {
    return std::to_string(value);
}
std::string format_value(file_mode value) {
    std::string digits = "0000";
    for (std::size_t i = 0; i < 3; ++i)
        digits[3 - i] = static_cast<char>('0' + ((value.value >> (3 * i)) & 7));
    return digits;
}
std::string format_value(byte_count value) {
    return in_units(value.value, byte_units);
}
std::string format_value(std::chrono::milliseconds value) {
    return in_units(static_cast<std::uint64_t>(value.count()), duration_units);
}
std::string format_value(const std::string& value) {
    return value;
}
std::string format_value(const secret& value) {
    return value.empty() ? "" : "******";
}

} // namespace pgweir
