// Makes a catalog from rows: every definition is assumed pure and then struck out as long as
// something in it is not, so that functions and views that use each other need no order. Used by
// build_catalog alone.
#pragma once

#include "proxy/router/catalog_snapshot.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir {

class catalog_builder {
public:
    catalog_builder(const catalog_rows& rows, const definition_parser& parse);
    [[nodiscard]] std::shared_ptr<catalog> build(std::shared_ptr<const routing_policy> policy);

private:
    /// A definition that is pure as long as all that it names is.
    struct definition {
        bool is_relation = false;
        std::string name;      // key into relations_ or functions_ …
        std::size_t index = 0; // … and which of its entries
        name_scope scope = name_scope::catalog_only;
        std::vector<sql::query_facts> texts;
        std::vector<routine_name> calls; // aggregates: the functions below them
    };

    void add_relation(const relation_row& row);
    void add_function(const function_row& row);
    void add_operators_types_and_casts();
    void strike_out_impure();
    void spread_to_parents();
    /// The text's facts join the definition, or what stands against it at once.
    [[nodiscard]] judgement add_text(definition& owner, std::string_view text);
    [[nodiscard]] judgement judge(const definition& one) const;
    [[nodiscard]] judgement judge_routine(const routine_name& name) const;
    /// What stands against an expression; empty: nothing.
    [[nodiscard]] std::optional<std::string> doubt_about(std::string_view expression) const;
    [[nodiscard]] judgement judge_own(const function_row& row, definition& own);
    void mark(const definition& one, route_reason reason, std::string_view why);

    const catalog_rows& rows_;
    const definition_parser& parse_;
    std::shared_ptr<catalog> made_;
    std::vector<definition> open_; // not struck out yet
};

/// "RETURN x" and "BEGIN ATOMIC … END" as pg_get_function_sqlbody gives them -> statements that
/// parse by themselves.
[[nodiscard]] std::string plain_body(std::string_view body);

} // namespace pgweir
