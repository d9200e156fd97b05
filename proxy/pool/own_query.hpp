// A query of pgweir's own on a leased server connection: washing it after a session, or trying a
// client's start-up parameters.
#pragma once

#include "proxy/pool/backend.hpp"

#include <functional>
#include <string>

namespace pgweir {

/// Called once, on the worker's thread, with the connection (still leased to nobody) and the
/// error's body, empty if there was none; with null if the connection was lost.
using own_query_done = std::function<void(backend_ptr used, std::string error)>;

/// Sends one simple Query and drops its rows. The connection must be at rest.
void run_own_query(const backend_ptr& on, const std::string& sql, own_query_done done);

/// Washes a connection whose session is gone with `reset_query` (server_reset_query), so that the
/// next one finds it as after a login, and gives it back; what cannot be washed is closed.
void reset_and_give_back(const backend_ptr& used, const std::string& reset_query);

} // namespace pgweir
