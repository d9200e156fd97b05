// What the rows say that a lookup of a user's secret brings. Pure.
#pragma once

#include "proxy/session/secrets.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace pgweir {

/// The first two columns of a DataRow of auth_query: name and secret. Empty: the row is not about
/// `user`. A secret that cannot be read is none that any password fits.
[[nodiscard]] std::optional<stored_secret> secret_in_row(std::string_view body,
                                                         std::string_view user);

/// Whether a role may log in now, and for how many milliseconds still; of a role that does not
/// exist no row. Whatever auth_query leaves unsaid (CVE-2025-2291).
inline constexpr std::string_view role_validity_query =
    "SELECT r.rolcanlogin AND (r.rolvaliduntil IS NULL OR r.rolvaliduntil > "
    "pg_catalog.clock_timestamp()), CASE WHEN pg_catalog.isfinite(r.rolvaliduntil) THEN "
    "(pg_catalog.date_part('epoch', r.rolvaliduntil - pg_catalog.clock_timestamp()) * 1000)"
    "::pg_catalog.int8 END FROM pg_catalog.pg_roles AS r WHERE r.rolname = $1";

struct role_validity {
    bool may_log_in = true;
    std::optional<std::chrono::milliseconds> remaining; ///< empty: for ever
};
[[nodiscard]] role_validity validity_in_row(std::string_view body);

} // namespace pgweir
