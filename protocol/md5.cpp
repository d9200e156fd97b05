#include "protocol/md5.hpp"

#include <openssl/evp.h>

#include <cstddef>

namespace pgweir::protocol {
namespace {

constexpr std::string_view prefix = "md5";
constexpr std::size_t digit_count = 32;

result<std::string> prefixed_digest(const std::string& data) {
    std::array<unsigned char, 16> digest{};
    unsigned size = 0;
    if (EVP_Digest(data.data(), data.size(), digest.data(), &size, EVP_md5(), nullptr) != 1)
        return decode_errc::bad_value;
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text{prefix};
    for (const auto byte : digest) {
        text.push_back(digits[byte >> 4U]);
        text.push_back(digits[byte & 15U]);
    }
    return text;
}

} // namespace

bool is_md5_hash(std::string_view text) noexcept {
    return text.size() == prefix.size() + digit_count && text.starts_with(prefix) &&
           text.find_first_not_of("0123456789abcdef", prefix.size()) == std::string_view::npos;
}

result<std::string> md5_hash(std::string_view user, std::string_view password) {
    return prefixed_digest(std::string{password}.append(user));
}

result<std::string> md5_answer(std::string_view stored, std::array<char, 4> salt) {
    if (!is_md5_hash(stored)) return decode_errc::bad_value;
    return prefixed_digest(
        std::string{stored.substr(prefix.size())}.append(salt.data(), salt.size()));
}

} // namespace pgweir::protocol
