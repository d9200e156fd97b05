#include "protocol/wipe.hpp"

#include <gtest/gtest.h>

#include <string_view>

using namespace pgweir;

TEST(Wipe, LeavesNothingOfATextBehind) {
    std::string secret = "open sesame";
    const auto* const where = secret.data();
    protocol::wipe(secret);
    EXPECT_EQ(secret, "");
    EXPECT_EQ((std::string_view{where, 11}), std::string(11, '\0'));
}

TEST(WipedText, AShortTextIsGoneFromWhereItWasMovedFrom) {
    protocol::wiped_text first{"short"};
    const auto* const place = first.text().data();
    const protocol::wiped_text second{std::move(first)};
    EXPECT_EQ(second.text(), "short");
    EXPECT_EQ((std::string_view{place, 5}), std::string(5, '\0'));
}

TEST(WipedText, CopiesAndAssignments) {
    protocol::wiped_text text{"one"};
    protocol::wiped_text other{text};
    EXPECT_EQ(other.text(), "one");
    other = protocol::wiped_text{"two"};
    text = other;
    EXPECT_EQ(text.text(), "two");
    EXPECT_FALSE(text.empty());
    EXPECT_TRUE(protocol::wiped_text{}.empty());
}
