// The server connection is gone: what the client hears of it (design, section 9), and which reads
// are asked again of another server (RULES A18 to A20).
#include "protocol/error_response.hpp"
#include "proxy/session/session.hpp"

#include <algorithm>

namespace pgweir {

namespace {

constexpr std::string_view usable = "The connection can be used again.";

/// The server was told to stop, or the session to leave: nothing that the statement has done.
bool is_orderly(std::string_view sqlstate) {
    return sqlstate == protocol::sqlstate::admin_shutdown || // 57P01
           sqlstate == "57P03" || sqlstate == "57P04" || sqlstate == "57P05";
}

bool may_become_readable(const node_view& node) {
    const bool is_away = node.order == node_order::detached || node.order == node_order::draining;
    const bool lives = node.health == node_health::up || node.health == node_health::busy;
    return node.role == node_role::standby && lives && !is_away && node.weight > 0;
}

} // namespace

void session::on_server_lost(backend& from, std::string_view farewell) {
    const auto self = shared_from_this();
    const auto what = take_loss(from, farewell);
    if (closed_) return;
    const bool asks_again = may_ask_again(from, what);
    // What nobody has been told of need not be waited for elsewhere.
    if (!asks_again) note_answer(from);
    // The frontend has the beginning of a message whose end will never come: nothing can be said
    // behind it.
    if (from.cut_short())
        return finish("its server connection was lost in the middle of a message");
    if (what.was_pinned || what.lost_state) {
        // Its locks, LISTENs and temporary objects are gone, or a setting that it was told of: to
        // go on silently would be wrong (RULES A2, A18).
        return fatal(what.sqlstate.empty() ? protocol::sqlstate::admin_shutdown : what.sqlstate,
                     what.message.empty() ? "pgweir: terminating connection: its server connection "
                                            "was lost"
                                          : what.message);
    }
    if (what.moving) {
        block_ = block_state::deferred;
        moved_ = true;
    }
    if (discarding_) {
        discarding_ = false;
        ask_again();
        return pump();
    }
    if (asks_again) {
        ask_elsewhere(what);
        return pump();
    }
    // The client's unit was not sent: begin again.
    if (what.injecting && what.readies == 0 && block_ != block_state::on_primary) return pump();
    // A block that has only read on a standby goes on elsewhere, as it does at its first other
    // statement.
    if (what.idle_on_standby) {
        block_ = block_state::deferred;
        moved_ = true;
        return pump();
    }
    tell_of_loss(what);
    pump();
}

/// The session without its server connection, and what that has interrupted.
session::server_loss session::take_loss(backend& from, std::string_view farewell) {
    server_loss what;
    what.node = from.home().key().node;
    what.role_epoch = from.state.role_epoch;
    what.standby = from.state.standby;
    what.readies = from.conversation().frontend_readies();
    what.open = unit_open_;
    what.in_block = block_ != block_state::none;
    what.idle_on_standby = what.standby && block_ == block_state::on_standby &&
                           !block_has_snapshot_ && what.readies == 0 && !what.open &&
                           from.conversation().status() == 'T';
    what.injecting = waiting_ == wait_for::injection;
    what.moving = std::exchange(moving_, false);
    what.sqlstate = std::string{protocol::find_sqlstate(farewell)};
    what.message = std::string{protocol::find_error_field(farewell, 'M').value_or("")};
    what.given_up = from.given_up();
    if (!what.given_up.empty()) what.message = what.given_up;
    pin_set by_mode;
    by_mode.add(pin_reason::session_mode);
    what.was_pinned = pins_.without(by_mode).any();
    owner_.lease_ends(from);
    if (what.standby && what.readies != 0) owner_.outliers().on_failure(what.node);
    count_pin(false);
    leave_pin_queue();
    stop_waiting();
    lease_ = nullptr;
    what.nothing_applied = changes_.size() == retry_.changes;
    changes_.clear();
    injections_.clear();
    injection_answered_ = false;
    unit_open_ = fragment_ = false;
    preparing_ = names_shown_ = names_used_ = shape_changed_ = false;
    borrowed_names_.clear();
    deallocated_.clear();
    what.lost_state = std::exchange(is_unproven_, false);
    probe_.reset();
    doubt_ = probe_parts::none;
    doubtful_names_.clear();
    unasked_ = 0;
    rest_forward_ = false;
    return what;
}

/// The statement may be what has brought the server down.
bool session::is_suspect(const server_loss& what) const {
    return !is_orderly(what.sqlstate) && what.given_up.empty() && !retry_.only_prepares;
}

/// A read whose answer has not begun. What a standby cancels for the sake of its replay goes to the
/// primary, as any other refusal does.
bool session::may_ask_again(const backend& from, const server_loss& what) {
    const bool untold = !discarding_ && !retry_.bytes.empty() && from.holds_answers() &&
                        what.readies == 1 && what.nothing_applied;
    if (!untold || what.was_pinned || what.lost_state) return false;
    if (is_suspect(what) && !retry_.by_standbys) return false;
    const bool conflict = what.standby && what.sqlstate == "40001";
    const auto why = conflict ? retry_reason::recovery_conflict : retry_reason::connection_lost;
    owner_.counters().retries[why].add();
    if (conflict) {
        remember_refusal(why);
        discarding_ = true; // there is no answer left to throw away: it is asked again at once
    }
    return true;
}

/// Asked again, once. A statement that may have brought its server down is not let loose on the
/// primary: another standby answers it, or nobody.
void session::ask_elsewhere(const server_loss& what) {
    lost_read_ = lost_read{};
    auto& lost = *lost_read_;
    lost.node = what.node;
    lost.role_epoch = what.role_epoch;
    lost.look = owner_.signals().looks_begun.load();
    lost.only_standbys = is_suspect(what);
    lost.why = {what.sqlstate.empty() ? "57P02" : what.sqlstate,
                what.message.empty() ? "pgweir: the server connection was lost under this "
                                       "read, and no other standby can answer it"
                                     : what.message,
                {},
                std::string{usable}};
    take_back_unit();
    if (block_ != block_state::on_standby) return;
    block_ = block_state::deferred;
    moved_ = true;
}

/// The read would be asked again of the very server that has ended its connection.
bool session::was_lost_there(const node_view& node) const {
    return lost_read_ && node.id == lost_read_->node && node.role_epoch == lost_read_->role_epoch;
}

/// If that server lives, somebody wanted the statement to end, and is obeyed; only looks that have
/// begun since then can tell, and the first of them may come before the shutdown has reached the
/// monitor's own connection.
bool session::end_lost_read(unit& u) {
    constexpr unsigned enough = 2;
    auto& lost = *lost_read_;
    const auto& node = owner_.view().nodes[lost.node];
    if (node.sample.number > lost.look) {
        if (++lost.sightings >= enough) {
            const auto why = lost.why;
            fail_unit(u, why.sqlstate, why.message, {}, why.hint);
            return true;
        }
        lost.look = owner_.signals().looks_begun.load();
    }
    owner_.hint_monitor(node.id);
    wait_until(wait_for::lost_read);
    return false;
}

/// The read of a lost server waits for a standby that may answer it.
bool session::wait_for_standby(unit& u) {
    const auto& nodes = owner_.view().nodes;
    const bool there_is_hope = std::ranges::any_of(nodes, [this](const node_view& node) {
        return node.id != lost_read_->node && may_become_readable(node);
    });
    if (!there_is_hope) {
        const auto why = lost_read_->why;
        fail_unit(u, why.sqlstate, why.message, {}, why.hint);
        return true;
    }
    wait_until(wait_for::lost_read);
    return false;
}

/// Only what holds a server connection, or memory for what it does not take, is worth a look: the
/// kernel's keepalive finds the others.
void session::look_for_silence(clock::time_point now) {
    const auto limit = owner_.settings().tcp_user_timeout;
    if (closed_ || limit.count() == 0 || (!lease_ && io_->unsent() == 0)) return;
    if (io_->is_unheard(now, limit))
        return finish("the client has acknowledged nothing for tcp_user_timeout");
    if (lease_ && lease_->io().is_unheard(now, limit))
        lease_->give_up("pgweir: terminating connection: server " + lease_->home().node_name() +
                        " has acknowledged nothing for tcp_user_timeout");
}

/// An error where the client waits for an answer, or before its next one.
void session::tell_of_loss(const server_loss& what) {
    pins_if_done_.clear();
    const bool unknown =
        what.readies != 0 && !pure_unit_ && !what.standby && (!what.in_block || commits_);
    lease_refusal told{what.sqlstate, what.message, {}};
    if (unknown) {
        told.sqlstate = protocol::sqlstate::transaction_resolution_unknown;
        told.message = "pgweir: the server connection was lost while a write was under way: its "
                       "outcome is unknown";
    } else if (told.sqlstate.empty()) {
        told.sqlstate = protocol::sqlstate::admin_shutdown;
        if (told.message.empty()) told.message = "pgweir: the server connection was lost";
    }
    pure_unit_ = false;
    block_ = what.in_block && !unknown ? block_state::failed_here : block_state::none;
    retry_.clear();
    if (what.readies == 0 && !what.open) {
        // Between two statements of a block: the next one hears of it.
        if (block_ == block_state::failed_here) lost_block_ = std::move(told);
        return;
    }
    // One error, and a ReadyForQuery for everything that still owes one.
    for (std::size_t i = 0; i < what.readies; ++i) {
        say_error(told.sqlstate, told.message, {}, usable);
        say_ready();
    }
    if (!what.open) return;
    if (what.readies == 0) say_error(told.sqlstate, told.message, {}, usable);
    skipping_ = true;
    io_->flush();
}

} // namespace pgweir
