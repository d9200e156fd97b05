#include "proxy/pool/pool.hpp"

#include "proxy/pool/opener.hpp"
#include "proxy/worker.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <random>

namespace pgweir {

namespace {

constexpr std::chrono::milliseconds first_backoff{50};
constexpr std::chrono::milliseconds longest_backoff{2000};
// How many idle connections are looked through for one that already carries the wanted parameters.
constexpr std::size_t look_through = 16;

/// Refusals that pass by themselves: starting up, shutting down, too many connections.
bool is_passing(std::string_view sqlstate) {
    return sqlstate == "57P03" || sqlstate == "53300" || sqlstate == "57P01";
}

/// DETACH and DRAIN: nothing idles there.
bool is_out_of_use(const cluster_view& view, std::uint16_t node) {
    if (node >= view.nodes.size()) return false;
    const auto order = view.nodes[node].order;
    return order == node_order::detached || order == node_order::draining;
}

} // namespace

pool::pool(worker& owner, connection_budget::pool_slot& slot, std::string node_name)
    : owner_{owner}, slot_{slot}, node_name_{std::move(node_name)} {}

pool::~pool() {
    for (const auto& b : all_)
        b->io().let_go();
}

backend_ptr pool::pop_idle(std::size_t index) {
    auto taken = std::move(idle_[index]);
    idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(index));
    slot_.idle[owner_.id()].store(static_cast<std::uint32_t>(idle_.size()));
    owner_.count_idle(key().node, -1);
    return taken;
}

backend_ptr pool::take(const parameter_map& wanted, const lease_needs& needs) {
    if (paused || idle_.empty()) return nullptr;
    // The coarse clock would let local sessions overtake for a whole tick.
    if (slot_.waiting.load() != 0 && !owner_.budget().may_overtake(slot_, clock::now()))
        return nullptr;
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < idle_.size() && (i < look_through || !best); ++i) {
        const auto at = idle_.size() - 1 - i;
        const auto& one = idle_[at]->state;
        if (!one.suits(needs)) continue;
        const bool equal = one.carried == wanted;
        if (equal || !best) best = at;
        if (equal) break;
    }
    if (!best) {
        pop_idle(0)->terminate();
        return nullptr;
    }
    auto taken = pop_idle(*best);
    if (taken->condemned())
        taken->close();
    else if (is_retired(*taken))
        taken->terminate();
    else
        return taken;
    return take(wanted, needs);
}

bool pool::wait(lease_waiter& who, std::chrono::milliseconds timeout) {
    const auto now = clock::now();
    const auto ticket =
        owner_.budget().enqueue(slot_, owner_.id(), now, owner_.settings().queue_size, who.turn_);
    if (!ticket) return false;
    spdlog::debug("queue in ticket={} node={} database={} user={}", *ticket, node_name_,
                  key().database, key().user);
    who.waiting_in_ = this;
    who.ticket_ = *ticket;
    who.since_ = now;
    who.noticed_ = false;
    who.deadline_ = timeout.count() == 0 ? clock::time_point::max() : owner_.patient(now) + timeout;
    waiters_.push_back(&who);
    open_if_wanted();
    return true;
}

void lease_waiter::leave_queue() {
    if (waiting_in_ != nullptr) waiting_in_->leave(*this);
}

void pool::leave(lease_waiter& who) {
    if (who.waiting_in_ == nullptr) return;
    const auto it = std::find(waiters_.begin(), waiters_.end(), &who);
    if (it != waiters_.end()) waiters_.erase(it);
    owner_.budget().leave(slot_, who.ticket_);
    who.waiting_in_ = nullptr;
}

/// Gives the connection to the local waiter of that place, if it is still there.
bool pool::hand_to(std::uint64_t ticket, const backend_ptr& free) {
    const auto has_ticket = [&](const auto* w) { return w->ticket_ == ticket; };
    const auto it = std::find_if(waiters_.begin(), waiters_.end(), has_ticket);
    if (it == waiters_.end()) return false;
    auto* const who = *it;
    waiters_.erase(it);
    who->waiting_in_ = nullptr;
    const auto waited = clock::now() - who->since_;
    owner_.counters().queue_wait.record(
        std::chrono::duration_cast<std::chrono::nanoseconds>(waited));
    spdlog::debug("queue out ticket={} node={} waited_us={}", ticket, node_name_,
                  std::chrono::duration_cast<std::chrono::microseconds>(waited).count());
    who->on_lease(free);
    return true;
}

void pool::put_idle(backend_ptr free) {
    free->idle_since = owner_.now();
    idle_.push_back(std::move(free));
    slot_.idle[owner_.id()].store(static_cast<std::uint32_t>(idle_.size()));
    owner_.count_idle(key().node, +1);
    // Somebody on another worker may have looked just before this: look once more (see
    // connection_budget::enqueue).
    if (slot_.waiting.load() != 0) owner_.post_wake(*this);
}

/// A free, fit connection: the next in line gets it.
void pool::offer(backend_ptr free) {
    while (!paused && slot_.waiting.load() != 0) {
        std::uint64_t ticket = 0;
        const auto to =
            owner_.budget().next(slot_, owner_.id(), clock::now(), ticket, free->can_move());
        if (to.what == connection_budget::hand_over::keep) break;
        if (to.what == connection_budget::hand_over::move) {
            if (free->can_move() && move_away(free, to.worker, ticket)) return;
            // Cannot move (TLS): the permit moves instead.
            free->terminate();
            return;
        }
        if (hand_to(ticket, free)) return;
    }
    put_idle(std::move(free));
}

bool pool::move_away(const backend_ptr& free, unsigned to, std::uint64_t ticket) {
    backend_state state;
    const auto fd = free->detach(state);
    if (fd < 0) return false;
    all_.erase(free);
    owner_.counters().queue_handovers.add();
    owner_.send_backend(to, slot_, fd, std::move(state), ticket);
    return true;
}

void pool::adopt(int fd, backend_state state, std::uint64_t ticket) {
    auto connection = owner_.adopt_socket(fd, state.family);
    if (!connection) {
        stand_again(ticket);
        owner_.budget().closed(slot_);
        return;
    }
    auto arrived = std::make_shared<backend>(*this, std::move(connection), std::move(state));
    arrived->id = owner_.next_backend_id();
    all_.insert(arrived);
    arrived->run();
    if (is_outdated(*arrived)) {
        stand_again(ticket);
        return arrived->terminate();
    }
    if (!hand_to(ticket, arrived)) offer(std::move(arrived));
}

/// What was handed to that waiter did not arrive: it is the next in line again.
void pool::stand_again(std::uint64_t ticket) {
    const auto has_ticket = [&](const auto* w) { return w->ticket_ == ticket; };
    const auto it = std::find_if(waiters_.begin(), waiters_.end(), has_ticket);
    if (it != waiters_.end()) owner_.budget().put_back(slot_, ticket, owner_.id(), (*it)->since_);
}

bool pool::is_retired(const backend& b) const {
    return b.state.generation != slot_.generation.load(std::memory_order_acquire);
}

bool pool::is_outdated(const backend& b) const {
    return paused || b.condemned() || is_retired(b) || b.state.role_epoch < role_epoch_ ||
           owner_.now() >= b.state.retire_at || owner_.closing();
}

void pool::give_back(backend_ptr returned) {
    returned->lend_to(nullptr);
    if (!returned->at_rest()) {
        owner_.counters().node(key().node).connections_dropped.add();
        returned->close();
        return;
    }
    if (is_outdated(*returned)) {
        returned->terminate();
        return;
    }
    offer(std::move(returned));
}

void pool::on_wake() {
    while (!idle_.empty() && !paused && slot_.waiting.load() != 0) {
        auto free = pop_idle(idle_.size() - 1);
        if (free->condemned()) continue;
        if (is_retired(*free)) {
            free->terminate();
            continue;
        }
        const auto before = idle_.size();
        offer(std::move(free));
        if (idle_.size() > before) break; // nobody took it
    }
    open_if_wanted();
}

void pool::on_shed() {
    if (idle_.empty()) return;
    pop_idle(0)->terminate();
}

void pool::open_if_wanted() {
    if (paused || owner_.closing()) return;
    if (opening_ >= waiters_.size() || owner_.now() < next_opening_) return;
    const auto now = clock::now(); // the rate is kept to the moment, over all workers
    while (opening_ < waiters_.size() && owner_.budget().try_open(slot_, now)) {
        ++opening_;
        open_backend(owner_, *this);
    }
}

void pool::on_opened(std::shared_ptr<stream> connection, backend_state state) {
    --opening_;
    backoff_ = std::chrono::milliseconds{0};
    auto opened = std::make_shared<backend>(*this, std::move(connection), std::move(state));
    opened->id = owner_.next_backend_id();
    all_.insert(opened);
    opened->run();
    owner_.counters().node(key().node).connects.add();
    if (is_outdated(*opened)) return opened->terminate();
    offer(std::move(opened));
}

bool pool::open_failure::is_final() const {
    return hopeless || (!server_error.empty() && !is_passing(sqlstate));
}

void pool::on_open_failed(const open_failure& why) {
    --opening_;
    owner_.budget().closed(slot_);
    owner_.counters().node(key().node).connect_failures.add();
    backoff_ = std::clamp(backoff_ * 2, first_backoff, longest_backoff);
    // Not all pools, workers and instances at once again.
    const auto half = backoff_.count() / 2;
    next_opening_ =
        clock::now() + std::chrono::milliseconds{std::uniform_int_distribution<std::int64_t>{
                           half, backoff_.count()}(owner_.random())};
    spdlog::warn("cannot connect to server node={} database={} user={} sqlstate={}: {}", node_name_,
                 key().database, key().user, why.sqlstate, why.message);
    if (why.is_final()) {
        next_opening_ = {};
        refuse_all({why.sqlstate, why.message, why.server_error});
        return;
    }
    hint_monitor();
    owner_.outliers().on_failure(key().node);
}

void pool::refuse_all(const lease_refusal& why) {
    const auto all = std::exchange(waiters_, {});
    for (auto* const who : all) {
        who->waiting_in_ = nullptr;
        owner_.budget().leave(slot_, who->ticket_);
    }
    for (auto* const who : all)
        who->on_lease_refused(why);
}

void pool::on_backend_gone(const backend_ptr& gone, const error_code& ec) {
    if (const auto it = std::find(idle_.begin(), idle_.end(), gone); it != idle_.end())
        pop_idle(static_cast<std::size_t>(it - idle_.begin()));
    if (all_.erase(gone) == 0) return;
    if (ec && ec != asio::error::operation_aborted && ec != asio::error::eof) hint_monitor();
    owner_.counters().node(key().node).connections_lost.add();
    owner_.budget().closed(slot_);
    open_if_wanted();
}

void pool::tick(clock::time_point now) {
    const auto& s = owner_.settings();
    const auto idle_limit = s.server_idle_timeout;
    for (const auto& b : all_)
        b->io().look_for_end();
    for (std::size_t i = 0; i < idle_.size();) {
        auto& b = *idle_[i];
        const bool too_idle = (idle_limit.count() != 0 && now - b.idle_since > idle_limit) ||
                              is_out_of_use(owner_.view(), key().node);
        if (!too_idle && !is_outdated(b)) {
            ++i;
            continue;
        }
        pop_idle(i)->terminate();
    }
    const auto patient_now = owner_.patient(now);
    const auto late = [&](const lease_waiter* w) { return patient_now >= w->deadline_; };
    while (!waiters_.empty() && std::any_of(waiters_.begin(), waiters_.end(), late)) {
        auto* const who = *std::find_if(waiters_.begin(), waiters_.end(), late);
        const auto waited =
            std::chrono::duration_cast<std::chrono::milliseconds>(now - who->since_);
        leave(*who);
        owner_.counters().queue_wait.record(
            std::chrono::duration_cast<std::chrono::nanoseconds>(waited));
        who->on_lease_refused(
            {"53300",
             "pgweir: no server connection became free within queue_timeout (waited " +
                 std::to_string(waited.count()) + " ms for node " + node_name_ +
                 ", pool_size reached)",
             {}});
    }
    if (s.queue_notice.count() != 0) {
        for (auto* const who : waiters_) {
            if (who->noticed_ || now - who->since_ < s.queue_notice) continue;
            who->noticed_ = true;
            who->on_long_wait(
                std::chrono::duration_cast<std::chrono::milliseconds>(now - who->since_));
        }
    }
    open_if_wanted();
    keep_minimum();
}

/// min_pool_size connections stay open, for a pool that has been used.
void pool::keep_minimum() {
    const auto least = owner_.policy_of(key().database, key().user)->min_pool_size;
    if (least == 0 || paused || is_out_of_use(owner_.view(), key().node) || owner_.closing() ||
        owner_.now() < next_opening_)
        return;
    if (owner_.budget().open_connections(slot_) >= least || !owner_.budget().try_open(slot_))
        return;
    ++opening_;
    open_backend(owner_, *this);
}

void pool::close_outdated() {
    for (std::size_t i = 0; i < idle_.size();) {
        if (is_outdated(*idle_[i]))
            pop_idle(i)->terminate();
        else
            ++i;
    }
}

void pool::give_up(which ones, std::string_view why) {
    const std::vector<backend_ptr> present{all_.begin(), all_.end()};
    for (const auto& one : present) {
        if (ones == which::of_primary && one->state.standby) continue;
        if (one->user() != nullptr) owner_.counters().node(key().node).connections_dropped.add();
        one->give_up(why);
    }
}

void pool::retire_older_than(std::uint64_t role_epoch) {
    if (role_epoch <= role_epoch_) return;
    role_epoch_ = role_epoch;
    for (std::size_t i = 0; i < idle_.size();) {
        if (idle_[i]->state.role_epoch >= role_epoch)
            ++i;
        else
            pop_idle(i)->terminate();
    }
}

std::size_t pool::in_use() const {
    const auto counts = [](const backend_ptr& b) {
        return b->user() != nullptr || !b->condemned();
    };
    return static_cast<std::size_t>(std::count_if(all_.begin(), all_.end(), counts) -
                                    std::count_if(idle_.begin(), idle_.end(), counts));
}

pool::clock::duration pool::longest_wait(clock::time_point now) const {
    clock::duration longest{0};
    for (const auto* const w : waiters_)
        longest = std::max(longest, now - w->since_);
    return longest;
}

void pool::note_received(std::size_t bytes) {
    owner_.signals().note_bytes(key().node);
    owner_.counters().node(key().node).bytes_received.add(bytes);
}

void pool::note_latency(clock::time_point asked) {
    owner_.outliers().on_latency(key().node, clock::now() - asked);
}

void pool::count_protocol_error() {
    owner_.counters().server_protocol_errors.add();
}

void pool::hint_monitor() {
    owner_.hint_monitor(key().node);
}

} // namespace pgweir
