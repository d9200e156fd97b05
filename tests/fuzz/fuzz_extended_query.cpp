// Every other decoder: the first byte picks one. No crash, and what decodes encodes to the same
// bytes.
#include "protocol/copy.hpp"
#include "protocol/extended_query.hpp"
#include "protocol/function_call.hpp"
#include "protocol/rows.hpp"
#include "protocol/session_parameters.hpp"
#include "protocol/simple_query.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

using namespace pgweir::protocol;

namespace {
template <class Decoded> void check(const Decoded& message, std::string_view input) {
    std::string out;
    if (message) encode(*message, out);
    if (message && std::string_view{out}.substr(5) != input) std::abort();
}

template <auto... Decode> void check_one(unsigned which, std::string_view input) {
    unsigned index = 0;
    ((index++ == which ? check(Decode(input), input) : void()), ...);
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view input{reinterpret_cast<const char*>(data) + 1, size - 1};
    // clang-format off
    check_one<decode_parse, decode_parse_names, decode_bind, decode_bind_names, decode_describe, decode_execute,
              decode_close, decode_parameter_description, decode_function_call, decode_function_call_response,
              decode_row_description, decode_data_row, decode_copy_in_response, decode_copy_fail, decode_query,
              decode_command_complete, decode_ready_for_query, decode_parameter_status, decode_backend_key_data,
              decode_notification_response>(data[0] % 20U, input);
    // clang-format on
    return 0;
}
