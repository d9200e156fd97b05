// What a client hears after its proof: the words with which a real server greets it, or the
// server's refusal.
#pragma once

#include "proxy/asio.hpp"
#include "proxy/pool/pool.hpp"
#include "proxy/session/frontend_login.hpp"
#include "proxy/session/login_startup.hpp"
#include "proxy/session/welcome.hpp"

#include <optional>
#include <string>

namespace pgweir {

/// Null: not known, or too old.
[[nodiscard]] welcome_ptr fresh_welcome(const login_attempt& l, const login_result& who);
/// What a real server says to this user in this database. Null: refused, and told so.
[[nodiscard]] task<welcome_ptr> find_welcome(login_attempt& l, const login_result& who);

/// Start-up parameters that no server has accepted yet.
struct parameter_trial {
    parameter_map wanted;
    std::string all; // in one text, with whose they are
    std::uint16_t primary = 0;
};

/// Nothing: no server need be asked.
[[nodiscard]] std::optional<parameter_trial> needs_trial(const login_attempt& l,
                                                         const login_result& who);
/// A wrong start-up parameter fails the login, as PostgreSQL does, instead of the first statement.
/// Tried once for each set of parameters; nobody waits long for that while the pool is busy. False:
/// refused, and told so.
[[nodiscard]] task<bool>
try_parameters(login_attempt& l, const login_result& who, parameter_trial trial);

/// The client hears what a server, or its pool, has said.
void refuse_as_server(login_attempt& l, const lease_refusal& why);

} // namespace pgweir
