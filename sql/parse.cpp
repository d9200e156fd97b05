#include "sql/parse.hpp"

#include "sql/nesting.hpp"

#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>
#include <protobuf-c/protobuf-c.h>

#include <algorithm>
#include <array>
#include <bit>

namespace pgweir::sql {

namespace {

/// A value at an address that C's layout of a message gives.
template <class Value> Value load(const std::byte* from) {
    std::array<std::byte, sizeof(Value)> raw{};
    std::copy_n(from, raw.size(), raw.begin());
    return std::bit_cast<Value>(raw);
}

const std::byte* bytes_of(const ProtobufCMessage& message) {
    return reinterpret_cast<const std::byte*>(&message);
}

/// False for a member of a oneof that another member occupies.
bool is_active(const ProtobufCMessage& message, const ProtobufCFieldDescriptor& field) {
    if ((field.flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0) return true;
    return load<std::uint32_t>(bytes_of(message) + field.quantifier_offset) == field.id;
}

std::size_t list_size(const ProtobufCMessage& message, const ProtobufCFieldDescriptor& field) {
    return load<std::size_t>(bytes_of(message) + field.quantifier_offset);
}

const ProtobufCMessage* const* list_items(const ProtobufCMessage& message,
                                          const ProtobufCFieldDescriptor& field) {
    return load<const ProtobufCMessage* const*>(bytes_of(message) + field.offset);
}

/// The message inside the wrapper "Node". The wrapper is one oneof of some 240 members: its active
/// member's number is looked up, as going through the members at every node would be most of a
/// walk's cost.
const ProtobufCMessage* unwrap(const ProtobufCMessage* message) {
    while (message != nullptr && message->descriptor == &pg_query__node__descriptor) {
        const auto active = load<std::uint32_t>(bytes_of(*message) +
                                                message->descriptor->fields[0].quantifier_offset);
        const ProtobufCFieldDescriptor* field =
            protobuf_c_message_descriptor_get_field(message->descriptor, active);
        message = field == nullptr
                      ? nullptr
                      : load<const ProtobufCMessage*>(bytes_of(*message) + field->offset);
    }
    return message;
}

} // namespace

node::node(const ProtobufCMessage* message) : message_{unwrap(message)} {}

std::string_view node::type() const {
    if (message_ == nullptr) return {};
    constexpr std::string_view package = "pg_query.";
    std::string_view name =
        message_->descriptor->name; // short_name has lost the underscore of A_Const
    if (name.starts_with(package)) name.remove_prefix(package.size());
    return name;
}

const std::byte* node::field_address(const char* field, const void** descriptor) const {
    if (message_ == nullptr) return nullptr;
    const ProtobufCFieldDescriptor* found =
        protobuf_c_message_descriptor_get_field_by_name(message_->descriptor, field);
    if (found == nullptr || !is_active(*message_, *found)) return nullptr;
    *descriptor = found;
    return bytes_of(*message_) + found->offset;
}

node node::child(const char* field) const {
    const void* descriptor = nullptr;
    const std::byte* address = field_address(field, &descriptor);
    if (address == nullptr) return {};
    const auto& found = *static_cast<const ProtobufCFieldDescriptor*>(descriptor);
    if (found.type != PROTOBUF_C_TYPE_MESSAGE || found.label == PROTOBUF_C_LABEL_REPEATED)
        return {};
    return node{load<const ProtobufCMessage*>(address)};
}

node_list node::list(const char* field) const {
    const void* descriptor = nullptr;
    if (field_address(field, &descriptor) == nullptr) return {};
    const auto& found = *static_cast<const ProtobufCFieldDescriptor*>(descriptor);
    if (found.type != PROTOBUF_C_TYPE_MESSAGE || found.label != PROTOBUF_C_LABEL_REPEATED)
        return {};
    return {list_items(*message_, found), list_size(*message_, found)};
}

std::string_view node::text(const char* field) const {
    const void* descriptor = nullptr;
    const std::byte* address = field_address(field, &descriptor);
    if (address == nullptr) return {};
    const auto& found = *static_cast<const ProtobufCFieldDescriptor*>(descriptor);
    if (found.type != PROTOBUF_C_TYPE_STRING || found.label == PROTOBUF_C_LABEL_REPEATED) return {};
    const auto* value = load<const char*>(address);
    return value == nullptr ? std::string_view{} : std::string_view{value};
}

std::int64_t node::number(const char* field) const {
    const void* descriptor = nullptr;
    const std::byte* address = field_address(field, &descriptor);
    if (address == nullptr) return 0;
    switch (static_cast<const ProtobufCFieldDescriptor*>(descriptor)->type) {
    case PROTOBUF_C_TYPE_BOOL:
        return load<protobuf_c_boolean>(address);
    case PROTOBUF_C_TYPE_ENUM:
        return load<int>(address);
    case PROTOBUF_C_TYPE_INT32:
        return load<std::int32_t>(address);
    case PROTOBUF_C_TYPE_UINT32:
        return load<std::uint32_t>(address);
    case PROTOBUF_C_TYPE_INT64:
        return load<std::int64_t>(address);
    case PROTOBUF_C_TYPE_UINT64:
        return static_cast<std::int64_t>(load<std::uint64_t>(address));
    default:
        return 0;
    }
}

std::string_view node::enumerator(const char* field) const {
    const void* descriptor = nullptr;
    if (field_address(field, &descriptor) == nullptr) return {};
    const auto& found = *static_cast<const ProtobufCFieldDescriptor*>(descriptor);
    if (found.type != PROTOBUF_C_TYPE_ENUM) return {};
    const auto* value = protobuf_c_enum_descriptor_get_value(
        static_cast<const ProtobufCEnumDescriptor*>(found.descriptor),
        static_cast<int>(number(field)));
    return value == nullptr ? std::string_view{} : std::string_view{value->name};
}

bool node::has(const char* field) const {
    const void* descriptor = nullptr;
    return field_address(field, &descriptor) != nullptr;
}

void node::each_child(void (*visit)(void*, node), void* context) const {
    if (message_ == nullptr) return;
    const auto give = [visit, context](const ProtobufCMessage* message) {
        if (const node present{message}) visit(context, present);
    };
    for (unsigned i = 0; i < message_->descriptor->n_fields; ++i) {
        const ProtobufCFieldDescriptor& field = message_->descriptor->fields[i];
        if (field.type != PROTOBUF_C_TYPE_MESSAGE || !is_active(*message_, field)) continue;
        if (field.label == PROTOBUF_C_LABEL_REPEATED) {
            const auto* const* items = list_items(*message_, field);
            for (std::size_t n = list_size(*message_, field), k = 0; k < n; ++k)
                give(items[k]);
        } else {
            give(load<const ProtobufCMessage*>(bytes_of(*message_) + field.offset));
        }
    }
}

void parse_result::release::operator()(ProtobufCMessage* tree) const {
    protobuf_c_message_free_unpacked(tree, nullptr);
}

node_list parse_result::statements() const {
    return node{tree_.get()}.list("stmts");
}

parse_result parse(std::string_view text, std::size_t max_bytes) {
    if (text.size() > max_bytes)
        return parse_result{std::string{"text is too long to be looked at"}};
    if (text.find('\0') != std::string_view::npos)
        return parse_result{std::string{"text contains a zero byte"}};
    if (!is_nested_safely(text)) return parse_result{std::string{"text is nested too deeply"}};

    const std::string terminated{text};
    struct raw {
        PgQueryProtobufParseResult value;
        ~raw() { pg_query_free_protobuf_parse_result(value); }
    };
    const raw answer{pg_query_parse_protobuf(terminated.c_str())};
    if (answer.value.error != nullptr) {
        const char* message = answer.value.error->message;
        return parse_result{std::string{message == nullptr ? "no parse tree" : message}};
    }
    parse_result::tree_pointer tree{protobuf_c_message_unpack(
        &pg_query__parse_result__descriptor, nullptr, answer.value.parse_tree.len,
        reinterpret_cast<const std::uint8_t*>(answer.value.parse_tree.data))};
    if (tree == nullptr) return parse_result{std::string{"no parse tree"}};
    return parse_result{std::move(tree)};
}

} // namespace pgweir::sql
