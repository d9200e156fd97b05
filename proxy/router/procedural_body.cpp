#include "proxy/router/procedural_body.hpp"

#include "sql/scanner.hpp"
#include "sql/words.hpp"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <utility>

namespace pgweir {

namespace {

using sql::make_word_set;
using sql::token_kind;

/// Wherever they stand.
constexpr auto always_doubtful = make_word_set("execute", "hold");

/// First words of statements that PL/pgSQL takes and that change session state, define something
/// (an event trigger may wait for it) or evaluate definitions. Source: gram.y, "stmt".
constexpr auto doubtful_verbs = make_word_set("alter",
                                              "analyse",
                                              "analyze",
                                              "checkpoint",
                                              "cluster",
                                              "comment",
                                              "copy",
                                              "create",
                                              "deallocate",
                                              "discard",
                                              "do",
                                              "drop",
                                              "explain",
                                              "grant",
                                              "import",
                                              "listen",
                                              "load",
                                              "prepare",
                                              "reassign",
                                              "refresh",
                                              "reindex",
                                              "reset",
                                              "revoke",
                                              "security",
                                              "set",
                                              "unlisten",
                                              "vacuum");

/// Reserved words that follow a column's name, and that no statement has for its second word.
constexpr auto never_second = make_word_set("and",
                                            "as",
                                            "asc",
                                            "desc",
                                            "else",
                                            "end",
                                            "from",
                                            "in",
                                            "into",
                                            "is",
                                            "not",
                                            "or",
                                            "then",
                                            "when",
                                            "where");

constexpr auto inserting_words = make_word_set("insert", "merge", "default");
constexpr auto writing_words = make_word_set("insert", "update", "delete", "merge", "truncate");

/// Before a parenthesis these are seldom calls, or are ones that PostgreSQL's grammar makes itself.
constexpr auto keywords = make_word_set("all",
                                        "and",
                                        "any",
                                        "array",
                                        "as",
                                        "assert",
                                        "between",
                                        "by",
                                        "case",
                                        "cast",
                                        "character",
                                        "coalesce",
                                        "conflict",
                                        "cube",
                                        "cursor",
                                        "dec",
                                        "decimal",
                                        "default",
                                        "distinct",
                                        "else",
                                        "elseif",
                                        "elsif",
                                        "escape",
                                        "except",
                                        "exists",
                                        "filter",
                                        "float",
                                        "for",
                                        "foreach",
                                        "from",
                                        "greatest",
                                        "group",
                                        "grouping",
                                        "having",
                                        "if",
                                        "ilike",
                                        "in",
                                        "intersect",
                                        "into",
                                        "is",
                                        "join",
                                        "lateral",
                                        "least",
                                        "like",
                                        "limit",
                                        "materialized",
                                        "nchar",
                                        "next",
                                        "not",
                                        "nullif",
                                        "offset",
                                        "on",
                                        "only",
                                        "or",
                                        "over",
                                        "perform",
                                        "precision",
                                        "query",
                                        "raise",
                                        "return",
                                        "returning",
                                        "rollup",
                                        "row",
                                        "select",
                                        "sets",
                                        "some",
                                        "symmetric",
                                        "then",
                                        "union",
                                        "using",
                                        "values",
                                        "varying",
                                        "when",
                                        "where",
                                        "while",
                                        "xmlconcat",
                                        "xmlelement",
                                        "xmlforest",
                                        "xmlroot",
                                        "zone");

/// A token as far as the rules need it.
struct lexeme {
    token_kind kind = token_kind::op;
    std::string text; // words: lower case; quoted identifiers: what is between the quotes
    [[nodiscard]] bool is(std::string_view word) const {
        return kind == token_kind::word && text == word;
    }
    [[nodiscard]] bool is_op(std::string_view op) const {
        return kind == token_kind::op && text == op;
    }
    [[nodiscard]] bool is_name() const {
        return kind == token_kind::word || kind == token_kind::quoted_identifier;
    }
};

std::string unquoted(std::string_view quoted) {
    std::string name;
    for (std::size_t i = 1; i + 1 < quoted.size(); ++i) {
        name += quoted[i];
        if (quoted[i] == '"') ++i;
    }
    return name;
}

/// False: the text has something that cannot be told.
bool read_lexemes(std::string_view body, std::vector<lexeme>& all) {
    sql::scanner scan{body};
    for (sql::token one; scan.next(one);) {
        const std::string_view text = scan.text_of(one);
        if (one.kind == token_kind::quoted_identifier) {
            if (text.front() != '"') return false; // U&"…"
            all.push_back({one.kind, unquoted(text)});
        } else if (one.kind == token_kind::word) {
            all.push_back({one.kind, sql::to_lower(text)});
        } else if (one.kind == token_kind::op) {
            all.push_back({one.kind, std::string{text}});
        } else {
            all.push_back({one.kind, {}});
        }
    }
    return !scan.failed();
}

/// Whether the word at `i` can begin a statement with what follows it: such a statement goes on
/// with a name, a string or a parenthesis, a column's name mostly does not.
bool may_begin_statement(const std::vector<lexeme>& all, std::size_t i) {
    if (i > 0 && all[i - 1].is_op(".")) return false;
    if (i + 1 == all.size()) return true;
    const lexeme& next = all[i + 1];
    switch (next.kind) {
    case token_kind::word:
        return !never_second.contains(next.text);
    case token_kind::op:
        return next.is_op("(") || next.is_op("*");
    default:
        return true;
    }
}

/// Before the first word of a statement; PL/pgSQL's own, so that no table is called so unquoted
/// there.
constexpr auto statement_openers = make_word_set("begin", "else", "loop", "then");

/// Where the SET of the UPDATE at `i` stands: UPDATE [ONLY] name [*] [[AS] alias] SET, or right
/// behind it after DO or THEN. 0: it is no such UPDATE.
std::size_t set_of_update(const std::vector<lexeme>& all, std::size_t i) {
    if (i > 0 && all[i - 1].is_op(".")) return 0;
    const auto at = [&](std::size_t k) -> const lexeme& {
        return all[std::min(k, all.size() - 1)];
    };
    const auto is_plain_name = [&](std::size_t k) {
        return at(k).is_name() &&
               (at(k).kind != token_kind::word || !statement_openers.contains(at(k).text));
    };
    std::size_t next = i + 1;
    if (at(next).is("set")) return next;
    if (at(next).is("only")) ++next;
    if (!is_plain_name(next)) return 0;
    for (++next; at(next).is_op(".") && is_plain_name(next + 1);)
        next += 2;
    if (at(next).is_op("*")) ++next;
    if (at(next).is("as")) ++next;
    if (!at(next).is("set") && is_plain_name(next)) ++next;
    return next < all.size() && at(next).is("set") ? next : 0;
}

bool is_doubtful(const std::vector<lexeme>& all, std::size_t i) {
    const std::string& word = all[i].text;
    if (always_doubtful.contains(word)) return true;
    if (!doubtful_verbs.contains(word) || !may_begin_statement(all, i)) return false;
    if (word == "do" && i + 1 < all.size()) // ON CONFLICT …
        return !all[i + 1].is("nothing") && !all[i + 1].is("update");
    return true;
}

void add_name(const std::vector<lexeme>& all, std::size_t i, procedural_body& found) {
    const lexeme& name = all[i];
    const bool calls = i + 1 < all.size() && all[i + 1].is_op("(");
    const bool qualified = i > 1 && all[i - 1].is_op(".") && all[i - 2].is_name();
    // INSERT INTO t (…): what stands before the name, or before its schema.
    const std::size_t first = qualified ? i - 2 : i;
    const bool is_target = first > 0 && all[first - 1].is("into");
    if (!calls || is_target)
        found.words.push_back(name.text);
    else if (name.kind == token_kind::word && !qualified && keywords.contains(name.text))
        found.keyword_calls.push_back(name.text);
    else
        found.calls.push_back({qualified ? all[i - 2].text : std::string{}, name.text});
}

std::pair<std::string_view, std::string_view> as_pair(const sql::qualified_name& name) {
    return {name.schema, name.name};
}

template <class Item, class Key> void drop_repeated(std::vector<Item>& list, Key key) {
    std::ranges::sort(list, {}, key);
    const auto rest = std::ranges::unique(list, {}, key);
    list.erase(rest.begin(), rest.end());
}

} // namespace

procedural_body read_procedural_body(std::string_view body) {
    procedural_body found;
    std::vector<lexeme> all;
    if (!read_lexemes(body, all)) {
        found.doubt = "text";
        return found;
    }
    std::size_t set_of_last_update = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (all[i].kind == token_kind::word) {
            if (all[i].text == "update") set_of_last_update = set_of_update(all, i);
            const bool is_excused = i > 0 && i == set_of_last_update;
            if (!is_excused && is_doubtful(all, i)) {
                found.doubt = all[i].text;
                return found;
            }
            found.inserts = found.inserts || inserting_words.contains(all[i].text);
            found.writes = found.writes || writing_words.contains(all[i].text);
        }
        if (all[i].is_name())
            add_name(all, i, found);
        else if (all[i].kind == token_kind::op)
            found.operators.push_back({{}, all[i].text});
    }
    drop_repeated(found.calls, as_pair);
    drop_repeated(found.keyword_calls, std::identity{});
    drop_repeated(found.words, std::identity{});
    drop_repeated(found.operators, as_pair);
    return found;
}

} // namespace pgweir
