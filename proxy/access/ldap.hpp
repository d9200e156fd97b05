// Asks an LDAP server whether a user's password is the right one, on a thread of its own (libldap).
#pragma once

#include "proxy/access/check_threads.hpp"
#include "proxy/access/ldap_rule.hpp"
#include "proxy/access/password_verdict.hpp"
#include "proxy/asio.hpp"
#include "proxy/config/settings.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace pgweir {

/// What holds for all rules.
struct ldap_limits {
    /// For each answer of a server; in all, nobody waits longer than twice that for each of them.
    std::chrono::milliseconds timeout{5000};
    std::string ca_file; ///< empty: as libldap's own configuration says
    ldap_certificates certificates = ldap_certificates::demand;
    secret bind_password; ///< for rules that give none with their bind_dn
};
[[nodiscard]] ldap_limits ldap_limits_of(const settings& values);

/// Comes back on `back`. An empty password is rejected unasked: servers take it for an anonymous
/// bind.
task<password_verdict> check_ldap(check_threads& threads,
                                  io_executor back,
                                  std::shared_ptr<const ldap_rule> rule,
                                  ldap_limits limits,
                                  std::string user,
                                  std::string password);

} // namespace pgweir
