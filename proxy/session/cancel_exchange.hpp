// The conversation of a cancel request: one packet, then the other side closes. The same to a
// server and to another instance.
#pragma once

#include "proxy/asio.hpp"
#include "proxy/net/stream.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace pgweir {

class worker;

/// How long one may take, connecting included.
inline constexpr std::chrono::seconds cancel_patience{5};

[[nodiscard]] std::shared_ptr<stream> open_for_cancel(worker& owner);
/// `io` is closed then, unless the timer is cancelled.
void close_after(steady_timer& deadline,
                 const std::shared_ptr<stream>& io,
                 std::chrono::milliseconds limit);
/// Sends the request. True if the other side itself closed the connection after reading it.
[[nodiscard]] task<bool>
exchange_cancel(std::shared_ptr<stream> io, std::int32_t process_id, std::string secret_key);

} // namespace pgweir
