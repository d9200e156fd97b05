// Helpers for codec tests: take an encoded message apart, and try a decoder on every broken form of
// a body.
#pragma once

#include "protocol/wire.hpp"

#include <gtest/gtest.h>

namespace pgweir::protocol {

/// The encoded form of one message.
template <class Message> std::string encoded(const Message& message) {
    std::string out;
    encode(message, out);
    return out;
}

/// The body of one whole message with a type byte, after checking type and length.
inline std::string body_of_only(const std::string& message, char type) {
    EXPECT_GE(message.size(), 5U);
    EXPECT_EQ(message.at(0), type);
    EXPECT_EQ(load_uint32(message.data() + 1), message.size() - 1);
    return message.substr(5);
}

template <class Message> std::string body_of_only(const Message& message) {
    return body_of_only(encoded(message), Message::type);
}

/// No truncation of a body and no byte more may be taken for the message.
template <class Decode> void expect_only_whole_bodies(const std::string& body, Decode decode) {
    EXPECT_TRUE(decode(body)) << "the whole body";
    for (std::size_t size = 0; size < body.size(); ++size) {
        SCOPED_TRACE(size);
        // A copy of exactly that size, so that the sanitizer sees a read beyond it.
        const std::vector<char> cut(body.begin(), body.begin() + static_cast<std::ptrdiff_t>(size));
        EXPECT_FALSE(decode(std::string_view{cut.data(), cut.size()}));
    }
    EXPECT_FALSE(decode(body + '\0')) << "a zero byte more";
    EXPECT_FALSE(decode(body + "x")) << "a letter more";
}

} // namespace pgweir::protocol
