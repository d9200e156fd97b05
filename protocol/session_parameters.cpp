#include "protocol/session_parameters.hpp"

namespace pgweir::protocol {

result<parameter_status> decode_parameter_status(std::string_view body) {
    wire_reader in{body};
    parameter_status message;
    message.name = in.string();
    message.value = in.string();
    if (const auto ec = in.finish()) return ec;
    return message;
}

result<backend_key_data> decode_backend_key_data(std::string_view body) {
    wire_reader in{body};
    backend_key_data message;
    message.process_id = in.int32();
    message.secret_key = in.remainder();
    if (const auto ec = in.finish()) return ec;
    const auto size = message.secret_key.size();
    if (size < min_secret_key_size || size > max_secret_key_size) return decode_errc::bad_length;
    return message;
}

result<notification_response> decode_notification_response(std::string_view body) {
    wire_reader in{body};
    notification_response message;
    message.process_id = in.int32();
    message.channel = in.string();
    message.payload = in.string();
    if (const auto ec = in.finish()) return ec;
    return message;
}

void encode(const parameter_status& message, std::string& out) {
    wire_writer to{out, parameter_status::type};
    to.string(message.name);
    to.string(message.value);
    to.finish();
}

void encode(const backend_key_data& message, std::string& out) {
    wire_writer to{out, backend_key_data::type};
    to.int32(message.process_id);
    to.bytes(message.secret_key);
    to.finish();
}

void encode(const notification_response& message, std::string& out) {
    wire_writer to{out, notification_response::type};
    to.int32(message.process_id);
    to.string(message.channel);
    to.string(message.payload);
    to.finish();
}

} // namespace pgweir::protocol
