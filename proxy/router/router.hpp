// Where a unit goes: a pure function of the statement's facts, the database's catalog, the session
// and the cluster view. No I/O, no clock; the worker calls it for every unit, so the common path is
// a few comparisons.
#pragma once

#include "proxy/cluster/cluster_view.hpp"
#include "sql/facts.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace pgweir {

class catalog; // proxy/router/catalog_snapshot.hpp

/// Why a unit goes where it goes. Each has a metric label and a sentence for EXPLAIN ROUTE.
enum class route_reason : std::uint8_t {
    pure_read,     // standby
    splitting_off, // setting of database, user or session
    hint,          // comment or SET pgweir.route
    pinned,        // the session is held on one server connection
    open_block,    // the block already runs on the primary
    not_parsed,    // libpg_query refused the text, or it is too long to look at
    writes,        // DML, SELECT INTO, EXPLAIN of such
    row_locks,     // FOR UPDATE and friends
    ddl,
    utility,
    transaction_control, // BEGIN/COMMIT/… that must reach the primary (modes, two-phase,
                         // savepoints)
    serializable,        // isolation that standbys cannot give
    session_state,       // SET, LISTEN, PREPARE, temporary objects …
    server_state,        // SHOW, pg_settings, per-server views
    sequence,
    unproved_function, // a function that is not proved pure
    unproved_relation, // a relation the catalog does not know, or whose definition is not pure
    no_catalog,        // the catalog of this database is not read yet
    not_for_standbys,  // temporary, unlogged or foreign relation
    refused_before,    // a standby refused this statement before
    database_policy,   // primary-only lists, redirect preferences
};

/// What a unit needs. `standby` is a permission: the primary may always answer instead.
enum class route_target : std::uint8_t { primary, standby };

struct route_decision {
    route_target target = route_target::primary;
    route_reason reason = route_reason::not_parsed;
    std::string_view
        detail; // the function, relation or word that decided; points into facts or catalog
};

/// What the session contributes. All of it known without asking a server.
struct route_session {
    bool splitting = true; // settings and SET pgweir.route allow standbys
    bool pinned = false;
    bool in_block = false; // inside an explicit transaction block …
    bool block_on_standby =
        false; // … that so far ran only pure reads, on a standby or not begun yet
    bool read_committed_default =
        true; // default_transaction_isolation of the session is read committed
    bool read_only_repeatable_read_allowed = false; // opted in (A16)
    bool split_transactions = true;
    bool search_path_known = false; // the session's search_path is the database's default
};

/// The part of a judgement that does not depend on the session: worth keeping beside cached facts,
/// for as long as the catalog snapshot is the same. `detail` points into facts or into the catalog.
[[nodiscard]] route_decision judge_statement(const sql::statement_facts& facts,
                                             const catalog* known);
[[nodiscard]] route_decision judge_query(const sql::query_facts& facts, const catalog* known);
/// The rest: what the session makes of it. A few comparisons.
[[nodiscard]] route_decision decide(const route_decision& judged, const route_session& session);

/// Judges one statement. Never throws. `facts` of a single statement; `known` may be null (catalog
/// not read yet).
[[nodiscard]] route_decision route_statement(const sql::statement_facts& facts,
                                             const catalog* known,
                                             const route_session& session);

/// Judges a whole query string: the strongest statement decides.
[[nodiscard]] route_decision
route_query(const sql::query_facts& facts, const catalog* known, const route_session& session);

/// Whether a block begun with these modes may start on a standby (it still moves at its first other
/// statement).
[[nodiscard]] bool block_may_read_standby(const sql::transaction_modes& modes,
                                          const route_session& session);

[[nodiscard]] std::string_view label(route_reason reason); // metric label: snake_case
[[nodiscard]] std::string_view
sentence(route_reason reason); // for people, ends without a full stop

} // namespace pgweir
