// Users from files: pgpool's pool_passwd in each of its forms, and lists that change.
#include "protocol/md5.hpp"
#include "tests/support/proxied_test.hpp"

#include <csignal>

namespace pgweir::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class user_lists : public ::testing::Test {
protected:
    void SetUp() override { PGWEIR_ONLY(); }

    [[nodiscard]] std::string path(const std::string& name) const {
        return directory_.path() / name;
    }
    /// As pgpool's pg_enc, which is asked itself where it is installed.
    [[nodiscard]] std::string encrypted(const std::string& password) const {
        write_file(path("password"), password, 0600);
        const auto made = run_command({"openssl", "enc", "-aes-256-cbc", "-md", "sha1", "-nosalt",
                                       "-base64", "-A", "-pass", "pass:" + key_, "-in",
                                       path("password"), "-out", path("encrypted")});
        EXPECT_EQ(made.exit_code, 0) << made.output;
        const auto text = read_file(path("encrypted"));
        if (std::filesystem::exists("/usr/sbin/pg_enc")) {
            const auto theirs = run_command({"/usr/sbin/pg_enc", "-K", key_, password});
            EXPECT_THAT(theirs.output, HasSubstr("AES" + text));
        }
        return "AES" + text;
    }
    [[nodiscard]] pgweir_options options(const std::string& list) const {
        write_file(path("pool_passwd"), list, 0600);
        write_file(path("key"), key_ + "\n", 0600);
        pgweir_options made;
        made.write_users_file = false;
        made.settings["users_file"] = "";
        made.settings["pool_passwd_file"] = path("pool_passwd");
        made.settings["pool_key_file"] = path("key");
        made.settings["log_level"] = "debug";
        return made;
    }
    static std::string user(const pgweir_process& proxy, const account& who) {
        pg_connection session{conninfo(proxy.port(), who)};
        return session.connected() ? session.value("select current_user") : session.error();
    }

    const std::string key_ = "the key of the pool";
    temp_directory directory_{"lists"};
};

TEST_F(user_lists, PoolPasswdInEachOfItsForms) {
    const auto md5 = protocol::md5_hash("app_md5", accounts::md5_user.password);
    ASSERT_TRUE(md5);
    const auto verifier = shared_cluster().primary().value(
        "select rolpassword from pg_authid where rolname = 'weir_lookup'", "postgres");
    const std::vector<std::pair<account, std::string>> users{
        {accounts::app, encrypted(accounts::app.password)},
        {accounts::other, "TEXT" + accounts::other.password},
        {accounts::md5_user, *md5},
        {accounts::plain_user, accounts::plain_user.password},
        {accounts::lookup, verifier}};
    std::string list = "# users\n";
    for (const auto& [who, secret] : users)
        list += who.name + ":" + secret + "\n";
    for (const auto* const method : {"scram-sha-256", "md5", "password"}) {
        SCOPED_TRACE(method);
        auto how = options(list);
        how.settings["auth_method"] = method;
        const pgweir_process proxy{shared_cluster().addresses(), how};
        for (const auto& [who, secret] : users) {
            SCOPED_TRACE(who.name);
            // Whoever has only an MD5 hash can answer MD5 alone.
            const bool can = secret != *md5 || std::string_view{method} != "scram-sha-256";
            if (can) EXPECT_EQ(user(proxy, who), who.name);
            EXPECT_THAT(user(proxy, {who.name, "wrong"}),
                        HasSubstr("password authentication failed"));
        }
        EXPECT_THAT(user(proxy, {"nobody", "x"}), HasSubstr("password authentication failed"));
        for (const auto& [who, secret] : users)
            EXPECT_THAT(proxy.log(), Not(HasSubstr(who.password)));
    }
}

TEST_F(user_lists, AListIsReadAnewAndABrokenOneKeepsTheOld) {
    const pgweir_process proxy{shared_cluster().addresses(),
                               options("app:TEXT" + accounts::app.password + "\n")};
    EXPECT_EQ(user(proxy, accounts::app), "app");
    EXPECT_THAT(user(proxy, accounts::other), HasSubstr("authentication failed"));
    write_file(path("pool_passwd"), "other:TEXT" + accounts::other.password + "\n", 0600);
    proxy.send_signal(SIGHUP);
    EXPECT_TRUE(wait_until([&] { return user(proxy, accounts::other) == "other"; }));
    EXPECT_THAT(user(proxy, accounts::app), HasSubstr("authentication failed"));
    write_file(path("pool_passwd"), "app:TEXTx\nno colon\n", 0600);
    proxy.send_signal(SIGHUP);
    EXPECT_TRUE(wait_until([&] {
        return proxy.log().find("pool_passwd:2: must be user:secret") != std::string::npos;
    }));
    EXPECT_EQ(user(proxy, accounts::other), "other");
}

TEST_F(user_lists, AWrongKeyIsSaidBeforeAnybodyComes) {
    auto how = options("app:" + encrypted(accounts::app.password) + "\n");
    write_file(path("key"), "another\n", 0600);
    how.wait_until_ready = false;
    const auto refused =
        run_pgweir("nodes = [\"127.0.0.1:1\"]\npool_passwd_file = \"" + path("pool_passwd") +
                   "\"\npool_key_file = \"" + path("key") + "\"\n");
    EXPECT_NE(refused.exit_code, 0);
    EXPECT_THAT(refused.output, HasSubstr("pool_passwd:1: has an encrypted password that"));
}

} // namespace
} // namespace pgweir::test
