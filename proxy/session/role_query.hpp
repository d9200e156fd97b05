// Asks a server which roles a user is a member of, on a connection that no client has any influence
// on.
#pragma once

#include "proxy/access/role_book.hpp"
#include "proxy/asio.hpp"
#include "proxy/session/open_questions.hpp"

#include <string>

namespace pgweir {

class worker;

struct role_answer {
    role_names_ptr roles; // null: nobody could be asked; `why` says so
    std::string why;
};

using role_questions = open_questions<role_answer>;

/// As auth_user; remembered for auth_cache_ttl. `database` is the client's, used if auth_database
/// is empty.
task<role_answer> ask_for_roles(worker& owner, std::string user, std::string database);

} // namespace pgweir
