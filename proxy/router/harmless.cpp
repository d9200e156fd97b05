#include "proxy/router/harmless.hpp"

#include "proxy/router/catalog_snapshot.hpp"
#include "proxy/router/risk_index.hpp"

namespace pgweir {

namespace {

using sql::statement_kind;

/// What there is to judge about a kind of statement.
enum class judged_by : std::uint8_t {
    text,       // nothing runs but what the facts tell
    names,      // what its names mean
    call,       // the same, and the text's own calls are not told by its effects
    block,      // the body of DO
    definition, // names, some of which may be new, and event triggers
    nothing,    // not understood
};

judged_by judged_by_of(statement_kind kind) {
    switch (kind) {
    case statement_kind::select:
    case statement_kind::insert:
    case statement_kind::update:
    case statement_kind::delete_rows:
    case statement_kind::merge:
    case statement_kind::copy_in:
    case statement_kind::copy_out:
    case statement_kind::explain:
    case statement_kind::declare_cursor:
    case statement_kind::prepare:
    case statement_kind::execute: // its parameters
        return judged_by::names;
    case statement_kind::call:
        return judged_by::call;
    case statement_kind::do_block:
        return judged_by::block;
    case statement_kind::ddl:
    case statement_kind::utility:
        return judged_by::definition;
    case statement_kind::empty:
    case statement_kind::show:
    case statement_kind::set:
    case statement_kind::reset:
    case statement_kind::set_transaction:
    case statement_kind::set_characteristics:
    case statement_kind::begin:
    case statement_kind::commit: // deferred triggers: told by the statements before it
    case statement_kind::rollback:
    case statement_kind::savepoint:
    case statement_kind::release_savepoint:
    case statement_kind::rollback_to_savepoint:
    case statement_kind::prepare_transaction:
    case statement_kind::commit_prepared:
    case statement_kind::rollback_prepared:
    case statement_kind::fetch: // told by DECLARE
    case statement_kind::close_cursor:
    case statement_kind::deallocate:
    case statement_kind::discard:
    case statement_kind::listen:
    case statement_kind::unlisten:
    case statement_kind::notify:
    case statement_kind::lock_table:
    case statement_kind::load:
    case statement_kind::explain_route:
        return judged_by::text;
    case statement_kind::unknown:
        break;
    }
    return judged_by::nothing;
}

session_risk opaque_because_of(std::string_view detail) {
    session_risk risk;
    risk.opaque = true;
    risk.detail = detail;
    return risk;
}

session_risk
judge_definition(const sql::statement_facts& facts, const risk_index& risks, name_scope scope) {
    session_risk risk = risks.names(facts, scope, {.in_sight = true, .may_be_new = true});
    risk.add(risks.on_definition());
    // SET CONSTRAINTS looks like any other of its kind.
    if (facts.kind == statement_kind::utility && risks.defers())
        risk.add(opaque_because_of("SET CONSTRAINTS"));
    return risk;
}

session_risk judge_block(const sql::statement_facts& facts, const risk_index& risks) {
    if (facts.block.empty()) return opaque_because_of("DO");
    session_risk risk = risks.body(read_procedural_body(facts.block));
    // The details of a block's own words die with the reading.
    if (risk.opaque || risk.opaque_at_commit) risk.detail = "DO";
    return risk;
}

} // namespace

void session_risk::add(const session_risk& other) {
    const bool had_detail = opaque || opaque_at_commit;
    if (other.opaque)
        only_unknown_relations =
            (!opaque || only_unknown_relations) && other.only_unknown_relations;
    if (other.opaque || other.opaque_at_commit) vague = (!had_detail || vague) && other.vague;
    opaque = opaque || other.opaque;
    opaque_at_commit = opaque_at_commit || other.opaque_at_commit;
    sequence = sequence || other.sequence;
    if (!had_detail) detail = other.detail;
}

session_risk judge_risk(const sql::statement_facts& facts, const catalog* known, name_scope scope) {
    const judged_by by = judged_by_of(facts.kind);
    if (by == judged_by::nothing) return opaque_because_of("not parsed");
    if (by == judged_by::text) return {};
    if (known == nullptr) {
        if (by == judged_by::names && names_nothing(facts)) return {};
        return opaque_because_of("no catalog");
    }
    const risk_index& risks = known->risks();
    switch (by) {
    case judged_by::call:
        return risks.names(facts, scope, {});
    case judged_by::block:
        return judge_block(facts, risks);
    case judged_by::definition:
        return judge_definition(facts, risks, scope);
    default:
        return risks.names(facts, scope, {.in_sight = true});
    }
}

session_risk judge_risk(const sql::query_facts& facts, const catalog* known) {
    if (!facts.parsed) return opaque_because_of("not parsed");
    session_risk risk;
    for (const sql::statement_facts& statement : facts.statements)
        risk.add(judge_risk(statement, known));
    return risk;
}

} // namespace pgweir
