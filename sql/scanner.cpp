#include "sql/scanner.hpp"

#include <array>
#include <cstdint>

namespace pgweir::sql {

namespace {

enum char_class : std::uint8_t {
    space = 1,
    newline = 2,
    digit = 4,
    word_start = 8,
    operator_char = 16, // may be part of an operator of several characters
    single_char = 32,   // punctuation that stands alone
};

constexpr std::array<std::uint8_t, 256> make_classes() {
    std::array<std::uint8_t, 256> table{};
    const auto mark = [&table](std::string_view characters, std::uint8_t mask) {
        for (const char c : characters)
            table[static_cast<unsigned char>(c)] = mask;
    };
    for (std::size_t c = 0x80; c < 0x100; ++c)
        table[c] = word_start;
    mark("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_", word_start);
    mark("0123456789", digit);
    mark(" \t\f", space);
    mark("\n\r", space | newline);
    mark("~!@#^&|`?+-*/%<>=", operator_char);
    mark(",()[].;:", single_char);
    return table;
}

constexpr auto classes = make_classes();

constexpr bool is_a(char c, unsigned mask) {
    return (classes[static_cast<unsigned char>(c)] & mask) != 0;
}

constexpr bool is_word_part(char c) {
    return is_a(c, word_start | digit) || c == '$';
}

/// Characters that keep a trailing + or - part of an operator's name.
constexpr bool is_not_in_sql_operators(char c) {
    return std::string_view{"~!@#^&|`?%"}.find(c) != std::string_view::npos;
}

/// Length of the operator at the start of a run of operator characters. Source: scan.l, rule
/// {operator}.
std::size_t operator_length(std::string_view run) {
    std::size_t length = run.size();
    for (std::size_t i = 0; i + 1 < run.size(); ++i) {
        if ((run[i] == '/' && run[i + 1] == '*') || (run[i] == '-' && run[i + 1] == '-')) {
            length = i;
            break;
        }
    }
    const auto ends_in_sign = [&] { return run[length - 1] == '+' || run[length - 1] == '-'; };
    if (length < 2 || !ends_in_sign()) return length;
    for (std::size_t i = 0; i + 1 < length; ++i) {
        if (is_not_in_sql_operators(run[i])) return length;
    }
    while (length > 1 && ends_in_sign())
        --length;
    return length;
}

} // namespace

bool scanner::fail() {
    failed_ = true;
    position_ = text_.size();
    return false;
}

bool scanner::next(token& out) {
    if (!skip_blank()) return false;
    const char c = text_[position_];
    out.begin = position_;
    if (is_a(c, word_start)) return scan_word(out);
    if (is_a(c, digit) || (c == '.' && is_a(at(position_ + 1), digit))) return scan_number(out);
    if (c == '\'') return scan_string(out, position_, false, true);
    if (c == '"') return scan_quoted_identifier(out, position_);
    if (c == '$') return scan_dollar(out);
    if (is_a(c, operator_char)) return scan_operator(out);
    if (!is_a(c, single_char)) return fail();
    const char follower = at(position_ + 1);
    const bool pair =
        (c == '.' && follower == '.') || (c == ':' && (follower == ':' || follower == '='));
    position_ += pair ? 2 : 1;
    out.kind = token_kind::op;
    out.end = position_;
    return true;
}

/// False at the end of the text, or in a comment that does not end.
bool scanner::skip_blank() {
    while (position_ < text_.size()) {
        const char c = text_[position_];
        if (is_a(c, space)) {
            ++position_;
        } else if (c == '-' && at(position_ + 1) == '-') {
            while (position_ < text_.size() && !is_a(text_[position_], newline))
                ++position_;
        } else if (c == '/' && at(position_ + 1) == '*') {
            if (!skip_block_comment()) return fail();
        } else {
            return true;
        }
    }
    return false;
}

bool scanner::skip_block_comment() {
    std::size_t depth = 0;
    while (position_ < text_.size()) {
        const char c = text_[position_];
        const char follower = at(position_ + 1);
        if (c == '/' && follower == '*') {
            ++depth;
            position_ += 2;
        } else if (c == '*' && follower == '/') {
            position_ += 2;
            if (--depth == 0) return true;
        } else {
            ++position_;
        }
    }
    return false;
}

bool scanner::scan_word(token& out) {
    const char c = static_cast<char>(text_[position_] | 0x20);
    const char second = at(position_ + 1);
    if (second == '\'') {
        if (c == 'e') return scan_string(out, position_ + 1, true, true);
        if (c == 'b' || c == 'x') return scan_string(out, position_ + 1, false, false);
        // n'…' is the keyword NCHAR followed by a string: the word ends before the quote by itself.
    } else if (c == 'u' && second == '&') {
        if (at(position_ + 2) == '\'') return scan_string(out, position_ + 2, false, true);
        if (at(position_ + 2) == '"') return scan_quoted_identifier(out, position_ + 2);
    }
    do {
        ++position_;
    } while (position_ < text_.size() && is_word_part(text_[position_]));
    out.kind = token_kind::word;
    out.end = position_;
    return true;
}

bool scanner::scan_number(token& out) {
    std::size_t i = position_;
    const auto skip_digits = [&] {
        while (is_a(at(i), digit))
            ++i;
    };
    skip_digits();
    bool whole = true;
    if (at(i) == '.' && at(i + 1) != '.') {
        whole = false;
        ++i;
        skip_digits();
    }
    if ((at(i) | 0x20) == 'e') {
        const std::size_t sign = at(i + 1) == '+' || at(i + 1) == '-' ? 1 : 0;
        if (!is_a(at(i + 1 + sign), digit)) return fail();
        whole = false;
        i += 1 + sign;
        skip_digits();
    }
    if (is_a(at(i), word_start)) return fail(); // trailing junk, or a spelling newer than 15

    out.kind = token_kind::number;
    out.end = i;
    if (whole) {
        std::uint64_t value = 0;
        for (std::size_t k = position_; k < i && value <= INT32_MAX; ++k) {
            value = value * 10 + static_cast<std::uint64_t>(text_[k] - '0');
        }
        if (value <= INT32_MAX) out.kind = token_kind::integer;
    }
    position_ = i;
    return true;
}

bool scanner::scan_dollar(token& out) {
    std::size_t i = position_ + 1;
    if (is_a(at(i), digit)) {
        while (is_a(at(i), digit))
            ++i;
        if (is_a(at(i), word_start)) return fail();
        out.kind = token_kind::parameter;
        out.end = position_ = i;
        return true;
    }
    if (is_a(at(i), word_start)) {
        while (is_a(at(i), word_start | digit))
            ++i;
    }
    if (at(i) != '$') return fail();
    const std::string_view delimiter = text_.substr(position_, i + 1 - position_);
    const std::size_t close = text_.find(delimiter, i + 1);
    if (close == std::string_view::npos) return fail();
    out.kind = token_kind::other_string;
    out.end = position_ = close + delimiter.size();
    return true;
}

bool scanner::scan_operator(token& out) {
    constexpr std::size_t name_data_length = 64;
    std::size_t i = position_;
    while (i < text_.size() && is_a(text_[i], operator_char))
        ++i;
    const std::size_t length = operator_length(text_.substr(position_, i - position_));
    if (length >= name_data_length) return fail();
    position_ += length;
    out.kind = token_kind::op;
    out.end = position_;
    return true;
}

/// Finds the end of a quoted piece whose first byte inside is `from`.
bool scanner::close_quote(
    std::size_t from, char quote, bool backslashes, bool doubled, std::size_t& after) const {
    for (std::size_t i = from; i < text_.size(); ++i) {
        if (backslashes && text_[i] == '\\') {
            ++i;
        } else if (text_[i] == quote) {
            if (!doubled || at(i + 1) != quote) {
                after = i + 1;
                return true;
            }
            ++i;
        }
    }
    return false;
}

bool scanner::scan_quoted_identifier(token& out, std::size_t open) {
    std::size_t after = 0;
    if (!close_quote(open + 1, '"', false, true, after)) return fail();
    if (after == open + 2) return fail(); // zero-length delimited identifier
    out.kind = token_kind::quoted_identifier;
    out.end = position_ = after;
    return true;
}

/// A string whose opening quote is at `open`, with all its continuations.
bool scanner::scan_string(token& out, std::size_t open, bool backslashes, bool doubled_quotes) {
    std::size_t after = 0;
    bool plain = open == position_;
    for (std::size_t from = open + 1;; plain = false) {
        if (!close_quote(from, '\'', backslashes, doubled_quotes, after)) return fail();
        bool after_comment = false;
        const std::size_t more = continuation(after, after_comment);
        if (more == 0) break;
        if (after_comment) return fail();
        from = more;
    }
    out.kind = plain ? token_kind::plain_string : token_kind::other_string;
    out.end = position_ = after;
    return true;
}

/// Position behind the quote that continues a string which ended before `from`, or 0: there must be
/// a line break in between, and nothing but white space and -- comments. Source: scan.l,
/// {quotecontinue}.
std::size_t scanner::continuation(std::size_t from, bool& after_comment) const {
    std::size_t i = from;
    const auto skip_comment = [&] {
        if (at(i) != '-' || at(i + 1) != '-') return false;
        while (i < text_.size() && !is_a(text_[i], newline))
            ++i;
        after_comment = true;
        return true;
    };
    bool seen_newline = false;
    for (; i < text_.size();) {
        const char c = text_[i];
        if (is_a(c, space)) {
            seen_newline = seen_newline || is_a(c, newline);
            ++i;
        } else if (c == '\'') {
            return seen_newline ? i + 1 : 0;
        } else if (!skip_comment()) {
            return 0;
        }
    }
    return 0;
}

} // namespace pgweir::sql
