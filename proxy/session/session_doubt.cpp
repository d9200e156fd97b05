// What a unit may have changed of the session's state is asked of its server before the connection
// passes to another session: parameters are followed from the answer, and pins begin and end with
// it.
#include "protocol/rows.hpp"
#include "proxy/log.hpp"
#include "proxy/session/session.hpp"
#include "proxy/session/state_sql.hpp"

#include <spdlog/spdlog.h>

namespace pgweir {

namespace {

/// The session keeps its connection until it leaves, whatever the server would say.
bool is_for_good(const pin_set& pins) {
    return pins.has(pin_reason::session_mode) || !is_washable(pins);
}

} // namespace

void session::note_doubt(const unit& u) {
    if (u.route.target == route_target::standby) return; // proved to read only
    const bool for_good = is_for_good(pins_);
    if (for_good && (u.unparsed || is_opaque(u))) ++unasked_;
    // What has been defined in this very transaction, or past pgweir, may do anything; a session
    // that has temporary objects keeps its connection anyhow.
    const bool unknown = u.risk.opaque || u.risk.opaque_at_commit ||
                         (ddl_unit_ && client_status() != 'I') || meets_news(u);
    if (unknown && !for_good && !pins_.has(pin_reason::temporary_object)) {
        doubt_ |= probe_parts::visible;
        ++unasked_;
    }
    for (const auto& f : u.facts) {
        for (const auto& s : f->statements) {
            // No question would tell that a protocol-level statement is gone.
            if (s.kind == sql::statement_kind::deallocate && !s.name.empty() &&
                find_statement(s.name))
                continue;
            const bool runs_code =
                s.kind == sql::statement_kind::call || s.kind == sql::statement_kind::do_block;
            auto parts = runs_code ? probe_parts::none : doubtful_after(s);
            // With pg_temp first in the path any CREATE makes a temporary object.
            if (s.kind == sql::statement_kind::ddl || s.kind == sql::statement_kind::select) {
                const auto path = followed_.find("search_path");
                if (path != followed_.end() && path->second.find("pg_temp") != std::string::npos)
                    parts |= probe_parts::temporary_objects;
            }
            pins_.each([&](pin_reason why) {
                if (may_end_pin(s, why)) parts |= ends_with(why);
            });
            bool local = false;
            // Back to a default: a name's value alone would not tell that it is set no more.
            bool undoes = s.kind == sql::statement_kind::rollback ||
                          s.kind == sql::statement_kind::rollback_to_savepoint;
            for (const auto& e : s.effects) {
                const bool sets = e.kind == sql::effect_kind::set_parameter ||
                                  e.kind == sql::effect_kind::reset_parameter;
                local = local || (sets && e.local);
                undoes =
                    undoes || e.kind == sql::effect_kind::reset_parameter || (sets && !e.value);
            }
            add_doubtful_names(s, doubtful_names_);
            if (parts != probe_parts::none || local) ++unasked_;
            if (for_good) continue;
            doubt_ |= parts;
            if (undoes && has(doubt_, probe_parts::named)) doubt_ |= probe_parts::parameters;
        }
    }
}

/// The lease has come to rest and may have to be asked about before it ends.
void session::rest_lease() {
    if (is_for_good(pins_)) {
        is_unproven_ = false;
        doubt_ = probe_parts::none;
        doubtful_names_.clear();
        return;
    }
    if (!is_doubtful()) {
        unasked_ = 0;
        if (!pins_.any()) end_lease();
        return;
    }
    // Whoever comes next must not find what this session left; if that is the session itself,
    // nobody needs to know yet.
    if (input_.empty()) begin_probe();
}

bool session::may_superuser_log_in_as() const {
    const auto& said = lease_->state.login_reported;
    const auto it = said.find("is_superuser");
    return it != said.end() && it->second == "on";
}

void session::begin_probe() {
    probe_request wanted;
    wanted.parts = doubt_;
    wanted.names = std::exchange(doubtful_names_, {});
    if (has(doubt_, probe_parts::visible))
        for (const auto& name : lease_->state.traces)
            if (is_custom_name(name)) wanted.names.push_back(name);
    const auto sql = probe_sql(wanted);
    doubt_ = probe_parts::none;
    if (sql.empty()) {
        is_unproven_ = false;
        return rest_lease();
    }
    probe_.emplace(wanted.parts);
    waiting_ = wait_for::injection;
    injected_error_.clear();
    inject(sql);
}

void session::on_probe_row(std::string_view body) {
    const auto row = protocol::decode_data_row(body);
    if (!row || row->values.size() != 3 ||
        probe_->add(row->values[0], row->values[1], row->values[2]))
        injected_error_ = "?"; // as if the server had refused
}

void session::end_probe() {
    auto seen = probe_->finish();
    probe_.reset();
    waiting_ = wait_for::nothing;
    unasked_ = 0;
    is_unproven_ = false;
    const bool failed = !std::exchange(injected_error_, {}).empty() || !seen;
    const bool was_pinned = pins_.any();
    if (failed) {
        // What is there now is unknown: the connection stays with the session and ends with it.
        spdlog::warn("session state could not be asked for pid={} node={}", identity_.process_id,
                     lease_->home().node_name());
        if (lease_->state.standby) { // nobody is pinned there (RULES E3)
            lease_->condemn();
            return end_lease();
        }
        pins_.add(pin_reason::opaque);
    } else {
        auto& carried = lease_->state.carried;
        carried = carried_after(carried, *seen, {user_, "none"});
        followed_ = carried;
        // Whatever took these back to the server's defaults: the session's own are others (RULES
        // D).
        for (const auto& [name, value] : startup_)
            followed_.try_emplace(name, value);
        note_followed();
        const auto before = pins_;
        pins_ = pins_after(pins_, *seen, may_superuser_log_in_as());
        pins_.without(before).each([&](pin_reason why) {
            owner_.counters().pins[why].add();
            spdlog::debug("session pinned pid={} reason={}", identity_.process_id, label(why));
        });
    }
    if (pins_.any() != was_pinned) count_pin(pins_.any());
    if (!pins_.any()) return end_lease();
    if (lease_->state.carried == followed_) return;
    injections_ = {state_change_sql(lease_->state, followed_)};
    begin_injections();
}

} // namespace pgweir
