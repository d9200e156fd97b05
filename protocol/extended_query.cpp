#include "protocol/extended_query.hpp"

namespace pgweir::protocol {
namespace {

template <class Message> result<Message> decode_empty(std::string_view body) {
    if (const auto ec = wire_reader{body}.finish()) return ec;
    return Message{};
}

template <class Message> result<Message> decode_target(std::string_view body) {
    wire_reader in{body};
    Message message;
    const char target = in.byte1();
    message.name = in.string();
    if (const auto ec = in.finish()) return ec;
    if (target != 'S' && target != 'P') return decode_errc::bad_value;
    message.target = target == 'S' ? target_kind::statement : target_kind::portal;
    return message;
}

template <class Message> void encode_target(const Message& message, std::string& out) {
    wire_writer to{out, Message::type};
    to.byte1(static_cast<char>(message.target));
    to.string(message.name);
    to.finish();
}

} // namespace

result<parse> decode_parse(std::string_view body) {
    wire_reader in{body};
    parse message;
    message.statement = in.string();
    message.query = in.string();
    message.parameter_types = read_oids(in);
    if (const auto ec = in.finish()) return ec;
    return message;
}

result<bind> decode_bind(std::string_view body) {
    wire_reader in{body};
    bind message;
    message.portal = in.string();
    message.statement = in.string();
    message.parameter_formats = read_formats(in);
    message.parameters = read_values(in);
    message.result_formats = read_formats(in);
    if (const auto ec = in.finish()) return ec;
    return message;
}

result<describe> decode_describe(std::string_view body) {
    return decode_target<describe>(body);
}

result<execute> decode_execute(std::string_view body) {
    wire_reader in{body};
    execute message;
    message.portal = in.string();
    message.max_rows = in.int32();
    if (const auto ec = in.finish()) return ec;
    return message;
}

result<close> decode_close(std::string_view body) {
    return decode_target<close>(body);
}
result<sync> decode_sync(std::string_view body) {
    return decode_empty<sync>(body);
}
result<flush> decode_flush(std::string_view body) {
    return decode_empty<flush>(body);
}

result<parse_complete> decode_parse_complete(std::string_view body) {
    return decode_empty<parse_complete>(body);
}

result<bind_complete> decode_bind_complete(std::string_view body) {
    return decode_empty<bind_complete>(body);
}

result<close_complete> decode_close_complete(std::string_view body) {
    return decode_empty<close_complete>(body);
}

result<no_data> decode_no_data(std::string_view body) {
    return decode_empty<no_data>(body);
}

result<portal_suspended> decode_portal_suspended(std::string_view body) {
    return decode_empty<portal_suspended>(body);
}

result<parameter_description> decode_parameter_description(std::string_view body) {
    wire_reader in{body};
    parameter_description message{read_oids(in)};
    if (const auto ec = in.finish()) return ec;
    return message;
}

result<parse_names> decode_parse_names(std::string_view body) {
    wire_reader in{body};
    parse_names message;
    message.statement = in.string();
    message.query = in.string();
    message.parameter_types = in.remainder();
    wire_reader types{message.parameter_types};
    types.bytes(std::int64_t{4} * types.uint16());
    if (const auto ec = in.finish()) return ec;
    if (const auto ec = types.finish()) return ec;
    return message;
}

result<bind_names> decode_bind_names(std::string_view body) {
    wire_reader in{body};
    bind_names message;
    message.portal = in.string();
    message.statement = in.string();
    message.rest = in.remainder();
    if (const auto ec = in.finish()) return ec;
    return message;
}

void encode(const parse& message, std::string& out) {
    wire_writer to{out, parse::type};
    to.string(message.statement);
    to.string(message.query);
    write_oids(to, message.parameter_types);
    to.finish();
}

void encode(const bind& message, std::string& out) {
    wire_writer to{out, bind::type};
    to.string(message.portal);
    to.string(message.statement);
    write_formats(to, message.parameter_formats);
    write_values(to, message.parameters);
    write_formats(to, message.result_formats);
    to.finish();
}

void encode(const describe& message, std::string& out) {
    encode_target(message, out);
}

void encode(const execute& message, std::string& out) {
    wire_writer to{out, execute::type};
    to.string(message.portal);
    to.int32(message.max_rows);
    to.finish();
}

void encode(const close& message, std::string& out) {
    encode_target(message, out);
}
void encode(const sync& /*message*/, std::string& out) {
    encode_empty(sync::type, out);
}
void encode(const flush& /*message*/, std::string& out) {
    encode_empty(flush::type, out);
}

void encode(const parse_complete& /*message*/, std::string& out) {
    encode_empty(parse_complete::type, out);
}

void encode(const bind_complete& /*message*/, std::string& out) {
    encode_empty(bind_complete::type, out);
}

void encode(const close_complete& /*message*/, std::string& out) {
    encode_empty(close_complete::type, out);
}

void encode(const no_data& /*message*/, std::string& out) {
    encode_empty(no_data::type, out);
}

void encode(const portal_suspended& /*message*/, std::string& out) {
    encode_empty(portal_suspended::type, out);
}

void encode(const parameter_description& message, std::string& out) {
    wire_writer to{out, parameter_description::type};
    write_oids(to, message.types);
    to.finish();
}

void encode(const parse_names& message, std::string& out) {
    wire_writer to{out, parse::type};
    to.string(message.statement);
    to.string(message.query);
    to.bytes(message.parameter_types);
    to.finish();
}

void encode(const bind_names& message, std::string& out) {
    wire_writer to{out, bind::type};
    to.string(message.portal);
    to.string(message.statement);
    to.bytes(message.rest);
    to.finish();
}

} // namespace pgweir::protocol
