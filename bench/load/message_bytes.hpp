// The few v3 message encodings that the load tools need. Own code on purpose: what measures the
// proxy must not share the proxy's codec. Appends to a std::string owned by the caller.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace pgweir::bench {

inline void put_int16(std::string& out, std::uint16_t value) {
    out.push_back(static_cast<char>(value >> 8U));
    out.push_back(static_cast<char>(value & 0xffU));
}

inline void put_int32(std::string& out, std::uint32_t value) {
    put_int16(out, static_cast<std::uint16_t>(value >> 16U));
    put_int16(out, static_cast<std::uint16_t>(value & 0xffffU));
}

/// A zero-terminated String of the protocol.
inline void put_string(std::string& out, std::string_view value) {
    out.append(value);
    out.push_back('\0');
}

/// One whole message: type letter, length (which counts itself), body.
inline void put_message(std::string& out, char type, std::string_view body) {
    out.push_back(type);
    put_int32(out, static_cast<std::uint32_t>(body.size() + 4));
    out.append(body);
}

/// Big-endian Int32 at the start of `bytes`; the caller has checked that four are there.
[[nodiscard]] inline std::uint32_t int32_at(std::string_view bytes) {
    std::uint32_t value = 0;
    for (const char byte : bytes.substr(0, 4)) {
        value = (value << 8U) | static_cast<unsigned char>(byte);
    }
    return value;
}

/// Takes a zero-terminated String off the front of `body`; an unterminated one takes all of it.
[[nodiscard]] inline std::string_view take_string(std::string_view& body) {
    const auto end = body.find('\0');
    const auto text = body.substr(0, end);
    body.remove_prefix(end == std::string_view::npos ? body.size() : end + 1);
    return text;
}

} // namespace pgweir::bench
