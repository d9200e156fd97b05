// Where a unit goes: to the server connection that the session has, the primary, a standby, or
// nowhere yet. session_lease.cpp gets it a connection of the node chosen here.
#include "protocol/error_response.hpp"
#include "proxy/server_settings.hpp"
#include "proxy/session/session.hpp"

namespace pgweir {

namespace {

// A read waits so long for a look that is already under way, before it goes to the primary instead.
constexpr std::chrono::milliseconds look_patience{100};
// After so many reads on the primary one waits for a look that has not begun.
constexpr unsigned first_patience = 3; // as the session begins with
constexpr unsigned longest_patience = 1024;

/// COMMIT, END, ROLLBACK or ABORT, alone and without AND CHAIN.
bool ends_block(const unit& u) {
    const auto* const one = u.single();
    if (one == nullptr || one->modes.chain) return false;
    return one->kind == sql::statement_kind::commit || one->kind == sql::statement_kind::rollback;
}

} // namespace

bool session::handle_unit(unit& u) {
    // What a fragment's error makes the server skip is not known before its answer.
    if (fragment_) return false;
    // Parts of a unit that has begun, and what an error makes the server skip, go where the rest
    // went.
    if (lease_ && (unit_open_ || lease_->conversation().skipping())) {
        if (!plan(u)) return false;
        judge(u);
        u.route.target = route_target::primary;
        forward_unit(u);
        return true;
    }
    if (!plan(u)) return false;
    if (failure_) {
        const auto why = std::move(*failure_);
        failure_.reset();
        fail_unit(u, why.sqlstate, why.message, why.server_error, why.hint);
        return true;
    }
    if (u.waits && outstanding()) return false;
    if (block_ == block_state::failed_here) return handle_in_failed_block(u);
    if (answers_here(u)) {
        if (outstanding()) return false;
        answer_here(u);
        return true;
    }
    judge(u);
    return lease_ ? handle_with_lease(u) : handle_without_lease(u);
}

/// The server of this block is gone: the first unit hears why, all others 25P02, until the block
/// ends.
bool session::handle_in_failed_block(unit& u) {
    if (u.messages.size() == 1 && u.end == 'S') {
        take(u.bytes.size());
        say_ready();
        return true;
    }
    if (ends_block(u) && u.is_whole()) {
        block_ = block_state::none;
        const auto untold = std::exchange(lost_block_, std::nullopt);
        if (untold && u.single()->kind == sql::statement_kind::commit) {
            // To call it a ROLLBACK would be true, and hardly anybody would notice.
            fail_unit(u, untold->sqlstate, untold->message, untold->server_error);
            return true;
        }
        answer_command(u, "ROLLBACK");
        return true;
    }
    if (lost_block_) {
        const auto why = std::move(*lost_block_);
        lost_block_.reset();
        fail_unit(u, why.sqlstate, why.message, why.server_error);
        return true;
    }
    fail_unit(u, protocol::sqlstate::in_failed_sql_transaction,
              "current transaction is aborted, commands ignored until end of transaction block");
    return true;
}

bool session::handle_with_lease(unit& u) {
    if (waits_for_its_primary(u)) return false;
    if (!lease_->state.standby)
        if (const auto asked = ask_to_pin(u, true); asked != pin_verdict::go_on)
            return asked == pin_verdict::look_again;
    if (!lease_->state.standby && finds_foreign_sequences(u) &&
        lease_->conversation().status() != 'E') {
        if (outstanding()) return false;
        discard_sequences();
        begin_injections();
        return false;
    }
    if (pins_.any() || !lease_->state.standby) {
        return send_unit(u);
    }
    const auto status = lease_->conversation().status();
    const bool reads = u.route.target == route_target::standby;
    if (outstanding()) {
        // On a standby only reads may follow reads before those are answered.
        if (discarding_ || !reads || !pure_unit_ || block_ != block_state::none ||
            changes_.size() > 64)
            return false;
        return send_unit(u);
    }
    if (status == 'E' || (status == 'T' && ends_block(u))) {
        return send_unit(u);
    }
    if (reads && (status == 'T' || block_ == block_state::none)) {
        return send_unit(u);
    }
    if (status == 'T') {
        begin_move();
        return false;
    }
    end_lease();
    return true;
}

/// Nobody knows at present whether the server of this block is still the primary: what it would
/// acknowledge might be lost. The end of the wait is the end of the block.
bool session::waits_for_its_primary(const unit& u) {
    const auto& view = owner_.view();
    const auto node = lease_->home().key().node;
    if (view.primary == node || lease_->state.standby) return false;
    const auto order = node < view.nodes.size() ? view.nodes[node].order : node_order::none;
    if (order == node_order::detached || order == node_order::draining) return false;
    if (lease_->conversation().status() == 'E' || u.route.target == route_target::standby)
        return false;
    wait_until(wait_for::primary);
    return true;
}

bool session::handle_without_lease(unit& u) {
    if (granted_) {
        auto leased = std::exchange(granted_, nullptr);
        const bool fits = leased->state.standby
                              ? u.route.target == route_target::standby
                              : owner_.view().primary == leased->home().key().node ||
                                    u.route.target == route_target::standby;
        if (fits && !leased->condemned()) return begin_lease(u, std::move(leased));
        leased->home().give_back(leased);
    }
    if (u.route.target == route_target::standby) return go_to_standby(u);
    return go_to_primary(u);
}

bool session::go_to_primary(unit& u) {
    if (lost_read_ && lost_read_->only_standbys) return wait_for_standby(u);
    const auto primary = owner_.view().primary;
    if (!primary) {
        if (owner_.settings().nodes.empty()) {
            fail_unit(u, protocol::sqlstate::cannot_connect_now,
                      "pgweir: no servers are configured");
            return true;
        }
        read_waits_ = u.route.target == route_target::standby;
        wait_until(wait_for::primary);
        return false;
    }
    if (was_lost_there(owner_.view().nodes[*primary])) return end_lost_read(u);
    if (owner_.view().confirmed && consistency_.level == consistency_level::session) {
        // What a standby has shown may still wait there for its acknowledgement (RULES A8).
        floor_.settle(owner_.view(), owner_.samples());
        if (!floor_.may_go_to_primary(owner_.view())) {
            owner_.counters().confirmation_waits.add();
            wait_until(wait_for::primary);
            return false;
        }
    }
    return request(u, *primary);
}

bool session::go_to_standby(unit& u) {
    if (consistency_.level == consistency_level::primary) return go_to_primary(u);
    bool look_under_way = false;
    const auto node = choose_reader(look_under_way);
    const bool alone = needs_standby(u);
    const auto primary = owner_.view().primary;
    const bool none_is_well = node && primary && owner_.outliers().is_left_out(*node);
    if (node && (node == primary || (none_is_well && !alone))) return go_to_primary(u);
    if (node) {
        standby_waits_ = false;
        reads_turned_away_ = 0;
        patience_for_reads_ = first_patience;
        return request(u, *node);
    }
    if (alone) {
        wait_for_fresh_standby();
        return false;
    }
    // Each answer of the primary asks for a later look, so that a session which only reads by now
    // would never leave it: after a few such reads one waits until a look has begun.
    if (look_under_way || (reads_turned_away_ >= patience_for_reads_ && floor_.is_waiting())) {
        wait_until(wait_for::look);
        return false;
    }
    note_read_turned_away();
    return go_to_primary(u);
}

/// A read that the primary must not answer. What a standby has refused, or was lost with, may.
bool session::needs_standby(const unit& u) const {
    return owner_.settings().primary_reads == primary_reads::never &&
           u.route.target == route_target::standby &&
           consistency_.level != consistency_level::primary;
}

void session::wait_for_fresh_standby() {
    wait_until(wait_for::look);
    wait_deadline_ = owner_.patient(clock::now()) + owner_.settings().standby_wait_timeout;
    if (!std::exchange(standby_waits_, true)) owner_.counters().standby_waits.add();
}

/// A read goes to the primary because no standby may answer it yet. Waiting in vain makes the next
/// wait rarer.
void session::note_read_turned_away() {
    owner_.counters().bound_waits.add();
    if (reads_turned_away_++ < patience_for_reads_) return;
    reads_turned_away_ = 0;
    patience_for_reads_ = std::min(2 * patience_for_reads_, longest_patience);
}

consistency session::wanted_consistency() const {
    auto wanted = consistency_of(consistency_);
    // Only a bound in time needs to know the time, better than the worker does.
    if (wanted.mode == consistency_mode::bounded) wanted.now = clock::now();
    return wanted;
}

/// What the operator wants comes before what the session has done so far.
std::optional<std::uint16_t> session::preferred_reader() {
    if (redirect_ && redirect_->target == redirect_target::node &&
        owner_.balance().fraction() < redirect_->ratio)
        return redirect_->node;
    if (!own_reader_) return std::nullopt;
    const auto& view = owner_.view();
    const bool serves = view.nodes[*own_reader_].readable || view.primary == *own_reader_;
    if (!serves || owner_.outliers().is_left_out(*own_reader_)) own_reader_.reset();
    return own_reader_;
}

/// The node that shall answer the next read: a standby, or the primary where it takes its share.
std::optional<std::uint16_t> session::choose_reader(bool& look_under_way) {
    const auto& view = owner_.view();
    const auto& s = owner_.settings();
    floor_.settle(view, owner_.samples());
    auto& candidates = owner_.candidates();
    candidates.clear();
    const auto looks = owner_.signals().looks_begun.load();
    const auto wanted = wanted_consistency();
    const bool with_primary = s.primary_reads == primary_reads::balanced;
    auto& outliers = owner_.outliers();
    for (const auto& node : view.nodes) {
        if (lost_read_ && lost_read_->node == node.id) continue;
        if (!node.readable && !(with_primary && view.primary == node.id)) continue;
        if (node.readable) {
            const auto verdict = floor_.may_read(view, node.id, {}, looks, wanted);
            if (verdict == read_verdict::wait_for_look) look_under_way = true;
            if (verdict != read_verdict::yes) continue;
        }
        const auto rank = outliers.is_left_out(node.id) ? balance_rank::left_out
                          : node.near                   ? balance_rank::near
                                                        : balance_rank::far;
        candidates.push_back(
            {node.id, node.weight, owner_.in_flight(node.id), outliers.latency(node.id), rank});
    }
    const auto chosen = choose_node(candidates, owner_.balance(), preferred_reader());
    if (chosen && !own_reader_ && !s.statement_level_load_balance) own_reader_ = chosen;
    return chosen;
}

pool& session::pool_of(std::uint16_t node) {
    if (pools_.size() <= node) pools_.resize(node + 1U);
    if (pools_[node] == nullptr) pools_[node] = &owner_.pool_for(node, database_, user_);
    return *pools_[node];
}

void session::wait_until(wait_for what) {
    waiting_ = what;
    if (!waits_for_view()) return;
    const auto now = owner_.patient(clock::now());
    // However often a unit begins to wait anew, or for something else, its time counts once.
    if (what != wait_for::look && unit_deadline_ == clock::time_point{})
        unit_deadline_ = now + owner_.settings().failover_timeout;
    // First come first served, also among those of other workers, once there is a queue to stand
    // in.
    if (what != wait_for::look && turn_ == 0) turn_ = owner_.budget().draw_ticket();
    wait_deadline_ = what == wait_for::look ? now + look_patience : unit_deadline_;
    if (!watching_) owner_.view_watchers().insert(this);
    // Whoever waits for a server to take over wants to know of it as soon as it has.
    if (!watching_) owner_.shared().monitor->begin_waiting();
    watching_ = true;
}

void session::stop_waiting() {
    if (watching_) {
        owner_.view_watchers().erase(this);
        owner_.shared().monitor->end_waiting();
        watching_ = false;
    }
    waiting_ = wait_for::nothing;
    read_waits_ = false;
}

void session::on_view() {
    // Without a primary a read may find a standby.
    if (waiting_ == wait_for::primary && !owner_.view().primary && !read_waits_) return;
    look_again();
}

/// What waits for a primary may be known for a read now.
void session::on_catalog() {
    if (waiting_ == wait_for::primary && !owner_.view().primary && !lease_) look_again();
}

/// The unit that waits for a view is judged and routed anew.
void session::look_again() {
    if (!waits_for_view()) return;
    const auto what = waiting_;
    const auto deadline = wait_deadline_;
    stop_waiting();
    pump();
    // In vain: the time that it has waited so far counts.
    if (waiting_ == what) wait_deadline_ = std::min(wait_deadline_, deadline);
}

/// Roles changed: a wait for a connection to a node that is no longer the right one starts anew.
void session::on_roles() {
    if (waiting_ != wait_for::lease && (waiting_ != wait_for::pin || lease_)) return;
    if (waiting_ == wait_for::lease) keep_turn();
    leave_queue();
    leave_pin_queue();
    waiting_ = wait_for::nothing;
    pump();
}

/// The unit that waits at the front of the input fails.
void session::fail_waiting(std::string_view sqlstate,
                           std::string_view message,
                           std::string_view server_error) {
    stop_waiting();
    failure_ =
        lease_refusal{std::string{sqlstate}, std::string{message}, std::string{server_error}};
    pump();
}

/// Answers a unit with an error instead of running it. Inside a block the block is failed then.
void session::fail_unit(unit& u,
                        std::string_view sqlstate,
                        std::string_view message,
                        std::string_view server_error,
                        std::string_view hint) {
    leave_pin_queue();
    if (!lease_) drop_unused_pin();
    if (server_error.empty()) {
        say_error(sqlstate, message, {}, hint);
    } else {
        say_server_error(server_error);
    }
    if (block_ == block_state::deferred) block_ = block_state::failed_here;
    only_primary_ = asked_again_ = false;
    lost_read_.reset();
    unit_deadline_ = {};
    turn_ = 0;
    const bool whole = u.end == 'Q' || u.end == 'S' || u.end == 'F';
    take(u.bytes.size());
    rest_ = u.rest;
    rest_forward_ = false;
    if (whole)
        say_ready();
    else
        skipping_ = true;
    io_->flush();
}

} // namespace pgweir
