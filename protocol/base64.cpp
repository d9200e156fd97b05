#include "protocol/base64.hpp"

#include <cstddef>
#include <cstdint>

namespace pgweir::protocol {
namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

} // namespace

std::string base64_encode(std::string_view bytes) {
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t count = bytes.size() - i < 3 ? bytes.size() - i : 3;
        std::uint32_t group = 0;
        for (std::size_t j = 0; j < 3; ++j)
            group = group << 8U | (j < count ? static_cast<unsigned char>(bytes[i + j]) : 0U);
        for (std::size_t j = 0; j < 4; ++j)
            text.push_back(j <= count ? alphabet[group >> (18 - 6 * j) & 63U] : '=');
    }
    return text;
}

result<std::string> base64_decode(std::string_view text) {
    if (text.size() % 4 != 0) return decode_errc::bad_length;
    std::size_t padding = 0;
    while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=')
        ++padding;
    std::string bytes;
    bytes.reserve(text.size() / 4 * 3);
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool is_padding = i >= text.size() - padding;
        const auto digit = is_padding ? 0 : alphabet.find(text[i]);
        if (digit == std::string_view::npos) return decode_errc::bad_value;
        group = group << 6U | static_cast<std::uint32_t>(digit);
        if (i % 4 != 3) continue;
        bytes.push_back(static_cast<char>(group >> 16U & 255U));
        bytes.push_back(static_cast<char>(group >> 8U & 255U));
        bytes.push_back(static_cast<char>(group & 255U));
        group = 0;
    }
    for (std::size_t i = 0; i < padding; ++i) {
        if (bytes.back() != '\0') return decode_errc::bad_value;
        bytes.pop_back();
    }
    return bytes;
}

} // namespace pgweir::protocol
