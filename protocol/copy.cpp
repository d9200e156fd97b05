#include "protocol/copy.hpp"

#include "protocol/values.hpp"

namespace pgweir::protocol {
namespace {

template <class Response> result<Response> decode_formats(std::string_view body) {
    wire_reader in{body};
    Response message;
    message.overall = static_cast<std::int8_t>(in.byte1());
    message.columns = read_formats(in);
    if (const auto ec = in.finish()) return ec;
    if (message.overall != 0 && message.overall != 1) return decode_errc::bad_value;
    return message;
}

void encode_formats(char type, const copy_formats& formats, std::string& out) {
    wire_writer to{out, type};
    to.byte1(static_cast<char>(formats.overall));
    write_formats(to, formats.columns);
    to.finish();
}

} // namespace

result<copy_in_response> decode_copy_in_response(std::string_view body) {
    return decode_formats<copy_in_response>(body);
}

result<copy_out_response> decode_copy_out_response(std::string_view body) {
    return decode_formats<copy_out_response>(body);
}

result<copy_both_response> decode_copy_both_response(std::string_view body) {
    return decode_formats<copy_both_response>(body);
}

result<copy_data> decode_copy_data(std::string_view body) {
    return copy_data{body};
}

result<copy_done> decode_copy_done(std::string_view body) {
    if (const auto ec = wire_reader{body}.finish()) return ec;
    return copy_done{};
}

result<copy_fail> decode_copy_fail(std::string_view body) {
    wire_reader in{body};
    const copy_fail message{in.string()};
    if (const auto ec = in.finish()) return ec;
    return message;
}

void encode(const copy_in_response& message, std::string& out) {
    encode_formats(copy_in_response::type, message, out);
}

void encode(const copy_out_response& message, std::string& out) {
    encode_formats(copy_out_response::type, message, out);
}

void encode(const copy_both_response& message, std::string& out) {
    encode_formats(copy_both_response::type, message, out);
}

void encode(const copy_data& message, std::string& out) {
    wire_writer to{out, copy_data::type};
    to.bytes(message.data);
    to.finish();
}

void encode(const copy_done& /*message*/, std::string& out) {
    encode_empty(copy_done::type, out);
}

void encode(const copy_fail& message, std::string& out) {
    wire_writer to{out, copy_fail::type};
    to.string(message.reason);
    to.finish();
}

} // namespace pgweir::protocol
