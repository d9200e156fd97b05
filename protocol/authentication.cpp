#include "protocol/authentication.hpp"

#include "protocol/values.hpp"

#include <algorithm>

namespace pgweir::protocol {
namespace {

// As wide as on the wire: a code that is none of these must stay none of these.
// NOLINTNEXTLINE(performance-enum-size)
enum class request_code : std::int32_t {
    ok = 0,
    kerberos_v5 = 2,
    cleartext_password = 3,
    md5_password = 5,
    gss = 7,
    gss_continue = 8,
    sspi = 9,
    sasl = 10,
    sasl_continue = 11,
    sasl_final = 12,
};

void encode_request(request_code code, std::string_view data, std::string& out) {
    wire_writer to{out, backend_type::authentication};
    to.int32(static_cast<std::int32_t>(code));
    to.bytes(data);
    to.finish();
}

void encode_answer(std::string_view data, std::string& out) {
    wire_writer to{out, frontend_type::password};
    to.bytes(data);
    to.finish();
}

template <class Request> result<authentication> finished(const wire_reader& in, Request request) {
    if (const auto ec = in.finish()) return ec;
    return authentication{std::move(request)};
}

result<authentication> decode_md5(wire_reader in) {
    authentication_md5_password request;
    const auto salt = in.bytes(static_cast<std::int64_t>(request.salt.size()));
    std::ranges::copy(salt, request.salt.begin());
    return finished(in, request);
}

result<authentication> decode_sasl(wire_reader in) {
    authentication_sasl request;
    for (auto name = in.string(); !name.empty(); name = in.string())
        request.mechanisms.push_back(name);
    return finished(in, std::move(request));
}

} // namespace

result<authentication> decode_authentication(std::string_view body) {
    wire_reader in{body};
    const auto code = in.int32();
    if (!in.ok()) return in.finish();
    switch (static_cast<request_code>(code)) {
    case request_code::ok:
        return finished(in, authentication_ok{});
    case request_code::cleartext_password:
        return finished(in, authentication_cleartext_password{});
    case request_code::md5_password:
        return decode_md5(in);
    case request_code::sasl:
        return decode_sasl(in);
    case request_code::sasl_continue:
        return authentication{authentication_sasl_continue{in.remainder()}};
    case request_code::sasl_final:
        return authentication{authentication_sasl_final{in.remainder()}};
    case request_code::kerberos_v5:
    case request_code::gss:
    case request_code::gss_continue:
    case request_code::sspi:
        return authentication{authentication_unsupported{code, in.remainder()}};
    }
    return decode_errc::bad_value;
}

result<password_message> decode_password_message(std::string_view body) {
    wire_reader in{body};
    const password_message message{in.string()};
    if (const auto ec = in.finish()) return ec;
    return message;
}

result<sasl_initial_response> decode_sasl_initial_response(std::string_view body) {
    wire_reader in{body};
    sasl_initial_response message;
    message.mechanism = in.string();
    message.data = read_value(in);
    if (const auto ec = in.finish()) return ec;
    return message;
}

result<sasl_response> decode_sasl_response(std::string_view body) {
    return sasl_response{body};
}
result<gss_response> decode_gss_response(std::string_view body) {
    return gss_response{body};
}

void encode(const authentication_ok& /*message*/, std::string& out) {
    encode_request(request_code::ok, {}, out);
}

void encode(const authentication_cleartext_password& /*message*/, std::string& out) {
    encode_request(request_code::cleartext_password, {}, out);
}

void encode(const authentication_md5_password& message, std::string& out) {
    encode_request(request_code::md5_password, {message.salt.data(), message.salt.size()}, out);
}

void encode(const authentication_sasl& message, std::string& out) {
    wire_writer to{out, backend_type::authentication};
    to.int32(static_cast<std::int32_t>(request_code::sasl));
    for (const auto name : message.mechanisms)
        to.string(name);
    to.byte1('\0');
    to.finish();
}

void encode(const authentication_sasl_continue& message, std::string& out) {
    encode_request(request_code::sasl_continue, message.data, out);
}

void encode(const authentication_sasl_final& message, std::string& out) {
    encode_request(request_code::sasl_final, message.data, out);
}

void encode(const authentication_unsupported& message, std::string& out) {
    encode_request(static_cast<request_code>(message.code), message.data, out);
}

void encode(const password_message& message, std::string& out) {
    wire_writer to{out, password_message::type};
    to.string(message.password);
    to.finish();
}

void encode(const sasl_initial_response& message, std::string& out) {
    wire_writer to{out, sasl_initial_response::type};
    to.string(message.mechanism);
    write_value(to, message.data);
    to.finish();
}

void encode(const sasl_response& message, std::string& out) {
    encode_answer(message.data, out);
}
void encode(const gss_response& message, std::string& out) {
    encode_answer(message.data, out);
}

} // namespace pgweir::protocol
