// Networks in settings such as admin_from: "10.0.0.0/8", "fd00::/8", a single address, `local`,
// `all`.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pgweir {

/// IPv4 addresses are held as IPv4-mapped IPv6 ones, so that both compare alike.
struct address_range {
    std::array<std::uint8_t, 16> network{};
    std::uint8_t prefix_bits = 128;

    [[nodiscard]] bool contains(const std::array<std::uint8_t, 16>& address) const noexcept;
};

/// "address" or "address/bits"; empty if it is neither.
[[nodiscard]] std::optional<address_range> parse_address_range(std::string_view text);

/// Whether a peer is within a list of ranges and of the words `local` (Unix socket or loopback) and
/// `all`. `address`: numeric, without port; ignored for Unix sockets.
[[nodiscard]] bool
is_within(std::span<const std::string> ranges, bool unix_socket, std::string_view address);

} // namespace pgweir
