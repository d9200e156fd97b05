// Base64 as SCRAM uses it: strict, with padding, no blanks. Pure.
// Source: RFC 4648, section 4.
#pragma once

#include "protocol/error.hpp"

#include <string>
#include <string_view>

namespace pgweir::protocol {

[[nodiscard]] std::string base64_encode(std::string_view bytes);
/// Errors: bad_length (no multiple of four), bad_value (a character or padding that may not be
/// there, or bits set behind the last byte, so that one value has one spelling).
[[nodiscard]] result<std::string> base64_decode(std::string_view text);

} // namespace pgweir::protocol
