// What a unit does to its session beyond its transaction: what it pins, what it makes doubtful,
// what must be put back.
#include "proxy/session/session.hpp"

#include <algorithm>

namespace pgweir {

namespace {

bool is_ddl(const unit& u) {
    for (const auto& f : u.facts)
        for (const auto& s : f->statements)
            if (s.kind == sql::statement_kind::ddl || s.kind == sql::statement_kind::unknown ||
                s.kind == sql::statement_kind::do_block || s.kind == sql::statement_kind::call)
                return true;
    return u.unparsed;
}

pin_reason reason_of(sql::effect_kind kind) {
    switch (kind) {
    case sql::effect_kind::sql_prepare:
        return pin_reason::sql_prepare;
    case sql::effect_kind::listen:
        return pin_reason::listen;
    case sql::effect_kind::temporary_object:
        return pin_reason::temporary_object;
    case sql::effect_kind::holdable_cursor:
        return pin_reason::holdable_cursor;
    case sql::effect_kind::advisory_lock:
        return pin_reason::advisory_lock;
    case sql::effect_kind::load_library:
        return pin_reason::library;
    case sql::effect_kind::set_seed:
        return pin_reason::seed;
    case sql::effect_kind::sequence_state:
        return pin_reason::sequence_state;
    case sql::effect_kind::large_object_or_origin:
        return pin_reason::held_by_connection;
    case sql::effect_kind::opaque:
        return pin_reason::opaque;
    default:
        return pin_reason::parameter;
    }
}

bool asks_sequence_state(const sql::statement_facts& s) {
    return std::any_of(s.functions.begin(), s.functions.end(), [](const auto& f) {
        return f.name.name == "currval" || f.name.name == "lastval";
    });
}

} // namespace

/// currval and lastval answer for the connection: where another session has used sequences they
/// must not answer at all (RULES A13). True: what is there must be discarded before this unit.
bool session::finds_foreign_sequences(const unit& u) const {
    const auto last = lease_->state.sequence_user;
    if (last == backend_state::no_sequence_user || last == serial_) return false;
    for (const auto& f : u.facts)
        for (const auto& s : f->statements)
            if (asks_sequence_state(s)) return true;
    // The session keeps this connection from here on, and may ask later.
    if (pins_.any()) return false;
    return pins_of(u).any();
}

/// Something that it sets off may change session state, also such as no question shows. Relations
/// that nobody knows, and everything before the catalog has been read once, are only asked about.
bool session::is_opaque(const unit& u) const {
    return (u.risk.opaque || u.risk.opaque_at_commit) && !u.risk.vague &&
           catalog_->snapshot != nullptr;
}

/// currval and lastval alone leave nothing behind.
bool session::only_asks_sequences(const unit& u) const {
    for (const auto& f : u.facts)
        for (const auto& s : f->statements)
            for (const auto& call : s.functions)
                if (call.name.name == "nextval" || call.name.name == "setval" ||
                    s.kind != sql::statement_kind::select || !catalog_->snapshot ||
                    catalog_->snapshot->has_own_function(call.name.name))
                    return false;
    return !u.risk.opaque;
}

/// What the unit pins if it succeeds.
pin_set session::pins_of(const unit& u) const {
    pin_set all;
    // Nothing runs; and a part that Flush ends would leave its wish to a later unit.
    if (u.parse_only && u.rest == 0) return all;
    if (u.unparsed && (!u.facts.empty() || u.end != 'H')) all.add(pin_reason::opaque);
    if (is_opaque(u) || may_set_off_native_code(u)) all.add(pin_reason::opaque);
    if (u.risk.sequence && catalog_->sequence_state_asked && !only_asks_sequences(u))
        all.add(pin_reason::sequence_state);
    for (const auto& f : u.facts) {
        for (const auto& s : f->statements) {
            // Of these the risk tells more than the text.
            const bool runs_code =
                s.kind == sql::statement_kind::call || s.kind == sql::statement_kind::do_block;
            for (const auto& e : s.effects) {
                if (runs_code && e.kind == sql::effect_kind::opaque) continue;
                if (const auto why = pin_of(e)) all.add(*why);
            }
        }
    }
    return all;
}

std::optional<pin_reason> session::pin_of(const sql::session_effect& e) const {
    switch (e.kind) {
    case sql::effect_kind::set_parameter:
    case sql::effect_kind::reset_parameter:
    case sql::effect_kind::deallocate:
    case sql::effect_kind::deallocate_all:
    case sql::effect_kind::unlisten:
    case sql::effect_kind::reset_all:
    case sql::effect_kind::discard_all:
    case sql::effect_kind::discard_other:
        return std::nullopt;
    case sql::effect_kind::sequence_state: // the unit's risk tells
    case sql::effect_kind::defines_code:   // what comes after it is another matter
    case sql::effect_kind::native_code:
        return std::nullopt;
    default:
        return reason_of(e.kind);
    }
}

/// Before a connection is chosen: one with the traces which this unit is about to leave suits it.
void session::note_traces(const unit& u) {
    for (const auto& f : u.facts) {
        for (const auto& s : f->statements) {
            for (const auto& e : s.effects) {
                // A search_path with pg_temp has made nothing yet.
                if (e.kind == sql::effect_kind::temporary_object &&
                    s.kind != sql::statement_kind::set)
                    traces_.emplace(temporary_schema_trace);
                else if (e.kind == sql::effect_kind::set_parameter && is_custom_name(e.name))
                    traces_.insert(to_lower(e.name));
            }
        }
    }
}

/// A procedural language, once loaded, refuses names below its own that it does not know; before
/// that they pass as custom ones.
bool session::needs_unused_connection(const unit& u) const {
    for (const auto& f : u.facts)
        for (const auto& s : f->statements)
            for (const auto& e : s.effects)
                if (e.kind == sql::effect_kind::set_parameter &&
                    (e.name.starts_with("plpgsql.") || e.name.starts_with("plperl.") ||
                     e.name.starts_with("pltcl.")))
                    return true;
    return false;
}

/// Everything else that the unit does to the session beyond its transaction.
void session::note_effects(const unit& u) {
    if (lease_->conversation().skipping()) return;
    if (u.unparsed || u.risk.sequence || u.risk.opaque) {
        auto& user = lease_->state.sequence_user;
        user = user == backend_state::no_sequence_user || user == serial_
                   ? serial_
                   : backend_state::several_sequence_users;
    }
    if (!outstanding()) commits_ = u.unparsed;
    ddl_unit_ = ddl_unit_ || is_ddl(u);
    doubted_unit_ =
        doubted_unit_ || (!pins_.any() && (u.route.reason == route_reason::unproved_relation ||
                                           u.route.reason == route_reason::unproved_function));
    for (const auto& f : u.facts) {
        for (const auto& s : f->statements) {
            if (s.kind == sql::statement_kind::commit || s.kind == sql::statement_kind::call)
                commits_ = true;
            if (asks_sequence_state(s)) catalog_->sequence_state_asked = true;
            if (!s.changes_defaults.empty()) {
                changed_defaults_.insert(changed_defaults_.end(), s.changes_defaults.begin(),
                                         s.changes_defaults.end());
                ddl_unit_ = true;
            }
            if (s.kind == sql::statement_kind::rollback) {
                // Whatever was reset in the block comes back.
                restores_startup_ = false;
                restores_names_.clear();
            }
            for (const auto& e : s.effects) {
                const bool resets = e.kind == sql::effect_kind::reset_all ||
                                    e.kind == sql::effect_kind::discard_all;
                const bool to_default = e.kind == sql::effect_kind::reset_parameter ||
                                        (e.kind == sql::effect_kind::set_parameter && !e.value &&
                                         !e.local && !e.computed);
                const bool takes_names = e.kind == sql::effect_kind::deallocate_all ||
                                         e.kind == sql::effect_kind::discard_all;
                if (e.kind == sql::effect_kind::deallocate && !u.parse_only &&
                    !(u.is_simple() && u.single() != nullptr) && find_statement(e.name))
                    deallocated_.push_back(e.name);
                // In other company it is not followed one by one: this connection serves nobody
                // else.
                if (takes_names && !u.is_simple()) lease_->condemn();
                if (takes_names && u.single() == nullptr) lease_->condemn();
                forgets_names_ =
                    forgets_names_ || (takes_names && lease_->condemned() && !u.parse_only);
                restores_startup_ = restores_startup_ || (resets && !startup_.empty());
                if (to_default && startup_.contains(to_lower(e.name)))
                    restores_names_.push_back(to_lower(e.name));
                if (e.kind == sql::effect_kind::set_parameter && (e.value || e.computed) &&
                    e.name == "synchronous_commit")
                    note_commit_mode(e.value.value_or(""));
                if (e.kind == sql::effect_kind::set_parameter && is_custom_name(e.name))
                    lease_->state.traces.insert(to_lower(e.name));
                if (e.kind == sql::effect_kind::temporary_object)
                    lease_->state.traces.emplace(temporary_schema_trace);
            }
        }
    }
    note_traces(u);
    note_news(u);
    note_doubt(u);
    pins_if_done_.add(pins_of(u));
}

/// ALTER ROLE … SET and the like hold for logins from their commit on: before anybody hears of
/// that.
void session::announce_defaults(backend& from) {
    // What fails has changed nothing; if something before it has, the next read of the catalog
    // tells.
    if (unit_failed_) changed_defaults_.clear();
    if (changed_defaults_.empty() || from.conversation().status() != 'I') return;
    owner_.shared().on_defaults_changed(std::exchange(changed_defaults_, {}));
}

} // namespace pgweir
