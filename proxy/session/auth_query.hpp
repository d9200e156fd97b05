// Asks a server for a user's secret, on a connection of its own that no client has any influence on
// (CASES 3.3.2).
#pragma once

#include "proxy/asio.hpp"
#include "proxy/session/secrets.hpp"

#include <optional>
#include <string>

namespace pgweir {

class worker;

struct auth_answer {
    bool asked = false; // false: the question could not be put; `why` says so
    std::string why;
    std::optional<stored_secret> secret;
};

/// The answer of auth_query for `user`; remembered in the directory for auth_cache_ttl.
task<auth_answer> ask_for_secret(worker& owner, std::string user);

} // namespace pgweir
