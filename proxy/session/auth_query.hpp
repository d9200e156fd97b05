// Asks a server for a user's secret, on a connection of its own that no client has any influence on
// (CASES 3.3.2), and whether that role may log in now.
#pragma once

#include "proxy/asio.hpp"
#include "proxy/session/open_questions.hpp"
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

using auth_questions = open_questions<auth_answer>;

/// The answer of auth_query for `user`; remembered in the directory for auth_cache_ttl, and no
/// longer than the role is valid. A role that may not log in, or not any more, has no secret,
/// whatever auth_query says. Waits for a server and a place on it, within failover_timeout,
/// queue_timeout and client_login_timeout. `database` is the client's, used if auth_database is
/// empty.
task<auth_answer> ask_for_secret(worker& owner, std::string user, std::string database);

} // namespace pgweir
