// The lease of a unit: a server connection of the node that was chosen, now or later, made equal to
// the session before the unit may go, and given back.
#include "protocol/error_response.hpp"
#include "protocol/simple_query.hpp"
#include "proxy/session/session.hpp"
#include "proxy/session/state_sql.hpp"

namespace pgweir {

namespace {

standby_connection as_connection(const backend& b) {
    return {b.id, b.state.login_look, b.state.login_replay};
}

} // namespace

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
                                             wanted_consistency());
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
            if (needs_standby(u)) {
                wait_for_fresh_standby();
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
    unnamed_streams_ = false;
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

} // namespace pgweir
