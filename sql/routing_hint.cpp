#include "sql/routing_hint.hpp"

#include "sql/words.hpp"

#include <cstddef>

namespace pgweir::sql {

namespace {

constexpr std::string_view blanks = " \t\n\r\f";
constexpr std::string_view no_load_balance_comment = "/*no load balance*/";

std::string_view trim(std::string_view text) {
    const std::size_t first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) + 1 - first);
}

routing_hint hint_in(std::string_view comment) {
    constexpr std::string_view prefix = "pgweir:";
    comment = trim(comment);
    if (!is_word(comment.substr(0, prefix.size()), prefix)) return routing_hint::none;
    const std::string_view wish = trim(comment.substr(prefix.size()));
    if (is_word(wish, "primary")) return routing_hint::primary;
    if (is_word(wish, "standby")) return routing_hint::standby;
    return routing_hint::none;
}

/// Length of the block comment that the text begins with, nested ones included; npos if it does not
/// end.
std::size_t block_comment_length(std::string_view text) {
    std::size_t depth = 0;
    for (std::size_t i = 0; i + 1 < text.size(); ++i) {
        if (text[i] == '/' && text[i + 1] == '*') {
            ++depth;
            ++i;
        } else if (text[i] == '*' && text[i + 1] == '/') {
            ++i;
            if (--depth == 0) return i + 1;
        }
    }
    return std::string_view::npos;
}

} // namespace

routing_hint detail::scan_leading_comments(std::string_view text) {
    if (is_word(text.substr(0, no_load_balance_comment.size()), no_load_balance_comment)) {
        return routing_hint::no_load_balance;
    }
    for (;;) {
        const std::size_t first = text.find_first_not_of(blanks);
        if (first == std::string_view::npos) return routing_hint::none;
        text.remove_prefix(first);
        if (text.starts_with("/*")) {
            const std::size_t length = block_comment_length(text);
            if (length == std::string_view::npos) return routing_hint::none;
            if (const auto hint = hint_in(text.substr(2, length - 4)); hint != routing_hint::none)
                return hint;
            text.remove_prefix(length);
        } else if (text.starts_with("--")) {
            const std::size_t end = text.find_first_of("\n\r");
            if (end == std::string_view::npos) return routing_hint::none;
            text.remove_prefix(end);
        } else {
            return routing_hint::none;
        }
    }
}

} // namespace pgweir::sql
