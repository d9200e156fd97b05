// Addresses as pg_hba.conf has them: all, samehost, samenet, a network or a host name. Pure; the
// addresses of this machine and the names of hosts are told from outside. Source: PostgreSQL docs,
// auth-pg-hba-conf; hba.c (check_ip, check_hostname, check_same_host_or_net).
#pragma once

#include <boost/system/result.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pgweir {

/// An IPv4 address is the first four bytes; an IPv4-mapped IPv6 one is the IPv4 one, which it
/// stands for where a socket serves both.
struct host_address {
    bool is_v4 = false;
    std::array<std::uint8_t, 16> bytes{};

    friend bool operator==(const host_address&, const host_address&) = default;
};
/// Numeric, without a port; a zone (%eth0) is ignored.
[[nodiscard]] std::optional<host_address> parse_host_address(std::string_view text);

struct host_network {
    host_address address;
    std::array<std::uint8_t, 16> mask{};

    /// False for an address of the other family.
    [[nodiscard]] bool contains(const host_address& one) const noexcept;
    friend bool operator==(const host_network&, const host_network&) = default;
};
/// The first so many bits. Nothing: there are not as many.
[[nodiscard]] std::optional<host_network> network_of(const host_address& address, unsigned bits);

/// What the name service says of an address.
struct host_name_answer {
    /// False: it could not say (a failure, no answer in time). Not the same as no name.
    bool is_known = false;
    /// The name, if it has one that has this address among its own. Empty: none.
    std::string name;
};

struct hba_address {
    enum class kind : std::uint8_t { all, same_host, same_net, network, host_name };
    kind what = kind::all;
    host_network network;
    std::string name; // a host's, or with a leading dot the end of hosts'

    friend bool operator==(const hba_address&, const hba_address&) = default;
};

/// Whether a host can have this name. What is no address is taken for a name, as PostgreSQL does
/// it, and then fits nobody.
[[nodiscard]] bool may_be_host_name(std::string_view text);
/// The names of hosts are compared without regard to case.
[[nodiscard]] bool is_named(std::string_view pattern, std::string_view name);

/// `own`: the networks of this machine's interfaces. For the kinds that need no name.
[[nodiscard]] bool
is_from(const hba_address& where, const host_address& client, std::span<const host_network> own);

/// An address field that is no keyword: with `/bits`, an address whose mask is to follow
/// (`needs_mask`), or a host name, which is all that is no address. The error is a sentence.
struct parsed_hba_address {
    hba_address address;
    bool needs_mask = false;
};
[[nodiscard]] boost::system::result<parsed_hba_address, std::string>
parse_hba_address(std::string_view text);
/// The mask that follows an address without `/bits`.
[[nodiscard]] boost::system::result<host_network, std::string>
parse_hba_mask(const host_address& address, std::string_view text);

} // namespace pgweir
