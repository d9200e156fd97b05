#include "protocol/base64.hpp"

#include <gtest/gtest.h>

namespace pgweir::protocol {
namespace {

TEST(Base64, GivesTheVectorsOfRfc4648) {
    const std::pair<std::string_view, std::string_view> vectors[] = {{"", ""},
                                                                     {"f", "Zg=="},
                                                                     {"fo", "Zm8="},
                                                                     {"foo", "Zm9v"},
                                                                     {"foob", "Zm9vYg=="},
                                                                     {"fooba", "Zm9vYmE="},
                                                                     {"foobar", "Zm9vYmFy"}};
    for (const auto& [bytes, text] : vectors) {
        EXPECT_EQ(base64_encode(bytes), text);
        EXPECT_EQ(*base64_decode(text), bytes);
    }
}

TEST(Base64, CarriesEveryByte) {
    std::string bytes;
    for (int byte = 0; byte < 256; ++byte)
        bytes.push_back(static_cast<char>(byte));
    for (std::size_t size = 0; size <= bytes.size(); ++size)
        EXPECT_EQ(*base64_decode(base64_encode(bytes.substr(0, size))), bytes.substr(0, size));
}

TEST(Base64, IsStrict) {
    for (const auto* text : {"Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zm 9", "Zm9v\n",
                             "====", "Z===", "Zg==Zg==", "=g==", "Zm9\xff", "Zm9-"})
        EXPECT_FALSE(base64_decode(text)) << text;
}

} // namespace
} // namespace pgweir::protocol
