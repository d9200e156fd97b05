#include "proxy/session/authentication.hpp"

#include "protocol/error_response.hpp"
#include "proxy/log.hpp"
#include "proxy/net/peer_certificate.hpp"
#include "proxy/session/auth_query.hpp"
#include "proxy/session/replication_mode.hpp"
#include "proxy/worker.hpp"

#include <spdlog/spdlog.h>

namespace pgweir {

namespace {

/// The database that auth_query asks, if that is the client's choice.
std::string_view asked_database(const login_attempt& l, const std::string& database) {
    return l.owner.settings().auth_database.empty() ? std::string_view{database}
                                                    : std::string_view{};
}

/// What auth_query says. False: nobody could be asked.
task<bool> ask_secret(login_attempt& l,
                      std::string user,
                      std::string database,
                      std::optional<stored_secret>& secret) {
    auto answer = co_await ask_for_secret(l.owner, std::move(user), std::move(database));
    secret = std::move(answer.secret);
    if (!answer.asked) spdlog::warn("auth_query failed: {}", log::quoted(answer.why));
    co_return answer.asked;
}

void end_failed(login_attempt& l, const frontend_login& login, const admission& by) {
    l.owner.shared().secrets->forget(login.user(), asked_database(l, login.database()));
    l.owner.shared().roles.forget(login.user());
    const auto outcome = by.refused() ? login_outcome::refused : login_outcome::wrong_credentials;
    l.owner.counters().logins[outcome].add();
    if (by.refused())
        l.owner.counters().errors_from_proxy.add(by.sqlstate);
    else
        l.note_failure();
    spdlog::info("login failed peer={} user={}: {}", l.peer, log::quoted(login.user()),
                 log::quoted(login.failure()));
    l.io->close_after_output();
}

/// verify-full demands that the certificate names the user, whatever else is asked of it.
bool certificate_fits(login_attempt& l, const std::string& user) {
    if (l.local || l.owner.settings().client_tls_sslmode != tls_mode::verify_full) return true;
    const auto shown = verified_identity(*l.io);
    if (shown && !shown->common_name.empty() && shown->common_name == user) return true;
    l.refuse(login_outcome::refused, protocol::sqlstate::invalid_authorization_specification,
             "certificate authentication failed for user \"" + user + "\"");
    return false;
}

} // namespace

frontend_login_settings authentication::settings_for(const login_attempt& l) {
    frontend_login_settings how;
    how.salt_secret = l.owner.shared().salt_secret;
    how.end_point = server_end_point(*l.io);
    return how;
}

authentication::step authentication::begin() {
    next_ = login_.start(std::get<protocol::startup_message>(l_.startup), out_);
    if (next_ != action::failed && !certificate_fits(l_, login_.user())) return step::refused;
    return go_on();
}

authentication::step authentication::on_message(const message_stream::message& m) {
    next_ = login_.on_message(m.type, m.body, out_);
    return go_on();
}

authentication::step authentication::go_on() {
    while (is_question())
        if (!find_out_at_once()) return step::question;
    if (next_ == action::done) {
        // One packet with what the session says, and the client wakes up once.
        l_.io->append(out_);
        return step::accepted;
    }
    if (!out_.empty()) l_.io->send(out_);
    out_.clear();
    if (next_ != action::failed) return step::wants_message;
    end_failed(l_, login_, by_);
    return step::refused;
}

login_claim authentication::claim() const {
    return {login_.user(), login_.database(),
            parse_replication(login_.replication()) == replication_mode::physical};
}

/// False: it must be waited for.
bool authentication::find_out_at_once() {
    if (next_ == action::need_method) {
        auto found = find_admission_at_once(l_, claim());
        if (found) on_admission(std::move(*found));
        return found.has_value();
    }
    if (next_ == action::need_check) return false;
    auto known = l_.owner.shared().secrets->find(login_.user(), worker::clock::now(),
                                                 asked_database(l_, login_.database()));
    if (!known.known && !l_.owner.settings().auth_user.empty()) return false;
    on_secret(std::move(known.secret));
    return true;
}

/// What the machine asks, of whoever knows.
task<authentication::step> authentication::find_out() {
    if (next_ == action::need_method) {
        auto found = co_await find_admission(l_, claim());
        on_admission(std::move(found));
    } else if (next_ == action::need_secret) {
        std::optional<stored_secret> secret;
        const bool asked = co_await ask_secret(l_, login_.user(), login_.database(), secret);
        if (asked) {
            on_secret(std::move(secret));
        } else {
            by_.sqlstate = protocol::sqlstate::cannot_connect_now;
            by_.text = "pgweir: the user's secret cannot be looked up now (auth_query)";
            next_ = login_.refuse(by_.sqlstate, by_.text, {}, out_);
        }
    } else {
        auto verdict = co_await check_elsewhere(l_, by_, login_.user(), login_.password());
        next_ = login_.on_checked(verdict.accepted(), std::move(verdict.why), out_);
    }
    co_return go_on();
}

void authentication::on_admission(admission found) {
    by_ = std::move(found);
    next_ = by_.refused() ? login_.refuse(by_.sqlstate, by_.text, by_.why, out_)
                          : login_.on_method(by_.rule->method, out_);
}

void authentication::on_secret(std::optional<stored_secret> secret) {
    if (auto entropy = make_login_entropy()) login_.set_entropy(std::move(*entropy));
    next_ = login_.on_secret(std::move(secret), out_);
}

login_result& authentication::result() {
    auto& result = login_.result();
    l_.owner.shared().secrets->remember_credentials(result.user, result.credentials);
    return result;
}

task<bool> authenticate(login_attempt& l, authentication& a, authentication::step step) {
    using steps = authentication::step;
    while (step != steps::accepted && step != steps::refused) {
        if (step == steps::question) {
            step = co_await a.find_out();
            continue;
        }
        message_stream::message m;
        const auto ec = co_await l.in.next(m);
        if (ec) {
            if (ec == asio::error::message_size)
                l.refuse(login_outcome::broken, protocol::sqlstate::protocol_violation,
                         "invalid message length during login");
            co_return false;
        }
        step = a.on_message(m);
    }
    co_return step == steps::accepted;
}

} // namespace pgweir
