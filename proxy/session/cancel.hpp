// Cancel requests to servers, so that they hit the query they are meant for or nothing (RULES E6).
#pragma once

#include "proxy/pool/backend.hpp"

namespace pgweir {

class worker;

/// Asks the victim's server to cancel what it runs. Until PostgreSQL has closed the cancel
/// connection the victim is not handed on; if that cannot be seen within a few seconds, or
/// `then_close`, it is closed.
void send_cancel(worker& owner, const backend_ptr& victim, bool then_close);

} // namespace pgweir
