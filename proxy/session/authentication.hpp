// A client's proof of who it is, under way: drives frontend_login with what this proxy knows of
// rules and secrets.
#pragma once

#include "proxy/asio.hpp"
#include "proxy/net/message_stream.hpp"
#include "proxy/session/frontend_login.hpp"
#include "proxy/session/login_access.hpp"
#include "proxy/session/login_startup.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace pgweir {

/// Of the StartupMessage that `l` has.
class authentication {
public:
    explicit authentication(login_attempt& l) : l_{l}, login_{settings_for(l)} {}

    enum class step : std::uint8_t {
        accepted,      // the answer goes with what the session says first
        refused,       // and told so
        wants_message, // of the client
        question       // somebody must be asked: find_out()
    };
    [[nodiscard]] step begin();
    [[nodiscard]] step on_message(const message_stream::message& m);
    [[nodiscard]] task<step> find_out();
    /// Once accepted.
    [[nodiscard]] login_result& result();

private:
    using action = frontend_login::action;
    [[nodiscard]] static frontend_login_settings settings_for(const login_attempt& l);
    [[nodiscard]] login_claim claim() const;
    [[nodiscard]] step go_on();
    [[nodiscard]] bool is_question() const {
        return next_ == action::need_method || next_ == action::need_secret ||
               next_ == action::need_check;
    }
    bool find_out_at_once();
    void on_admission(admission found);
    void on_secret(std::optional<stored_secret> secret);

    login_attempt& l_;
    frontend_login login_;
    admission by_;
    std::string out_;
    action next_ = action::failed;
};

/// From such a step to the end. False: refused or gone.
[[nodiscard]] task<bool>
authenticate(login_attempt& l, authentication& a, authentication::step step);

} // namespace pgweir
