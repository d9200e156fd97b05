// Asks PAM whether a user's password is the right one and the account is open, on a thread of its
// own. Source: PostgreSQL docs, auth-pam; auth.c (CheckPAMAuth).
#pragma once

#include "proxy/access/check_threads.hpp"
#include "proxy/access/password_verdict.hpp"
#include "proxy/asio.hpp"

#include <chrono>
#include <string>

namespace pgweir {

struct pam_question {
    std::string service = "postgresql"; ///< `pamservice`
    std::string user;
    std::string password;
    std::string client; ///< address or, with pam_use_hostname, name of the client; may be empty
    std::chrono::milliseconds patience{60000}; ///< how long anybody waits for the answer
};

/// Comes back on `back`.
task<password_verdict> check_pam(check_threads& threads, io_executor back, pam_question question);

} // namespace pgweir
