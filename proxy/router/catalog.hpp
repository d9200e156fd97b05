// What the primary's catalog says about one database's relations and functions, as far as routing
// and the following of session state depend on it, as plain rows. catalog_queries.hpp makes them
// from query results, catalog_snapshot.hpp judges them. All expressions are PostgreSQL's own text
// under an empty search_path: every name not in pg_catalog carries its schema.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pgweir {

/// A function named by another catalog row. All overloads of the name are meant.
struct routine_name {
    std::string schema;
    std::string name;
};

/// One row of pg_proc outside the built-in allow-list's reach, as text, before judgement.
struct function_row {
    std::uint32_t oid = 0;
    std::string schema;
    std::string name;
    std::uint16_t arguments = 0;         // pronargs
    std::uint16_t default_arguments = 0; // pronargdefaults
    bool variadic = false;
    char kind = 'f';       // prokind: f, a, w, p
    char volatility = 'v'; // provolatile: i, s, v
    std::string language;  // internal, c, sql, plpgsql, …
    std::string body; // prosrc; for SQL-standard bodies pg_get_function_sqlbody; not of c and other
                      // languages
    bool has_settings = false;        // proconfig is not null
    bool has_custom_settings = false; // … and names a parameter with a dot, which leaves a trace
    std::string argument_defaults;    // a list of expressions
    bool row_type_argument =
        false; // may be called with one argument of a composite type: callable as a column
    std::string extension;       // the extension it belongs to, or empty
    bool qualified_body = false; // body is PostgreSQL's own text under an empty search_path: every
                                 // name not in pg_catalog carries its schema
    std::vector<routine_name> components; // aggregates: the functions that do the work
};

/// A trigger that is not one of PostgreSQL's own, and not disabled.
struct trigger_row {
    routine_name function;
    std::string definition; // CREATE TRIGGER …, if it has a condition
    bool deferrable = false;
    bool initially_deferred = false;
};

/// One row of pg_class.
struct relation_row {
    std::uint32_t oid = 0;
    std::string schema;
    std::string name;
    char kind = 'r';             // relkind: r, p, v, m, S, f, i, t, c
    char persistence = 'p';      // relpersistence: p, u, t
    std::string view_definition; // pg_get_viewdef, for views of both kinds
    bool row_security = false;   // with policies: expressions below
    std::vector<std::string>
        policies; // USING expressions that SELECT meets, as text, under an empty search_path
    std::vector<std::uint32_t>
        parents; // pg_inherits: what reads this relation too; also partitioned tables
    std::vector<std::string> expressions;  // that writing evaluates: defaults, generated columns,
                                           // checks, keys and predicates of indexes and partitions
    std::vector<std::string> all_policies; // USING and WITH CHECK expressions of all commands
    std::vector<std::string> rules;        // CREATE RULE …, without those of views that read
    std::vector<trigger_row> triggers;
    std::vector<std::uint32_t>
        cascades; // what foreign keys, or TRUNCATE CASCADE, write to when this is written to
    std::vector<routine_name> handlers; // foreign tables: the wrapper's
    bool identity = false;              // has a column whose sequence is its own
};

/// An operator outside pg_catalog.
struct operator_row {
    std::string schema;
    std::string name;
    routine_name function;
};

/// A type outside pg_catalog that is not the row type of a table, nor an array.
struct type_row {
    std::uint32_t oid = 0;
    std::string schema;
    std::string name;
    char kind = 'b'; // typtype: b, c, d, e, r, m
    std::vector<routine_name>
        functions; // that run when a value is made from text: input, modifiers, canonical form
    std::vector<std::string> checks; // domains: constraint expressions, under an empty search_path
};

/// A cast that calls a function outside pg_catalog.
struct cast_row {
    std::string target_schema; // the type that is made; may be one of pg_catalog
    std::string target;
    char context =
        'e'; // castcontext: i (anywhere, unseen in the text), a (assignment), e (only when written)
    routine_name function;
};

/// What logins of a role into a database begin with, in all databases or of all roles if empty. Of
/// two of these the digests tell whether they are the same.
struct login_defaults_row {
    std::string database;
    std::string role;
    std::string digest;
    friend bool operator==(const login_defaults_row&, const login_defaults_row&) = default;
};

struct catalog_rows {
    std::string database;
    std::uint32_t server_version = 0;
    std::vector<function_row>
        functions; // all that initdb did not make, and those of information_schema
    std::vector<relation_row>
        relations; // all outside pg_catalog, information_schema, pg_toast and temporary schemas
    std::vector<operator_row> operators;
    std::vector<type_row> types;
    std::vector<cast_row> casts;
    std::vector<routine_name> event_triggers;    // their functions
    std::vector<routine_name> native_triggers;   // trigger functions in languages other than SQL's
                                                 // and PL/pgSQL
    std::vector<routine_name> support_functions; // that operator classes call unseen, without those
                                                 // written in C
    std::vector<login_defaults_row> login_defaults;
};

} // namespace pgweir
