// A login's way through the rules: which one fits, and what it demands that is no password.
#pragma once

#include "proxy/access/access_rules.hpp"
#include "proxy/access/password_verdict.hpp"
#include "proxy/asio.hpp"
#include "proxy/session/login_startup.hpp"

#include <memory>
#include <optional>
#include <string>

namespace pgweir {

/// Whom a client says that it is.
struct login_claim {
    std::string user;
    std::string database;
    bool physical_replication = false;
};

struct admission {
    std::shared_ptr<const access_rules> rules; // keeps the rule
    const hba_rule* rule = nullptr;
    /// What the client is told if it may not come in; empty: by the rule's method it may.
    std::string sqlstate;
    std::string text;
    std::string why; // for the log

    [[nodiscard]] bool refused() const { return !sqlstate.empty(); }
};

/// `find_admission` where nobody needs to be asked. Nothing: somebody does.
[[nodiscard]] std::optional<admission> find_admission_at_once(login_attempt& l,
                                                              const login_claim& claim);
/// Finds the rule and looks at what it demands beside a password: a certificate, the system's word.
[[nodiscard]] task<admission> find_admission(login_attempt& l, login_claim claim);

/// Asks whom the rule names (LDAP, PAM) whether a password is the right one.
task<password_verdict>
check_elsewhere(login_attempt& l, admission& by, std::string user, std::string password);

} // namespace pgweir
