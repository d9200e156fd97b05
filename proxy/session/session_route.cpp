// Where a unit goes: the lease that it has, gets, waits for, or exchanges for another.
#include "protocol/error_response.hpp"
#include "protocol/simple_query.hpp"
#include "proxy/session/session.hpp"
#include "proxy/session/state_sql.hpp"

#include <spdlog/spdlog.h>

namespace pgweir {

namespace {

// A read waits so long for a look that is already under way, before it goes to the primary instead.
constexpr std::chrono::milliseconds look_patience{100};
// After so many reads on the primary one waits for a look that has not begun.
constexpr unsigned first_patience = 3; // as the session begins with
constexpr unsigned longest_patience = 1024;

consistency as_consistency(const consistency_setting& s) {
    switch (s.level) {
    case consistency_level::session:
        return {consistency_mode::session, {}};
    case consistency_level::eventual:
        return {consistency_mode::eventual, {}};
    case consistency_level::primary:
        return {consistency_mode::primary, {}};
    case consistency_level::bounded:
        return {consistency_mode::bounded, s.bound};
    }
    return {};
}

standby_connection as_connection(const backend& b) {
    return {b.id, b.state.login_look, b.state.login_replay};
}

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
        lost_block_.reset();
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
    const auto primary = owner_.view().primary;
    if (!primary) {
        if (owner_.view().nodes.empty()) {
            fail_unit(u, protocol::sqlstate::cannot_connect_now,
                      "pgweir: no servers are configured");
            return true;
        }
        read_waits_ = u.route.target == route_target::standby;
        wait_until(wait_for::primary);
        return false;
    }
    return request(u, *primary);
}

bool session::go_to_standby(unit& u) {
    bool look_under_way = false;
    const auto node = choose_standby(look_under_way);
    if (node) {
        reads_turned_away_ = 0;
        patience_for_reads_ = first_patience;
        return request(u, *node);
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

/// A read goes to the primary because no standby may answer it yet. Waiting in vain makes the next
/// wait rarer.
void session::note_read_turned_away() {
    owner_.counters().bound_waits.add();
    if (reads_turned_away_++ < patience_for_reads_) return;
    reads_turned_away_ = 0;
    patience_for_reads_ = std::min(2 * patience_for_reads_, longest_patience);
}

std::optional<std::uint16_t> session::choose_standby(bool& look_under_way) {
    const auto& view = owner_.view();
    floor_.settle(view, owner_.samples());
    auto& candidates = owner_.candidates();
    candidates.clear();
    const auto looks = owner_.signals().looks_begun.load();
    const auto wanted = as_consistency(consistency_);
    for (const auto& node : view.nodes) {
        if (!node.readable) continue;
        const auto verdict = floor_.may_read(view, node.id, {}, looks, wanted);
        if (verdict == read_verdict::wait_for_look) look_under_way = true;
        if (verdict != read_verdict::yes) continue;
        candidates.push_back({node.id, node.weight, owner_.in_flight(node.id), {}});
    }
    std::optional<std::uint16_t> preferred;
    if (redirect_ && redirect_->target == redirect_target::node &&
        owner_.balance().fraction() < redirect_->ratio)
        preferred = redirect_->node;
    return choose_node(candidates, owner_.balance(), preferred);
}

pool& session::pool_of(std::uint16_t node) {
    if (pools_.size() <= node) pools_.resize(node + 1U);
    if (pools_[node] == nullptr) pools_[node] = &owner_.pool_for(node, database_, user_);
    return *pools_[node];
}

/// A connection to this node, now or later.
bool session::request(unit& u, std::uint16_t node) {
    auto& from = pool_of(node);
    note_traces(u);
    if (auto ready = from.take(followed_, {traces_, needs_unused_connection(u)}))
        return begin_lease(u, std::move(ready));
    if (!from.wait(*this, time_to_queue())) {
        owner_.counters().queue_refusals[queue_refusal::queue_full].add();
        fail_unit(u, protocol::sqlstate::too_many_connections,
                  "pgweir: queue_size (" + std::to_string(owner_.settings().queue_size) +
                      ") sessions wait for node " + from.node_name() + " already");
        return true;
    }
    wait_until(wait_for::lease);
    return false;
}

bool session::begin_lease(unit& u, backend_ptr leased) {
    if (!leased->state.suits({traces_, needs_unused_connection(u)})) {
        // Handed to us as the next in line, but another session's traces would show.
        const auto node = leased->home().key().node;
        leased->terminate();
        return request(u, node);
    }
    if (!leased->state.standby && owner_.view().primary != leased->home().key().node) {
        // Promoted, or about to be fenced: the next view tells.
        leased->condemn();
        owner_.hint_monitor(leased->home().key().node);
        leased->home().give_back(leased);
        return go_to_primary(u);
    }
    if (leased->state.standby) {
        const auto looks = owner_.signals().looks_begun.load();
        const auto node = leased->home().key().node;
        const auto verdict = floor_.may_read(owner_.view(), node, as_connection(*leased), looks,
                                             as_consistency(consistency_));
        if (verdict != read_verdict::yes || u.route.target != route_target::standby) {
            if (u.route.target != route_target::standby && owner_.view().primary == node)
                leased->condemn();
            leased->home().give_back(leased);
            if (u.route.target != route_target::standby && owner_.view().primary == node) {
                // The view says primary, the server said standby at login: the view is ahead or
                // behind; look again.
                owner_.hint_monitor(node);
                wait_until(wait_for::primary);
                return false;
            }
            if (verdict == read_verdict::wait_for_look) {
                wait_until(wait_for::look);
                return false;
            }
            return go_to_primary(u);
        }
    }
    lease_ = std::move(leased);
    lease_->lend_to(this);
    lease_->state.used = true;
    leased_at_ = owner_.now();
    owner_.lease_begins(*lease_);
    if (!lease_->state.standby)
        if (const auto asked = ask_to_pin(u, false); asked != pin_verdict::go_on)
            return asked == pin_verdict::look_again;
    if (prepare_lease(u)) return false;
    return send_unit(u);
}

/// Makes the connection's state the session's own and opens the block that is still to be opened.
/// True: wait for the answers.
bool session::prepare_lease(unit& u) {
    if (lease_->state.carried != followed_)
        injections_.push_back(state_change_sql(lease_->state, followed_));
    if (finds_foreign_sequences(u)) discard_sequences();
    if (block_ == block_state::deferred) {
        injections_.push_back(begin_text_);
        if (moved_) injections_.emplace_back("SELECT 1");
    }
    if (injections_.empty()) return false;
    begin_injections();
    return true;
}

void session::begin_injections() {
    injected_error_.clear();
    waiting_ = wait_for::injection;
    inject(injections_.front());
}

void session::discard_sequences() {
    injections_.emplace_back("DISCARD SEQUENCES");
    lease_->state.sequence_user = backend_state::no_sequence_user;
}

void session::inject(std::string_view sql) {
    auto& out = owner_.build_buffer();
    out.clear();
    encode(protocol::query{sql}, out);
    lease_->conversation().add({protocol::expect::query, protocol::origin::injected, 0});
    lease_->unnamed = nullptr;
    lease_->io().send(out);
}

/// The present injection is answered.
void session::on_injected_ready() {
    if (probe_) return end_probe();
    if (preparing_) return end_preparing();
    if (std::exchange(refusing_, false)) {
        injected_error_.clear();
        waiting_ = wait_for::nothing;
        return;
    }
    if (!injected_error_.empty()) {
        const auto error = std::exchange(injected_error_, {});
        injections_.clear();
        waiting_ = wait_for::nothing;
        auto failed = std::exchange(lease_, nullptr);
        failed->lend_to(nullptr);
        owner_.lease_ends(*failed);
        failed->terminate();
        if (moving_) {
            moving_ = false;
            block_ = block_state::deferred;
        }
        failure_ = lease_refusal{std::string{protocol::find_sqlstate(error)}, "", error};
        return;
    }
    if (moving_) {
        moving_ = false;
        moved_ = true;
        waiting_ = wait_for::nothing;
        block_ = block_state::deferred;
        injections_.clear();
        end_lease();
        return;
    }
    injections_.erase(injections_.begin());
    if (!injections_.empty()) {
        inject(injections_.front());
        return;
    }
    lease_->state.carried = followed_;
    lease_->state.traces.merge(traces_of(followed_));
    waiting_ = wait_for::nothing;
    if (block_ == block_state::deferred) {
        block_ = lease_->state.standby ? block_state::on_standby : block_state::on_primary;
        moved_ = false;
    }
}

/// A block that only read on a standby goes on on the primary: rolled back there, begun again here
/// (RULES A15).
void session::begin_move() {
    owner_.counters().blocks_moved.add();
    moving_ = true;
    waiting_ = wait_for::injection;
    injected_error_.clear();
    inject("ROLLBACK");
}

void session::end_lease() {
    auto leased = std::exchange(lease_, nullptr);
    leased->lend_to(nullptr);
    owner_.lease_ends(*leased);
    drop_unused_pin();
    retry_.clear();
    pure_unit_ = false;
    // Names that are not given back show to others.
    if (!borrowed_names_.empty()) leased->condemn();
    borrowed_names_.clear();
    names_shown_ = names_used_ = false;
    leased->home().give_back(std::move(leased));
}

void session::wait_until(wait_for what) {
    waiting_ = what;
    if (what != wait_for::look && what != wait_for::primary) return;
    wait_deadline_ = clock::now() +
                     (what == wait_for::look ? look_patience : owner_.settings().failover_timeout);
    if (!watching_) owner_.view_watchers().insert(this);
    if (!watching_ && what == wait_for::look) owner_.shared().monitor->begin_waiting();
    watching_look_ = what == wait_for::look;
    watching_ = true;
}

void session::stop_waiting() {
    if (watching_) {
        owner_.view_watchers().erase(this);
        if (watching_look_) owner_.shared().monitor->end_waiting();
        watching_ = watching_look_ = false;
    }
    waiting_ = wait_for::nothing;
    read_waits_ = false;
}

void session::on_view() {
    if (waiting_ != wait_for::look && waiting_ != wait_for::primary) return;
    // Without a primary a read may find a standby.
    if (waiting_ == wait_for::primary && !owner_.view().primary && !read_waits_) return;
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
    leave_queue();
    leave_pin_queue();
    waiting_ = wait_for::nothing;
    pump();
}

void session::on_lease(backend_ptr leased) {
    waiting_ = wait_for::nothing;
    granted_ = std::move(leased);
    pump();
    if (auto unused = std::exchange(granted_, nullptr)) unused->home().give_back(unused);
}

void session::on_lease_refused(const lease_refusal& why) {
    waiting_ = wait_for::nothing;
    if (why.server_error.empty())
        owner_.counters().queue_refusals[queue_refusal::queue_timeout].add();
    fail_waiting(why.sqlstate, why.message, why.server_error);
}

void session::on_long_wait(std::chrono::milliseconds waited) {
    const auto text =
        "pgweir: waiting for a server connection for " + std::to_string(waited.count()) + " ms";
    encode(protocol::make_notice(protocol::error_severity::notice,
                                 protocol::sqlstate::too_many_connections, text),
           io_->out());
    io_->flush();
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
