#include "sql/fold.hpp"

#include "sql/classify_expression.hpp"
#include "sql/scanner.hpp"
#include "sql/words.hpp"

#include <cstddef>

namespace pgweir::sql {

namespace {

/// Statements in which literals may be inert: those without side meaning of their words.
constexpr auto foldable_statements =
    make_word_set("select", "insert", "update", "delete", "with", "values", "table");

/// Words that a literal operand may follow. Any other word before a string could make it a typed
/// literal.
constexpr auto literal_predecessors = make_word_set("select",
                                                    "distinct",
                                                    "all",
                                                    "where",
                                                    "and",
                                                    "or",
                                                    "not",
                                                    "like",
                                                    "ilike",
                                                    "between",
                                                    "symmetric",
                                                    "when",
                                                    "then",
                                                    "else",
                                                    "case",
                                                    "limit",
                                                    "offset",
                                                    "by",
                                                    "having",
                                                    "on",
                                                    "returning",
                                                    "first",
                                                    "next",
                                                    "from",
                                                    "to");

/// Words before a parenthesis that is not the argument list of a call (or the modifiers of a type).
constexpr auto grouping_words = make_word_set("values",
                                              "in",
                                              "and",
                                              "or",
                                              "not",
                                              "where",
                                              "on",
                                              "select",
                                              "as",
                                              "materialized",
                                              "from",
                                              "join",
                                              "having",
                                              "by",
                                              "any",
                                              "some",
                                              "all",
                                              "exists",
                                              "when",
                                              "then",
                                              "else",
                                              "case",
                                              "union",
                                              "intersect",
                                              "except",
                                              "distinct",
                                              "returning",
                                              "limit",
                                              "offset",
                                              "lateral",
                                              "array",
                                              "row",
                                              "set",
                                              "like",
                                              "ilike",
                                              "between",
                                              "into");

/// What stands for a folded literal. The byte cannot occur outside of quotes in a text that the
/// scanner accepts.
constexpr char marker = '\x01';

/// The rows of the outermost VALUES list: a row whose folded form equals that of the row before is
/// dropped, so that a batch of any size has one folded form. All positions are sizes of the folded
/// text.
class row_list {
public:
    /// Before an operator is written at `depth`.
    void before_operator(char c, std::size_t depth, bool after_values, std::size_t position) {
        if (c == '(' && after_values && state_ == state::none) {
            depth_ = depth;
            begin_ = position;
            last_size_ = 0;
            state_ = state::in_row;
        } else if (state_ != state::none && depth == depth_) {
            if (c == ',' && state_ == state::after_row) {
                begin_ = position;
                state_ = state::after_comma;
            } else if (c == '(' && state_ == state::after_comma) {
                row_begin_ = position;
                state_ = state::in_row;
            } else {
                state_ = state::none;
            }
        }
    }

    /// Any token but an operator at `depth`: outside of a row it ends the list.
    void other_token(std::size_t depth) {
        if (depth == depth_ && state_ != state::in_row) state_ = state::none;
    }

    /// After the parenthesis that leads back to `depth` was written.
    void close(std::size_t depth, std::string& out) {
        if (state_ != state::in_row || depth != depth_) return;
        state_ = state::after_row;
        const std::size_t row_begin = last_size_ == 0 ? begin_ : row_begin_;
        const std::string_view row = std::string_view{out}.substr(row_begin);
        if (last_size_ == row.size() &&
            row == std::string_view{out}.substr(last_begin_, last_size_)) {
            out.resize(begin_);
            return;
        }
        last_begin_ = row_begin;
        last_size_ = row.size();
    }

private:
    enum class state : unsigned char { none, in_row, after_row, after_comma };

    state state_ = state::none;
    std::size_t depth_ = 0;
    std::size_t begin_ = 0;     // where the present row begins, its comma included
    std::size_t row_begin_ = 0; // where its parenthesis begins
    std::size_t last_begin_ = 0;
    std::size_t last_size_ = 0; // 0: no row yet
};

class folder {
public:
    folder(std::string_view text, std::string& out) : scan_{text}, out_{out} { out_.clear(); }

    bool run() {
        for (token t; scan_.next(t);) {
            settle_literal(t);
            if (!take(t)) return false;
        }
        settle_literal({});
        return !scan_.failed() && depth_ == 0 && has_statement_;
    }

private:
    bool take(const token& t) {
        if (at_start_ && !take_start(t)) return false;
        switch (t.kind) {
        case token_kind::op:
            return take_operator(t);
        case token_kind::integer:
        case token_kind::number:
        case token_kind::plain_string:
            literal_ = t;
            literal_folds_ = barrier_ == 0 && literal_may_follow();
            has_literal_ = true;
            break;
        default:
            emit(t);
        }
        previous_ = t;
        return true;
    }

    /// Statements may stand in parentheses, and empty ones may come first.
    bool take_start(const token& t) {
        const auto text = scan_.text_of(t);
        if (t.kind == token_kind::op && (text == "(" || text == ";")) return true;
        at_start_ = false;
        has_statement_ = true;
        return t.kind == token_kind::word && foldable_statements.contains(text);
    }

    bool take_operator(const token& t) {
        const auto text = scan_.text_of(t);
        const char c = text.size() == 1 ? text[0] : '\0';
        rows_.before_operator(c, depth_, previous_is_values(), out_.size());
        const bool in_list = list_depth_ != 0 && depth_ == list_depth_;
        // A second comma is no list any more, and must not vanish.
        if (c == ',' && in_list && previous_was_marker_ && !comma_held_) {
            comma_held_ = true;
        } else {
            emit(t);
        }
        if (c == '(' || c == '[') {
            open(c);
        } else if (c == ')' || c == ']') {
            if (depth_ == 0) return false;
            if (depth_ == barrier_) barrier_ = 0;
            if (depth_ == list_depth_) list_depth_ = 0;
            --depth_;
            if (c == ')') rows_.close(depth_, out_);
        } else if (c == ';' && depth_ == 0) {
            at_start_ = true;
        }
        previous_ = t;
        return true;
    }

    /// True behind an operator or a word after which a literal is an operand and nothing else.
    [[nodiscard]] bool literal_may_follow() const {
        const auto text = scan_.text_of(previous_);
        if (previous_.kind == token_kind::word) return literal_predecessors.contains(text);
        if (previous_.kind != token_kind::op || text.empty()) return false;
        constexpr std::string_view never = ")].:;";
        return never.find(text[0]) == std::string_view::npos;
    }

    void open(char c) {
        ++depth_;
        const bool after_word = previous_.kind == token_kind::word;
        const auto word = after_word ? scan_.text_of(previous_) : std::string_view{};
        if (c == '(' && list_depth_ == 0 && is_word(word, "in")) list_depth_ = depth_;
        if (barrier_ != 0) return;
        const bool follows_operator =
            previous_.kind == token_kind::op &&
            (previous_.end == 0 || !ends_operand(scan_.text_of(previous_)));
        const bool groups =
            c == '(' ? after_word && grouping_words.contains(word) : is_word(word, "array");
        if (!follows_operator && !groups) barrier_ = depth_;
    }

    [[nodiscard]] bool previous_is_values() const {
        return barrier_ == 0 && previous_.kind == token_kind::word &&
               is_word(scan_.text_of(previous_), "values");
    }

    static bool ends_operand(std::string_view op) { return op == ")" || op == "]"; }

    /// Decides about the literal before `t`, now that it is known whether a cast follows.
    void settle_literal(const token& t) {
        if (!has_literal_) return;
        has_literal_ = false;
        const bool cast = t.kind == token_kind::op && scan_.text_of(t) == "::";
        if (!literal_folds_ || cast ||
            (literal_.kind == token_kind::plain_string && has_time_word(scan_.text_of(literal_)))) {
            emit(literal_);
            return;
        }
        const char sort = literal_.kind == token_kind::integer  ? 'i'
                          : literal_.kind == token_kind::number ? 'n'
                                                                : 's';
        if (comma_held_ && sort == marked_sort_) {
            comma_held_ = false; // IN (1, 2, 3) is as good as IN (1)
        } else {
            rows_.other_token(depth_);
            emit_separator();
            out_ += marker;
            out_ += sort;
        }
        marked_sort_ = sort;
        previous_was_marker_ = true;
    }

    void emit(const token& t) {
        if (t.kind != token_kind::op) rows_.other_token(depth_);
        emit_separator();
        out_ += scan_.text_of(t);
        previous_was_marker_ = false;
    }

    void emit_separator() {
        if (comma_held_) {
            out_ += " ,";
            comma_held_ = false;
        }
        if (!out_.empty()) out_ += ' ';
    }

    scanner scan_;
    std::string& out_;
    row_list rows_;
    token previous_{};
    token literal_{};
    std::size_t depth_ = 0;   // open parentheses and brackets
    std::size_t barrier_ = 0; // depth of the outermost one inside which nothing is folded; 0: none
    std::size_t list_depth_ = 0; // depth of the outermost IN list; 0: none
    bool at_start_ = true;
    bool has_statement_ = false;
    bool has_literal_ = false;
    bool literal_folds_ = false;
    bool comma_held_ = false;
    bool previous_was_marker_ = false;
    char marked_sort_ = '\0';
};

} // namespace

bool fold(std::string_view text, std::string& out) {
    // A zero byte, which the parser refuses, must not vanish in a literal or a comment.
    return text.find('\0') == std::string_view::npos && folder{text, out}.run();
}

} // namespace pgweir::sql
