#include "protocol/function_call.hpp"

namespace pgweir::protocol {

result<function_call> decode_function_call(std::string_view body) {
    wire_reader in{body};
    function_call message;
    message.function_oid = in.uint32();
    message.argument_formats = read_formats(in);
    message.arguments = read_values(in);
    message.result_format = in.int16();
    if (const auto ec = in.finish()) return ec;
    return message;
}

result<function_call_response> decode_function_call_response(std::string_view body) {
    wire_reader in{body};
    const function_call_response message{read_value(in)};
    if (const auto ec = in.finish()) return ec;
    return message;
}

void encode(const function_call& message, std::string& out) {
    wire_writer to{out, function_call::type};
    to.uint32(message.function_oid);
    write_formats(to, message.argument_formats);
    write_values(to, message.arguments);
    to.int16(message.result_format);
    to.finish();
}

void encode(const function_call_response& message, std::string& out) {
    wire_writer to{out, function_call_response::type};
    write_value(to, message.value);
    to.finish();
}

} // namespace pgweir::protocol
