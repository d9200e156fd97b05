#include "proxy/config/address_range.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace pgweir {

namespace {

struct parsed_address {
    std::array<std::uint8_t, 16> bytes{};
    bool is_v4 = false;
};

std::optional<parsed_address> parse_address(std::string_view text) {
    // A zone ("fe80::1%eth0") says which link, not which address.
    const std::string copy{text.substr(0, text.find('%'))};
    parsed_address parsed;
    if (inet_pton(AF_INET6, copy.c_str(), parsed.bytes.data()) == 1) return parsed;
    std::array<std::uint8_t, 4> v4{};
    if (inet_pton(AF_INET, copy.c_str(), v4.data()) != 1) return {};
    parsed.is_v4 = true;
    parsed.bytes[10] = parsed.bytes[11] = 0xff;
    std::ranges::copy(v4, parsed.bytes.begin() + 12);
    return parsed;
}

} // namespace

bool address_range::contains(const std::array<std::uint8_t, 16>& address) const noexcept {
    const std::size_t whole = prefix_bits / 8;
    if (!std::equal(network.begin(), network.begin() + whole, address.begin())) return false;
    const unsigned rest = prefix_bits % 8;
    if (rest == 0) return true;
    const auto mask = static_cast<std::uint8_t>(0xff00U >> rest);
    return (network[whole] & mask) == (address[whole] & mask);
}

std::optional<address_range> parse_address_range(std::string_view text) {
    const auto slash = text.find('/');
    const auto address = parse_address(text.substr(0, slash));
    if (!address) return {};
    address_range range;
    range.network = address->bytes;
    if (slash == std::string_view::npos) return range;
    const auto digits = text.substr(slash + 1);
    unsigned bits = 0;
    const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (ec != std::errc{} || end != digits.data() + digits.size() ||
        bits > (address->is_v4 ? 32U : 128U))
        return {};
    range.prefix_bits = static_cast<std::uint8_t>(address->is_v4 ? bits + 96 : bits);
    return range;
}

bool is_within(std::span<const std::string> ranges, bool unix_socket, std::string_view address) {
    static const std::array<std::string, 2> loopback{"127.0.0.0/8", "::1"};
    const auto peer = parse_address(address);
    return std::ranges::any_of(ranges, [&](const std::string& one) {
        if (one == "all") return true;
        if (unix_socket) return one == "local";
        if (one == "local") return is_within(loopback, false, address);
        const auto range = parse_address_range(one);
        return range && peer && range->contains(peer->bytes);
    });
}

} // namespace pgweir
