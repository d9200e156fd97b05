// Questions of pgweir's own about users who want to log in, each on a connection that is made for
// it, that no client has any influence on and that nobody uses afterwards (CASES 3.3.2).
#pragma once

#include "proxy/asio.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir {

class worker;

struct isolated_query {
    std::string_view text;                          ///< with $1 where the user's name goes
    std::function<void(std::string_view row)> take; ///< the body of each DataRow
};

struct isolated_answer {
    bool asked = false; ///< false: the question could not be put; `why` says so
    std::string why;
};

/// As auth_user, of the primary, else of any server that answers; all in one go. Waits for a server
/// and a place on it, within failover_timeout, queue_timeout and client_login_timeout. `database`
/// is the client's, used if auth_database is empty; `name` is the connection's application_name.
/// What `queries` take the rows into must outlive the call.
task<isolated_answer> ask_isolated(worker& owner,
                                   std::string user,
                                   std::string database,
                                   std::string name,
                                   std::vector<isolated_query> queries);

} // namespace pgweir
