#include "proxy/cluster/lsn.hpp"

#include <array>
#include <charconv>
#include <cstddef>

namespace pgweir {

namespace {

constexpr std::size_t half_digits = 8;
constexpr unsigned half_bits = 32;

std::optional<std::uint32_t> parse_half(std::string_view text) {
    if (text.empty() || text.size() > half_digits) return std::nullopt;
    std::uint32_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, failure] = std::from_chars(text.data(), end, value, 16);
    if (failure != std::errc{} || stop != end) return std::nullopt;
    return value;
}

} // namespace

std::optional<lsn> parse_lsn(std::string_view text) {
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const auto high = parse_half(text.substr(0, slash));
    const auto low = parse_half(text.substr(slash + 1));
    if (!high || !low) return std::nullopt;
    return lsn{std::uint64_t{*high} << half_bits | *low};
}

std::string to_string(lsn value) {
    const auto upper_hex = [](std::uint64_t half, std::string& out) {
        std::array<char, half_digits> digits{};
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), half, 16).ptr;
        for (const char* digit = digits.data(); digit != end; ++digit)
            out += *digit >= 'a' ? static_cast<char>(*digit - 'a' + 'A') : *digit;
    };
    std::string text;
    upper_hex(value.value >> half_bits, text);
    text += '/';
    upper_hex(value.value & 0xffffffffU, text);
    return text;
}

} // namespace pgweir
