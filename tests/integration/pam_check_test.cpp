// What PAM says of passwords: a service of our own, whose module runs a program of the test's.
#include "proxy/access/pam.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/wait.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace pgweir::test {
namespace {

using ::testing::HasSubstr;
using outcome = password_verdict::outcome;

class pam_check : public ::testing::Test {
protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "a PAM service needs a file in /etc/pam.d";
    }
    void TearDown() override {
        if (!file_.empty()) std::filesystem::remove(file_);
    }

    /// `script` decides: it gets the password on its standard input, PAM_USER, PAM_RHOST.
    void make_service(const std::string& script, const std::string& account = "pam_permit.so") {
        const auto program = directory_.path() / "decide";
        write_file(program, "#!/bin/sh\n" + script, 0755);
        file_ = "/etc/pam.d/" + service_;
        write_file(file_, "auth required pam_exec.so quiet expose_authtok " + program.string() +
                              "\naccount required " + account + "\n");
    }
    password_verdict ask(const std::string& user,
                         const std::string& password,
                         std::chrono::milliseconds patience = 10s) {
        pam_question question;
        question.service = service_;
        question.user = user;
        question.password = password;
        question.client = "192.0.2.7";
        question.patience = patience;
        password_verdict verdict;
        auto body = put(this, question, &verdict);
        spawn(io_.get_executor(), "ask", std::move(body));
        io_.restart();
        io_.run();
        return verdict;
    }
    static task<> put(pam_check* self, pam_question question, password_verdict* into) {
        auto verdict = co_await pgweir::check_pam(self->threads_, self->io_.get_executor(),
                                                  std::move(question));
        *into = std::move(verdict);
    }

    temp_directory directory_{"pam"};
    std::string service_ = "pgweir-test-" + std::to_string(::getpid());
    std::filesystem::path file_;
    asio::io_context io_{1};
    check_threads threads_{2, 4};
};

TEST_F(pam_check, TheModuleDecidesByUserPasswordAndClient) {
    make_service("read -r password\n"
                 "[ \"$PAM_USER/$password/$PAM_RHOST\" = 'ann/pam secret/192.0.2.7' ]\n");
    const auto accepted = ask("ann", "pam secret");
    EXPECT_TRUE(accepted.accepted()) << accepted.why;
    for (const auto& [user, password] : {std::pair{"ann", "wrong"}, {"bob", "pam secret"}}) {
        const auto verdict = ask(user, password);
        EXPECT_EQ(verdict.what, outcome::rejected);
        EXPECT_THAT(verdict.why, HasSubstr("pam_authenticate"));
        EXPECT_THAT(verdict.why, testing::Not(HasSubstr(password)));
    }
    EXPECT_EQ(ask("ann", "").what, outcome::rejected);
    EXPECT_EQ(ask("ann", std::string("pam secret\0", 11)).what, outcome::rejected);
}

TEST_F(pam_check, AnAccountThatIsClosedDoesNotComeIn) {
    make_service("true\n", "pam_deny.so");
    const auto verdict = ask("ann", "x");
    EXPECT_FALSE(verdict.accepted());
    EXPECT_THAT(verdict.why, HasSubstr("pam_acct_mgmt"));
}

TEST_F(pam_check, AModuleThatHangsIsNotWaitedFor) {
    make_service("exec sleep 3\n");
    const auto begun = std::chrono::steady_clock::now();
    const auto verdict = ask("ann", "x", 300ms);
    EXPECT_EQ(verdict.what, outcome::unavailable);
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 2s);
    EXPECT_THAT(verdict.why, HasSubstr("no answer"));
}

TEST_F(pam_check, AServiceThatDoesNotExistLetsNobodyIn) {
    EXPECT_FALSE(ask("ann", "x").accepted());
}

} // namespace
} // namespace pgweir::test
