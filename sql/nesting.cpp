#include "sql/nesting.hpp"

#include "sql/scanner.hpp"
#include "sql/words.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace pgweir::sql {

namespace {

/// Words after which an expression begins anew, at the same depth as the one before.
constexpr auto separators = make_word_set("and",
                                          "or",
                                          "when",
                                          "then",
                                          "else",
                                          "select",
                                          "from",
                                          "where",
                                          "group",
                                          "order",
                                          "having",
                                          "limit",
                                          "offset",
                                          "values",
                                          "set",
                                          "returning",
                                          "on",
                                          "using",
                                          "window",
                                          "into",
                                          "with");

/// Words that put everything before them one level deeper.
constexpr auto level_makers = make_word_set("union", "intersect", "except", "join");

/// What lies between one pair of parentheses, brackets, or CASE and END.
struct level {
    bool is_case = false;
    std::size_t base = 0;    // set operations and joins: left-deep over everything here
    std::size_t chain = 0;   // operators in the present piece: a + b + c is two levels
    std::size_t deepest = 0; // the greatest chain of the pieces before

    void end_piece() {
        deepest = std::max(deepest, chain);
        chain = 0;
    }
    [[nodiscard]] std::size_t depth() const { return base + std::max(deepest, chain); }
};

class estimate {
public:
    void open(bool is_case) { levels_.push_back({.is_case = is_case}); }

    void close(bool is_case) {
        if (levels_.size() < 2 || levels_.back().is_case != is_case) return;
        const std::size_t inner = levels_.back().depth();
        levels_.pop_back();
        levels_.back().chain += inner + 1;
    }

    void on_operator(std::string_view text) {
        after_operand_ = text == ")" || text == "]";
        if (text == "(" || text == "[") return open(false);
        if (after_operand_) return close(false);
        if (text == ",") return top().end_piece();
        if (text == ";" && levels_.size() == 1) {
            worst_ = std::max(worst_, top().depth());
            levels_.front() = {};
        } else if (text != ".") {
            ++top().chain;
        }
    }

    void on_word(std::string_view text) {
        const bool follows_operand = after_operand_;
        after_operand_ = true;
        if (is_word(text, "end")) return close(true);
        const bool makes_level = level_makers.contains(text);
        if (is_word(text, "case")) {
            after_operand_ = false;
            open(true);
        } else if (makes_level || separators.contains(text)) {
            after_operand_ = false;
            top().end_piece();
            if (makes_level) ++top().base;
        } else if (follows_operand || is_word(text, "not")) {
            ++top().chain; // a keyword such as IS, NOT or COLLATE; a name after an operator is only
                           // its operand
        }
    }

    void on_operand() { after_operand_ = true; }

    [[nodiscard]] std::size_t open_levels() const { return levels_.size(); }
    [[nodiscard]] std::size_t result() const {
        std::size_t sum = levels_.size() - 1;
        for (const level& open_level : levels_)
            sum += open_level.depth();
        return std::max(worst_, sum);
    }

private:
    level& top() { return levels_.back(); }

    std::vector<level> levels_{1};
    std::size_t worst_ = 0;
    bool after_operand_ = false;
};

} // namespace

std::size_t nesting(std::string_view text) {
    scanner scan{text};
    estimate depth;
    for (token t; scan.next(t);) {
        switch (t.kind) {
        case token_kind::op:
            depth.on_operator(scan.text_of(t));
            break;
        case token_kind::word:
            depth.on_word(scan.text_of(t));
            break;
        default:
            depth.on_operand();
        }
        if (depth.open_levels() > greatest_nesting) return SIZE_MAX;
    }
    return scan.failed() ? SIZE_MAX : depth.result();
}

bool is_nested_safely(std::string_view text) {
    // Even "not not not …" and "((((…" need a byte or more for a level.
    return text.size() <= greatest_nesting || nesting(text) <= greatest_nesting;
}

} // namespace pgweir::sql
