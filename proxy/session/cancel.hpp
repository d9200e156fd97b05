// Cancel requests to servers, so that they hit the query they are meant for or nothing (RULES E6).
#pragma once

#include "proxy/pool/backend.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace pgweir {

class worker;

/// Whoever asked for a cancel waits for as long as a copy of this is alive. Any thread may drop the
/// last one.
using cancel_token = std::shared_ptr<const void>;

/// What a server knows a connection by.
struct cancel_address {
    std::uint16_t node = 0;
    bool is_tls = false;
    std::int32_t process_id = 0;
    std::string secret_key;
};

/// Asks that server to cancel whatever the connection runs.
void send_cancel(worker& owner, cancel_address victim, cancel_token asked);

/// Asks the victim's server to cancel what it runs. Until PostgreSQL has closed the cancel
/// connection the victim is not handed on; if that cannot be seen within a few seconds, or
/// `then_close`, it is closed.
void send_cancel(worker& owner, const backend_ptr& victim, bool then_close, cancel_token asked);

} // namespace pgweir
