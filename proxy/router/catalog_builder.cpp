#include "proxy/router/catalog_builder.hpp"

#include "proxy/router/risk_builder.hpp"
#include "proxy/router/routing_policy.hpp"
#include "proxy/router/safe_builtins.hpp"
#include "sql/classify.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace pgweir {

namespace {

/// Longer chains of inheritance than this are taken to be a mistake of the rows.
constexpr int max_inheritance_depth = 100;

route_reason reason_of(const relation_row& row) {
    if (row.kind == 'S') return route_reason::sequence;
    if (row.persistence != 'p' || row.kind == 'f') return route_reason::not_for_standbys;
    const bool readable = row.kind == 'r' || row.kind == 'p' || row.kind == 'v' || row.kind == 'm';
    return readable ? route_reason::pure_read : route_reason::unproved_relation;
}

/// "outer > inner" for people; the inner part is left out if it says nothing more.
std::string explained(std::string_view outer, std::string_view inner) {
    std::string text{outer};
    if (!inner.empty() && inner != outer) text.append(" > ").append(inner);
    return text;
}

} // namespace

std::string plain_body(std::string_view body) {
    constexpr std::string_view atomic = "BEGIN ATOMIC";
    constexpr std::string_view end = "END";
    constexpr std::string_view result = "RETURN ";
    const std::size_t first = body.find_first_not_of(" \n");
    const std::size_t last = body.find_last_not_of(" \n");
    if (first == std::string_view::npos) return {};
    body = body.substr(first, last - first + 1);
    if (body.starts_with(result)) return "SELECT " + std::string{body.substr(result.size())};
    if (!body.starts_with(atomic) || !body.ends_with(end)) return std::string{body};
    body.remove_prefix(atomic.size());
    body.remove_suffix(std::min(end.size(), body.size()));
    return std::string{body};
}

catalog_builder::catalog_builder(const catalog_rows& rows, const definition_parser& parse)
    : rows_{rows}, parse_{parse}, made_{std::make_shared<catalog>()} {}

std::shared_ptr<catalog> catalog_builder::build(std::shared_ptr<const routing_policy> policy) {
    made_->database_ = rows_.database;
    made_->server_version_ = rows_.server_version;
    made_->login_defaults_ = rows_.login_defaults;
    made_->policy_ = std::move(policy);
    for (const relation_row& row : rows_.relations)
        add_relation(row);
    for (const function_row& row : rows_.functions)
        add_function(row);
    spread_to_parents();
    strike_out_impure();
    // Operators, types and casts rest on functions and functions on them, so: until nothing changes
    // any more.
    for (std::size_t before = open_.size() + 1; open_.size() < before;) {
        before = open_.size();
        add_operators_types_and_casts();
        strike_out_impure();
    }
    risk_builder risks{rows_, parse_};
    made_->risks_ = std::make_shared<const risk_index>(risks.build());
    return std::move(made_);
}

judgement catalog_builder::add_text(definition& owner, std::string_view text) {
    sql::query_facts facts = parse_(text);
    if (!facts.parsed) return {route_reason::not_parsed, {}};
    for (const sql::statement_facts& statement : facts.statements)
        if (const judgement own = judge_text(statement); !own.is_pure()) return {own.reason, {}};
    owner.texts.push_back(std::move(facts));
    return {};
}

void catalog_builder::add_relation(const relation_row& row) {
    auto& entries = made_->relations_[row.name];
    entries.push_back({row.schema, reason_of(row), row.name});
    if (entries.back().reason != route_reason::pure_read) return;
    definition own;
    own.is_relation = true;
    own.name = row.name;
    own.index = entries.size() - 1;
    judgement doubt;
    if (row.kind == 'v') doubt = add_text(own, row.view_definition);
    if (row.row_security)
        for (const std::string& policy : row.policies)
            if (doubt.is_pure()) doubt = add_text(own, "SELECT " + policy);
    if (!doubt.is_pure()) {
        const bool unread = doubt.reason == route_reason::not_parsed;
        mark(own, unread ? route_reason::unproved_relation : doubt.reason, doubt.detail);
    } else if (!own.texts.empty()) {
        open_.push_back(std::move(own));
    }
}

judgement catalog_builder::judge_own(const function_row& row, definition& own) {
    const judgement unproved{route_reason::unproved_function, row.language};
    if (row.has_settings) return unproved;
    if (!row.argument_defaults.empty())
        if (const judgement doubt = add_text(own, "SELECT " + row.argument_defaults);
            !doubt.is_pure())
            return {route_reason::unproved_function, label(doubt.reason)};
    if (row.kind == 'a') {
        for (const routine_name& part : row.components)
            own.calls.push_back(part);
        return row.components.empty() ? unproved : judgement{};
    }
    if (row.kind != 'f' && row.kind != 'w') return unproved;
    if (row.language == "sql") {
        const judgement doubt = add_text(own, row.qualified_body ? plain_body(row.body) : row.body);
        return doubt.is_pure() ? doubt
                               : judgement{route_reason::unproved_function, label(doubt.reason)};
    }
    // PostgreSQL makes these for every range type.
    if (row.language == "internal" && (row.body.starts_with("range_constructor") ||
                                       row.body.starts_with("multirange_constructor")))
        return {};
    const bool native = row.language == "c" || row.language == "internal";
    const bool calm = row.volatility == 'i' || row.volatility == 's';
    return native && calm && is_trusted_extension(row.extension) ? judgement{} : unproved;
}

void catalog_builder::add_function(const function_row& row) {
    auto& entries = made_->functions_[row.name];
    catalog::function_entry entry;
    entry.schema = row.schema;
    entry.why = row.name;
    // WITHIN GROUP splits an aggregate's arguments in ways that its row does not tell.
    const bool any_count = row.kind == 'a';
    const unsigned optional = row.default_arguments + (row.variadic ? 1U : 0U);
    entry.least = any_count ? 0U : row.arguments - std::min<unsigned>(optional, row.arguments);
    entry.most = any_count || row.variadic ? 0xffffU : unsigned{row.arguments};
    entries.push_back(std::move(entry));
    definition own;
    own.name = row.name;
    own.index = entries.size() - 1;
    own.scope = row.qualified_body ? name_scope::catalog_only : name_scope::any_schema;
    if (const judgement doubt = judge_own(row, own); !doubt.is_pure())
        mark(own, doubt.reason, doubt.detail);
    else if (!own.texts.empty() || !own.calls.empty())
        open_.push_back(std::move(own));
    if (row.row_type_argument)
        made_->columns_[row.name].clear(); // filled below, once functions are judged
}

void catalog_builder::mark(const definition& one, route_reason reason, std::string_view why) {
    if (one.is_relation) {
        auto& entry = made_->relations_.find(one.name)->second[one.index];
        entry.reason = reason;
        entry.why = explained(one.name, why);
    } else {
        auto& entry = made_->functions_.find(one.name)->second[one.index];
        entry.reason = reason;
        entry.why = explained(one.name, why);
    }
}

judgement catalog_builder::judge_routine(const routine_name& name) const {
    if (const auto named = made_->functions_.find(name.name); named != made_->functions_.end())
        for (const auto& entry : named->second)
            if (entry.schema == name.schema && entry.reason != route_reason::pure_read)
                return {entry.reason, entry.why};
    if (name.schema != "pg_catalog") {
        const auto named = made_->functions_.find(name.name);
        if (named == made_->functions_.end()) return {route_reason::unproved_function, name.name};
        return {};
    }
    // Support functions of aggregates take "internal" and are on no list; they cannot do what the
    // lists keep out.
    return is_unsafe_builtin(name.name) ? judgement{route_reason::unproved_function, name.name}
                                        : judgement{};
}

judgement catalog_builder::judge(const definition& one) const {
    for (const routine_name& call : one.calls)
        if (const judgement doubt = judge_routine(call); !doubt.is_pure()) return doubt;
    for (const sql::query_facts& text : one.texts)
        for (const sql::statement_facts& statement : text.statements)
            if (const judgement doubt = judge_names(statement, *made_, one.scope); !doubt.is_pure())
                return doubt;
    return {};
}

std::optional<std::string> catalog_builder::doubt_about(std::string_view expression) const {
    const sql::query_facts facts = parse_("SELECT " + std::string{expression});
    if (!facts.parsed) return std::string{label(route_reason::not_parsed)};
    for (const sql::statement_facts& statement : facts.statements) {
        if (const judgement doubt = judge_text(statement); !doubt.is_pure())
            return std::string{label(doubt.reason)};
        if (const judgement doubt = judge_names(statement, *made_, name_scope::catalog_only);
            !doubt.is_pure())
            return std::string{doubt.detail};
    }
    return std::nullopt;
}

void catalog_builder::strike_out_impure() {
    for (bool changed = true; changed;) {
        const std::size_t before = open_.size();
        std::erase_if(open_, [this](const definition& one) {
            const judgement doubt = judge(one);
            if (doubt.is_pure()) return false;
            // A copy: the detail may point into the entry that is about to change.
            mark(one, doubt.reason, std::string{doubt.detail});
            return true;
        });
        changed = open_.size() != before;
    }
}

void catalog_builder::add_operators_types_and_casts() {
    made_->operators_.clear();
    made_->types_.clear();
    made_->unseen_cast_.clear();
    for (const operator_row& row : rows_.operators)
        if (!judge_routine(row.function).is_pure())
            made_->operators_[row.name].push_back(
                {row.schema, explained(row.name, row.function.name)});
    for (const type_row& row : rows_.types) {
        std::optional<std::string> why;
        for (const routine_name& routine : row.functions)
            if (const judgement doubt = judge_routine(routine); !doubt.is_pure())
                why = doubt.detail;
        for (const std::string& check : row.checks)
            if (!why) why = doubt_about(check);
        if (why) made_->types_[row.name].push_back({row.schema, explained(row.name, *why)});
    }
    for (const cast_row& row : rows_.casts) {
        if (judge_routine(row.function).is_pure()) continue;
        const std::string why = explained(row.target, row.function.name);
        if (row.context == 'i') made_->unseen_cast_ = why;
        made_->types_[row.target].push_back({row.target_schema, why});
    }
    for (auto& [name, doubts] : made_->columns_) {
        doubts.clear();
        for (const auto& entry : made_->functions_.find(name)->second)
            if (entry.reason != route_reason::pure_read)
                doubts.push_back({entry.schema, entry.why});
    }
}

void catalog_builder::spread_to_parents() {
    // Reading a parent reads its children: a foreign or unlogged partition decides for the whole
    // table.
    std::unordered_map<std::uint32_t, const relation_row*> by_oid;
    for (const relation_row& row : rows_.relations)
        by_oid.emplace(row.oid, &row);
    for (const relation_row& child : rows_.relations) {
        const route_reason reason = reason_of(child);
        if (reason == route_reason::pure_read) continue;
        std::vector<std::uint32_t> above = child.parents;
        for (int depth = 0; !above.empty() && depth < max_inheritance_depth; ++depth) {
            std::vector<std::uint32_t> next;
            for (const std::uint32_t oid : above) {
                const auto parent = by_oid.find(oid);
                if (parent == by_oid.end()) continue;
                for (auto& entry : made_->relations_.find(parent->second->name)->second) {
                    if (entry.schema != parent->second->schema) continue;
                    entry.reason = reason;
                    entry.why = explained(parent->second->name, child.name);
                }
                next.insert(next.end(), parent->second->parents.begin(),
                            parent->second->parents.end());
            }
            above = std::move(next);
        }
    }
}

std::shared_ptr<const catalog> build_catalog(const catalog_rows& rows,
                                             std::shared_ptr<const routing_policy> policy) {
    return build_catalog(rows, std::move(policy),
                         [](std::string_view text) { return sql::classify(text); });
}

std::shared_ptr<const catalog> build_catalog(const catalog_rows& rows,
                                             std::shared_ptr<const routing_policy> policy,
                                             const definition_parser& parse) {
    // Both halves judge the same definitions: each text is parsed once.
    std::unordered_map<std::string, std::shared_ptr<const sql::query_facts>> parsed;
    const definition_parser parse_once = [&](std::string_view text) {
        auto& facts = parsed[std::string{text}];
        if (!facts) facts = std::make_shared<const sql::query_facts>(parse(text));
        return *facts;
    };
    catalog_builder builder{rows, parse_once};
    return builder.build(std::move(policy));
}

} // namespace pgweir
