// The PROXY protocol, versions 1 and 2: what a balancer in front tells of who its client is, before
// anything else on the connection. Pure. Source: proxy-protocol.txt of HAProxy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pgweir {

struct proxy_header {
    std::size_t size = 0; ///< bytes that it takes
    /// "address:port" or "[address]:port" of the client. Empty: the balancer speaks for itself (as
    /// when it looks whether we are there), or for a client that has no address.
    std::string peer;
};

enum class proxy_header_state : std::uint8_t {
    incomplete, ///< what is there may be the beginning of one
    complete,
    malformed, ///< there is none, or it is longer than `longest_proxy_header`, or says nonsense
};

/// Longest header taken, in bytes; addresses need at most 232, the rest is for extensions.
inline constexpr std::size_t longest_proxy_header = 4096;

/// Looks at the beginning of a connection. `out` is valid when complete.
[[nodiscard]] proxy_header_state read_proxy_header(std::string_view bytes, proxy_header& out);

/// A name for pg_stat_activity that says who is behind it: "name - peer". The name is cut so that
/// all of the peer is seen in the 63 bytes that PostgreSQL keeps; without one it is "app".
[[nodiscard]] std::string application_name_with(std::string_view name, std::string_view peer);

} // namespace pgweir
