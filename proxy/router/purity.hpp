// Whether a statement is a pure read, in two halves: by its text alone, and by what its names mean
// in a database's catalog. The router and the catalog (for views and function bodies) ask the same
// questions here. Pure functions.
#pragma once

#include "proxy/router/router.hpp"
#include "sql/facts.hpp"

#include <cstdint>
#include <string_view>

namespace pgweir {

/// reason pure_read: nothing against it. Otherwise the first thing that was found.
struct judgement {
    route_reason reason = route_reason::pure_read;
    std::string_view detail; // points into the facts or the catalog that were judged
    [[nodiscard]] bool is_pure() const { return reason == route_reason::pure_read; }
};

/// Which schemas a name without one can mean.
enum class name_scope : std::uint8_t {
    any_schema,   // the search_path is the session's business: the worst of all that bear the name
    catalog_only, // text that PostgreSQL wrote under an empty search_path: pg_catalog
};

/// The statement's kind, its writes and locks, and what it does to the session.
[[nodiscard]] judgement judge_text(const sql::statement_facts& facts);

/// Its relations, functions, operators, types and column notation.
[[nodiscard]] judgement
judge_names(const sql::statement_facts& facts, const catalog& known, name_scope scope);

/// True if the statement names nothing that a catalog could change the meaning of.
[[nodiscard]] bool names_nothing(const sql::statement_facts& facts);

} // namespace pgweir
