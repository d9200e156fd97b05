// COPY: the three responses that open it and CopyData, CopyDone, CopyFail.
// Source: PostgreSQL docs, protocol-flow (COPY Operations) and protocol-message-formats.
#pragma once

#include "protocol/message_type.hpp"
#include "protocol/wire.hpp"

#include <cstdint>
#include <vector>

namespace pgweir::protocol {

/// What the three opening responses have in common. Formats: 0 text, 1 binary, overall and per
/// column.
struct copy_formats {
    std::int8_t overall = 0;
    std::vector<std::int16_t> columns;
};

/// CopyInResponse (B).
struct copy_in_response : copy_formats {
    static constexpr char type = backend_type::copy_in_response;
};
/// CopyOutResponse (B).
struct copy_out_response : copy_formats {
    static constexpr char type = backend_type::copy_out_response;
};
/// CopyBothResponse (B): replication connections only.
struct copy_both_response : copy_formats {
    static constexpr char type = backend_type::copy_both_response;
};
/// CopyData (F and B).
struct copy_data {
    static constexpr char type = frontend_type::copy_data;
    std::string_view data;
};
/// CopyDone (F and B).
struct copy_done {
    static constexpr char type = frontend_type::copy_done;
};
/// CopyFail (F).
struct copy_fail {
    static constexpr char type = frontend_type::copy_fail;
    std::string_view reason;
};

/// Errors: short_body, unterminated_string, trailing_bytes, bad_value (an overall format but 0 and
/// 1).
[[nodiscard]] result<copy_in_response> decode_copy_in_response(std::string_view body);
[[nodiscard]] result<copy_out_response> decode_copy_out_response(std::string_view body);
[[nodiscard]] result<copy_both_response> decode_copy_both_response(std::string_view body);
[[nodiscard]] result<copy_data> decode_copy_data(std::string_view body);
[[nodiscard]] result<copy_done> decode_copy_done(std::string_view body);
[[nodiscard]] result<copy_fail> decode_copy_fail(std::string_view body);

void encode(const copy_in_response& message, std::string& out);
void encode(const copy_out_response& message, std::string& out);
void encode(const copy_both_response& message, std::string& out);
void encode(const copy_data& message, std::string& out);
void encode(const copy_done& message, std::string& out);
void encode(const copy_fail& message, std::string& out);

} // namespace pgweir::protocol
