// PGPOOL_ENABLE_LDAP and the image's LDAP_* variables, as rules: whom no other variable names
// proves itself to the LDAP server.
#include "proxy/config/pgpool_variables.hpp"

#include <array>
#include <cstdio>

namespace pgweir {
namespace {

struct ldap_variables {
    std::string scheme;
    std::string servers; // host:port, separated by blanks
    std::string base;
    std::string scope;
    std::string filter;
    std::string bind_dn;
};

/// A value of a rule in double quotes, those inside doubled.
std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text)
        out += c == '"' ? "\"\"" : std::string(1, c);
    return out + '"';
}

/// What has a meaning in a URL as %XX.
std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        constexpr std::string_view plain = "=,()&|!$*.-_~:@";
        const bool is_plain = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
                              (byte >= 'a' && byte <= 'z') ||
                              plain.find(c) != std::string_view::npos;
        std::array<char, 4> hex{};
        std::snprintf(hex.data(), hex.size(), "%%%02X", static_cast<unsigned>(byte));
        out += is_plain ? std::string(1, c) : std::string{hex.data()};
    }
    return out;
}

/// Scheme and servers from URLs separated by blanks. False: they are none, or of two schemes.
bool read_uris(const std::string& text, ldap_variables& into) {
    for (const auto& uri : pgpool_list(text)) {
        const auto scheme_end = uri.find("://");
        if (scheme_end == std::string::npos) return false;
        const auto scheme = uri.substr(0, scheme_end);
        auto host = uri.substr(scheme_end + 3);
        host = host.substr(0, host.find('/'));
        const bool fits = into.scheme.empty() || into.scheme == scheme;
        if ((scheme != "ldap" && scheme != "ldaps") || host.empty() || !fits) return false;
        into.scheme = scheme;
        into.servers += (into.servers.empty() ? "" : " ") + host;
    }
    return !into.servers.empty();
}

/// The words of nslcd.conf as those of an LDAP URL; empty: none of them.
std::string scope_of(const std::string& word) {
    if (word.empty() || word == "sub" || word == "subtree") return "sub";
    if (word == "one" || word == "onelevel") return "one";
    return word == "base" ? "base" : "";
}

std::string filter_of(const std::string& attribute, const std::string& object_class) {
    const auto by_name = "(" + (attribute.empty() ? "uid" : attribute) + "=$username)";
    return object_class.empty() ? by_name : "(&(objectClass=" + object_class + ")" + by_name + ")";
}

std::string method_of(const ldap_variables& ldap) {
    auto method = "ldap ldapurl=" +
                  quoted(ldap.scheme + "://any/" + escaped(ldap.base) + "??" + ldap.scope + "?" +
                         escaped(ldap.filter)) +
                  " ldapserver=" + quoted(ldap.servers);
    if (!ldap.bind_dn.empty()) method += " ldapbinddn=" + quoted(ldap.bind_dn);
    return method;
}

std::string wrong(settings_draft& draft, std::string where, std::string text) {
    draft.error(std::move(where), "", std::move(text));
    return {};
}

} // namespace

std::string read_pgpool_ldap(pgpool_variables& from, settings_draft& draft) {
    if (!from.take_switch("PGPOOL_ENABLE_LDAP").value_or(false)) return {};
    const auto uri = from.take("LDAP_URI");
    const auto base = from.take("LDAP_BASE");
    if (!uri || !base)
        return wrong(draft, from.where("PGPOOL_ENABLE_LDAP"), "needs LDAP_URI and LDAP_BASE");
    ldap_variables ldap;
    if (!read_uris(*uri, ldap))
        return wrong(draft, from.where("LDAP_URI"),
                     "must be ldap://host[:port] or ldaps://host[:port], or several of one kind");
    ldap.base = from.take("LDAP_BASE_LOOKUP").value_or(*base);
    ldap.scope = scope_of(from.take("LDAP_SCOPE").value_or(""));
    if (ldap.scope.empty())
        return wrong(draft, from.where("LDAP_SCOPE"), "must be sub, one or base");
    ldap.filter = filter_of(from.take("LDAP_SEARCH_MAP").value_or(""),
                            from.take("LDAP_SEARCH_FILTER").value_or(""));
    ldap.bind_dn = from.take("LDAP_BIND_DN").value_or("");
    if (const auto password = from.take("LDAP_BIND_PASSWORD"))
        draft.set_text("ldap_bind_password", *password, from.where("LDAP_BIND_PASSWORD"));
    if (const auto demand = from.take("LDAP_TLS_REQCERT"))
        draft.set_text("ldap_tls_reqcert", *demand == "hard" ? "demand" : *demand,
                       from.where("LDAP_TLS_REQCERT"));
    return method_of(ldap);
}

} // namespace pgweir
