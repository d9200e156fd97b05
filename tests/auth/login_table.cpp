#include "tests/auth/login_table.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace pgweir::test {

namespace {

constexpr std::array modes{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"};
constexpr std::array ways{"unix", "plain", "tls", "tls_own", "tls_other", "tls_foreign"};
constexpr std::array methods{"trust", "reject", "password", "md5", "scram-sha-256",
                             "cert",  "peer",   "ldap",     "pam"};

bool demands_tls(const std::string& mode) {
    return mode == "require" || mode == "verify-ca" || mode == "verify-full";
}

bool demands_certificate(const std::string& mode) {
    return mode == "verify-ca" || mode == "verify-full";
}

/// What comes of the method alone, once TLS is as it is to be.
std::string by_method(const login_case& login) {
    const bool named = login.way == "tls_own";
    if (login.method == "reject") return "28000";
    if (login.method == "cert") return named ? "in" : "28000";
    if (login.method == "peer") return login.way == "unix" ? "in" : "28000";
    if (login.right) return "in";
    // LDAP and PAM say no in other words than a wrong password of pgweir's own.
    return login.method == "ldap" || login.method == "pam" ? "28000" : "28P01";
}

} // namespace

std::string login_case::user() const {
    auto name = "auth_" + method;
    std::ranges::replace(name, '-', '_');
    return name;
}

bool asks_password(const std::string& method) {
    static const std::set<std::string> those{"password", "md5", "scram-sha-256", "ldap", "pam"};
    return those.contains(method);
}

std::vector<login_case> all_logins() {
    std::vector<login_case> all;
    for (const auto* const mode : modes) {
        for (const auto* const way : ways) {
            for (const auto* const method : methods) {
                all.push_back({mode, way, method, true});
                if (asks_password(method)) all.push_back({mode, way, method, false});
            }
        }
    }
    return all;
}

std::string expected_outcome(const login_case& login) {
    if (login.way == "unix") return by_method(login);
    if (login.is_tls() && login.mode == "disable") return "tls";
    if (!login.is_tls() && demands_tls(login.mode)) return "28000";
    if (login.way == "tls_foreign") return "tls";
    if (login.way == "tls" && demands_certificate(login.mode)) return "tls";
    if (login.way == "tls_other" && login.mode == "verify-full") return "28000";
    return by_method(login);
}

} // namespace pgweir::test
