#include "proxy/router/risk_index.hpp"

#include "proxy/router/safe_builtins.hpp"
#include "sql/session_effects.hpp"

namespace pgweir {

namespace {

/// A function of pg_catalog, known to be one.
session_risk builtin_risk(std::string_view name) {
    session_risk risk;
    risk.sequence = is_sequence_builtin(name);
    if (!risk.sequence && is_session_builtin(name)) return opaque_because_of(name);
    return risk;
}

relation_access access_of(const sql::statement_facts& facts) {
    if (!facts.writes) return relation_access::reads;
    const bool defines =
        facts.kind == sql::statement_kind::ddl || facts.kind == sql::statement_kind::utility;
    return facts.inserts || defines ? relation_access::inserts : relation_access::writes;
}

} // namespace

session_risk opaque_because_of(std::string_view detail) {
    session_risk risk;
    risk.opaque = true;
    risk.detail = detail;
    return risk;
}

session_risk risk_index::relation(const sql::qualified_name& name,
                                  name_scope scope,
                                  relation_access access,
                                  bool may_be_new) const {
    session_risk risk;
    bool found = false;
    if (const auto named = relations_.find(name.name); named != relations_.end()) {
        for (const relation_entry& entry : named->second) {
            if (!is_meant(entry.schema, name, scope)) continue;
            found = true;
            risk.add(access == relation_access::reads ? entry.reading.view()
                                                      : entry.writing.view());
            risk.sequence =
                risk.sequence || (entry.sequence_on_insert && access == relation_access::inserts);
        }
    }
    if (found || may_be_new || name.schema == "information_schema") return risk;
    // Nobody but PostgreSQL makes relations in pg_catalog, and its own only tell.
    if (may_mean_builtin(name) && name.name.starts_with("pg_")) return risk;
    risk = opaque_because_of(name.name);
    risk.only_unknown_relations = risk.vague = true;
    risk.writes_unknown = access != relation_access::reads;
    return risk;
}

session_risk
risk_index::function(const sql::function_call& call, name_scope scope, bool in_sight) const {
    session_risk risk;
    bool found = false;
    if (const auto named = functions_.find(call.name.name); named != functions_.end()) {
        for (const function_entry& entry : named->second) {
            if (!is_meant(entry.schema, call.name, scope)) continue;
            // VARIADIC hands over the last argument as an array.
            if (!call.variadic && (call.arguments < entry.least || call.arguments > entry.most))
                continue;
            found = true;
            risk.add(entry.calling.view());
        }
    }
    const std::string_view name = call.name.name;
    if (may_mean_builtin(call.name)) {
        if (is_session_builtin(name)) {
            found = true;
            if (!in_sight || is_sequence_builtin(name) || !sql::effect_of_function(call.name))
                risk.add(builtin_risk(name));
        } else {
            found = found || is_harmless_builtin(name);
        }
    }
    if (!found) risk.add(opaque_because_of(name));
    return risk;
}

session_risk risk_index::routine(const routine_name& name) const {
    if (name.schema == catalog_schema) return builtin_risk(name.name);
    session_risk risk;
    bool found = false;
    if (const auto named = functions_.find(name.name); named != functions_.end()) {
        for (const function_entry& entry : named->second) {
            if (entry.schema != name.schema) continue;
            found = true;
            risk.add(entry.calling.view());
        }
    }
    if (!found) risk.add(opaque_because_of(name.name));
    return risk;
}

session_risk risk_index::operation(const sql::qualified_name& name, name_scope scope) const {
    session_risk risk;
    if (const auto named = operators_.find(name.name); named != operators_.end())
        for (const operator_entry& entry : named->second)
            if (is_meant(entry.schema, name, scope)) risk.add(entry.using_it.view());
    return risk;
}

session_risk risk_index::column(std::string_view name) const {
    session_risk risk;
    if (const auto named = functions_.find(name); named != functions_.end())
        for (const function_entry& entry : named->second)
            if (entry.as_column) risk.add(entry.calling.view());
    return risk;
}

session_risk
risk_index::names(const sql::statement_facts& facts, name_scope scope, name_use use) const {
    session_risk risk = anywhere();
    const relation_access access = use.is_written ? relation_access::inserts : access_of(facts);
    for (const auto& name : facts.relations)
        risk.add(relation(name, scope, access, use.may_be_new));
    for (const auto& call : facts.functions)
        risk.add(function(call, scope, use.in_sight));
    if (!operators_.empty())
        for (const auto& name : facts.operators)
            risk.add(operation(name, scope));
    // What PostgreSQL wrote itself has calls written as calls.
    if (!functions_.empty() && scope == name_scope::any_schema)
        for (const auto& name : facts.columns)
            risk.add(column(name));
    return risk;
}

session_risk risk_index::call_in_body(const sql::qualified_name& name, bool keyword) const {
    session_risk risk;
    bool found = keyword;
    if (const auto named = functions_.find(name.name); named != functions_.end()) {
        for (const function_entry& entry : named->second) {
            if (!is_meant(entry.schema, name, name_scope::any_schema)) continue;
            found = true;
            risk.add(entry.calling.view());
        }
    }
    if (may_mean_builtin(name)) {
        risk.add(builtin_risk(name.name));
        found = found || risk.opaque || is_sequence_builtin(name.name) ||
                is_harmless_builtin(name.name);
    }
    if (!found) risk.add(opaque_because_of(name.name));
    return risk;
}

session_risk risk_index::body(const procedural_body& body) const {
    if (!body.doubt.empty()) return opaque_because_of(body.doubt);
    session_risk risk = anywhere();
    for (const auto& name : body.calls)
        risk.add(call_in_body(name, false));
    for (const auto& name : body.keyword_calls)
        risk.add(call_in_body({{}, name}, true));
    for (const auto& name : body.operators)
        risk.add(operation(name, name_scope::any_schema));
    auto access = body.writes ? relation_access::writes : relation_access::reads;
    if (body.writes && body.inserts) access = relation_access::inserts;
    for (const std::string& word : body.words) {
        risk.add(column(word));
        risk.add(relation({{}, word}, name_scope::any_schema, access, true));
        // An UPDATE of it is a SET; PostgreSQL's other views take no writes.
        if (body.writes && word == "pg_settings") risk.add(opaque_because_of(word));
    }
    return risk;
}

} // namespace pgweir
