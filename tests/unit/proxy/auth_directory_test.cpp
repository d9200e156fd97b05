#include "proxy/session/auth_directory.hpp"

#include <gtest/gtest.h>

using namespace pgweir;
using namespace std::chrono_literals;

namespace {

const auto now = auth_directory::clock::now();

stored_secret stored(std::string_view text) {
    return *stored_secret::parse(text);
}

settings with_user(const std::string& user, const std::string& password) {
    settings values;
    values.users[user].password = pgweir::secret{password};
    return values;
}

std::string text_of(const auth_directory& directory,
                    std::string_view user,
                    auth_directory::clock::time_point at = now) {
    const auto found = directory.find(user, at);
    if (!found.known) return "(unknown)";
    return found.secret ? found.secret->text() : "(none)";
}

} // namespace

TEST(AuthDirectory, KnowsNobodyAtFirst) {
    const auth_directory directory;
    EXPECT_FALSE(directory.find("anna", now).known);
    EXPECT_FALSE(directory.credentials("anna").password);
}

TEST(AuthDirectory, TakesUsersFromTheFile) {
    auth_directory directory;
    EXPECT_EQ(directory.load({}, "\"anna\" \"secret\"\n"), "");
    EXPECT_EQ(text_of(directory, "anna"), "secret");
    EXPECT_FALSE(directory.find("bert", now).known);
}

TEST(AuthDirectory, SettingsWinOverTheFileAndTheFileOverAnswers) {
    auth_directory directory;
    EXPECT_EQ(
        directory.load(with_user("anna", "setting"), "\"anna\" \"file\"\n\"bert\" \"file\"\n"), "");
    for (const char* const user : {"anna", "bert", "carl"})
        directory.remember(user, stored("answer"), now + 1h);
    EXPECT_EQ(text_of(directory, "anna"), "setting");
    EXPECT_EQ(text_of(directory, "bert"), "file");
    EXPECT_EQ(text_of(directory, "carl"), "answer");
}

TEST(AuthDirectory, TakesUsersFromPoolPasswdBehindTheOtherFile) {
    auth_directory directory;
    settings values;
    values.pool_key.value = "mykey";
    const std::string hash = "md5" + std::string(32, 'a');
    EXPECT_EQ(directory.load(values, "\"anna\" \"file\"\n",
                             "anna:loses\nbert:AES/0vk2BLdRvSVJOvreHcE8g==\ncarl:TEXT" + hash +
                                 "\ndora:" + hash + "\n"),
              "");
    EXPECT_EQ(text_of(directory, "anna"), "file");
    EXPECT_EQ(text_of(directory, "bert"), "hello");
    EXPECT_EQ(directory.find("carl", now).secret->what(), stored_secret::kind::plain);
    EXPECT_EQ(directory.find("dora", now).secret->what(), stored_secret::kind::md5);
    EXPECT_EQ(directory.credentials("bert").password, "hello");
}

TEST(AuthDirectory, ABrokenPoolPasswdIsRefusedWithFileAndLine) {
    auth_directory directory;
    settings values;
    values.pool_passwd_file = "/etc/pool_passwd";
    EXPECT_EQ(directory.load(values, {}, "anna:AES/0vk2BLdRvSVJOvreHcE8g==\n"),
              "/etc/pool_passwd:1: has an encrypted password; set pool_key_file (pgpool's "
              ".pgpoolkey) or pool_key");
    EXPECT_EQ(directory.load(values, {}, "anna:SCRAM-SHA-256$hushhush\n"),
              "/etc/pool_passwd: the SCRAM secret of anna is broken");
    EXPECT_FALSE(directory.find("anna", now).known);
}

TEST(AuthDirectory, TheAuthUsersPasswordIsItsSecretUnlessItHasOneOfItsOwn) {
    auth_directory directory;
    settings values;
    values.auth_user = "lookup";
    values.auth_password = pgweir::secret{"auth"};
    EXPECT_EQ(directory.load(values, {}), "");
    EXPECT_EQ(text_of(directory, "lookup"), "auth");
    values.users["lookup"].password = pgweir::secret{"own"};
    EXPECT_EQ(directory.load(values, {}), "");
    EXPECT_EQ(text_of(directory, "lookup"), "own");
}

TEST(AuthDirectory, SaysWhatIsWrongAndKeepsWhatItHad) {
    auth_directory directory;
    EXPECT_EQ(directory.load({}, "\"anna\" \"secret\"\n"), "");
    settings values;
    values.users_file = "/etc/users.txt";
    EXPECT_EQ(directory.load(values, "\"anna\" \"new\"\nbroken\n"),
              "/etc/users.txt:2: expected a user name in double quotes");
    EXPECT_NE(directory.load(with_user("bert", "SCRAM-SHA-256$broken"), {}), "");
    EXPECT_EQ(text_of(directory, "anna"), "secret");
}

TEST(AuthDirectory, NoProblemItReportsNamesASecret) {
    auth_directory directory;
    const auto problem = directory.load(with_user("bert", "SCRAM-SHA-256$hushhush"), {});
    EXPECT_NE(problem.find("bert"), std::string::npos);
    EXPECT_EQ(problem.find("hushhush"), std::string::npos);
}

TEST(AuthDirectory, AnswersAreGoodUntilTheirTime) {
    auth_directory directory;
    directory.remember("carl", stored("answer"), now + 1min);
    EXPECT_EQ(text_of(directory, "carl", now + 59s), "answer");
    EXPECT_EQ(text_of(directory, "carl", now + 1min), "(unknown)");
}

TEST(AuthDirectory, WhatOneDatabaseSaysIsNotSaidToAnother) {
    auth_directory directory;
    directory.remember("carl", stored("forged"), now + 1h, "mallorys");
    EXPECT_FALSE(directory.find("carl", now, "app").known);
    EXPECT_FALSE(directory.find("carl", now).known);
    EXPECT_EQ(directory.find("carl", now, "mallorys").secret->text(), "forged");
    directory.forget("carl", "mallorys");
    EXPECT_FALSE(directory.find("carl", now, "mallorys").known);
}

TEST(AuthDirectory, RemembersThatThereIsNoSuchUser) {
    auth_directory directory;
    directory.remember("nobody", std::nullopt, now + 1min);
    EXPECT_EQ(text_of(directory, "nobody"), "(none)");
}

TEST(AuthDirectory, AskedAnewAfterForgetOrLoad) {
    auth_directory directory;
    directory.remember("carl", stored("answer"), now + 1h);
    directory.forget("carl");
    EXPECT_EQ(text_of(directory, "carl"), "(unknown)");
    directory.forget("carl");
    directory.remember("carl", stored("answer"), now + 1h);
    EXPECT_EQ(directory.load({}, {}), "");
    EXPECT_EQ(text_of(directory, "carl"), "(unknown)");
}

TEST(AuthDirectory, InventedNamesDoNotFillTheMemory) {
    auth_directory directory;
    for (std::size_t i = 0; i <= auth_directory::most_remembered; ++i)
        directory.remember("user" + std::to_string(i), std::nullopt, now + 1h);
    EXPECT_EQ(text_of(directory, "user0"), "(unknown)") << "asked anew beyond the bound";
    EXPECT_EQ(text_of(directory, "user" + std::to_string(auth_directory::most_remembered)),
              "(none)");
}

TEST(AuthDirectory, GivesTheCredentialsOfASecretThatHasThem) {
    auth_directory directory;
    const std::string hash = "md5" + std::string(32, 'a');
    EXPECT_EQ(directory.load({}, "\"anna\" \"secret\"\n\"bert\" \"" + hash + "\"\n"), "");
    EXPECT_EQ(directory.credentials("anna").password, "secret");
    EXPECT_FALSE(directory.credentials("bert").password);
    EXPECT_EQ(directory.credentials("bert").md5_hash, hash);
}

TEST(AuthDirectory, GathersWhatLoginsTeach) {
    auth_directory directory;
    server_credentials keys;
    keys.keys.emplace();
    directory.remember_credentials("carl", keys);
    EXPECT_TRUE(directory.credentials("carl").keys);
    server_credentials password;
    password.password = "typed";
    directory.remember_credentials("carl", password);
    EXPECT_TRUE(directory.credentials("carl").keys) << "what is not said anew stays";
    EXPECT_EQ(directory.credentials("carl").password, "typed");
    EXPECT_FALSE(directory.credentials("dora").password);
}

TEST(AuthDirectory, TheConfiguredSecretWinsOverWhatALoginTaught) {
    auth_directory directory;
    server_credentials old;
    old.password = "old";
    directory.remember_credentials("anna", old);
    EXPECT_EQ(directory.load({}, "\"anna\" \"new\"\n"), "");
    EXPECT_EQ(directory.credentials("anna").password, "new");
}
