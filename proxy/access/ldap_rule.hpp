// How a line of pg_hba.conf wants passwords asked of an LDAP server. Pure. Options and their
// meaning: PostgreSQL docs, auth-ldap; hba.c (parse_hba_auth_opt), auth.c (CheckLDAPAuth).
#pragma once

#include "proxy/config/settings.hpp"

#include <boost/system/result.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pgweir {

enum class ldap_scope : std::uint8_t { base, one, subtree };

/// Simple bind: the name bound with is `prefix` + user + `suffix`. Search and bind, if `base_dn` is
/// set: the one entry below it that `filter` finds is bound with.
struct ldap_rule {
    /// "ldap://host:port" each, tried in this order; an IPv6 address in brackets.
    std::vector<std::string> uris;
    bool start_tls = false;
    std::string prefix;
    std::string suffix;
    std::string base_dn;
    std::string bind_dn; ///< who searches; empty: nobody, anonymously
    secret bind_password;
    /// With `$username` where the user's name goes; complete, with its parentheses.
    std::string filter;
    ldap_scope scope = ldap_scope::subtree;

    [[nodiscard]] bool searches() const noexcept { return !base_dn.empty(); }
    friend bool operator==(const ldap_rule&, const ldap_rule&) = default;
};

/// Name and value of an option, as the line has it.
using rule_option = std::pair<std::string, std::string>;

/// True for the options that make_ldap_rule knows: ldapserver, ldapport, ldapscheme, ldaptls,
/// ldapprefix, ldapsuffix, ldapbasedn, ldapbinddn, ldapbindpasswd, ldapsearchattribute,
/// ldapsearchfilter, ldapurl.
[[nodiscard]] bool is_ldap_option(std::string_view name) noexcept;

/// From the ldap* options of one line. The error is a sentence about what is wrong.
[[nodiscard]] boost::system::result<ldap_rule, std::string>
make_ldap_rule(std::span<const rule_option> options);

/// `text` with what has a meaning in a filter written as \xx (RFC 4515), so that a user's name
/// cannot change the filter that it is put into.
[[nodiscard]] std::string escape_for_ldap_filter(std::string_view text);
/// The rule's filter for this user.
[[nodiscard]] std::string ldap_filter_for(const ldap_rule& rule, std::string_view user);

} // namespace pgweir
