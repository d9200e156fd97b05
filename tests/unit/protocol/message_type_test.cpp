#include "protocol/message_type.hpp"

#include <gtest/gtest.h>

#include <string>

namespace pgweir::protocol {
namespace {

std::string letters(std::string_view (*name)(char)) {
    std::string found;
    for (int letter = 0; letter < 256; ++letter)
        if (!name(static_cast<char>(letter)).empty()) found.push_back(static_cast<char>(letter));
    return found;
}

TEST(MessageType, NamesExactlyTheLettersOfEachDirection) {
    EXPECT_EQ(letters([](char c) { return frontend_message_name(c); }), "BCDEFHPQSXcdfp");
    EXPECT_EQ(letters([](char c) { return backend_message_name(c); }), "123ACDEGHIKNRSTVWZcdnstv");
    EXPECT_EQ(frontend_message_name('D'), "Describe");
    EXPECT_EQ(backend_message_name('D'), "DataRow");
}

} // namespace
} // namespace pgweir::protocol
