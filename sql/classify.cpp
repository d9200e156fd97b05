#include "sql/classify.hpp"

#include "sql/classify_statement.hpp"
#include "sql/scanner.hpp"
#include "sql/words.hpp"

#include <algorithm>
#include <optional>
#include <string>

namespace pgweir::sql {

namespace {

/// What follows the words EXPLAIN ROUTE at the start of the text, comments and hints included.
std::optional<std::string_view> routed_text(std::string_view text) {
    scanner scan{text};
    token word;
    if (!scan.next(word) || !is_word(scan.text_of(word), "explain")) return std::nullopt;
    if (!scan.next(word) || !is_word(scan.text_of(word), "route")) return std::nullopt;
    text.remove_prefix(word.end);
    const std::size_t first = text.find_first_not_of(" \t\n\r\f");
    return first == std::string_view::npos ? std::string_view{} : text.substr(first);
}

statement_facts empty_statement() {
    statement_facts facts;
    facts.kind = statement_kind::empty;
    return facts;
}

bool is_about_prepared(const statement_facts& facts) {
    return facts.kind == statement_kind::prepare || facts.kind == statement_kind::deallocate ||
           !facts.executes.empty() || lists_prepared(facts);
}

bool is_catalogs(const qualified_name& name, std::string_view word) {
    return name.name == word && (name.schema.empty() || name.schema == "pg_catalog");
}

} // namespace

bool lists_prepared(const statement_facts& facts) {
    return std::any_of(
               facts.relations.begin(), facts.relations.end(),
               [](const auto& name) { return is_catalogs(name, "pg_prepared_statements"); }) ||
           std::any_of(facts.functions.begin(), facts.functions.end(), [](const auto& call) {
               return is_catalogs(call.name, "pg_prepared_statement");
           });
}

query_facts classify(std::string_view text, std::size_t max_bytes) {
    query_facts facts;
    if (text.size() > max_bytes) return facts;
    if (const auto routed = routed_text(text)) {
        facts.parsed = true;
        facts.statements.emplace_back().kind = statement_kind::explain_route;
        facts.statements.back().routed_text = *routed;
        return facts;
    }
    const parse_result tree = parse(text, max_bytes);
    if (!tree) return facts;
    facts.parsed = true;
    for (const node raw : tree.statements()) {
        facts.statements.push_back(classify_statement(raw.child("stmt")));
    }
    facts.about_prepared =
        std::any_of(facts.statements.begin(), facts.statements.end(), is_about_prepared);
    if (facts.statements.empty()) facts.statements.push_back(empty_statement());
    return facts;
}

} // namespace pgweir::sql
