// Collects into statement_facts what lies anywhere below a node of the parse tree: relations,
// functions, operators, types, locks, writes. It goes through every message generically, so a
// nested statement cannot be missed.
#pragma once

#include "sql/facts.hpp"
#include "sql/parse.hpp"

#include <string_view>
#include <vector>

namespace pgweir::sql {

/// One use per statement. The facts must outlive it.
class expression_walker {
public:
    explicit expression_walker(statement_facts& facts) : facts_{facts} {}

    void visit(node n);
    /// A set_config call whose effect is known already: not opaque when met.
    void already_followed(node call) { followed_.push_back(call); }
    /// False once a kind of node was met of which we do not know what it does.
    [[nodiscard]] bool understood() const { return understood_; }

private:
    using handler = void (expression_walker::*)(node);
    static const handler* find_handler(std::string_view type);

    void visit_children(node n);
    void ignore(node) {}
    void on_select(node n);
    void on_write(node n);
    void on_scope(node n, node skipped);
    void on_range_var(node n);
    void on_function(node n);
    void on_type_name(node n);
    void on_constant(node n);
    void on_operator_expression(node n);
    void on_sub_link(node n);
    void on_sort_by(node n);
    void on_case(node n);
    void on_join(node n);
    void on_column_reference(node n);
    void on_indirection(node n);
    void on_default(node n);
    void on_parameter(node n);
    void on_locking_clause(node n);
    void on_string(node n);
    void on_table_sample(node n);

    void add_relation(node range_var);
    void add_operator(node_list name);
    void add_equality();

    statement_facts& facts_;
    std::vector<std::string_view> common_tables_; // names of WITH queries in scope
    std::vector<node> followed_;
    bool understood_ = true;
};

/// True if a literal holds one of the words that PostgreSQL's date/time input reads relative to the
/// current time (now, today, tomorrow, yesterday). Source: src/backend/utils/adt/datetime.c,
/// datetktbl and ParseDateTime: words are runs of letters; quotes and backslashes vanish in array
/// and row literals.
[[nodiscard]] bool has_time_word(std::string_view literal);

/// The last two names of a list of String nodes: a qualified name, catalog left out.
[[nodiscard]] qualified_name name_of(node_list names);

/// Appends unless present.
template <class T> void add_once(std::vector<T>& list, T value) {
    for (const T& present : list) {
        if (present == value) return;
    }
    list.push_back(std::move(value));
}

} // namespace pgweir::sql
