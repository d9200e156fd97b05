// Whether a statement may change session state out of sight: through functions, triggers, defaults,
// rules, policies and whatever else its text does not show. Proved from definitions alone (RULES
// A9): what is not proved is opaque. What the text itself does stands in the facts' effects. Pure
// functions.
#pragma once

#include "proxy/router/purity.hpp"
#include "sql/facts.hpp"

#include <string_view>

namespace pgweir {

struct session_risk {
    /// Session state may be another one after the statement, for longer than its transaction.
    bool opaque = false;
    /// … or after the COMMIT of its transaction: a deferred trigger may run there. The statement's
    /// own commit included, where it has no block around it.
    bool opaque_at_commit = false;
    /// nextval, setval, currval or lastval may run, in the text or out of sight.
    bool sequence = false;
    /// What made it opaque: "table > trigger function > set_config"; points into the facts or the
    /// catalog that were judged.
    std::string_view detail;
    /// All that makes it opaque is that the statement names relations which the catalog does not
    /// know, as it knows no temporary ones: for a session that has some, and has given them no
    /// triggers, defaults or the like, this says little.
    bool only_unknown_relations = false;

    /// Nothing that is known to do so makes it opaque: relations that the catalog does not know, or
    /// a cast, domain or operator class of the database that any statement might meet.
    bool vague = false;
    /// Relations that the catalog does not know may be written to: they may have triggers.
    bool writes_unknown = false;

    [[nodiscard]] bool none() const { return !opaque && !opaque_at_commit && !sequence; }
    /// The first detail stays.
    void add(const session_risk& other);
};

/// Judges one statement by the names in its facts, whether or not it will succeed: advisory locks
/// and the seed outlive an error. Worth keeping beside cached facts, for as long as the catalog
/// snapshot is the same.
///
/// For CALL and DO the answer stands for all that the statement does, so that the facts' own opaque
/// effect says nothing more: a DO block in PL/pgSQL and a call of a proved procedure are harmless.
/// For all other kinds the facts' effects (SET, set_config, advisory locks … in the text) count
/// besides.
///
/// `known` may be null (catalog not read yet): then every statement that names something is opaque.
/// The catalog does not show what the transaction at hand has changed itself: once it has run DDL,
/// all that follows in it is the caller's to call opaque; temporary relations are unknown and so
/// opaque.
[[nodiscard]] session_risk judge_risk(const sql::statement_facts& facts,
                                      const catalog* known,
                                      name_scope scope = name_scope::any_schema);

/// All statements of a query string; opaque if it was not parsed.
[[nodiscard]] session_risk judge_risk(const sql::query_facts& facts, const catalog* known);

} // namespace pgweir
