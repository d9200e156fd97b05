// FunctionCall and FunctionCallResponse, the fast-path interface that libpq's large objects still
// use. Source: PostgreSQL docs, protocol-flow (Function Call) and protocol-message-formats.
#pragma once

#include "protocol/message_type.hpp"
#include "protocol/values.hpp"

#include <cstdint>
#include <vector>

namespace pgweir::protocol {

/// FunctionCall (F).
struct function_call {
    static constexpr char type = frontend_type::function_call;
    std::uint32_t function_oid = 0;
    std::vector<std::int16_t> argument_formats;
    std::vector<nullable_bytes> arguments;
    std::int16_t result_format = 0;
};

/// FunctionCallResponse (B). Empty: NULL.
struct function_call_response {
    static constexpr char type = backend_type::function_call_response;
    nullable_bytes value;
};

/// Errors: short_body, trailing_bytes, bad_length (a value's length below -1).
[[nodiscard]] result<function_call> decode_function_call(std::string_view body);
[[nodiscard]] result<function_call_response> decode_function_call_response(std::string_view body);

void encode(const function_call& message, std::string& out);
void encode(const function_call_response& message, std::string& out);

} // namespace pgweir::protocol
