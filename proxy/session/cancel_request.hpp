// A cancel request that has come in: whom it means here, or which other instance is to have it.
#pragma once

#include "proxy/asio.hpp"

#include <cstdint>
#include <string>

namespace pgweir {

class worker;

/// Returns when the request is done with: delivered to the server, or found to mean nobody. Only
/// then may whoever sent it hear that its connection is closed, so that its next query is safe.
/// False: the key is nobody's, as far as this instance knows.
task<bool> take_cancel_request(worker& owner, std::int32_t process_id, std::string secret_key);

} // namespace pgweir
