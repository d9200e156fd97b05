// SHA-256 and HMAC with it (FIPS 180-4, RFC 2104), computed by libcrypto. A login needs three of
// them, and libcrypto's one-call functions look the algorithm up by name each time, which costs
// more than the digest: here it is looked up once, and each thread keeps its context.
#pragma once

#include <array>
#include <string_view>

namespace pgweir::protocol {

using sha256_digest = std::array<unsigned char, 32>;

/// These end the program if libcrypto has no SHA-256 or no memory: a wrong digest must not go on.
[[nodiscard]] sha256_digest sha256(std::string_view data) noexcept;
[[nodiscard]] sha256_digest hmac_sha256(std::string_view key, std::string_view data) noexcept;

} // namespace pgweir::protocol
