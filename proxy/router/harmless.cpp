#include "proxy/router/harmless.hpp"

#include "proxy/router/catalog_snapshot.hpp"
#include "proxy/router/risk_index.hpp"
#include "proxy/router/statement_kinds.hpp"

namespace pgweir {

namespace {

session_risk
judge_definition(const sql::statement_facts& facts, const risk_index& risks, name_scope scope) {
    session_risk risk = risks.names(facts, scope, {.in_sight = true, .may_be_new = true});
    risk.add(risks.on_definition());
    // SET CONSTRAINTS looks like any other of its kind.
    if (facts.kind == sql::statement_kind::utility && risks.defers())
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
    writes_unknown = writes_unknown || other.writes_unknown;
    if (!had_detail) detail = other.detail;
}

session_risk judge_risk(const sql::statement_facts& facts, const catalog* known, name_scope scope) {
    const judged_by by = traits_of(facts.kind).risk;
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
