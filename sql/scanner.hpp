// Splits SQL text into tokens as PostgreSQL's own lexer does (standard_conforming_strings on, text
// in UTF-8 or another encoding safe for servers), without allocating. For the facts cache and the
// nesting check, both of which run before libpg_query. Where it is in doubt it fails; it never
// guesses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pgweir::sql {

enum class token_kind : std::uint8_t {
    word,              // identifier or keyword, not quoted
    quoted_identifier, // "…" and U&"…"
    plain_string,      // '…' in one piece
    other_string, // E'…', U&'…', B'…', X'…', $tag$…$tag$, and any string continued on another line
    integer,      // fits int4, as PostgreSQL's lexer tells integers from other numbers
    number,       // any other number
    parameter,    // $1
    op,           // operator or punctuation: "+", "::", "(", ";" …
};

/// Bytes [begin, end) of the text.
struct token {
    token_kind kind = token_kind::op;
    std::size_t begin = 0;
    std::size_t end = 0;
};

/// Source: PostgreSQL, src/backend/parser/scan.l (15 to 17). A string that goes on behind a
/// comment, which libpg_query's lexer does not read as PostgreSQL's does, numbers written in ways
/// that 15 does not know (0x1F, 1_000) and characters that no statement can contain outside of
/// quotes make it fail.
class scanner {
public:
    /// The text must outlive the scanner.
    explicit scanner(std::string_view text) : text_{text} {}

    /// The next token, comments and white space skipped. False at the end, and from then on; see
    /// failed().
    [[nodiscard]] bool next(token& out);
    /// True if the scan ended for any reason but the end of the text.
    [[nodiscard]] bool failed() const { return failed_; }
    [[nodiscard]] std::string_view text_of(const token& t) const {
        return text_.substr(t.begin, t.end - t.begin);
    }

private:
    [[nodiscard]] char at(std::size_t i) const { return i < text_.size() ? text_[i] : '\0'; }
    bool fail();
    bool skip_blank();
    bool skip_block_comment();
    bool scan_word(token& out);
    bool scan_number(token& out);
    bool scan_dollar(token& out);
    bool scan_operator(token& out);
    bool scan_quoted_identifier(token& out, std::size_t open);
    bool scan_string(token& out, std::size_t open, bool backslashes, bool doubled_quotes);
    bool close_quote(
        std::size_t from, char quote, bool backslashes, bool doubled, std::size_t& after) const;
    [[nodiscard]] std::size_t continuation(std::size_t from, bool& after_comment) const;

    std::string_view text_;
    std::size_t position_ = 0;
    bool failed_ = false;
};

} // namespace pgweir::sql
