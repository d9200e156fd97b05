// Helpers for login tests: whole messages out of a buffer.
#pragma once

#include "protocol/wire.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pgweir {

struct message {
    char type;
    std::string body;
};

/// Cuts a buffer of whole messages apart and empties it.
inline std::vector<message> take_messages(std::string& buffer) {
    std::vector<message> messages;
    std::string_view rest = buffer;
    while (!rest.empty()) {
        if (rest.size() < 5 || rest.size() - 1 < protocol::load_uint32(rest.data() + 1)) {
            ADD_FAILURE() << "half a message";
            break;
        }
        const std::size_t length = protocol::load_uint32(rest.data() + 1);
        messages.push_back({rest[0], std::string{rest.substr(5, length - 4)}});
        rest.remove_prefix(1 + length);
    }
    buffer.clear();
    return messages;
}

/// The letters of the messages in a buffer, which stays as it is.
inline std::string types_in(std::string buffer) {
    std::string types;
    for (const auto& m : take_messages(buffer))
        types.push_back(m.type);
    return types;
}

template <class Message> std::string encoded(const Message& m) {
    std::string out;
    encode(m, out);
    return out;
}

} // namespace pgweir
