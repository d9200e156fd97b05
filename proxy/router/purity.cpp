#include "proxy/router/purity.hpp"

#include "proxy/router/catalog_snapshot.hpp"

namespace pgweir {

namespace {

using sql::effect_kind;
using sql::statement_kind;

/// Kinds that reach the primary whatever they contain; pure_read for those that deserve a closer
/// look.
route_reason reason_of(statement_kind kind) {
    switch (kind) {
    case statement_kind::empty:
    case statement_kind::select:
    case statement_kind::copy_out:
    case statement_kind::explain:
        return route_reason::pure_read;
    case statement_kind::insert:
    case statement_kind::update:
    case statement_kind::delete_rows:
    case statement_kind::merge:
    case statement_kind::copy_in:
        return route_reason::writes;
    case statement_kind::show:
        return route_reason::server_state;
    case statement_kind::begin:
    case statement_kind::commit:
    case statement_kind::rollback:
    case statement_kind::savepoint:
    case statement_kind::release_savepoint:
    case statement_kind::rollback_to_savepoint:
    case statement_kind::prepare_transaction:
    case statement_kind::commit_prepared:
    case statement_kind::rollback_prepared:
    case statement_kind::set_transaction:
        return route_reason::transaction_control;
    case statement_kind::set:
    case statement_kind::reset:
    case statement_kind::set_characteristics:
    case statement_kind::declare_cursor:
    case statement_kind::fetch:
    case statement_kind::close_cursor:
    case statement_kind::prepare:
    case statement_kind::execute:
    case statement_kind::deallocate:
    case statement_kind::discard:
    case statement_kind::listen:
    case statement_kind::unlisten:
    case statement_kind::load:
        return route_reason::session_state;
    case statement_kind::ddl:
        return route_reason::ddl;
    case statement_kind::notify:
    case statement_kind::lock_table:
    case statement_kind::call:
    case statement_kind::do_block:
    case statement_kind::utility:
    case statement_kind::explain_route:
        return route_reason::utility;
    case statement_kind::unknown:
        break;
    }
    return route_reason::not_parsed;
}

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
    if (const route_reason by_kind = reason_of(facts.kind); by_kind != route_reason::pure_read)
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
