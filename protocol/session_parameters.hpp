// What a backend says of its session unasked: ParameterStatus, BackendKeyData,
// NotificationResponse. Source: PostgreSQL docs, protocol-flow (Asynchronous Operations) and
// protocol-message-formats.
#pragma once

#include "protocol/message_type.hpp"
#include "protocol/wire.hpp"

#include <cstddef>
#include <cstdint>

namespace pgweir::protocol {

/// Bounds of a cancel key, in bytes: four in protocol 3.0, up to 256 from 3.2 on.
inline constexpr std::size_t min_secret_key_size = 4;
inline constexpr std::size_t max_secret_key_size = 256;

/// ParameterStatus (B).
struct parameter_status {
    static constexpr char type = backend_type::parameter_status;
    std::string_view name;
    std::string_view value;
};

/// BackendKeyData (B).
struct backend_key_data {
    static constexpr char type = backend_type::backend_key_data;
    std::int32_t process_id = 0;
    std::string_view secret_key;
};

/// NotificationResponse (B).
struct notification_response {
    static constexpr char type = backend_type::notification_response;
    std::int32_t process_id = 0;
    std::string_view channel;
    std::string_view payload;
};

/// Errors: short_body, unterminated_string, trailing_bytes; bad_length for a key outside the bounds
/// above.
[[nodiscard]] result<parameter_status> decode_parameter_status(std::string_view body);
[[nodiscard]] result<backend_key_data> decode_backend_key_data(std::string_view body);
[[nodiscard]] result<notification_response> decode_notification_response(std::string_view body);

void encode(const parameter_status& message, std::string& out);
void encode(const backend_key_data& message, std::string& out);
void encode(const notification_response& message, std::string& out);

} // namespace pgweir::protocol
