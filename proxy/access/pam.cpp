#include "proxy/access/pam.hpp"

#include "protocol/wipe.hpp"

#include <security/pam_appl.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

namespace pgweir {
namespace {

using outcome = password_verdict::outcome;

/// What the modules asked that a password does not answer.
struct conversation_with_pam {
    const std::string& password;
    std::string said;
};

void free_answers(pam_response* answers, int count) {
    for (int i = 0; i < count; ++i)
        std::free(answers[i].resp); // NOLINT: PAM's contract is malloc and free
    std::free(answers);             // NOLINT
}

/// PAM frees what is answered here.
int converse(int count, const pam_message** messages, pam_response** answers, void* ours) {
    auto& talk = *static_cast<conversation_with_pam*>(ours);
    if (count <= 0 || count > PAM_MAX_NUM_MSG) return PAM_CONV_ERR;
    auto* made = static_cast<pam_response*>( // NOLINT
        std::calloc(static_cast<std::size_t>(count), sizeof(pam_response)));
    if (made == nullptr) return PAM_BUF_ERR;
    for (int i = 0; i < count; ++i) {
        const auto& message = *messages[i];
        const bool only_tells =
            message.msg_style == PAM_ERROR_MSG || message.msg_style == PAM_TEXT_INFO;
        if (only_tells) {
            if (message.msg != nullptr && talk.said.size() < 1000)
                talk.said += std::string{talk.said.empty() ? "" : " / "} + message.msg;
            continue;
        }
        if (message.msg_style == PAM_PROMPT_ECHO_OFF)
            made[i].resp = ::strdup(talk.password.c_str());
        if (made[i].resp == nullptr) {
            free_answers(made, count);
            return PAM_CONV_ERR;
        }
    }
    *answers = made;
    return PAM_SUCCESS;
}

/// Nobody has looked at the password.
bool is_unavailable(int code) {
    return code == PAM_AUTHINFO_UNAVAIL || code == PAM_ABORT || code == PAM_CONV_ERR ||
           code == PAM_BUF_ERR || code == PAM_OPEN_ERR || code == PAM_SYMBOL_ERR ||
           code == PAM_MODULE_UNKNOWN;
}

password_verdict ask_pam(const pam_question& asked, const protocol::wiped_text& password) {
    conversation_with_pam talk{password.text(), {}};
    const pam_conv conversation{&converse, &talk};
    pam_handle_t* handle = nullptr;
    const char* step = "pam_start";
    auto code = pam_start(asked.service.c_str(), asked.user.c_str(), &conversation, &handle);
    if (code == PAM_SUCCESS && !asked.client.empty())
        code = pam_set_item(handle, PAM_RHOST, asked.client.c_str());
    if (code == PAM_SUCCESS) {
        step = "pam_authenticate";
        code = pam_authenticate(handle, 0);
    }
    if (code == PAM_SUCCESS) {
        step = "pam_acct_mgmt";
        code = pam_acct_mgmt(handle, 0);
    }
    password_verdict verdict{outcome::accepted, {}};
    if (code != PAM_SUCCESS) {
        verdict.what = is_unavailable(code) ? outcome::unavailable : outcome::rejected;
        verdict.why = asked.service + ": " + step + ": " + pam_strerror(handle, code);
        if (!talk.said.empty()) verdict.why += " (" + talk.said + ")";
    }
    if (handle != nullptr) pam_end(handle, code);
    return verdict;
}

} // namespace

task<password_verdict> check_pam(check_threads& threads, io_executor back, pam_question question) {
    password_verdict refused{outcome::rejected, "empty password"};
    if (question.password.empty()) co_return refused;
    const auto zero = std::string::npos;
    refused.why = "zero byte in user name or password";
    if (question.user.find('\0') != zero || question.password.find('\0') != zero) co_return refused;
    auto place = "PAM service " + question.service;
    const auto patience = question.patience;
    const auto password = std::make_shared<const protocol::wiped_text>(question.password);
    protocol::wipe(question.password);
    const auto asked = std::make_shared<const pam_question>(std::move(question));
    std::function<password_verdict()> check = [asked, password] {
        return ask_pam(*asked, *password);
    };
    auto verdict = co_await threads.run(back, std::move(place), patience, std::move(check));
    co_return verdict;
}

} // namespace pgweir
