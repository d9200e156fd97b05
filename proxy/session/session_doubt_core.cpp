#include "proxy/session/session_doubt.hpp"

#include <algorithm>

namespace pgweir {

namespace {

using sql::effect_kind;
using sql::statement_kind;

/// Everything that DISCARD ALL touches can be asked.
constexpr auto discarded = probe_parts::visible;

probe_parts doubtful_parameter(const sql::session_effect& effect) {
    const auto name = to_lower(effect.name);
    const bool is_custom = name.find('.') != std::string::npos;
    if (is_of_transaction(name) || (effect.local && !is_custom)) return probe_parts::none;
    if (is_identity(name)) return probe_parts::identity;
    return is_hidden_parameter(name) ? probe_parts::parameters : probe_parts::named;
}

probe_parts doubtful_effect(const sql::session_effect& effect) {
    switch (effect.kind) {
    case effect_kind::set_parameter:
    case effect_kind::reset_parameter:
        return doubtful_parameter(effect);
    case effect_kind::reset_all:
        return probe_parts::parameters | probe_parts::named;
    case effect_kind::sql_prepare:
    case effect_kind::deallocate:
    case effect_kind::deallocate_all:
        return probe_parts::prepared;
    case effect_kind::discard_all:
        return discarded;
    case effect_kind::discard_other:
    case effect_kind::temporary_object:
        return probe_parts::temporary_objects;
    case effect_kind::listen:
    case effect_kind::unlisten:
        return probe_parts::channels;
    case effect_kind::holdable_cursor:
        return probe_parts::cursors;
    case effect_kind::advisory_lock:
        return probe_parts::advisory_locks;
    case effect_kind::load_library:
    case effect_kind::set_seed:
    case effect_kind::sequence_state:
    case effect_kind::large_object_or_origin:
        return probe_parts::none; // no question would show it
    case effect_kind::defines_code:
    case effect_kind::native_code:
        return probe_parts::none; // what is defined does nothing by being defined
    case effect_kind::opaque:
        return probe_parts::visible;
    }
    return probe_parts::visible;
}

bool has_effect(const sql::statement_facts& s, std::initializer_list<effect_kind> kinds) {
    return std::any_of(s.effects.begin(), s.effects.end(), [&](const auto& effect) {
        return std::find(kinds.begin(), kinds.end(), effect.kind) != kinds.end();
    });
}

/// May do anything, its text says no more.
bool is_opaque(const sql::statement_facts& s) {
    return s.kind == statement_kind::unknown || has_effect(s, {effect_kind::opaque});
}

bool ends_block(statement_kind kind) {
    return kind == statement_kind::commit || kind == statement_kind::rollback ||
           kind == statement_kind::prepare_transaction;
}

bool unlocks(const sql::statement_facts& s) {
    return std::any_of(s.functions.begin(), s.functions.end(), [](const auto& call) {
        return call.name.name.starts_with("pg_advisory_unlock");
    });
}

} // namespace

probe_parts doubtful_after(const sql::statement_facts& statement) {
    if (statement.kind == statement_kind::unknown) return probe_parts::visible;
    auto parts = probe_parts::none;
    for (const auto& effect : statement.effects)
        parts |= doubtful_effect(effect);
    return parts;
}

void add_doubtful_names(const sql::statement_facts& statement, std::vector<std::string>& names) {
    for (const auto& effect : statement.effects) {
        if (effect.kind != effect_kind::set_parameter &&
            effect.kind != effect_kind::reset_parameter)
            continue;
        if (doubtful_parameter(effect) != probe_parts::named) continue;
        auto name = to_lower(effect.name);
        if (std::find(names.begin(), names.end(), name) == names.end())
            names.push_back(std::move(name));
    }
}

probe_parts ends_with(pin_reason why) {
    switch (why) {
    case pin_reason::sql_prepare:
        return probe_parts::prepared;
    case pin_reason::listen:
        return probe_parts::channels;
    case pin_reason::temporary_object:
        return probe_parts::temporary_objects;
    case pin_reason::holdable_cursor:
        return probe_parts::cursors;
    case pin_reason::advisory_lock:
        return probe_parts::advisory_locks;
    case pin_reason::parameter:
        return probe_parts::parameters | probe_parts::identity;
    case pin_reason::opaque:
        return probe_parts::visible;
    case pin_reason::session_mode:
    case pin_reason::library:
    case pin_reason::seed:
    case pin_reason::sequence_state:
    case pin_reason::held_by_connection:
        return probe_parts::none;
    }
    return probe_parts::none;
}

bool may_end_pin(const sql::statement_facts& statement, pin_reason why, bool began_in_block) {
    if (ends_with(why) == probe_parts::none) return false;
    if (is_opaque(statement) || has_effect(statement, {effect_kind::discard_all})) return true;
    const bool block_over = began_in_block && ends_block(statement.kind);
    switch (why) {
    case pin_reason::sql_prepare: // whatever becomes of the transaction
        return has_effect(statement, {effect_kind::deallocate, effect_kind::deallocate_all});
    case pin_reason::listen:
        return block_over || has_effect(statement, {effect_kind::unlisten});
    case pin_reason::temporary_object:
        return block_over || statement.kind == statement_kind::ddl ||
               has_effect(statement, {effect_kind::discard_other});
    case pin_reason::holdable_cursor:
        return block_over || statement.kind == statement_kind::close_cursor;
    case pin_reason::advisory_lock:
        return unlocks(statement);
    case pin_reason::parameter:
        return block_over ||
               has_effect(statement, {effect_kind::set_parameter, effect_kind::reset_parameter,
                                      effect_kind::reset_all});
    default:
        return true; // an opaque pin stands for doubt alone: the next rest may settle it
    }
}

} // namespace pgweir
