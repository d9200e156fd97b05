// Counted lists that several messages share: Int16 formats, Int32 oids, and values with an Int32
// length where -1 means NULL. A count that the body cannot hold fails before anything is allocated.
#pragma once

#include "protocol/wire.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace pgweir::protocol {

using nullable_bytes = std::optional<std::string_view>;

/// An Int16 count of items that take at least `item_size` bytes each; 0 after failing if they do
/// not fit.
inline std::uint16_t read_count(wire_reader& in, std::size_t item_size) noexcept {
    const auto count = in.uint16();
    if (count * item_size > in.left()) {
        in.fail(decode_errc::short_body);
        return 0;
    }
    return count;
}

inline nullable_bytes read_value(wire_reader& in) noexcept {
    const auto length = in.int32();
    if (length == -1) return std::nullopt;
    return in.bytes(length);
}

inline std::vector<std::int16_t> read_formats(wire_reader& in) {
    std::vector<std::int16_t> formats(read_count(in, 2));
    for (auto& format : formats)
        format = in.int16();
    return formats;
}

inline std::vector<std::uint32_t> read_oids(wire_reader& in) {
    std::vector<std::uint32_t> oids(read_count(in, 4));
    for (auto& oid : oids)
        oid = in.uint32();
    return oids;
}

inline std::vector<nullable_bytes> read_values(wire_reader& in) {
    std::vector<nullable_bytes> values(read_count(in, 4));
    for (auto& value : values)
        value = read_value(in);
    return values;
}

inline void write_value(wire_writer& to, const nullable_bytes& value) {
    if (value)
        to.sized_bytes(*value);
    else
        to.int32(-1);
}

inline void write_formats(wire_writer& to, const std::vector<std::int16_t>& formats) {
    to.count16(formats.size());
    for (const auto format : formats)
        to.int16(format);
}

inline void write_oids(wire_writer& to, const std::vector<std::uint32_t>& oids) {
    to.count16(oids.size());
    for (const auto oid : oids)
        to.uint32(oid);
}

inline void write_values(wire_writer& to, const std::vector<nullable_bytes>& values) {
    to.count16(values.size());
    for (const auto& value : values)
        write_value(to, value);
}

} // namespace pgweir::protocol
