// Finds message boundaries in a byte stream without copying: type letter, Int32 length (itself
// included), body. Source: PostgreSQL docs, protocol-overview ("Messaging Overview").
#pragma once

#include <cstdint>
#include <string_view>

namespace pgweir::protocol {

/// The start of one message of a stream. `size` counts the whole message: letter, length and body.
struct frame_header {
    char type = 0;
    std::uint64_t size = 0;

    static constexpr std::size_t bytes = 5;

    [[nodiscard]] std::uint64_t body_size() const { return size - bytes; }
};

enum class frame_status : std::uint8_t {
    found,
    incomplete, // fewer than five bytes so far
    bad_length, // the length field is below four: the stream is lost
};

/// Looks at the first five bytes of `in`; says nothing about whether the body is there.
[[nodiscard]] inline frame_status read_header(std::string_view in, frame_header& out) {
    if (in.size() < frame_header::bytes) return frame_status::incomplete;
    std::uint32_t length = 0;
    for (std::size_t i = 1; i < frame_header::bytes; ++i)
        length = length << 8U | static_cast<std::uint8_t>(in[i]);
    // A length is a signed Int32 on the wire: beyond 2^31-1 it is negative.
    if (length < 4 || length > 0x7fffffffU) return frame_status::bad_length;
    out.type = in[0];
    out.size = std::uint64_t{length} + 1;
    return frame_status::found;
}

/// Body of the complete message at the start of `in`, whose header is `header`.
[[nodiscard]] inline std::string_view body_of(std::string_view in, const frame_header& header) {
    return in.substr(frame_header::bytes, header.body_size());
}

} // namespace pgweir::protocol
