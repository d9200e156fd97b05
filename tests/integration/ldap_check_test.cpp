// What a real LDAP server says of passwords, and one that hangs.
#include "proxy/access/ldap.hpp"
#include "tests/support/ldap_server.hpp"
#include "tests/support/tcp_gate.hpp"
#include "tests/support/wait.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace pgweir::test {
namespace {

using ::testing::HasSubstr;
using outcome = password_verdict::outcome;

/// One question after the other, or some at once, as a worker would put them.
class asker {
public:
    void ask(const ldap_rule& rule, const std::string& user, const std::string& password) {
        verdicts_.push_back(std::make_unique<password_verdict>());
        auto body = put(this, std::make_shared<const ldap_rule>(rule), user, password,
                        verdicts_.back().get());
        spawn(io_.get_executor(), "ask", std::move(body));
    }
    /// Until all are answered; the last verdict.
    password_verdict run() {
        io_.restart();
        io_.run();
        return *verdicts_.back();
    }
    password_verdict
    operator()(const ldap_rule& rule, const std::string& user, const std::string& password) {
        ask(rule, user, password);
        return run();
    }
    [[nodiscard]] const password_verdict& verdict(std::size_t of) const { return *verdicts_[of]; }
    [[nodiscard]] asio::io_context& io() { return io_; }

    ldap_limits limits{2s, {}, ldap_certificates::demand, {}};

private:
    static task<> put(asker* self,
                      std::shared_ptr<const ldap_rule> rule,
                      std::string user,
                      std::string password,
                      password_verdict* into) {
        auto limits = self->limits;
        auto verdict =
            co_await check_ldap(self->threads_, self->io_.get_executor(), std::move(rule),
                                std::move(limits), std::move(user), std::move(password));
        *into = std::move(verdict);
    }

    asio::io_context io_{1};
    check_threads threads_{2, 4};
    std::vector<std::unique_ptr<password_verdict>> verdicts_;
};

ldap_rule rule_of(const std::vector<rule_option>& options) {
    auto made = make_ldap_rule(options);
    EXPECT_TRUE(made) << made.error();
    return *made;
}

class ldap_check : public ::testing::Test {
protected:
    static void SetUpTestSuite() {
        if (ldap_server::is_installed()) server_ = std::make_unique<ldap_server>();
    }
    static void TearDownTestSuite() { server_.reset(); }
    void SetUp() override {
        if (!server_) GTEST_SKIP() << "slapd is not installed";
    }

    static std::vector<rule_option> at(int port, const std::string& host = "127.0.0.1") {
        return {{"ldapserver", host}, {"ldapport", std::to_string(port)}};
    }
    static ldap_rule simple(int port) {
        auto options = at(port);
        options.emplace_back("ldapprefix", "uid=");
        options.emplace_back("ldapsuffix", std::string{","} + ldap_server::people);
        return rule_of(options);
    }
    static ldap_rule search(const std::vector<rule_option>& more = {},
                            const std::string& reader_password = "reader-secret") {
        auto options = at(server_->port());
        options.emplace_back("ldapbasedn", "dc=example,dc=net");
        options.emplace_back("ldapbinddn", ldap_server::reader);
        options.emplace_back("ldapbindpasswd", reader_password);
        options.insert(options.end(), more.begin(), more.end());
        return rule_of(options);
    }
    static ldap_rule with_scheme(ldap_rule rule, const std::string& uri) {
        rule.uris = {uri};
        return rule;
    }

    inline static std::unique_ptr<ldap_server> server_;
    asker ask_;
};

TEST_F(ldap_check, SimpleBind) {
    const auto rule = simple(server_->port());
    EXPECT_TRUE(ask_(rule, "ann", "ann-secret").accepted());
    EXPECT_EQ(ask_(rule, "ann", "bob-secret").what, outcome::rejected);
    EXPECT_EQ(ask_(rule, "nobody", "x").what, outcome::rejected);
    EXPECT_EQ(ask_(rule, "ann", "").what, outcome::rejected)
        << "no password at all binds anonymously, which proves nothing";
    EXPECT_EQ(ask_(rule, "ann", std::string("ann-secret\0x", 12)).what, outcome::rejected);
}

TEST_F(ldap_check, SearchAndBind) {
    EXPECT_TRUE(ask_(search(), "ann", "ann-secret").accepted());
    EXPECT_EQ(ask_(search(), "ann", "wrong").what, outcome::rejected);
    EXPECT_EQ(ask_(search(), "nobody", "ann-secret").what, outcome::rejected);
    const auto by_mail = search({{"ldapsearchfilter", "(|(uid=$username)(mail=$username))"}});
    EXPECT_TRUE(ask_(by_mail, "ann@example.net", "ann-secret").accepted());
    EXPECT_TRUE(ask_(by_mail, "bob", "bob-secret").accepted());
    const auto several = ask_(by_mail, "b@example.net", "bob-secret");
    EXPECT_EQ(several.what, outcome::rejected);
    EXPECT_THAT(several.why, HasSubstr("several entries"));
}

TEST_F(ldap_check, AUsersNameDoesNotChangeTheSearch) {
    for (const char* const name : {"an*", "*", "ann)(uid=*", "x)(|(uid=ann", "ann\\"})
        EXPECT_EQ(ask_(search(), name, "ann-secret").what, outcome::rejected) << name;
}

TEST_F(ldap_check, TheSearchItselfNeedsItsPassword) {
    const auto verdict = ask_(search({}, "wrong"), "ann", "ann-secret");
    EXPECT_EQ(verdict.what, outcome::unavailable);
    EXPECT_THAT(verdict.why, HasSubstr("refuses ldapbinddn"));
    EXPECT_THAT(verdict.why, testing::Not(HasSubstr("wrong")));
}

TEST_F(ldap_check, StartTlsAndLdapsDemandAGoodCertificate) {
    auto started = simple(server_->port());
    started.start_tls = true;
    const auto port = std::to_string(server_->tls_port());
    auto direct = with_scheme(simple(server_->tls_port()), "ldaps://127.0.0.1:" + port);
    const auto misnamed = with_scheme(direct, "ldaps://127.0.0.2:" + port);
    for (const auto* rule : {&started, &direct})
        EXPECT_EQ(ask_(*rule, "ann", "ann-secret").what, outcome::unavailable) << rule->uris[0];
    ask_.limits.ca_file = server_->ca_file();
    for (const auto* rule : {&started, &direct}) {
        const auto verdict = ask_(*rule, "ann", "ann-secret");
        EXPECT_TRUE(verdict.accepted()) << rule->uris[0] << verdict.why;
        EXPECT_EQ(ask_(*rule, "ann", "wrong").what, outcome::rejected);
    }
    EXPECT_EQ(ask_(misnamed, "ann", "ann-secret").what, outcome::unavailable);
    ask_.limits.certificates = ldap_certificates::never;
    EXPECT_TRUE(ask_(misnamed, "ann", "ann-secret").accepted());
}

TEST_F(ldap_check, TheNextServerIsAskedWhereOneIsNotThere) {
    auto rule = simple(server_->port());
    rule.uris.insert(rule.uris.begin(), "ldap://127.0.0.1:" + std::to_string(free_port()));
    EXPECT_TRUE(ask_(rule, "ann", "ann-secret").accepted());
    EXPECT_EQ(ask_(rule, "ann", "wrong").what, outcome::rejected);
    rule.uris.pop_back();
    const auto verdict = ask_(rule, "ann", "ann-secret");
    EXPECT_EQ(verdict.what, outcome::unavailable);
    EXPECT_THAT(verdict.why, HasSubstr(rule.uris[0]));
}

TEST_F(ldap_check, AServerThatHangsDisturbsNobodyElse) {
    ask_.limits.timeout = 500ms;
    tcp_gate gate{server_->port()};
    gate.hold(true);
    const auto hung = simple(gate.port());
    const auto hung_in_tls = with_scheme(hung, "ldaps://127.0.0.1:" + std::to_string(gate.port()));
    const auto begun = std::chrono::steady_clock::now();
    for (int i = 0; i < 10; ++i)
        ask_.ask(i % 2 == 0 ? hung : hung_in_tls, "ann", "ann-secret");
    ask_.ask(simple(server_->port()), "ann", "ann-secret");
    EXPECT_TRUE(ask_.run().accepted());
    for (std::size_t i = 0; i < 10; ++i)
        EXPECT_EQ(ask_.verdict(i).what, outcome::unavailable);
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 5s);

    EXPECT_TRUE(ask_(simple(server_->port()), "ann", "ann-secret").accepted());
    gate.hold(false);
    EXPECT_TRUE(wait_until([&] { return ask_(hung, "ann", "ann-secret").accepted(); }))
        << "it is asked again once it answers";
}

TEST_F(ldap_check, MoreQuestionsThanMayWaitAreRefusedAtOnce) {
    ask_.limits.timeout = 500ms;
    tcp_gate gate{server_->port()};
    gate.hold(true);
    for (int i = 0; i < 20; ++i)
        ask_.ask(simple(gate.port()), "ann", "ann-secret");
    EXPECT_THAT(ask_.run().why, HasSubstr("too many checks wait"));
}

} // namespace
} // namespace pgweir::test
