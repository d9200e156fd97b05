// Washes a server connection whose session is gone, so that the next one finds it as after a login; what cannot be washed is
// closed. Owns the connection until it goes back to its pool.
#pragma once

#include "proxy/pool/backend.hpp"

#include <string>

namespace pgweir {

/// Sends `reset_query` (server_reset_query) and gives the connection back when it has succeeded.
void reset_and_give_back(const backend_ptr& used, const std::string& reset_query);

}  // namespace pgweir
