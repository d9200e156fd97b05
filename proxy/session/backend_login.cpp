#include "proxy/session/backend_login.hpp"

#include "protocol/error_response.hpp"
#include "protocol/md5.hpp"
#include "protocol/session_parameters.hpp"
#include "protocol/simple_query.hpp"
#include "protocol/startup.hpp"

#include <algorithm>

namespace pgweir {
namespace {

std::string whole_message(char type, std::string_view body) {
    std::string message;
    protocol::wire_writer to{message, type};
    to.bytes(body);
    to.finish();
    return message;
}

} // namespace

backend_login::backend_login(backend_login_settings settings) : settings_{std::move(settings)} {}

void backend_login::start(std::string& out) const {
    protocol::startup_message message;
    message.parameters.push_back({"user", settings_.user});
    message.parameters.push_back({"database", settings_.database});
    for (const auto& [name, value] : settings_.parameters)
        message.parameters.push_back({name, value});
    encode(message, out);
}

backend_login::action
backend_login::on_message(char type, std::string_view body, std::string& out) {
    if (state_ == state::ended)
        return fail(backend_login_failure::protocol_violation, "message after the end of a login");
    switch (type) {
    case protocol::backend_type::authentication:
        return on_authentication(body, out);
    case protocol::backend_type::error_response:
        return on_error(body);
    case protocol::backend_type::notice_response:
        return on_notice(body);
    case protocol::backend_type::negotiate_protocol_version:
        return on_negotiation(body);
    case protocol::backend_type::parameter_status:
        return on_parameter_status(body);
    case protocol::backend_type::backend_key_data:
        return on_key_data(body);
    case protocol::backend_type::ready_for_query:
        return on_ready(body);
    default:
        return unexpected(type);
    }
}

backend_login::action backend_login::on_authentication(std::string_view body, std::string& out) {
    const auto request = protocol::decode_authentication(body);
    if (!request) return fail(backend_login_failure::protocol_violation, request.error().message());
    if (std::holds_alternative<protocol::authentication_ok>(*request)) {
        // A server that skips its proof must not pass for one that gave it.
        if (state_ != state::request && state_ != state::answered)
            return fail(backend_login_failure::scram_failed,
                        "server ended SCRAM before it had proved itself");
        if (settings_.must_bind_channel && !chose_plus_) return no_channel_binding();
        state_ = state::authenticated;
        return action::read;
    }
    if (const auto* data = std::get_if<protocol::authentication_sasl_continue>(&*request))
        return on_sasl_continue(data->data, out);
    if (const auto* data = std::get_if<protocol::authentication_sasl_final>(&*request))
        return on_sasl_final(data->data);
    if (state_ != state::request) return unexpected(protocol::backend_type::authentication);
    return on_request(*request, out);
}

backend_login::action backend_login::on_request(const protocol::authentication& request,
                                                std::string& out) {
    if (settings_.must_bind_channel &&
        !std::holds_alternative<protocol::authentication_sasl>(request))
        return no_channel_binding();
    if (std::holds_alternative<protocol::authentication_cleartext_password>(request))
        return on_cleartext_request(out);
    if (const auto* md5 = std::get_if<protocol::authentication_md5_password>(&request))
        return on_md5_request(*md5, out);
    if (const auto* sasl = std::get_if<protocol::authentication_sasl>(&request))
        return on_sasl_request(*sasl, out);
    const auto& other = std::get<protocol::authentication_unsupported>(request);
    return fail(backend_login_failure::unsupported_authentication,
                "server asks for authentication method " + std::to_string(other.code));
}

backend_login::action backend_login::on_cleartext_request(std::string& out) {
    if (!settings_.host_is_loopback && !settings_.may_send_cleartext) {
        return fail(backend_login_failure::cleartext_refused,
                    "server asks for a password in clear text, which it gets over TLS alone, and "
                    "with server_cleartext_passwords");
    }
    if (!settings_.credentials.password) {
        return fail(backend_login_failure::no_usable_credentials,
                    "server asks for a password, and none is known");
    }
    encode(protocol::password_message{*settings_.credentials.password}, out);
    state_ = state::answered;
    return action::read;
}

backend_login::action
backend_login::on_md5_request(const protocol::authentication_md5_password& request,
                              std::string& out) {
    const auto& credentials = settings_.credentials;
    if (!credentials.password && credentials.md5_hash.empty()) {
        return fail(backend_login_failure::no_usable_credentials,
                    "server asks for an MD5 password, and neither password nor hash is known");
    }
    const auto hash = credentials.password
                          ? protocol::md5_hash(settings_.user, *credentials.password)
                          : protocol::result<std::string>{credentials.md5_hash};
    if (!hash) return fail(backend_login_failure::no_usable_credentials, "MD5 is not available");
    const auto answer = protocol::md5_answer(*hash, request.salt);
    if (!answer) return fail(backend_login_failure::no_usable_credentials, "MD5 is not available");
    encode(protocol::password_message{*answer}, out);
    state_ = state::answered;
    return action::read;
}

backend_login::action backend_login::on_sasl_request(const protocol::authentication_sasl& request,
                                                     std::string& out) {
    const auto offers = [&](std::string_view mechanism) {
        return std::ranges::find(request.mechanisms, mechanism) != request.mechanisms.end();
    };
    const bool offers_plus = offers(protocol::scram_plus_mechanism);
    if (offers_plus && !settings_.link_is_encrypted) {
        return fail(backend_login_failure::protocol_violation,
                    "server offers SCRAM-SHA-256-PLUS over an unencrypted link");
    }
    chose_plus_ = offers_plus && !settings_.end_point.empty();
    if (!chose_plus_ && settings_.must_bind_channel) return no_channel_binding();
    if (!chose_plus_ && !offers(protocol::scram_mechanism)) {
        return fail(backend_login_failure::unsupported_authentication,
                    "server offers no SASL mechanism that is known here");
    }
    auto channel = protocol::scram_channel::unbound();
    if (chose_plus_)
        channel = protocol::scram_channel::bound(settings_.end_point);
    else if (!settings_.end_point.empty())
        channel = protocol::scram_channel::could_bind();
    if (settings_.credentials.password) {
        scram_.emplace(*settings_.credentials.password, settings_.scram_nonce,
                       settings_.max_scram_iterations, std::move(channel));
    } else if (settings_.credentials.keys) {
        scram_.emplace(*settings_.credentials.keys, settings_.scram_nonce, std::move(channel));
    } else {
        return fail(backend_login_failure::no_usable_credentials,
                    "server asks for SCRAM, and neither password nor keys are known");
    }
    const auto mechanism = chose_plus_ ? protocol::scram_plus_mechanism : protocol::scram_mechanism;
    const auto first = scram_->first();
    encode(protocol::sasl_initial_response{mechanism, first}, out);
    state_ = state::sasl_continue;
    return action::read;
}

backend_login::action backend_login::no_channel_binding() {
    return fail(backend_login_failure::channel_not_bound,
                "server offers no login that is bound to the TLS connection "
                "(server_tls_channel_binding)");
}

backend_login::action backend_login::on_sasl_continue(std::string_view data, std::string& out) {
    if (state_ != state::sasl_continue || !scram_)
        return unexpected(protocol::backend_type::authentication);
    const auto final = scram_->on_server_first(data);
    if (!final) return fail(backend_login_failure::scram_failed, final.error().message());
    encode(protocol::sasl_response{*final}, out);
    state_ = state::sasl_final;
    return action::read;
}

backend_login::action backend_login::on_sasl_final(std::string_view data) {
    if (state_ != state::sasl_final || !scram_)
        return unexpected(protocol::backend_type::authentication);
    if (const auto ec = scram_->on_server_final(data))
        return fail(backend_login_failure::scram_failed, ec.message());
    state_ = state::answered;
    return action::read;
}

// We ask for 3.0 without options, so there is nothing that a server could have to turn down.
backend_login::action backend_login::on_negotiation(std::string_view body) {
    const auto message = protocol::decode_negotiate_protocol_version(body);
    if (!message) return fail(backend_login_failure::protocol_violation, message.error().message());
    if (state_ != state::request || message->newest != protocol::protocol_3_0 ||
        !message->unrecognized_options.empty())
        return unexpected(protocol::backend_type::negotiate_protocol_version);
    return action::read;
}

backend_login::action backend_login::on_parameter_status(std::string_view body) {
    if (state_ != state::authenticated) return unexpected(protocol::backend_type::parameter_status);
    const auto message = protocol::decode_parameter_status(body);
    if (!message) return fail(backend_login_failure::protocol_violation, message.error().message());
    collected_ += body.size();
    if (collected_ > max_collected)
        return fail(backend_login_failure::protocol_violation, "server sends too many parameters");
    const auto known =
        std::ranges::find(parameters_, message->name, &std::pair<std::string, std::string>::first);
    if (known != parameters_.end())
        known->second = message->value;
    else
        parameters_.emplace_back(message->name, message->value);
    return action::read;
}

backend_login::action backend_login::on_key_data(std::string_view body) {
    if (state_ != state::authenticated || !secret_key_.empty())
        return unexpected(protocol::backend_type::backend_key_data);
    const auto message = protocol::decode_backend_key_data(body);
    if (!message) return fail(backend_login_failure::protocol_violation, message.error().message());
    process_id_ = message->process_id;
    secret_key_ = message->secret_key;
    return action::read;
}

backend_login::action backend_login::on_notice(std::string_view body) {
    if (notices_.size() + body.size() > max_collected)
        return fail(backend_login_failure::protocol_violation, "server sends too many notices");
    notices_ += whole_message(protocol::backend_type::notice_response, body);
    return action::read;
}

backend_login::action backend_login::on_error(std::string_view body) {
    error_message_ = whole_message(protocol::backend_type::error_response, body);
    sqlstate_ = protocol::find_sqlstate(body);
    const auto text = protocol::find_error_field(body, 'M').value_or("error without a message");
    return fail(backend_login_failure::server_error, std::string{text});
}

backend_login::action backend_login::on_ready(std::string_view body) {
    if (state_ != state::authenticated) return unexpected(protocol::backend_type::ready_for_query);
    const auto message = protocol::decode_ready_for_query(body);
    if (!message) return fail(backend_login_failure::protocol_violation, message.error().message());
    if (message->status != protocol::transaction_status::idle)
        return fail(backend_login_failure::protocol_violation, "server begins in a transaction");
    state_ = state::ended;
    settings_.credentials = {};
    return action::done;
}

backend_login::action backend_login::fail(backend_login_failure why, std::string text) {
    state_ = state::ended;
    failure_ = why;
    failure_text_ = std::move(text);
    settings_.credentials = {};
    return action::failed;
}

backend_login::action backend_login::unexpected(char type) {
    const auto name = protocol::backend_message_name(type);
    std::string text = "unexpected ";
    if (name.empty())
        text += "message type " + std::to_string(static_cast<unsigned char>(type));
    else
        text += name;
    return fail(backend_login_failure::protocol_violation, text + " during login");
}

} // namespace pgweir
