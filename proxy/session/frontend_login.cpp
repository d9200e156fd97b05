#include "proxy/session/frontend_login.hpp"

#include "protocol/authentication.hpp"
#include "protocol/error_response.hpp"
#include "protocol/md5.hpp"
#include "protocol/random.hpp"
#include "proxy/access/server_name.hpp"

#include <openssl/crypto.h>

#include <algorithm>

namespace pgweir {
namespace {

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
    const auto lower = [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    };
    return std::ranges::equal(a, b, {}, lower, lower);
}

bool has_own_meaning(std::string_view name) noexcept {
    return name == "user" || name == "database" || name == "options" || name == "replication" ||
           name.starts_with(protocol::protocol_option_prefix);
}

} // namespace

std::optional<login_entropy> make_login_entropy() {
    login_entropy entropy{protocol::make_scram_nonce(), {}};
    if (entropy.scram_nonce.empty() || !protocol::fill_random(entropy.md5_salt))
        return std::nullopt;
    return entropy;
}

frontend_login::frontend_login(frontend_login_settings settings, login_entropy entropy)
    : settings_{std::move(settings)}, entropy_{std::move(entropy)} {}

frontend_login::action frontend_login::start(const protocol::startup_message& message,
                                             std::string& out) {
    if (state_ != state::start)
        return fail(protocol::sqlstate::protocol_violation, "unexpected startup packet", out);
    if (message.version.major() != 3) {
        return fail(protocol::sqlstate::feature_not_supported,
                    "unsupported frontend protocol " + std::to_string(message.version.major()) +
                        "." + std::to_string(message.version.minor()) +
                        ": server supports 3.0 to 3.2",
                    out);
    }
    negotiate(message, out);
    return read_parameters(message, out);
}

// Once, whatever the number of reasons: a later minor version, protocol options that we do not
// have.
void frontend_login::negotiate(const protocol::startup_message& message, std::string& out) {
    result_.version = std::min(message.version, protocol::protocol_3_2);
    protocol::negotiate_protocol_version answer{result_.version, {}};
    for (const auto& parameter : message.parameters)
        if (parameter.name.starts_with(protocol::protocol_option_prefix))
            answer.unrecognized_options.push_back(parameter.name);
    if (message.version > protocol::protocol_3_2 || !answer.unrecognized_options.empty())
        encode(answer, out);
}

frontend_login::action frontend_login::read_parameters(const protocol::startup_message& message,
                                                       std::string& out) {
    result_.user = as_server_sees(message.find("user").value_or(""));
    if (result_.user.empty()) {
        return fail(protocol::sqlstate::invalid_authorization_specification,
                    "no PostgreSQL user name specified in startup packet", out);
    }
    result_.database = as_server_sees(message.find("database").value_or(""));
    if (result_.database.empty()) result_.database = result_.user;
    result_.replication = message.find("replication").value_or("");
    if (const auto options = message.find("options")) {
        auto split = protocol::split_options(*options);
        if (!split) {
            return fail(
                protocol::sqlstate::syntax_error,
                "invalid command-line argument for server process: " + std::string{*options}, out);
        }
        result_.parameters = std::move(*split);
    }
    for (const auto& parameter : message.parameters)
        if (!has_own_meaning(parameter.name))
            result_.parameters.emplace_back(parameter.name, parameter.value);
    for (const auto& [name, value] : result_.parameters)
        if (equals_ignoring_case(name, "application_name")) result_.application_name = value;
    state_ = state::method;
    return action::need_method;
}

frontend_login::action frontend_login::on_method(login_method method, std::string& out) {
    if (state_ != state::method)
        return fail(protocol::sqlstate::internal_error, "method out of order", out);
    method_ = method;
    switch (method) {
    case login_method::trust:
    case login_method::cert:
    case login_method::peer:
        return succeed(out);
    case login_method::ldap:
    case login_method::pam:
        return request_password(state::foreign_password, out);
    case login_method::password:
    case login_method::md5:
    case login_method::scram_sha_256:
        state_ = state::secret;
        return action::need_secret;
    case login_method::reject:
        break;
    }
    return fail(protocol::sqlstate::invalid_authorization_specification, "connection rejected",
                out);
}

frontend_login::action frontend_login::request_password(state then, std::string& out) {
    state_ = then;
    encode(protocol::authentication_cleartext_password{}, out);
    return action::read;
}

frontend_login::action frontend_login::on_secret(std::optional<stored_secret> secret,
                                                 std::string& out) {
    if (state_ != state::secret)
        return fail(protocol::sqlstate::internal_error, "secret out of order", out);
    if (entropy_.scram_nonce.empty())
        return fail(protocol::sqlstate::internal_error, "no randomness available", out);
    secret_ = std::move(secret);
    const auto kind = secret_ ? secret_->what() : stored_secret::kind::none;
    if (method_ == login_method::password) return request_password(state::password, out);
    const bool takes_md5 = kind == stored_secret::kind::md5 || kind == stored_secret::kind::plain ||
                           (kind == stored_secret::kind::none && settings_.unknown_users_get_md5);
    if (method_ == login_method::md5 && takes_md5) {
        state_ = state::md5;
        encode(protocol::authentication_md5_password{entropy_.md5_salt}, out);
        return action::read;
    }
    return request_sasl(out);
}

frontend_login::action frontend_login::request_sasl(std::string& out) {
    std::optional<protocol::scram_verifier> verifier;
    if (secret_) verifier = secret_->scram_verifier(user(), settings_.salt_secret);
    secret_fits_scram_ = verifier.has_value();
    if (!verifier) verifier = protocol::mock_scram_verifier(user(), settings_.salt_secret);
    scram_.emplace(std::move(*verifier), entropy_.scram_nonce, settings_.end_point);
    state_ = state::sasl_initial;
    protocol::authentication_sasl request;
    if (!settings_.end_point.empty()) request.mechanisms.push_back(protocol::scram_plus_mechanism);
    request.mechanisms.push_back(protocol::scram_mechanism);
    encode(request, out);
    return action::read;
}

frontend_login::action
frontend_login::on_message(char type, std::string_view body, std::string& out) {
    const bool expects_one = state_ == state::password || state_ == state::foreign_password ||
                             state_ == state::md5 || state_ == state::sasl_initial ||
                             state_ == state::sasl_final;
    if (!expects_one)
        return fail(protocol::sqlstate::protocol_violation, "message out of order", out);
    if (type != protocol::frontend_type::password) {
        return fail(protocol::sqlstate::protocol_violation,
                    "expected password response, got message type " +
                        std::to_string(static_cast<unsigned char>(type)),
                    out);
    }
    if (body.size() > max_message_body)
        return fail(protocol::sqlstate::protocol_violation, "invalid message length", out);
    switch (state_) {
    case state::password:
    case state::foreign_password:
        return on_password(body, out);
    case state::md5:
        return on_md5_answer(body, out);
    case state::sasl_initial:
        return on_sasl_initial(body, out);
    default:
        return on_client_final(body, out);
    }
}

frontend_login::action frontend_login::on_password(std::string_view body, std::string& out) {
    const auto message = protocol::decode_password_message(body);
    if (!message)
        return fail(protocol::sqlstate::protocol_violation, "invalid password packet size", out);
    if (message->password.empty()) {
        return fail(protocol::sqlstate::invalid_password, "empty password returned by client", out);
    }
    if (state_ == state::foreign_password) {
        result_.credentials.password = message->password;
        state_ = state::check;
        return action::need_check;
    }
    const auto secret = secret_.value_or(stored_secret{});
    if (!secret.matches(user(), message->password, settings_.salt_secret))
        return wrong_password("password does not match", out);
    result_.credentials.password = message->password;
    return succeed(out);
}

frontend_login::action frontend_login::on_md5_answer(std::string_view body, std::string& out) {
    const auto message = protocol::decode_password_message(body);
    if (!message)
        return fail(protocol::sqlstate::protocol_violation, "invalid password packet size", out);
    if (message->password.empty()) {
        return fail(protocol::sqlstate::invalid_password, "empty password returned by client", out);
    }
    const auto secret = secret_.value_or(stored_secret{});
    const bool is_md5 = secret.what() == stored_secret::kind::md5;
    const auto hash = is_md5 ? protocol::result<std::string>{secret.text()}
                             : protocol::md5_hash(user(), secret.text());
    if (!hash) return wrong_password("MD5 is not available", out);
    const auto expected = protocol::md5_answer(*hash, entropy_.md5_salt);
    if (!expected) return wrong_password("MD5 is not available", out);
    const bool fits =
        expected->size() == message->password.size() &&
        CRYPTO_memcmp(expected->data(), message->password.data(), expected->size()) == 0;
    if (!fits || secret.what() == stored_secret::kind::none)
        return wrong_password("password does not match", out);
    result_.credentials = credentials_from(secret);
    return succeed(out);
}

frontend_login::action frontend_login::on_sasl_initial(std::string_view body, std::string& out) {
    if (awaits_first_) return on_client_first(body, out);
    const auto message = protocol::decode_sasl_initial_response(body);
    if (!message)
        return fail(protocol::sqlstate::protocol_violation, "malformed SASL response", out);
    chose_plus_ =
        !settings_.end_point.empty() && message->mechanism == protocol::scram_plus_mechanism;
    if (!chose_plus_ && message->mechanism != protocol::scram_mechanism) {
        return fail(protocol::sqlstate::protocol_violation,
                    "client selected an invalid SASL authentication mechanism", out);
    }
    if (message->data) return on_client_first(*message->data, out);
    awaits_first_ = true;
    encode(protocol::authentication_sasl_continue{}, out);
    return action::read;
}

frontend_login::action frontend_login::on_client_first(std::string_view data, std::string& out) {
    if (!scram_) return fail(protocol::sqlstate::internal_error, "SCRAM out of order", out);
    const auto challenge = scram_->on_client_first(data, chose_plus_);
    if (!challenge)
        return fail(protocol::sqlstate::protocol_violation, challenge.error().message(), out);
    encode(protocol::authentication_sasl_continue{*challenge}, out);
    state_ = state::sasl_final;
    return action::read;
}

frontend_login::action frontend_login::on_client_final(std::string_view body, std::string& out) {
    if (!scram_) return fail(protocol::sqlstate::internal_error, "SCRAM out of order", out);
    const auto final = scram_->on_client_final(body);
    if (!final && final.error() != protocol::scram_errc::wrong_password)
        return fail(protocol::sqlstate::protocol_violation, final.error().message(), out);
    if (!final || !secret_ || !secret_fits_scram_)
        return wrong_password("password does not match", out);
    // Keys proved against a salt of our own are worth nothing to a node; the password itself is.
    if (secret_->what() == stored_secret::kind::plain)
        result_.credentials = credentials_from(*secret_);
    else
        result_.credentials.keys = scram_->keys();
    encode(protocol::authentication_sasl_final{*final}, out);
    return succeed(out);
}

frontend_login::action
frontend_login::on_checked(bool is_right, std::string why, std::string& out) {
    if (state_ != state::check)
        return fail(protocol::sqlstate::internal_error, "check out of order", out);
    if (is_right) return succeed(out);
    const std::string who = method_ == login_method::ldap ? "LDAP" : "PAM";
    return refuse(protocol::sqlstate::invalid_authorization_specification,
                  who + " authentication failed for user \"" + user() + "\"", std::move(why), out);
}

frontend_login::action frontend_login::refuse(std::string_view sqlstate,
                                              std::string text,
                                              std::string why,
                                              std::string& out) {
    if (!why.empty()) failure_ = text + ": " + why;
    return fail(sqlstate, std::move(text), out);
}

frontend_login::action frontend_login::succeed(std::string& out) {
    encode(protocol::authentication_ok{}, out);
    state_ = state::ended;
    secret_.reset();
    scram_.reset();
    return action::done;
}

frontend_login::action
frontend_login::fail(std::string_view sqlstate, std::string text, std::string& out) {
    encode(protocol::make_error(protocol::error_severity::fatal, sqlstate, text), out);
    if (failure_.empty()) failure_ = std::move(text);
    state_ = state::ended;
    result_.credentials = {};
    secret_.reset();
    scram_.reset();
    return action::failed;
}

// One text for all reasons; the reason is for our log.
frontend_login::action frontend_login::wrong_password(std::string why, std::string& out) {
    if (!secret_)
        why = "no such user";
    else if (secret_->what() == stored_secret::kind::none)
        why = "user has no password";
    else if (scram_ && !secret_fits_scram_)
        why = "the user's secret does not serve SCRAM";
    failure_ = "password authentication failed for user \"" + user() + "\": " + why;
    return fail(protocol::sqlstate::invalid_password,
                "password authentication failed for user \"" + user() + "\"", out);
}

} // namespace pgweir
