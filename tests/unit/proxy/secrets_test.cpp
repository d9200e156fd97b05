#include "protocol/md5.hpp"
#include "proxy/session/secrets.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace pgweir {
namespace {

using kind = stored_secret::kind;

std::string verifier_of(std::string_view password) {
    return protocol::format_scram_verifier(
        *protocol::derive_scram_verifier(password, "0123456789abcdef", 4096));
}

TEST(StoredSecret, KnowsPostgreSQLsForms) {
    EXPECT_EQ(stored_secret::parse("")->what(), kind::none);
    EXPECT_EQ(stored_secret::parse("open sesame")->what(), kind::plain);
    EXPECT_EQ(stored_secret::parse(*protocol::md5_hash("ann", "x"))->what(), kind::md5);
    EXPECT_EQ(stored_secret::parse("md5 is my password")->what(), kind::plain);
    EXPECT_EQ(stored_secret::parse(verifier_of("x"))->what(), kind::scram);
    EXPECT_EQ(stored_secret{}.what(), kind::none);
}

TEST(StoredSecret, IsNoPasswordIfItIsABrokenVerifier) {
    const auto text = verifier_of("x");
    EXPECT_EQ(stored_secret::parse(text.substr(0, text.size() - 1)).error(),
              protocol::scram_errc::bad_verifier);
}

TEST(StoredSecret, MatchesOnlyTheRightPasswordOfTheRightUser) {
    for (const auto& text :
         {std::string{"right"}, *protocol::md5_hash("ann", "right"), verifier_of("right")}) {
        SCOPED_TRACE(text);
        const auto secret = *stored_secret::parse(text);
        EXPECT_TRUE(secret.matches("ann", "right", "salt"));
        EXPECT_FALSE(secret.matches("ann", "wrong", "salt"));
        EXPECT_FALSE(secret.matches("ann", "", "salt"));
        EXPECT_FALSE(secret.matches("ann", text, "salt") && text != "right");
    }
    EXPECT_FALSE(
        stored_secret::parse(*protocol::md5_hash("ann", "right"))->matches("bob", "right", ""));
    EXPECT_FALSE(stored_secret{}.matches("ann", "", ""));
}

TEST(StoredSecret, DerivesOneVerifierThatItsCopiesShareFromAnyThread) {
    const auto secret = *stored_secret::parse("right");
    std::vector<std::string> texts(4);
    {
        std::vector<std::jthread> threads;
        for (auto& text : texts)
            threads.emplace_back([&text, copy = secret] {
                text = protocol::format_scram_verifier(*copy.scram_verifier("ann", "salt"));
            });
    }
    for (const auto& text : texts)
        EXPECT_EQ(text, texts[0]);
    EXPECT_TRUE(protocol::matches(*secret.scram_verifier("ann", "salt"), "right"));
    EXPECT_EQ(secret.scram_verifier("ann", "salt")->salt, protocol::scram_salt_for("ann", "salt"));
    EXPECT_EQ(stored_secret{}.scram_verifier("ann", "salt"), std::nullopt);
}

TEST(ServerCredentials, ComeFromASecretByItself) {
    EXPECT_EQ(credentials_from(*stored_secret::parse("right")).password, "right");
    const auto hash = *protocol::md5_hash("ann", "right");
    EXPECT_EQ(credentials_from(*stored_secret::parse(hash)).md5_hash, hash);
    const auto none = credentials_from(*stored_secret::parse(verifier_of("right")));
    EXPECT_FALSE(none.password || none.keys || !none.md5_hash.empty());
}

TEST(UserList, ReadsPgBouncersFormat) {
    const auto list =
        user_list::parse("; comment\n"
                         "\"ann\" \"secret\"\n"
                         "\n"
                         "# another\r\n"
                         "  \"b\"\"ob\"\t\"a \"\"quoted\"\" one\" ignored \"rest\"\r\n"
                         "\"empty\" \"\"\n"
                         "\"ann\" \"later\"\n"
                         "\"ad;\" \"joined\"");
    ASSERT_TRUE(list) << list.error().what;
    EXPECT_EQ(list->size(), 4U);
    EXPECT_EQ(list->find("ann")->text(), "later");
    EXPECT_EQ(list->find("b\"ob")->text(), "a \"quoted\" one");
    EXPECT_EQ(list->find("empty")->what(), kind::none);
    EXPECT_EQ(list->find("ad;")->text(), "joined");
    EXPECT_EQ(list->find("Ann"), nullptr);
    EXPECT_EQ(list->find(""), nullptr);
}

TEST(UserList, MayBeEmpty) {
    EXPECT_EQ(user_list::parse("")->size(), 0U);
    EXPECT_EQ(user_list::parse("\n\n; only comments")->size(), 0U);
}

TEST(UserList, SaysWhichLineIsWrong) {
    using std::string_view_literals::operator""sv;
    for (const auto bad : {"ann secret"sv, "\"ann\""sv, "\"ann\" secret"sv, "\"ann \"\"secret\""sv,
                           "\"ann\" \"open"sv, "\"\" \"x\""sv, "\"ann\" \"x\0y\""sv,
                           "\"ann\" \"SCRAM-SHA-256$4096:AAAA\""sv}) {
        const auto list =
            user_list::parse("\"ok\" \"x\"\n\n" + std::string{bad} + "\n\"ok2\" \"y\"\n");
        ASSERT_FALSE(list) << bad;
        EXPECT_EQ(list.error().line, 3U) << bad;
        EXPECT_NE(list.error().what, "");
    }
}

} // namespace
} // namespace pgweir
