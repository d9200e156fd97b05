#include "sql/classify_expression.hpp"

#include "sql/session_effects.hpp"
#include "sql/words.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <unordered_map>

namespace pgweir::sql {

namespace {

constexpr auto registry_types = make_word_set("regclass",
                                              "regcollation",
                                              "regconfig",
                                              "regdictionary",
                                              "regnamespace",
                                              "regoper",
                                              "regoperator",
                                              "regproc",
                                              "regprocedure",
                                              "regrole",
                                              "regtype");

constexpr auto time_words = make_word_set("now", "today", "tomorrow", "yesterday");

constexpr bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_catalog_name(const qualified_name& name, std::string_view expected) {
    return name.name == expected && (name.schema.empty() || name.schema == "pg_catalog");
}

} // namespace

bool has_time_word(std::string_view literal) {
    constexpr std::size_t longest = 9; // "yesterday"
    std::array<char, longest> word{};
    std::size_t length = 0;
    const auto ends_in_word = [&] {
        return length <= longest && time_words.contains(std::string_view{word.data(), length});
    };
    for (const char c : literal) {
        if (is_letter(c)) {
            if (length < longest) word[length] = c;
            ++length;
        } else if (c != '\\' && c != '"') {
            if (ends_in_word()) return true;
            length = 0;
        }
    }
    return ends_in_word();
}

qualified_name name_of(node_list names) {
    qualified_name result;
    if (names.empty()) return result;
    result.name = names[names.size() - 1].text("sval");
    if (names.size() > 1) result.schema = names[names.size() - 2].text("sval");
    return result;
}

// Every kind of node that may stand in a statement which reads or changes rows. "visit_children"
// means that the node itself says nothing of interest. A node that is not here makes its statement
// unknown.
auto expression_walker::find_handler(std::string_view type) -> const handler* {
    using self = expression_walker;
    static const std::unordered_map<std::string_view, handler> handlers = {
        {"SelectStmt", &self::on_select},
        {"InsertStmt", &self::on_write},
        {"UpdateStmt", &self::on_write},
        {"DeleteStmt", &self::on_write},
        {"MergeStmt", &self::on_write},
        {"RangeVar", &self::on_range_var},
        {"FuncCall", &self::on_function},
        {"TypeName", &self::on_type_name},
        {"A_Const", &self::on_constant},
        {"A_Expr", &self::on_operator_expression},
        {"SubLink", &self::on_sub_link},
        {"SortBy", &self::on_sort_by},
        {"CaseExpr", &self::on_case},
        {"JoinExpr", &self::on_join},
        {"ColumnRef", &self::on_column_reference},
        {"A_Indirection", &self::on_indirection},
        {"ParamRef", &self::on_parameter},
        {"LockingClause", &self::on_locking_clause},
        {"String", &self::on_string},
        {"RangeTableSample", &self::on_table_sample},
        {"A_Star", &self::ignore},
        {"Alias", &self::ignore},
        {"Integer", &self::ignore},
        {"Float", &self::ignore},
        {"Boolean", &self::ignore},
        {"BitString", &self::ignore},
        {"SQLValueFunction", &self::ignore},
        {"SetToDefault", &self::on_default},
        {"CurrentOfExpr", &self::ignore},
        {"MergeSupportFunc", &self::ignore},
        {"A_ArrayExpr", &self::visit_children},
        {"A_Indices", &self::visit_children},
        {"BoolExpr", &self::visit_children},
        {"BooleanTest", &self::visit_children},
        {"CTECycleClause", &self::visit_children},
        {"CTESearchClause", &self::visit_children},
        {"CaseWhen", &self::visit_children},
        {"CoalesceExpr", &self::visit_children},
        {"CollateClause", &self::visit_children},
        {"ColumnDef", &self::visit_children},
        {"CommonTableExpr", &self::visit_children},
        {"DefElem", &self::visit_children},
        {"GroupingFunc", &self::visit_children},
        {"GroupingSet", &self::visit_children},
        {"IndexElem", &self::visit_children},
        {"InferClause", &self::visit_children},
        {"IntoClause", &self::visit_children},
        {"List", &self::visit_children},
        {"MergeWhenClause", &self::visit_children},
        {"MinMaxExpr", &self::visit_children},
        {"MultiAssignRef", &self::visit_children},
        {"NamedArgExpr", &self::visit_children},
        {"NullTest", &self::visit_children},
        {"OnConflictClause", &self::visit_children},
        {"RangeFunction", &self::visit_children},
        {"RangeSubselect", &self::visit_children},
        {"RangeTableFunc", &self::visit_children},
        {"RangeTableFuncCol", &self::visit_children},
        {"ResTarget", &self::visit_children},
        {"RowExpr", &self::visit_children},
        {"TypeCast", &self::visit_children},
        {"WindowDef", &self::visit_children},
        {"WithClause", &self::visit_children},
        {"XmlExpr", &self::visit_children},
        {"XmlSerialize", &self::visit_children},
        // SQL/JSON, PostgreSQL 16 and 17
        {"JsonAggConstructor", &self::visit_children},
        {"JsonArgument", &self::visit_children},
        {"JsonArrayAgg", &self::visit_children},
        {"JsonArrayConstructor", &self::visit_children},
        {"JsonArrayQueryConstructor", &self::visit_children},
        {"JsonBehavior", &self::visit_children},
        {"JsonFormat", &self::ignore},
        {"JsonFuncExpr", &self::visit_children},
        {"JsonIsPredicate", &self::visit_children},
        {"JsonKeyValue", &self::visit_children},
        {"JsonObjectAgg", &self::visit_children},
        {"JsonObjectConstructor", &self::visit_children},
        {"JsonOutput", &self::visit_children},
        {"JsonParseExpr", &self::visit_children},
        {"JsonReturning", &self::visit_children},
        {"JsonScalarExpr", &self::visit_children},
        {"JsonSerializeExpr", &self::visit_children},
        {"JsonTable", &self::visit_children},
        {"JsonTableColumn", &self::visit_children},
        {"JsonTablePathSpec", &self::visit_children},
        {"JsonValueExpr", &self::visit_children},
    };
    const auto found = handlers.find(type);
    return found == handlers.end() ? nullptr : &found->second;
}

void expression_walker::visit(node n) {
    if (!n) return;
    if (const handler* handle = find_handler(n.type())) {
        (this->**handle)(n);
    } else {
        understood_ = false;
        visit_children(n);
    }
}

void expression_walker::visit_children(node n) {
    n.for_each_child([this](node child) { visit(child); });
}

void expression_walker::on_select(node n) {
    if (n.child("into_clause")) facts_.writes = true;
    on_scope(n, {});
}

void expression_walker::on_write(node n) {
    facts_.writes = true;
    if (n.is("InsertStmt") || n.is("MergeStmt")) facts_.inserts = true;
    const node target = n.child("relation");
    add_relation(target); // never a WITH query, whatever its name
    if (n.is("UpdateStmt")) {
        const auto schema = target.text("schemaname");
        if (target.text("relname") == "pg_settings" && (schema.empty() || schema == "pg_catalog")) {
            add_once(facts_.effects, effect_of(effect_kind::opaque));
        }
    }
    on_scope(n, target);
}

/// Visits everything below a statement with its WITH queries in scope as PostgreSQL resolves them:
/// in a WITH RECURSIVE each sees all, otherwise each sees those before it.
void expression_walker::on_scope(node n, node skipped) {
    const std::size_t outer = common_tables_.size();
    const node with = n.child("with_clause");
    const bool recursive = with.flag("recursive");
    if (recursive) {
        for (const node query : with.list("ctes"))
            common_tables_.push_back(query.text("ctename"));
    }
    for (const node query : with.list("ctes")) {
        visit(query);
        if (!recursive) common_tables_.push_back(query.text("ctename"));
    }
    n.for_each_child([&](node child) {
        if (child != with && child != skipped) visit(child);
    });
    common_tables_.resize(outer);
}

void expression_walker::on_range_var(node n) {
    if (n.text("schemaname").empty() &&
        std::ranges::find(common_tables_, n.text("relname")) != common_tables_.end()) {
        return;
    }
    add_relation(n);
}

void expression_walker::add_relation(node range_var) {
    if (!range_var) return;
    qualified_name relation{.schema = std::string{range_var.text("schemaname")},
                            .name = std::string{range_var.text("relname")}};
    if (range_var.text("relpersistence") == "t" || is_temporary_schema(relation.schema)) {
        add_once(facts_.effects, effect_of(effect_kind::temporary_object));
    }
    if (is_catalog_name(relation, "pg_settings")) facts_.reads_parameters = true;
    add_once(facts_.relations, std::move(relation));
}

void expression_walker::on_function(node n) {
    function_call call;
    call.name = name_of(n.list("funcname"));
    std::size_t arguments = n.list("args").size();
    // The catalog counts the WITHIN GROUP columns of an ordered-set aggregate among its arguments.
    if (n.flag("agg_within_group")) arguments += n.list("agg_order").size();
    call.arguments = static_cast<std::uint16_t>(
        std::min<std::size_t>(arguments, std::numeric_limits<std::uint16_t>::max()));
    call.variadic = n.flag("func_variadic");

    if (is_catalog_name(call.name, "current_setting")) facts_.reads_parameters = true;
    if (registry_types.contains(call.name.name)) facts_.registry_cast = true; // regclass('t')
    if (std::ranges::find(followed_, n) == followed_.end()) {
        if (auto effect = effect_of_function(call.name))
            add_once(facts_.effects, std::move(*effect));
    }
    add_once(facts_.functions, std::move(call));
    visit_children(n);
}

void expression_walker::on_type_name(node n) {
    qualified_name type = name_of(n.list("names"));
    if (registry_types.contains(type.name)) facts_.registry_cast = true;
    if (!type.name.empty()) add_once(facts_.types, std::move(type));
    visit_children(n);
}

void expression_walker::on_constant(node n) {
    const node string = n.child("sval");
    if (string && has_time_word(string.text("sval"))) facts_.has_time_word = true;
}

void expression_walker::on_operator_expression(node n) {
    const auto kind = n.enumerator("kind");
    if (kind.starts_with("AEXPR_BETWEEN") || kind.starts_with("AEXPR_NOT_BETWEEN")) {
        // The tree holds the word BETWEEN; what runs are the comparisons.
        const bool negated = kind.starts_with("AEXPR_NOT");
        add_once(facts_.operators, {.schema = {}, .name = negated ? "<" : ">="});
        add_once(facts_.operators, {.schema = {}, .name = negated ? ">" : "<="});
    } else {
        add_operator(n.list("name"));
    }
    visit_children(n);
}

void expression_walker::on_sub_link(node n) {
    const auto kind = n.enumerator("sub_link_type");
    if (const auto name = n.list("oper_name"); !name.empty()) {
        add_operator(name);
    } else if (kind == "ANY_SUBLINK") {
        add_equality(); // IN (SELECT …)
    }
    visit_children(n);
}

void expression_walker::on_sort_by(node n) {
    if (const auto name = n.list("use_op"); !name.empty()) add_operator(name);
    visit_children(n);
}

void expression_walker::on_case(node n) {
    if (n.child("arg")) add_equality();
    visit_children(n);
}

void expression_walker::on_join(node n) {
    if (n.flag("is_natural") || !n.list("using_clause").empty()) add_equality();
    visit_children(n);
}

void expression_walker::on_column_reference(node n) {
    const node_list fields = n.list("fields");
    const node last = fields[fields.size() - 1];
    if (last.is("String")) add_once(facts_.columns, std::string{last.text("sval")});
}

void expression_walker::on_indirection(node n) {
    for (const node step : n.list("indirection")) {
        if (step.is("String")) add_once(facts_.columns, std::string{step.text("sval")});
    }
    visit_children(n);
}

void expression_walker::on_default(node) {
    facts_.inserts = true;
}

void expression_walker::on_parameter(node) {
    facts_.has_parameters = true;
}

void expression_walker::on_locking_clause(node) {
    facts_.locks_rows = true;
}

// Outside of constants a String is a part of a name.
void expression_walker::on_string(node n) {
    if (is_temporary_schema(n.text("sval"))) {
        add_once(facts_.effects, effect_of(effect_kind::temporary_object));
    }
}

void expression_walker::on_table_sample(node n) {
    add_once(facts_.functions,
             {.name = name_of(n.list("method")), .arguments = 1, .variadic = false});
    visit_children(n);
}

void expression_walker::add_operator(node_list name) {
    qualified_name found = name_of(name);
    if (!found.name.empty()) add_once(facts_.operators, std::move(found));
}

void expression_walker::add_equality() {
    add_once(facts_.operators, {.schema = {}, .name = "="});
}

} // namespace pgweir::sql
