// The primitive types of the wire: Int16, Int32, String, Byte1, ByteN, all big-endian and
// bounds-checked. wire_reader keeps the first error and then reads zeroes, so a decoder checks
// once, at finish(). Source: PostgreSQL docs, protocol-message-types.
#pragma once

#include "protocol/error.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>

namespace pgweir::protocol {

[[nodiscard]] constexpr std::uint32_t load_uint32(const char* p) noexcept {
    const auto byte = [p](int i) {
        return static_cast<std::uint32_t>(static_cast<unsigned char>(p[i]));
    };
    return byte(0) << 24U | byte(1) << 16U | byte(2) << 8U | byte(3);
}

[[nodiscard]] constexpr std::uint16_t load_uint16(const char* p) noexcept {
    const auto high = static_cast<unsigned>(static_cast<unsigned char>(p[0]));
    const auto low = static_cast<unsigned>(static_cast<unsigned char>(p[1]));
    return static_cast<std::uint16_t>(high << 8U | low);
}

inline void store_uint32(char* p, std::uint32_t value) noexcept {
    p[0] = static_cast<char>(value >> 24U);
    p[1] = static_cast<char>(value >> 16U);
    p[2] = static_cast<char>(value >> 8U);
    p[3] = static_cast<char>(value);
}

/// Reads one body. Views that it returns point into that body and live as long as its bytes.
class wire_reader {
public:
    explicit wire_reader(std::string_view body) noexcept : rest_{body} {}

    char byte1() noexcept {
        const auto bytes = take(1);
        return bytes.empty() ? '\0' : bytes[0];
    }
    std::uint16_t uint16() noexcept {
        const auto bytes = take(2);
        return bytes.empty() ? std::uint16_t{0} : load_uint16(bytes.data());
    }
    std::int16_t int16() noexcept { return static_cast<std::int16_t>(uint16()); }
    std::uint32_t uint32() noexcept {
        const auto bytes = take(4);
        return bytes.empty() ? 0 : load_uint32(bytes.data());
    }
    std::int32_t int32() noexcept { return static_cast<std::int32_t>(uint32()); }

    /// Up to the next zero byte, without it.
    std::string_view string() noexcept {
        const auto end = rest_.find('\0');
        if (end == std::string_view::npos) {
            fail(decode_errc::unterminated_string);
            return {};
        }
        const auto text = rest_.substr(0, end);
        rest_.remove_prefix(end + 1);
        return text;
    }

    /// `count` bytes; a negative count is bad_length.
    std::string_view bytes(std::int64_t count) noexcept {
        if (count < 0) {
            fail(decode_errc::bad_length);
            return {};
        }
        return take(static_cast<std::uint64_t>(count));
    }

    /// Everything that is left.
    std::string_view remainder() noexcept {
        const auto all = rest_;
        rest_ = {};
        return all;
    }

    [[nodiscard]] std::size_t left() const noexcept { return rest_.size(); }
    [[nodiscard]] bool ok() const noexcept { return !failed_; }

    void fail(decode_errc why) noexcept {
        if (!failed_) {
            failed_ = true;
            why_ = why;
        }
        rest_ = {};
    }

    /// The first error, trailing_bytes if anything is left, or no error.
    [[nodiscard]] error_code finish() const noexcept {
        if (failed_) return why_;
        if (!rest_.empty()) return decode_errc::trailing_bytes;
        return {};
    }

private:
    std::string_view take(std::uint64_t count) noexcept {
        if (count > rest_.size()) {
            fail(decode_errc::short_body);
            return {};
        }
        const auto head = rest_.substr(0, static_cast<std::size_t>(count));
        rest_.remove_prefix(head.size());
        return head;
    }

    std::string_view rest_;
    decode_errc why_ = decode_errc::short_body;
    bool failed_ = false;
};

/// Appends one message to a buffer that the caller owns. finish() patches the length in.
class wire_writer {
public:
    /// A message with a type byte.
    wire_writer(std::string& out, char type) : out_{out}, length_at_{out.size() + 1} {
        out_.push_back(type);
        out_.append(4, '\0');
    }
    /// A start-up packet: a length and no type byte.
    explicit wire_writer(std::string& out) : out_{out}, length_at_{out.size()} {
        out_.append(4, '\0');
    }
    wire_writer(const wire_writer&) = delete;
    wire_writer& operator=(const wire_writer&) = delete;

    void byte1(char value) { out_.push_back(value); }
    void uint16(std::uint16_t value) {
        out_.push_back(static_cast<char>(value >> 8U));
        out_.push_back(static_cast<char>(value & 0xffU));
    }
    void int16(std::int16_t value) { uint16(static_cast<std::uint16_t>(value)); }
    void uint32(std::uint32_t value) {
        char bytes[4];
        store_uint32(bytes, value);
        out_.append(bytes, 4);
    }
    void int32(std::int32_t value) { uint32(static_cast<std::uint32_t>(value)); }
    /// The text up to its first zero byte and a terminator: a zero inside must not start a new
    /// field.
    void string(std::string_view text) {
        out_.append(text.substr(0, text.find('\0')));
        out_.push_back('\0');
    }
    void bytes(std::string_view data) { out_.append(data); }
    /// An Int16 count. Throws std::length_error above 65535, which no message can carry.
    void count16(std::size_t count) {
        if (count > std::numeric_limits<std::uint16_t>::max())
            throw std::length_error{"more than 65535 items in a message"};
        uint16(static_cast<std::uint16_t>(count));
    }
    /// An Int32 length and the bytes.
    void sized_bytes(std::string_view data) {
        int32(checked_length(data.size()));
        bytes(data);
    }

    /// Throws std::length_error above 2 GiB: a caller's mistake, since readers refuse such input.
    void finish() {
        const auto length = checked_length(out_.size() - length_at_);
        store_uint32(out_.data() + length_at_, static_cast<std::uint32_t>(length));
    }

private:
    static std::int32_t checked_length(std::size_t size) {
        if (size > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()))
            throw std::length_error{"message does not fit a 32-bit length"};
        return static_cast<std::int32_t>(size);
    }

    std::string& out_;
    std::size_t length_at_;
};

/// A message without a body.
inline void encode_empty(char type, std::string& out) {
    wire_writer{out, type}.finish();
}

} // namespace pgweir::protocol
