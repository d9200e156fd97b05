#include "proxy/access/pool_passwd.hpp"

#include <gtest/gtest.h>

#include <array>

using namespace pgweir;

namespace {

/// Made by pgpool's own pg_enc 4.3.5, key "mykey".
struct encrypted {
    const char* text;
    const char* plain;
};
constexpr std::array<encrypted, 2> by_pg_enc{{
    {"/0vk2BLdRvSVJOvreHcE8g==", "hello"},
    {"Uo6TKoFOA7uUsQOmRDMne+yZcr8z7uYEeOEOjVZvefI5LMhDdVg/XHa1yeTL/zyd",
     "a rather longer password of 40 chars...."},
}};

std::string problem(std::string_view text, std::string_view key = "mykey") {
    const auto read = parse_pool_passwd(text, key);
    return read ? "" : std::to_string(read.error().line) + ": " + read.error().what;
}

} // namespace

TEST(PoolPasswd, DecryptsWhatPgpoolEncrypted) {
    for (const auto& [text, plain] : by_pg_enc)
        EXPECT_EQ(decrypt_pool_password(text, "mykey"), plain);
    EXPECT_EQ(decrypt_pool_password("BXSDHeZBP3fxzoa4w++U3Q==", "  my key two "), "hello");
    EXPECT_EQ(decrypt_pool_password("I3RnbOpsKlJ+TLFggFYugQ==", "nonl"), "hello");
}

TEST(PoolPasswd, WhatIsNoSuchTextIsNotDecrypted) {
    for (const char* const text :
         {"", "=", "/0vk", "/0vk2BLdRvSVJOvreHcE8g", "AAAAAAAAAAAAAAAAAAAA",
          "/0vk2BLdRvSVJOvreHcE8h==", "hello world 1234"})
        EXPECT_EQ(decrypt_pool_password(text, "mykey"), std::nullopt) << text;
    EXPECT_EQ(decrypt_pool_password(by_pg_enc[0].text, "other"), std::nullopt);
    EXPECT_EQ(decrypt_pool_password(by_pg_enc[0].text, ""), std::nullopt);
    EXPECT_EQ(decrypt_pool_password(std::string(1U << 20U, 'A'), "mykey"), std::nullopt);
}

TEST(PoolPasswd, ReadsEachFormOfSecret) {
    const auto users = parse_pool_passwd(
        "# none\r\nann:AES/0vk2BLdRvSVJOvreHcE8g==\r\n\nbob:TEXTp:w\ncarl:md5" +
            std::string(32, '0') + "\ndora:SCRAM-SHA-256$x\nemil:md5 by himself\nfred:",
        "mykey");
    ASSERT_TRUE(users);
    ASSERT_EQ(users->size(), 6U);
    const auto is = [&](std::size_t at, const char* name, const std::string& secret, bool plain) {
        EXPECT_EQ((*users)[at].name, name);
        EXPECT_EQ((*users)[at].secret, secret);
        EXPECT_EQ((*users)[at].is_plain, plain);
    };
    is(0, "ann", "hello", true);
    is(1, "bob", "p:w", true);
    is(2, "carl", "md5" + std::string(32, '0'), false);
    is(3, "dora", "SCRAM-SHA-256$x", false);
    is(4, "emil", "md5 by himself", true);
    is(5, "fred", "", true);
}

TEST(PoolPasswd, TheFirstLineAboutAUserCounts) {
    const auto users = parse_pool_passwd("ann:one\nann:two\n", "");
    ASSERT_TRUE(users);
    ASSERT_EQ(users->size(), 1U);
    EXPECT_EQ(users->front().secret, "one");
}

TEST(PoolPasswd, SaysWhichLineIsWrongAndNoSecret) {
    EXPECT_EQ(problem("ann:x\nno colon\n"), "2: must be user:secret");
    EXPECT_EQ(problem(":x"), "1: must be user:secret");
    EXPECT_EQ(problem(std::string_view{"ann:\0x", 6}), "1: zero byte in line");
    EXPECT_NE(problem("ann:AES/0vk2BLdRvSVJOvreHcE8g==", "").find("set pool_key_file"),
              std::string::npos);
    const auto wrong_key = problem("ann:AES/0vk2BLdRvSVJOvreHcE8g==", "other");
    EXPECT_NE(wrong_key.find("does not decrypt"), std::string::npos);
    EXPECT_EQ(wrong_key.find("0vk2"), std::string::npos);
    EXPECT_EQ(wrong_key.find("other)"), std::string::npos);
}
