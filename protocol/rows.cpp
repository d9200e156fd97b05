#include "protocol/rows.hpp"

#include "protocol/values.hpp"

namespace pgweir::protocol {

result<row_description> decode_row_description(std::string_view body) {
    wire_reader in{body};
    row_description message;
    // An empty name's terminator and 18 bytes are the shortest column there is.
    message.fields.resize(read_count(in, 19));
    for (auto& field : message.fields) {
        field.name = in.string();
        field.table_oid = in.uint32();
        field.column_number = in.int16();
        field.type_oid = in.uint32();
        field.type_size = in.int16();
        field.type_modifier = in.int32();
        field.format = in.int16();
    }
    if (const auto ec = in.finish()) return ec;
    return message;
}

result<data_row> decode_data_row(std::string_view body) {
    wire_reader in{body};
    data_row message{read_values(in)};
    if (const auto ec = in.finish()) return ec;
    return message;
}

void encode(const row_description& message, std::string& out) {
    wire_writer to{out, row_description::type};
    to.count16(message.fields.size());
    for (const auto& field : message.fields) {
        to.string(field.name);
        to.uint32(field.table_oid);
        to.int16(field.column_number);
        to.uint32(field.type_oid);
        to.int16(field.type_size);
        to.int32(field.type_modifier);
        to.int16(field.format);
    }
    to.finish();
}

void encode(const data_row& message, std::string& out) {
    wire_writer to{out, data_row::type};
    write_values(to, message.values);
    to.finish();
}

} // namespace pgweir::protocol
