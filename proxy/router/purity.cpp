#include "proxy/router/purity.hpp"

#include "proxy/router/catalog_snapshot.hpp"
#include "proxy/router/statement_kinds.hpp"

namespace pgweir {

namespace {

using sql::effect_kind;

judgement judge_effect(const sql::session_effect& effect) {
    const bool of_sequence = effect.kind == effect_kind::sequence_state;
    return {of_sequence ? route_reason::sequence : route_reason::session_state, effect.name};
}

std::string_view kind_detail(const sql::statement_facts& facts) {
    if (!facts.name.empty()) return facts.name;
    return facts.relations.empty() ? std::string_view{}
                                   : std::string_view{facts.relations.front().name};
}

} // namespace

judgement judge_text(const sql::statement_facts& facts) {
    if (const route_reason by_kind = traits_of(facts.kind).route;
        by_kind != route_reason::pure_read)
        return {by_kind, kind_detail(facts)};
    if (facts.writes) return {route_reason::writes, kind_detail(facts)};
    if (facts.locks_rows) return {route_reason::row_locks, kind_detail(facts)};
    if (!facts.effects.empty()) return judge_effect(facts.effects.front());
    if (facts.reads_parameters) return {route_reason::server_state, facts.name};
    if (facts.barred_from_block) return {route_reason::utility, facts.name};
    return {};
}

judgement judge_names(const sql::statement_facts& facts, const catalog& known, name_scope scope) {
    const auto first_doubt = [&](const auto& names, auto ask) -> judgement {
        for (const auto& name : names)
            if (const judgement doubt = (known.*ask)(name, scope); !doubt.is_pure()) return doubt;
        return {};
    };
    if (const judgement doubt = first_doubt(facts.relations, &catalog::relation); !doubt.is_pure())
        return doubt;
    if (const judgement doubt = first_doubt(facts.functions, &catalog::function); !doubt.is_pure())
        return doubt;
    if (const judgement doubt = first_doubt(facts.operators, &catalog::operation); !doubt.is_pure())
        return doubt;
    if (const judgement doubt = first_doubt(facts.types, &catalog::type); !doubt.is_pure())
        return doubt;
    if (const judgement doubt = first_doubt(facts.columns, &catalog::column); !doubt.is_pure())
        return doubt;
    return known.unseen_casts();
}

bool names_nothing(const sql::statement_facts& facts) {
    return facts.relations.empty() && facts.functions.empty() && facts.operators.empty() &&
           facts.types.empty() && facts.columns.empty();
}

} // namespace pgweir
