// Bytes that nobody can guess, from libcrypto, taken there in larger portions: a login needs a few
// at three places, and each call costs the same however few it is asked for.
#pragma once

#include <span>

namespace pgweir::protocol {

/// False: libcrypto has none; `out` must not be used then.
[[nodiscard]] bool fill_random(std::span<unsigned char> out) noexcept;
[[nodiscard]] inline bool fill_random(std::span<char> out) noexcept {
    return fill_random({reinterpret_cast<unsigned char*>(out.data()), out.size()});
}

} // namespace pgweir::protocol
