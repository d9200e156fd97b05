// PostgreSQL's MD5 passwords: the stored form and the answer to AuthenticationMD5Password. Pure.
// Source: PostgreSQL docs, protocol-flow (AuthenticationMD5Password).
#pragma once

#include "protocol/error.hpp"

#include <array>
#include <string>
#include <string_view>

namespace pgweir::protocol {

/// "md5" and 32 lower-case hex digits.
[[nodiscard]] bool is_md5_hash(std::string_view text) noexcept;
/// The stored form of a password: "md5" + hex(md5(password + user)).
/// Errors: bad_value where libcrypto refuses MD5 (FIPS).
[[nodiscard]] result<std::string> md5_hash(std::string_view user, std::string_view password);
/// What a frontend answers: "md5" + hex(md5(the stored form's digits + salt)).
/// Errors: bad_value if `stored` is no MD5 hash or where libcrypto refuses MD5 (FIPS).
[[nodiscard]] result<std::string> md5_answer(std::string_view stored, std::array<char, 4> salt);

} // namespace pgweir::protocol
