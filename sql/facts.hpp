// What the router and the session need to know about a query string, found once by libpg_query and
// kept in a cache. Plain data: owned by the cache entry that holds it, immutable afterwards, so any
// number of sessions may read it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pgweir::sql {

enum class statement_kind : std::uint8_t {
    unknown, // not understood: treated as a write that may change any state
    empty,
    select, // SELECT, VALUES, TABLE, WITH … SELECT
    insert,
    update,
    delete_rows,
    merge,
    copy_in,  // COPY … FROM
    copy_out, // COPY … TO
    explain,
    show,
    set,                 // SET, SET LOCAL, SET TIME ZONE, SET ROLE, SET SESSION AUTHORIZATION …
    reset,               // RESET x, RESET ALL
    set_transaction,     // SET TRANSACTION …, SET CONSTRAINTS is utility
    set_characteristics, // SET SESSION CHARACTERISTICS AS TRANSACTION …
    begin,
    commit,
    rollback,
    savepoint,
    release_savepoint,
    rollback_to_savepoint,
    prepare_transaction,
    commit_prepared,
    rollback_prepared,
    declare_cursor,
    fetch,
    close_cursor,
    prepare,
    execute,
    deallocate,
    discard,
    listen,
    unlisten,
    notify,
    lock_table,
    call,
    do_block,
    load,
    ddl,           // CREATE, ALTER, DROP, GRANT, COMMENT, TRUNCATE, REFRESH, REINDEX …
    utility,       // VACUUM, ANALYZE, CLUSTER, CHECKPOINT, SET CONSTRAINTS, SECURITY LABEL …
    explain_route, // EXPLAIN ROUTE <statement>: answered by pgweir itself
};

/// A name as written; schema is empty when the text gave none. Case already folded as PostgreSQL
/// does.
struct qualified_name {
    std::string schema;
    std::string name;
    friend bool operator==(const qualified_name&, const qualified_name&) = default;
};

/// A function call as written. `arguments` counts all arguments given; `variadic` is true for
/// VARIADIC calls.
struct function_call {
    qualified_name name;
    std::uint16_t arguments = 0;
    bool variadic = false;
    friend bool operator==(const function_call&, const function_call&) = default;
};

enum class effect_kind : std::uint8_t {
    set_parameter,   // name, value (literal text as PostgreSQL would store it), local
    reset_parameter, // name
    reset_all,
    sql_prepare, // name
    deallocate,  // name
    deallocate_all,
    discard_all,
    discard_other,    // DISCARD PLANS / SEQUENCES / TEMP
    listen,           // name
    unlisten,         // name, or empty for *
    temporary_object, // CREATE TEMP …, SELECT INTO TEMP, a name in pg_temp
    holdable_cursor,  // DECLARE … WITH HOLD
    advisory_lock,    // session-level pg_advisory_lock family (not the xact variants)
    load_library,
    set_seed,
    sequence_state,         // currval, lastval, nextval
    large_object_or_origin, // lo_*, replication origins, dblink and the like: held by the
                            // connection
    opaque,                 // DO, CALL …: may change any session state out of sight
    defines_code, // CREATE FUNCTION, CREATE TRIGGER, ALTER TABLE …: what other statements set off
                  // may be another from here on
    native_code,  // name: extension or language. Brings functions whose doings no text shows, and
                  // may load their library: CREATE EXTENSION, CREATE LANGUAGE, CREATE FUNCTION in
                  // anything but SQL and PL/pgSQL
};

/// Something the statement does to the session beyond its own transaction.
struct session_effect {
    effect_kind kind = effect_kind::opaque;
    std::string name; // parameter, statement, channel: lower-cased where PostgreSQL folds
    std::optional<std::string> value; // absent: TO DEFAULT, or not a constant
    bool local = false;               // SET LOCAL, set_config(…, true)
    bool computed = false;            // set_config with a value that is not a constant
    friend bool operator==(const session_effect&, const session_effect&) = default;
};

enum class isolation_level : std::uint8_t {
    read_uncommitted,
    read_committed,
    repeatable_read,
    serializable
};

/// Modes of BEGIN, START TRANSACTION, SET TRANSACTION, SET SESSION CHARACTERISTICS. Absent: not
/// given.
struct transaction_modes {
    std::optional<isolation_level> isolation;
    std::optional<bool> read_only;
    std::optional<bool> deferrable;
    bool snapshot = false; // SET TRANSACTION SNAPSHOT
    bool chain = false;    // COMMIT/ROLLBACK AND CHAIN
    friend bool operator==(const transaction_modes&, const transaction_modes&) = default;
};

/// Settings that logins begin with and a statement changes: ALTER ROLE … SET, ALTER DATABASE … SET
/// and their like. Empty: of all roles, of all databases.
struct login_defaults {
    std::string role;
    std::string database;
    friend bool operator==(const login_defaults&, const login_defaults&) = default;
};

struct statement_facts {
    statement_kind kind = statement_kind::unknown;
    bool writes = false;     // changes data or catalogs by its text: DML at any depth, SELECT INTO,
                             // EXPLAIN ANALYZE of such
    bool inserts = false;    // runs columns' defaults by its text: INSERT or MERGE at any depth,
                             // COPY FROM, DEFAULT as a value
    bool locks_rows = false; // FOR UPDATE / NO KEY UPDATE / SHARE / KEY SHARE at any depth
    bool reads_parameters =
        false; // SHOW, current_setting, pg_settings: answers depend on the server asked
    bool has_time_word =
        false; // a string literal such as now/today/yesterday/tomorrow, alone or with more words
    bool registry_cast = false; // ::regclass and other reg* types: looks names up in the catalog
    bool barred_from_block =
        false;                   // VACUUM, CREATE DATABASE …: cannot run inside a transaction block
    bool has_parameters = false; // $1 …
    transaction_modes modes;
    std::vector<qualified_name>
        relations; // every table-like name read or written, at any depth, without CTE names
    std::vector<function_call> functions;  // every call written as a call, at any depth
    std::vector<qualified_name> operators; // every operator used, without duplicates
    std::vector<qualified_name> types;     // every type named in a cast or typed literal
    std::vector<std::string>
        columns; // last name of each column reference or field selection (f.side may call side(f))
    std::vector<session_effect> effects;
    std::vector<login_defaults> changes_defaults;
    std::string name; // statement or cursor name of PREPARE/EXECUTE/DECLARE/FETCH/CLOSE; parameter
                      // of SHOW (lower case)
    // The prepared statement that EXECUTE, EXPLAIN EXECUTE or CREATE TABLE … AS EXECUTE runs.
    std::string executes;
    // EXPLAIN ROUTE only: the statement asked about, as text.
    std::string routed_text;
    // DO in PL/pgSQL only: the block.
    std::string block;
};

/// Facts of one query string: a list, since a simple Query may hold several statements.
struct query_facts {
    bool parsed = false; // false: libpg_query refused the text (or it was not looked at);
                         // statements is then empty
    /// Of the text without its literals: the same for statements that differ in nothing else,
    /// different in each worker. 0: not from a facts_cache, or not looked at.
    std::uint64_t fingerprint = 0;
    std::vector<statement_facts> statements;
    /// Some statement names prepared statements (PREPARE, EXECUTE, DEALLOCATE) or lists them
    /// (pg_prepared_statements).
    bool about_prepared = false;
};

/// A route asked for in a leading comment. Source: DESIGN "Routing" and pgpool's comment words.
enum class routing_hint : std::uint8_t { none, primary, standby, no_load_balance };

} // namespace pgweir::sql
