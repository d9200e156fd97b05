// Every way to log in that the table has, and what is to come of it, worked out apart from the
// product.
#pragma once

#include <string>
#include <vector>

namespace pgweir::test {

/// One login to try.
struct login_case {
    std::string mode;   ///< client_tls_sslmode
    std::string way;    ///< unix, plain, tls, tls_own, tls_other, tls_foreign
    std::string method; ///< that of the user's rule
    bool right = true;  ///< the password

    [[nodiscard]] std::string user() const;
    [[nodiscard]] bool is_tls() const { return way.starts_with("tls"); }
    [[nodiscard]] std::string text() const {
        return mode + "/" + way + "/" + method + (right ? "" : "/wrong");
    }
};

/// `unix` and `plain` have no encryption. `tls`: no certificate; `tls_own`: one that names the
/// user; `tls_other`: one that names somebody else; `tls_foreign`: one of an authority that pgweir
/// does not know.
[[nodiscard]] std::vector<login_case> all_logins();

/// "in", the SQLSTATE, or "tls" if TLS does not come about.
[[nodiscard]] std::string expected_outcome(const login_case& login);

[[nodiscard]] bool asks_password(const std::string& method);

} // namespace pgweir::test
