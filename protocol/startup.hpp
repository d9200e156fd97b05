// What a frontend may send before anything else: StartupMessage, SSLRequest, GSSENCRequest,
// CancelRequest; and the backend's NegotiateProtocolVersion. These packets have a length but no
// type byte. Source: PostgreSQL docs, protocol-flow (Start-up), protocol-message-formats;
// backend_startup.c.
#pragma once

#include "protocol/message_type.hpp"
#include "protocol/wire.hpp"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

namespace pgweir::protocol {

/// A protocol version as the wire has it: major in the high 16 bits, minor in the low ones.
struct protocol_version {
    std::uint32_t value = 0;

    [[nodiscard]] constexpr std::uint32_t major() const noexcept { return value >> 16U; }
    [[nodiscard]] constexpr std::uint32_t minor() const noexcept { return value & 0xffffU; }
    friend constexpr auto operator<=>(protocol_version, protocol_version) = default;
};
inline constexpr protocol_version protocol_3_0{3U << 16U};
inline constexpr protocol_version protocol_3_2{(3U << 16U) | 2U};

/// PostgreSQL's MAX_STARTUP_PACKET_LENGTH, in bytes, length field included.
inline constexpr std::size_t default_startup_limit = 10'000;
/// Parameters whose names begin so belong to the protocol, not to the session.
inline constexpr std::string_view protocol_option_prefix = "_pq_.";

struct startup_parameter {
    std::string_view name;
    std::string_view value;
};

/// StartupMessage (F). For a major version but 3 the parameters are not read: their format is
/// unknown.
struct startup_message {
    protocol_version version = protocol_3_0;
    std::vector<startup_parameter> parameters; ///< in the order of the packet

    /// The last value given for `name`, as PostgreSQL takes it.
    [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept;
};

/// SSLRequest (F), GSSENCRequest (F).
struct ssl_request {};
struct gssenc_request {};

/// CancelRequest (F). The key has 4 bytes in protocol 3.0 and up to 256 from 3.2 on.
struct cancel_request {
    std::int32_t process_id = 0;
    std::string_view secret_key;
};

using startup_packet = std::variant<startup_message, ssl_request, gssenc_request, cancel_request>;

/// NegotiateProtocolVersion (B): the newest version that the backend speaks with this frontend (as
/// the code of PostgreSQL sends it: major and minor), and the protocol options that it does not
/// know.
struct negotiate_protocol_version {
    static constexpr char type = backend_type::negotiate_protocol_version;
    protocol_version newest = protocol_3_0;
    std::vector<std::string_view> unrecognized_options;
};

/// The size in bytes, length field included, of the packet that `bytes` begins with; 0 while fewer
/// than four bytes are there. Errors: bad_length (below 8), too_long (above `limit`).
[[nodiscard]] result<std::size_t> startup_packet_size(std::string_view bytes,
                                                      std::size_t limit = default_startup_limit);

/// A packet's body (what follows the length). Views point into it.
/// Errors: short_body, unterminated_string, trailing_bytes; bad_length for a cancel key of a wrong
/// size.
[[nodiscard]] result<startup_packet> decode_startup_packet(std::string_view body);
/// Errors: short_body, unterminated_string, trailing_bytes, bad_length (a negative count).
[[nodiscard]] result<negotiate_protocol_version>
decode_negotiate_protocol_version(std::string_view body);

void encode(const startup_message& message, std::string& out);
void encode(const ssl_request& message, std::string& out);
void encode(const gssenc_request& message, std::string& out);
void encode(const cancel_request& message, std::string& out);
void encode(const negotiate_protocol_version& message, std::string& out);

/// Run-time parameters named by the `options` start-up parameter, in order: `-c name=value`,
/// `-cname=value` and `--name=value`, split at blanks, where a backslash takes the next character
/// as it is. Dashes in names become underscores. Errors: bad_value for anything else. Source:
/// PostgreSQL, pg_split_opts and process_postgres_switches.
[[nodiscard]] result<std::vector<std::pair<std::string, std::string>>>
split_options(std::string_view options);

} // namespace pgweir::protocol
