// What a check of a password outside pgweir (LDAP, PAM) has come to.
#pragma once

#include <cstdint>
#include <string>

namespace pgweir {

struct password_verdict {
    enum class outcome : std::uint8_t {
        accepted,
        rejected,    ///< the other side said no
        unavailable, ///< nobody could be asked; the client is told the same as for `rejected`
    };

    outcome what = outcome::unavailable;
    /// For the log alone; empty if accepted. Never a secret.
    std::string why;

    [[nodiscard]] bool accepted() const noexcept { return what == outcome::accepted; }
};

} // namespace pgweir
