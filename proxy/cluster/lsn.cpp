#include "proxy/cluster/lsn.hpp"

#include <charconv>
#include <cstdio>

namespace pgweir {
namespace {

std::optional<std::uint32_t> parse_half(std::string_view text) {
    if (text.empty() || text.size() > 8) return std::nullopt;
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

} // namespace

std::optional<lsn> parse_lsn(std::string_view text) {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const auto high = parse_half(text.substr(0, slash));
    const auto low = parse_half(text.substr(slash + 1));
    if (!high || !low) return std::nullopt;
    return lsn{std::uint64_t{*high} << 32U | *low};
}

std::string to_string(lsn value) {
    char text[2 * 8 + 2]; // two halves, a slash, a zero
    const int length =
        std::snprintf(text, sizeof text, "%X/%X", static_cast<unsigned>(value.value >> 32U),
                      static_cast<unsigned>(value.value & 0xFFFFFFFFU));
    return {text, static_cast<std::size_t>(length)};
}

} // namespace pgweir
