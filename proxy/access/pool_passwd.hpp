// pgpool's list of users, pool_passwd, with the encrypted passwords that its pg_enc writes. Pure.
#pragma once

#include <boost/system/result.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir {

struct pool_passwd_user {
    std::string name;
    /// A plain password; or, unless `is_plain`, a secret as pg_authid has it (md5…, SCRAM…).
    std::string secret;
    bool is_plain = true;
};

struct pool_passwd_error {
    std::size_t line = 0; ///< 1-based
    std::string what;     ///< never a secret
};

/// Lines of `user:secret`; empty ones and those that begin with `#` are none. The secret is `AES…`
/// (needs `key`), `TEXT…`, `md5…`, `SCRAM-SHA-256$…` or else a plain password. Of two lines for one
/// user the first counts.
[[nodiscard]] boost::system::result<std::vector<pool_passwd_user>, pool_passwd_error>
parse_pool_passwd(std::string_view text, std::string_view key);

/// What follows `AES`: base64 of AES-256-CBC, key and IV made from `key` by one round of SHA-1
/// without a salt, as pg_enc does it. Empty: no such text, or another key (of which one in some
/// hundred is not noticed).
[[nodiscard]] std::optional<std::string> decrypt_pool_password(std::string_view encrypted,
                                                               std::string_view key);

} // namespace pgweir
