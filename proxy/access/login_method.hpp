// How a client proves who it is: the methods that pg_hba.conf can name.
#pragma once

#include <cstdint>
#include <string_view>

namespace pgweir {

enum class login_method : std::uint8_t {
    trust,
    reject,
    password,
    md5,
    scram_sha_256,
    cert,
    peer,
    ldap,
    pam
};
/// As in pg_hba.conf.
[[nodiscard]] std::string_view name_of(login_method method);

} // namespace pgweir
