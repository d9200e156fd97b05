// A client's way in: TLS, start-up, authentication, the welcome; then the session begins. Also
// where cancel requests arrive.
#pragma once

#include "proxy/net/stream.hpp"

#include <memory>
#include <string>

namespace pgweir {

class worker;

/// Goes on until the session has begun, or the connection is refused or gone. `local`: a Unix
/// socket.
void begin_login(worker& owner, std::shared_ptr<stream> io, std::string peer, bool local);

} // namespace pgweir
