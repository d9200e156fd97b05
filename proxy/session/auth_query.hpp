// Asks a server for a user's secret, on a connection of its own that no client has any influence on
// (CASES 3.3.2), and whether that role may log in now.
#pragma once

#include "proxy/asio.hpp"
#include "proxy/session/secrets.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace pgweir {

class worker;

struct auth_answer {
    bool asked = false; // false: the question could not be put; `why` says so
    std::string why;
    std::optional<stored_secret> secret;
};

/// The questions that a worker has under way, so that many logins of one user are one question.
class auth_questions {
public:
    struct question;
    /// By user and database.
    using key_type = std::pair<std::string, std::string>;

    [[nodiscard]] std::shared_ptr<question> find(const key_type& key) const;
    void add(key_type key, std::shared_ptr<question> asked);
    void remove(const key_type& key) { open_.erase(key); }

private:
    std::map<key_type, std::shared_ptr<question>> open_;
};

/// The answer of auth_query for `user`; remembered in the directory for auth_cache_ttl, and no
/// longer than the role is valid. A role that may not log in, or not any more, has no secret,
/// whatever auth_query says. Waits for a server and a place on it, within failover_timeout,
/// queue_timeout and client_login_timeout. `database` is the client's, used if auth_database is
/// empty.
task<auth_answer> ask_for_secret(worker& owner, std::string user, std::string database);

} // namespace pgweir
