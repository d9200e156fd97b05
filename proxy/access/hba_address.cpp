#include "proxy/access/hba_address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>

namespace pgweir {

namespace {

constexpr std::array<std::uint8_t, 12> v4_mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

template <class T>
boost::system::result<T, std::string> wrong(std::string_view before, std::string_view text) {
    return {boost::system::in_place_error, std::string{before} + "\"" + std::string{text} + "\""};
}

bool equal_ignoring_case(std::string_view one, std::string_view other) {
    const auto lower = [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    };
    return std::ranges::equal(one, other, {}, lower, lower);
}

/// "10.0.0.1", without a needless zero: what inet_pton(3) takes, at every login.
bool parse_dotted(std::string_view text, std::uint8_t* bytes) {
    const char* at = text.data();
    const char* const end = at + text.size();
    for (unsigned i = 0; i < 4; ++i) {
        if (i != 0 && (at == end || *at++ != '.')) return false;
        const auto [next, ec] = std::from_chars(at, end, bytes[i]);
        if (ec != std::errc{} || (*at == '0' && next - at > 1)) return false;
        at = next;
    }
    return at == end;
}

/// An address as it is written: an IPv4-mapped one stays IPv6.
std::optional<host_address> parse_as_written(std::string_view text) {
    host_address parsed;
    if (text.find(':') == std::string_view::npos) {
        parsed.is_v4 = true;
        if (!parse_dotted(text, parsed.bytes.data())) return std::nullopt;
        return parsed;
    }
    const std::string copy{text.substr(0, text.find('%'))};
    if (inet_pton(AF_INET6, copy.c_str(), parsed.bytes.data()) == 1) return parsed;
    return std::nullopt;
}

/// Addresses that mean something on one of the interfaces only.
bool has_zone(const host_address& one) {
    const auto first = one.bytes[0];
    const auto second = one.bytes[1];
    return (first == 0xfeU && (second & 0xc0U) == 0x80U) ||
           (first == 0xffU && (second & 0x0fU) == 2);
}

/// As the C library reads numeric addresses for PostgreSQL: 127.1 and 0x7f.0.0.1 are some too.
std::optional<host_address> parse_of_rule(std::string_view text) {
    const auto zone = text.find('%');
    if (text.find(':') != std::string_view::npos || zone != std::string_view::npos) {
        auto parsed = parse_as_written(text);
        const bool fits = zone == std::string_view::npos || !parsed || has_zone(*parsed) ||
                          (zone + 1 != text.size() && text.substr(zone + 1).find_first_not_of(
                                                          "0123456789") == std::string_view::npos);
        return fits ? parsed : std::nullopt;
    }
    // inet_aton() would overlook what follows a blank.
    if (text.find_first_not_of("0123456789abcdefABCDEFxX.") != std::string_view::npos)
        return std::nullopt;
    in_addr v4{};
    if (inet_aton(std::string{text}.c_str(), &v4) == 0) return std::nullopt;
    host_address parsed;
    parsed.is_v4 = true;
    std::memcpy(parsed.bytes.data(), &v4, sizeof v4);
    return parsed;
}

/// As strtol() has it. Nothing: no number.
std::optional<long> parse_bits(std::string_view text) {
    const std::string copy{text};
    char* end = nullptr;
    const long bits = std::strtol(copy.c_str(), &end, 10);
    if (copy.empty() || *end != '\0') return std::nullopt;
    return bits;
}

} // namespace

std::optional<host_address> parse_host_address(std::string_view text) {
    auto parsed = parse_as_written(text);
    if (!parsed || parsed->is_v4 ||
        !std::ranges::equal(v4_mapped, std::span{parsed->bytes}.first<12>()))
        return parsed;
    host_address v4;
    v4.is_v4 = true;
    std::copy_n(parsed->bytes.begin() + 12, 4, v4.bytes.begin());
    return v4;
}

bool host_network::contains(const host_address& one) const noexcept {
    if (one.is_v4 != address.is_v4) return false;
    const std::size_t size = one.is_v4 ? 4 : 16;
    for (std::size_t i = 0; i < size; ++i)
        if (((one.bytes[i] ^ address.bytes[i]) & mask[i]) != 0) return false;
    return true;
}

std::optional<host_network> network_of(const host_address& address, unsigned bits) {
    if (bits > (address.is_v4 ? 32U : 128U)) return std::nullopt;
    host_network made{address, {}};
    for (unsigned i = 0; i < bits; ++i)
        made.mask[i / 8] = static_cast<std::uint8_t>(made.mask[i / 8] | (0x80U >> (i % 8)));
    return made;
}

bool may_be_host_name(std::string_view text) {
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_' || c == '.' || (static_cast<unsigned char>(c) & 0x80U) != 0;
    };
    return !text.empty() && text != "." && std::ranges::all_of(text, allowed) &&
           text.find_first_not_of("0123456789.") != std::string_view::npos;
}

bool is_named(std::string_view pattern, std::string_view name) {
    if (name.empty()) return false;
    if (!pattern.starts_with('.')) return equal_ignoring_case(pattern, name);
    return name.size() >= pattern.size() &&
           equal_ignoring_case(pattern, name.substr(name.size() - pattern.size()));
}

bool is_from(const hba_address& where,
             const host_address& client,
             std::span<const host_network> own) {
    switch (where.what) {
    case hba_address::kind::all:
        return true;
    case hba_address::kind::same_host:
        return std::ranges::any_of(own, [&](const auto& one) { return one.address == client; });
    case hba_address::kind::same_net:
        return std::ranges::any_of(own, [&](const auto& one) { return one.contains(client); });
    case hba_address::kind::network:
        return where.network.contains(client);
    case hba_address::kind::host_name:
        break;
    }
    return false;
}

boost::system::result<parsed_hba_address, std::string> parse_hba_address(std::string_view text) {
    parsed_hba_address made;
    const auto slash = text.find('/');
    const auto head = text.substr(0, slash);
    const auto address = parse_of_rule(head);
    if (!address) {
        if (slash != std::string_view::npos)
            return wrong<parsed_hba_address>("a host name takes no mask: ", text);
        made.address.what = hba_address::kind::host_name;
        made.address.name = head;
        return made;
    }
    made.address.what = hba_address::kind::network;
    made.address.network.address = *address;
    made.needs_mask = slash == std::string_view::npos;
    if (made.needs_mask) return made;
    const auto bits = parse_bits(text.substr(slash + 1));
    std::optional<host_network> network;
    if (bits && *bits >= 0 && *bits <= 128)
        network = network_of(*address, static_cast<unsigned>(*bits));
    if (!network) return wrong<parsed_hba_address>("invalid CIDR mask in ", text);
    made.address.network = *network;
    return made;
}

boost::system::result<host_network, std::string> parse_hba_mask(const host_address& address,
                                                                std::string_view text) {
    const auto mask = parse_of_rule(text);
    if (!mask) return wrong<host_network>("invalid IP mask ", text);
    if (mask->is_v4 != address.is_v4)
        return wrong<host_network>("the mask is not of the address's family: ", text);
    return host_network{address, mask->bytes};
}

} // namespace pgweir
