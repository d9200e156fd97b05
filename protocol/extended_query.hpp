// Parse, Bind, Describe, Execute, Close, Sync, Flush and the replies that only they have.
// parse_names and bind_names look no further than the relay needs and allocate nothing; encoding
// one with another name redirects the message without touching the rest of its body. Source:
// PostgreSQL docs, protocol-flow (Extended Query) and protocol-message-formats.
#pragma once

#include "protocol/message_type.hpp"
#include "protocol/values.hpp"

#include <cstdint>
#include <vector>

namespace pgweir::protocol {

/// What Describe and Close speak of.
enum class target_kind : char { statement = 'S', portal = 'P' };

/// Parse (F).
struct parse {
    static constexpr char type = frontend_type::parse;
    std::string_view statement;
    std::string_view query;
    std::vector<std::uint32_t> parameter_types; ///< oid 0: to be inferred
};

/// Bind (F). An empty optional among the parameters is NULL.
struct bind {
    static constexpr char type = frontend_type::bind;
    std::string_view portal;
    std::string_view statement;
    std::vector<std::int16_t> parameter_formats;
    std::vector<nullable_bytes> parameters;
    std::vector<std::int16_t> result_formats;
};

/// Describe (F).
struct describe {
    static constexpr char type = frontend_type::describe;
    target_kind target = target_kind::statement;
    std::string_view name;
};

/// Execute (F). max_rows 0 (or below) means all.
struct execute {
    static constexpr char type = frontend_type::execute;
    std::string_view portal;
    std::int32_t max_rows = 0;
};

/// Close (F).
struct close {
    static constexpr char type = frontend_type::close;
    target_kind target = target_kind::statement;
    std::string_view name;
};

/// Sync (F), Flush (F).
struct sync {
    static constexpr char type = frontend_type::sync;
};
struct flush {
    static constexpr char type = frontend_type::flush;
};

/// ParseComplete, BindComplete, CloseComplete, NoData, PortalSuspended (B).
struct parse_complete {
    static constexpr char type = backend_type::parse_complete;
};
struct bind_complete {
    static constexpr char type = backend_type::bind_complete;
};
struct close_complete {
    static constexpr char type = backend_type::close_complete;
};
struct no_data {
    static constexpr char type = backend_type::no_data;
};
struct portal_suspended {
    static constexpr char type = backend_type::portal_suspended;
};

/// ParameterDescription (B).
struct parameter_description {
    static constexpr char type = backend_type::parameter_description;
    std::vector<std::uint32_t> types;
};

/// A Parse without a copy of its type list.
struct parse_names {
    std::string_view statement;
    std::string_view query;
    std::string_view parameter_types; ///< Int16 count and that many Int32, checked to be whole
};

/// A Bind's names; `rest` is everything behind them, unchecked.
struct bind_names {
    std::string_view portal;
    std::string_view statement;
    std::string_view rest;
};

/// Errors of all decoders: short_body, unterminated_string, trailing_bytes; bad_length for a
/// value's length below -1; bad_value for a target that is neither statement nor portal.
[[nodiscard]] result<parse> decode_parse(std::string_view body);
[[nodiscard]] result<bind> decode_bind(std::string_view body);
[[nodiscard]] result<describe> decode_describe(std::string_view body);
[[nodiscard]] result<execute> decode_execute(std::string_view body);
[[nodiscard]] result<close> decode_close(std::string_view body);
[[nodiscard]] result<sync> decode_sync(std::string_view body);
[[nodiscard]] result<flush> decode_flush(std::string_view body);
[[nodiscard]] result<parse_complete> decode_parse_complete(std::string_view body);
[[nodiscard]] result<bind_complete> decode_bind_complete(std::string_view body);
[[nodiscard]] result<close_complete> decode_close_complete(std::string_view body);
[[nodiscard]] result<no_data> decode_no_data(std::string_view body);
[[nodiscard]] result<portal_suspended> decode_portal_suspended(std::string_view body);
[[nodiscard]] result<parameter_description> decode_parameter_description(std::string_view body);
[[nodiscard]] result<parse_names> decode_parse_names(std::string_view body);
[[nodiscard]] result<bind_names> decode_bind_names(std::string_view body);

void encode(const parse& message, std::string& out);
void encode(const bind& message, std::string& out);
void encode(const describe& message, std::string& out);
void encode(const execute& message, std::string& out);
void encode(const close& message, std::string& out);
void encode(const sync& message, std::string& out);
void encode(const flush& message, std::string& out);
void encode(const parse_complete& message, std::string& out);
void encode(const bind_complete& message, std::string& out);
void encode(const close_complete& message, std::string& out);
void encode(const no_data& message, std::string& out);
void encode(const portal_suspended& message, std::string& out);
void encode(const parameter_description& message, std::string& out);

/// A Parse or Bind with the parts given; change the names of a decoded one to redirect it.
void encode(const parse_names& message, std::string& out);
void encode(const bind_names& message, std::string& out);

} // namespace pgweir::protocol
