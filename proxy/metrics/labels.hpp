// Label values of what worker_counters counts by.
#pragma once

#include "proxy/metrics/counters.hpp"
#include "proxy/session/pins.hpp" // label(pin_reason)

#include <string_view>

namespace pgweir {

[[nodiscard]] std::string_view label(client_state state);
[[nodiscard]] std::string_view label(server_state state);
[[nodiscard]] std::string_view label(statement_group group);
[[nodiscard]] std::string_view label(login_outcome result);
[[nodiscard]] std::string_view label(queue_refusal reason);
[[nodiscard]] std::string_view label(retry_reason reason);
[[nodiscard]] std::string_view label(cancel_result result);

} // namespace pgweir
