#include "proxy/access/proxy_header.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace pgweir {

namespace {

using std::string_view_literals::operator""sv;
using state = proxy_header_state;

constexpr auto signature_v1 = "PROXY "sv;
constexpr std::size_t longest_v1 = 107;
constexpr auto signature_v2 = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::size_t fixed_v2 = 16;
constexpr unsigned char checksum_extension = 0x03;

std::string with_port(const std::string& address, unsigned port) {
    const auto number = std::to_string(port);
    const bool is_v6 = address.find(':') != std::string::npos;
    return is_v6 ? "[" + address + "]:" + number : address + ":" + number;
}

/// The text of an address, as everywhere else in the log; empty if it is none of this family.
std::string normal_text(int family, const std::string& text) {
    std::array<unsigned char, 16> bytes{};
    std::array<char, INET6_ADDRSTRLEN> made{};
    if (::inet_pton(family, text.c_str(), bytes.data()) != 1) return {};
    return ::inet_ntop(family, bytes.data(), made.data(), made.size());
}

std::optional<unsigned> port_of(std::string_view text) {
    unsigned value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc{} || end != text.data() + text.size() || value > 65'535) return {};
    return value;
}

/// Takes the text up to the next blank.
std::string_view take_word(std::string_view& rest) {
    const auto end = rest.find(' ');
    const auto word = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    return word;
}

// PROXY TCP4 192.0.2.1 192.0.2.9 40000 5432
state read_v1(std::string_view bytes, proxy_header& out) {
    const auto end = bytes.substr(0, longest_v1).find("\r\n");
    if (end == std::string_view::npos)
        return bytes.size() >= longest_v1 ? state::malformed : state::incomplete;
    out.size = end + 2;
    out.peer.clear();
    auto rest = bytes.substr(signature_v1.size(), end - signature_v1.size());
    const auto family = take_word(rest);
    if (family == "UNKNOWN") return state::complete;
    if (family != "TCP4" && family != "TCP6") return state::malformed;
    const int number = family == "TCP4" ? AF_INET : AF_INET6;
    const auto source = normal_text(number, std::string{take_word(rest)});
    const auto destination = normal_text(number, std::string{take_word(rest)});
    const auto source_port = port_of(take_word(rest));
    const auto destination_port = port_of(rest);
    if (source.empty() || destination.empty() || !source_port || !destination_port)
        return state::malformed;
    out.peer = with_port(source, *source_port);
    return state::complete;
}

unsigned byte_at(std::string_view bytes, std::size_t at) {
    return static_cast<unsigned char>(bytes[at]);
}

unsigned number_at(std::string_view bytes, std::size_t at) {
    return byte_at(bytes, at) << 8U | byte_at(bytes, at + 1);
}

/// CRC-32C, reflected, as RFC 4960 has it; the checksum's own place counts as zeros.
std::uint32_t checksum(std::string_view header, std::size_t place) {
    std::uint32_t crc = 0xffff'ffffU;
    for (std::size_t i = 0; i < header.size(); ++i) {
        crc ^= i >= place && i < place + 4 ? 0U : byte_at(header, i);
        for (int bit = 0; bit < 8; ++bit)
            crc = crc >> 1U ^ (0x82f6'3b78U & (0U - (crc & 1U)));
    }
    return ~crc;
}

/// What follows the addresses is passed over; a checksum among it must fit.
bool extensions_are_sound(std::string_view header, std::size_t at) {
    while (at < header.size()) {
        if (header.size() - at < 3) return false;
        const auto type = byte_at(header, at);
        const std::size_t size = number_at(header, at + 1);
        const auto value = at + 3;
        if (header.size() - value < size) return false;
        if (type == checksum_extension) {
            if (size != 4) return false;
            const auto told =
                std::uint32_t{number_at(header, value)} << 16U | number_at(header, value + 2);
            if (told != checksum(header, value)) return false;
        }
        at = value + size;
    }
    return true;
}

/// The bytes that a family's addresses take; none: a family that PostgreSQL is not spoken over.
std::optional<std::size_t> addresses_of(unsigned family) {
    switch (family) {
    case 0x00: // not specified
        return 0;
    case 0x11: // TCP over IPv4: two addresses and two ports
        return 12;
    case 0x21: // TCP over IPv6
        return 36;
    case 0x31: // Unix stream sockets: two paths
        return 216;
    default:
        return {};
    }
}

std::string peer_in(std::string_view header, unsigned family) {
    const bool is_v4 = family == 0x11;
    if (!is_v4 && family != 0x21) return {};
    std::array<char, INET6_ADDRSTRLEN> text{};
    ::inet_ntop(is_v4 ? AF_INET : AF_INET6, header.data() + fixed_v2, text.data(), text.size());
    return with_port(text.data(), number_at(header, fixed_v2 + (is_v4 ? 8U : 32U)));
}

state read_v2(std::string_view bytes, proxy_header& out) {
    if (bytes.size() < fixed_v2) return state::incomplete;
    const auto version_and_command = byte_at(bytes, 12);
    const auto family = byte_at(bytes, 13);
    const auto size = fixed_v2 + number_at(bytes, 14);
    const bool is_local = version_and_command == 0x20;
    if (!is_local && version_and_command != 0x21) return state::malformed;
    if (size > longest_proxy_header) return state::malformed;
    if (bytes.size() < size) return state::incomplete;
    const auto header = bytes.substr(0, size);
    out.size = size;
    out.peer.clear();
    if (is_local) return state::complete; // whatever its family says
    const auto addresses = addresses_of(family);
    if (!addresses || size - fixed_v2 < *addresses) return state::malformed;
    // Without a family nothing is known of the rest either.
    if (family != 0 && !extensions_are_sound(header, fixed_v2 + *addresses))
        return state::malformed;
    out.peer = peer_in(header, family);
    return state::complete;
}

} // namespace

proxy_header_state read_proxy_header(std::string_view bytes, proxy_header& out) {
    const auto begins = [&](std::string_view signature) {
        const auto common = std::min(bytes.size(), signature.size());
        return bytes.substr(0, common) == signature.substr(0, common);
    };
    if (begins(signature_v2))
        return bytes.size() < signature_v2.size() ? state::incomplete : read_v2(bytes, out);
    if (begins(signature_v1))
        return bytes.size() < signature_v1.size() ? state::incomplete : read_v1(bytes, out);
    return state::malformed;
}

std::string application_name_with(std::string_view name, std::string_view peer) {
    constexpr std::size_t kept = 63;
    if (name.empty()) name = "app";
    const auto suffix = " - " + std::string{peer};
    const auto room = suffix.size() < kept ? kept - suffix.size() : 0;
    auto shown = std::string{name.substr(0, room)};
    // Not in the middle of a character.
    if (shown.size() < name.size()) {
        while (!shown.empty() && (static_cast<unsigned char>(name[shown.size()]) & 0xc0U) == 0x80U)
            shown.pop_back();
    }
    return shown + suffix;
}

} // namespace pgweir
