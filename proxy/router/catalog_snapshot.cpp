#include "proxy/router/catalog_snapshot.hpp"

#include "proxy/router/routing_policy.hpp"
#include "proxy/router/safe_builtins.hpp"

namespace pgweir {

namespace {

bool is_temporary_schema(std::string_view schema) {
    return schema.starts_with("pg_temp");
}

/// A relation that no row knows: PostgreSQL's own, or unknown.
judgement judge_unlisted_relation(const sql::qualified_name& name) {
    if (is_temporary_schema(name.schema)) return {route_reason::not_for_standbys, name.name};
    if (name.schema == "information_schema") {
        if (is_safe_information_schema_relation(name.name)) return {};
        return {route_reason::unproved_relation, name.name};
    }
    if (!may_mean_builtin(name)) return {route_reason::unproved_relation, name.name};
    if (is_safe_catalog_relation(name.name)) return {};
    if (name.name == "pg_sequences") return {route_reason::sequence, name.name};
    if (name.name.starts_with("pg_")) return {route_reason::server_state, name.name};
    return {route_reason::unproved_relation, name.name};
}

/// The policy's lists match "name" and "schema.name".
template <class Matches> bool matches_either(const sql::qualified_name& name, Matches&& matches) {
    return matches(name.name) || (!name.schema.empty() && matches(name.schema + "." + name.name));
}

} // namespace

judgement catalog::relation(const sql::qualified_name& name, name_scope scope) const {
    bool found = false;
    if (const auto named = relations_.find(name.name); named != relations_.end()) {
        for (const relation_entry& entry : named->second) {
            if (!is_meant(entry.schema, name, scope)) continue;
            if (entry.reason != route_reason::pure_read) return {entry.reason, entry.why};
            found = true;
        }
    }
    // pg_catalog is looked through first, so a user's pg_stat_activity is not what the name means.
    if (found && !(name.schema.empty() && name.name.starts_with("pg_"))) return {};
    return judge_unlisted_relation(name);
}

judgement catalog::function(const sql::function_call& call, name_scope scope) const {
    if (policy_ && policy_->judges_functions()) {
        if (matches_either(call.name, [this](std::string_view name) {
                return policy_->is_writing_function(name);
            }))
            return {route_reason::database_policy, call.name.name};
        if (matches_either(call.name, [this](std::string_view name) {
                return policy_->is_reading_function(name);
            }))
            return {};
    }
    const unsigned arguments = call.arguments;
    bool found = false;
    if (const auto named = functions_.find(call.name.name); named != functions_.end()) {
        for (const function_entry& entry : named->second) {
            if (!is_meant(entry.schema, call.name, scope)) continue;
            // VARIADIC hands over the last argument as an array: any count up to the declared one
            // can be meant.
            if (!call.variadic && (arguments < entry.least || arguments > entry.most)) continue;
            if (entry.reason != route_reason::pure_read) return {entry.reason, entry.why};
            found = true;
        }
    }
    if (may_mean_builtin(call.name) && is_safe_builtin(call.name.name, arguments)) return {};
    // A function of the user's that is proved does not speak for one of PostgreSQL's that is not
    // listed.
    if (found && !(may_mean_builtin(call.name) && is_unsafe_builtin(call.name.name))) return {};
    return {route_reason::unproved_function, call.name.name};
}

judgement catalog::find_doubt(const by_name<doubt>& doubts,
                              const sql::qualified_name& name,
                              name_scope scope) {
    const auto named = doubts.find(name.name);
    if (named == doubts.end()) return {};
    for (const doubt& one : named->second)
        if (is_meant(one.schema, name, scope)) return {route_reason::unproved_function, one.why};
    return {};
}

judgement catalog::operation(const sql::qualified_name& name, name_scope scope) const {
    return find_doubt(operators_, name, scope);
}

judgement catalog::type(const sql::qualified_name& name, name_scope scope) const {
    if (types_.empty()) return {};
    if (name.name.starts_with('_')) {
        const judgement element = find_doubt(types_, {name.schema, name.name.substr(1)}, scope);
        if (!element.is_pure()) return element;
    }
    return find_doubt(types_, name, scope);
}

judgement catalog::column(const std::string& name, name_scope scope) const {
    // What PostgreSQL wrote itself has calls written as calls.
    if (columns_.empty() || scope == name_scope::catalog_only) return {};
    const auto named = columns_.find(name);
    if (named == columns_.end() || named->second.empty()) return {};
    return {route_reason::unproved_function, named->second.front().why};
}

judgement catalog::unseen_casts() const {
    if (unseen_cast_.empty()) return {};
    return {route_reason::unproved_function, unseen_cast_};
}

} // namespace pgweir
