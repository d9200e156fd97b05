// Why bytes from a peer could not be understood, as values. Nothing in protocol/ throws for input.
// `result` and `error_code` are the names that the whole project uses for fallible functions.
#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

#include <cstdint>
#include <type_traits>

namespace pgweir::protocol {

using error_code = boost::system::error_code;
template <class T> using result = boost::system::result<T>;

enum class decode_errc : std::uint8_t {
    short_body = 1,      ///< the message ends before a field does
    trailing_bytes,      ///< bytes are left after the last field
    bad_length,          ///< a length or count that cannot be (negative, or larger than allowed)
    bad_value,           ///< a field holds a value that the protocol does not know
    unterminated_string, ///< a String without its zero byte
    missing_field,       ///< a field that must be there is not
    too_long,            ///< longer than the limit that the caller set
};

/// The category of decode_errc; lives as long as the program.
[[nodiscard]] const boost::system::error_category& decode_category() noexcept;
[[nodiscard]] error_code make_error_code(decode_errc value) noexcept;

} // namespace pgweir::protocol

template <>
struct boost::system::is_error_code_enum<pgweir::protocol::decode_errc> : std::true_type {};
