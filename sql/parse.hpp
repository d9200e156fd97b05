// Text to PostgreSQL's parse tree. parse.cpp alone knows libpg_query; everybody else sees the tree
// as nodes whose fields are looked up by PostgreSQL's own names, so libpg_query 15 and 17 need no
// different code. Thread-safe: libpg_query keeps its state per thread; a tree may be read by one
// thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct ProtobufCMessage;

namespace pgweir::sql {

class node_list;

/// One message of the parse tree, not owned: valid as long as its parse_tree. A default node is
/// absent; asking an absent node, or for a field that this version of the tree does not have, gives
/// an absent or empty answer.
class node {
public:
    node() = default;
    explicit node(const ProtobufCMessage* message); // looks through the wrapper message "Node"

    [[nodiscard]] explicit operator bool() const { return message_ != nullptr; }
    /// The name of the message: "SelectStmt", "A_Const"; empty for an absent node.
    [[nodiscard]] std::string_view type() const;
    [[nodiscard]] bool is(std::string_view name) const { return type() == name; }

    [[nodiscard]] node child(const char* field) const;
    [[nodiscard]] node_list list(const char* field) const;
    [[nodiscard]] std::string_view text(const char* field) const;
    [[nodiscard]] bool flag(const char* field) const { return number(field) != 0; }
    [[nodiscard]] std::int64_t number(const char* field) const;
    /// The name of an enumeration's value, such as "VAR_RESET_ALL".
    [[nodiscard]] std::string_view enumerator(const char* field) const;
    [[nodiscard]] bool has(const char* field) const;

    /// Calls visit(node) for every present message directly below this one, lists included, in the
    /// tree's order.
    template <class Visit> void for_each_child(Visit&& visit) const {
        each_child([](void* context, node child) { (*static_cast<Visit*>(context))(child); },
                   &visit);
    }

    friend bool operator==(node, node) = default;

private:
    void each_child(void (*visit)(void*, node), void* context) const;
    [[nodiscard]] const std::byte* field_address(const char* field, const void** descriptor) const;

    const ProtobufCMessage* message_ = nullptr;
};

/// A repeated field: as many nodes as it has; valid as long as the tree.
class node_list {
public:
    node_list() = default;
    node_list(const ProtobufCMessage* const* items, std::size_t size)
        : items_{items}, size_{size} {}

    class iterator {
    public:
        explicit iterator(const ProtobufCMessage* const* at) : at_{at} {}
        node operator*() const { return node{*at_}; }
        iterator& operator++() {
            ++at_;
            return *this;
        }
        friend bool operator==(iterator, iterator) = default;

    private:
        const ProtobufCMessage* const* at_;
    };

    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] bool empty() const { return size_ == 0; }
    [[nodiscard]] node operator[](std::size_t i) const {
        return i < size_ ? node{items_[i]} : node{};
    }
    [[nodiscard]] iterator begin() const { return iterator{items_}; }
    [[nodiscard]] iterator end() const {
        return size_ == 0 ? iterator{items_} : iterator{items_ + size_};
    }

private:
    const ProtobufCMessage* const* items_ = nullptr;
    std::size_t size_ = 0;
};

/// What parse() found: the statements of one query string, or the reason why there is no tree.
class parse_result {
public:
    struct release {
        void operator()(ProtobufCMessage* tree) const;
    };
    using tree_pointer = std::unique_ptr<ProtobufCMessage, release>;

    explicit parse_result(tree_pointer tree) : tree_{std::move(tree)} {}
    explicit parse_result(std::string error) : error_{std::move(error)} {}

    [[nodiscard]] explicit operator bool() const { return tree_ != nullptr; }
    /// The parser's message, or ours for a text that was not given to it. Empty when there is a
    /// tree.
    [[nodiscard]] const std::string& error() const { return error_; }
    /// RawStmt nodes in order; their child "stmt" is the statement.
    [[nodiscard]] node_list statements() const;

private:
    tree_pointer tree_;
    std::string error_;
};

/// Longest text (in bytes) that parse() looks at unless told otherwise.
inline constexpr std::size_t default_parse_limit = std::size_t{256} * 1024;

/// Parses a whole query string. Nothing is thrown for any input: a text with a zero byte, longer
/// than max_bytes or nested so deeply that the parser's recursion could exhaust the stack (see
/// nesting.hpp) is refused unparsed.
[[nodiscard]] parse_result parse(std::string_view text,
                                 std::size_t max_bytes = default_parse_limit);

} // namespace pgweir::sql
