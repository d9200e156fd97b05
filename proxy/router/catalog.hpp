// What the primary's catalog says about one database's relations and functions, as far as routing depends on it.
// An immutable snapshot: the catalog reader (control thread) builds it from query rows, workers read it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace pgweir {

/// One row of pg_proc outside the built-in allow-list's reach, as text, before judgement.
struct function_row {
    std::uint32_t oid = 0;
    std::string schema;
    std::string name;
    std::uint16_t arguments = 0;          // pronargs
    std::uint16_t default_arguments = 0;  // pronargdefaults
    bool variadic = false;
    char kind = 'f';         // prokind: f, a, w, p
    char volatility = 'v';   // provolatile: i, s, v
    std::string language;    // internal, c, sql, plpgsql, …
    std::string body;        // prosrc; for SQL-standard bodies pg_get_functiondef's text
    bool has_settings = false;        // proconfig is not null
    bool row_type_argument = false;   // one argument of a composite type: callable as a column
};

/// One row of pg_class.
struct relation_row {
    std::uint32_t oid = 0;
    std::string schema;
    std::string name;
    char kind = 'r';         // relkind: r, p, v, m, S, f, i, t, c
    char persistence = 'p';  // relpersistence: p, u, t
    std::string view_definition;       // pg_get_viewdef, for views
    bool row_security = false;         // with policies: expressions below
    std::vector<std::string> policies; // expressions as text
};

struct catalog_rows {
    std::string database;
    std::uint32_t server_version = 0;
    std::vector<function_row> functions;       // all outside pg_catalog/information_schema, plus changed built-ins
    std::vector<relation_row> relations;       // all outside pg_catalog/information_schema/pg_toast
    std::vector<std::string> operators;        // names of operators outside pg_catalog
    std::vector<std::string> types;            // names of types outside pg_catalog that are not table row types
};

}  // namespace pgweir
