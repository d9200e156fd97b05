#include "proxy/worker.hpp"

#include "proxy/log.hpp"
#include "proxy/server_settings.hpp"
#include "proxy/session/login.hpp"
#include "proxy/session/replication.hpp"
#include "proxy/session/session.hpp"

#include <spdlog/spdlog.h>
#include <sys/socket.h>

namespace pgweir {

namespace {

constexpr std::chrono::milliseconds tick_length{100};
constexpr unsigned ticks_per_sweep = 5;
constexpr std::size_t kept_judgements = 1024; // a power of two
constexpr std::uint32_t cancels_passed_on_per_second = 2000;
constexpr std::size_t scratch_size = 64UL * 1024;

std::uint64_t random_seed() {
    std::random_device device;
    return std::uint64_t{device()} << 32U | device();
}

std::size_t key_size_of(const login_result& who) {
    return who.version < protocol::protocol_3_2 ? cancel_registry::short_key
                                                : cancel_registry::long_key;
}

} // namespace

worker::worker(unsigned id, shared_parts& shared, live_settings_ptr live)
    : id_{id}, shared_{shared}, live_{std::move(live)}, view_{std::make_shared<cluster_view>()},
      scratch_(scratch_size),
      facts_{static_cast<std::size_t>(live_->values.statement_cache_size.value), random_seed(),
             static_cast<std::size_t>(live_->values.max_parse_size.value)},
      prepared_{id}, random_{static_cast<std::uint_fast32_t>(random_seed())},
      judged_(kept_judgements), balance_{random_seed()} {
    peer_cancel_pace_.set_rate(cancels_passed_on_per_second);
}

worker::~worker() {
    stop();
}

void worker::start() {
    spawn(executor(), "worker tick", tick_loop());
    thread_ = std::thread{[this] { io_.run(); }};
}

void worker::stop() {
    if (!thread_.joinable()) return;
    guard_.reset();
    io_.stop();
    thread_.join();
    // What still lives refers to parts of this worker: let go in an order that leaves them whole.
    view_watchers_.clear();
    pin_waiters_.clear();
    for (const auto& [pid, s] : sessions_)
        s->frontend_stream()->let_go();
    sessions_.clear();
    replications_.clear();
    pools_.clear();
}

task<> worker::tick_loop() {
    co_await asio::this_coro::throw_if_cancelled(false);
    for (;;) {
        tick_timer_.expires_after(tick_length);
        const auto [ec] = co_await tick_timer_.async_wait(nothrow);
        if (ec) co_return;
        tick();
    }
}

void worker::tick() {
    now_ = clock::now();
    counters_.last_tick_ns.store(
        std::chrono::duration_cast<std::chrono::nanoseconds>(now_.time_since_epoch()).count());
    for (auto& [key, p] : pools_)
        p->tick(now_);
    for (auto* const s : view_watchers_.in_order())
        if (view_watchers_.contains(s)) s->tick(now_);
    tick_logins();
    tick_pin_waiters();
    tick_outliers();
    if (++ticks_ % ticks_per_sweep != 0) return;
    sweep_sessions();
    count_facts();
}

void worker::count_facts() {
    const auto& counts = facts_.counts();
    counters_.facts_text_hits.follow(counts.exact_hits);
    counters_.facts_folded_hits.follow(counts.folded_hits);
    counters_.facts_misses.follow(counts.parsed);
    counters_.facts_unparsed.follow(counts.refused + counts.too_long);
    counters_.facts_evictions.follow(counts.evictions);
}

void worker::tick_logins() {
    const auto limit = settings().client_login_timeout;
    while (limit.count() != 0 && !logins_.empty() && now_ - logins_.front().began > limit)
        logins_.front().time_out();
}

void worker::tick_pin_waiters() {
    if (pin_waiters_.empty() || held_since_) return;
    std::vector<std::uint64_t> waiting;
    for (const auto& [serial, s] : pin_waiters_)
        waiting.push_back(serial);
    for (const auto serial : waiting)
        if (const auto it = pin_waiters_.find(serial); it != pin_waiters_.end())
            it->second->tick(now_);
}

void worker::tick_outliers() {
    readable_standbys_.clear();
    for (const auto& node : view_->nodes)
        if (node.readable)
            readable_standbys_.push_back({node.id, counters_.node(node.id).transactions.value()});
    const auto changes = outliers_.tick(now_, readable_standbys_, outlier_settings_of(settings()));
    for (const auto& one : changes) {
        auto& counted = counters_.node(one.node);
        counted.left_out.set(one.left_out ? 1 : 0);
        const auto& name = view_->nodes[one.node].name;
        if (!one.left_out) {
            spdlog::info("node {} is no longer left out worker={}", name, id_);
            continue;
        }
        counted.ejections[one.reason].add();
        spdlog::warn("node {} is left out for a while worker={}: {}", name, id_, one.why);
    }
    for (const auto& s : readable_standbys_)
        counters_.node(s.node).read_latency_us.set(outliers_.latency(s.node).count());
}

void worker::call_to_pin(std::uint64_t serial) {
    const auto it = pin_waiters_.find(serial);
    if (it != pin_waiters_.end()) it->second->on_called_to_pin();
}

/// All sessions' time limits, and how many are in which state: twice a second is often enough.
void worker::sweep_sessions() {
    std::array<std::int64_t, static_cast<std::size_t>(client_state::pinned) + 1> in_state{};
    const auto all = sessions();
    for (const auto& s : all) {
        s->tick(now_);
        s->io().look_for_end();
        s->look_for_silence(now_);
        ++in_state[static_cast<std::size_t>(s->state())];
    }
    const auto passing = replications_;
    for (const auto& [pid, r] : passing)
        r->look_for_end();
    for (const auto state :
         {client_state::idle, client_state::active, client_state::waiting, client_state::pinned})
        counters_.clients[state].set(in_state[static_cast<std::size_t>(state)]);
}

std::vector<std::shared_ptr<session>> worker::sessions() const {
    std::vector<std::shared_ptr<session>> all;
    all.reserve(sessions_.size());
    for (const auto& [pid, s] : sessions_)
        all.push_back(s);
    return all;
}

void worker::welcome_client(stream_socket socket, std::string peer, bool local) {
    counters_.connections_accepted.add();
    auto io = std::make_shared<stream>(std::move(socket));
    begin_login(*this, io, std::move(peer), local);
    io->end_turn();
}

void worker::start_session(std::shared_ptr<stream> io,
                           std::string peer,
                           bool local,
                           const login_result& who,
                           welcome_ptr said,
                           std::string early) {
    if (settings().log_connections)
        spdlog::info("client connected peer={} database={} user={} application={}", peer,
                     log::quoted(who.database), log::quoted(who.user),
                     log::quoted(who.application_name));
    auto begun = std::make_shared<session>(*this, std::move(io), std::move(peer), local);
    auto identity = shared_.cancels->add(id_, key_size_of(who));
    sessions_.emplace(identity.process_id, begun);
    begun->begin(who, std::move(identity), std::move(said), std::move(early));
    // It was not there yet when the others were told of the end.
    if (shared_.draining.load()) begun->drain(false);
}

void worker::forget(const std::shared_ptr<session>& gone) {
    if (sessions_.erase(gone->process_id()) == 0) return;
    shared_.cancels->remove(gone->process_id());
    shared_.clients.fetch_sub(1);
}

void worker::start_replication_session(replication_client client,
                                       replication_server server,
                                       const std::string& early) {
    if (settings().log_connections)
        spdlog::info("replication client connected peer={} database={} user={} node={}",
                     client.peer, log::quoted(client.who.database), log::quoted(client.who.user),
                     server.key.node);
    const auto key = key_size_of(client.who);
    auto begun = std::make_shared<replication_session>(*this, std::move(client), std::move(server));
    auto identity = shared_.cancels->add(id_, key);
    replications_[identity.process_id] = begun;
    begun->begin(std::move(identity), early);
}

void worker::forget(const std::shared_ptr<replication_session>& gone) {
    if (replications_.erase(gone->process_id()) == 0) return;
    shared_.cancels->remove(gone->process_id());
    shared_.clients.fetch_sub(1);
}

void worker::cancel_session(std::int32_t process_id, cancel_token asked) {
    const auto it = sessions_.find(process_id);
    if (it != sessions_.end()) return it->second->cancel(std::move(asked));
    const auto passing = replications_.find(process_id);
    if (passing != replications_.end()) passing->second->cancel(std::move(asked));
}

void worker::on_view(cluster_view_ptr view) {
    view_ = std::move(view);
    samples_.observe(*view_);
    bool roles_changed = known_primary_ != view_->primary;
    known_primary_ = view_->primary;
    known_epochs_.resize(view_->nodes.size());
    known_readable_.resize(view_->nodes.size());
    known_silent_.resize(view_->nodes.size());
    for (const auto& node : view_->nodes)
        roles_changed = on_node(node) || roles_changed;
    if (view_->primary && latest_primary_ != view_->primary) on_new_primary(*view_->primary);
    for (const auto& wake : std::exchange(view_wakes_, {}))
        wake->wake();
    for (auto* const s : view_watchers_.in_order())
        if (view_watchers_.contains(s)) s->on_view();
    if (!roles_changed) return;
    // Those that queue for a node do so anew: in the same order.
    auto all = sessions();
    std::sort(all.begin(), all.end(),
              [](const auto& a, const auto& b) { return a->waits_since() < b->waits_since(); });
    for (const auto& s : all)
        s->on_roles();
}

/// What is new about a node. True: who queues for it must look where to queue now.
bool worker::on_node(const node_view& node) {
    // Who queues for a node that may not be read from any more must not wait for its return.
    bool changed = known_readable_[node.id] && !node.readable;
    known_readable_[node.id] = node.readable;
    // A hung server, or one behind a cut cable, keeps its connections open and answers nothing.
    const bool was_silent = known_silent_[node.id];
    known_silent_[node.id] = node.silent;
    if (node.silent && !was_silent)
        give_up_pools(node.id, pool::which::all,
                      "pgweir: terminating connection: server " + node.name +
                          " does not answer any more");
    if (known_epochs_[node.id] == node.role_epoch) return changed;
    known_epochs_[node.id] = node.role_epoch;
    outliers_.forget(node.id);
    counters_.node(node.id).left_out.set(0);
    for (auto& [key, p] : pools_) {
        if (key.node != node.id) continue;
        p->retire_older_than(node.role_epoch);
        p->set_node_name(node.name); // the id may be another node's
    }
    return true;
}

/// The one before may still take writes, and would acknowledge what is lost.
void worker::on_new_primary(std::uint16_t id) {
    const auto before = std::exchange(latest_primary_, id);
    if (!before || *before >= view_->nodes.size()) return;
    give_up_pools(*before, pool::which::of_primary,
                  "pgweir: terminating connection: server " + view_->nodes[*before].name +
                      " is not the primary any more");
}

void worker::give_up_pools(std::uint16_t node, pool::which ones, const std::string& why) {
    for (auto& [key, p] : pools_)
        if (key.node == node) p->give_up(ones, why);
}

task<> worker::next_view() {
    auto wake = std::make_shared<wake_signal>(executor());
    wake_at_next_view(wake);
    // Views come at least every monitor_interval_idle; a login that waits is told then.
    co_await wake->wait();
}

void worker::on_catalog(const catalog_news& news) {
    auto& known = catalog_of(news.slot->database);
    if (news.generation < known.generation) return;
    known.snapshot = news.snapshot;
    known.generation = news.generation;
    for (auto* const s : view_watchers_.in_order())
        if (view_watchers_.contains(s)) s->on_catalog();
}

database_catalog& worker::catalog_of(const std::string& database) {
    auto& known = catalogs_[database];
    if (!known.slot) {
        known.slot = shared_.catalogs->want(database);
        known.marks = shared_.marks->of(database);
    }
    return known;
}

void worker::on_settings(live_settings_ptr live) {
    live_ = std::move(live);
    policies_.clear();
    for (auto& [key, p] : pools_) {
        const auto policy = policy_of(key.database, key.user);
        shared_.budget->slot(key, policy->pool_size, policy->reserve_pool_size,
                             settings().reserve_pool_timeout);
    }
}

std::shared_ptr<const session_policy> worker::policy_of(const std::string& database,
                                                        const std::string& user) {
    const auto it = policies_.find(std::pair<std::string_view, std::string_view>{database, user});
    if (it != policies_.end()) return it->second;
    auto made = std::make_shared<const session_policy>(policy_for(settings(), database, user));
    return policies_[{database, user}] = std::move(made);
}

pool& worker::pool_for(std::uint16_t node, const std::string& database, const std::string& user) {
    const pool_key key{node, database, user};
    auto& found = pools_[key];
    if (!found) {
        const auto policy = policy_of(database, user);
        auto& slot = shared_.budget->slot(key, policy->pool_size, policy->reserve_pool_size,
                                          settings().reserve_pool_timeout);
        std::string name = "node " + std::to_string(node);
        if (node < view_->nodes.size()) name = view_->nodes[node].name;
        found = std::make_unique<pool>(*this, slot, std::move(name));
        if (node < known_epochs_.size()) found->retire_older_than(known_epochs_[node]);
        found->paused = is_paused(database);
    }
    return *found;
}

void worker::drain(bool now) {
    const auto all = sessions();
    for (const auto& s : all)
        s->drain(now);
    if (!now) return; // what replicates goes on for as long as it may
    const auto passing = replications_;
    for (const auto& [pid, r] : passing)
        r->fatal("57P01", "pgweir: terminating connection: the proxy is shutting down");
}

void worker::close_all() {
    closing_ = true;
    close_outdated();
}

void worker::close_outdated() {
    for (auto& [key, p] : pools_)
        p->close_outdated();
}

void worker::pause(const std::string& database) {
    if (database.empty())
        all_paused_ = true;
    else
        paused_.insert(database);
    apply_pauses();
}

void worker::resume(const std::string& database) {
    if (database.empty()) {
        all_paused_ = false;
        paused_.clear();
    } else {
        paused_.erase(database);
    }
    apply_pauses();
}

void worker::hold() {
    if (!held_since_) held_since_ = clock::now();
    apply_pauses();
}

void worker::release() {
    if (!held_since_) return;
    held_before_ += clock::now() - *held_since_;
    held_since_.reset();
    apply_pauses();
}

void worker::apply_pauses() {
    for (auto& [key, p] : pools_) {
        const bool was = std::exchange(p->paused, is_paused(key.database));
        if (p->paused) p->close_outdated();
        if (was && !p->paused) p->on_wake();
    }
}

void worker::send_backend(unsigned to,
                          connection_budget::pool_slot& slot,
                          int fd,
                          backend_state state,
                          std::uint64_t ticket) {
    auto& there = *(*shared_.peers)[to];
    there.post([&there, &slot, fd, state = std::move(state), ticket]() mutable {
        there.pool_for(slot.key.node, slot.key.database, slot.key.user)
            .adopt(fd, std::move(state), ticket);
    });
}

std::shared_ptr<stream> worker::adopt_socket(int fd, int family) {
    stream_socket socket{executor()};
    error_code ec;
    socket.assign(asio::generic::stream_protocol{family, 0}, fd, ec);
    if (ec) {
        ::close(fd);
        return nullptr;
    }
    return std::make_shared<stream>(std::move(socket));
}

void worker::post_wake(pool& which) {
    post([&which] { which.on_wake(); });
}

void worker::hint_monitor(std::uint16_t node) {
    shared_.monitor->hint(node);
}

worker::judgement_kept& worker::judgement_of(const std::shared_ptr<const sql::query_facts>& facts,
                                             const std::shared_ptr<const catalog>& known) {
    const auto address = reinterpret_cast<std::uintptr_t>(facts.get());
    auto& kept = judged_[(address >> 4U ^ address >> 14U) % kept_judgements];
    if (kept.facts != facts || kept.known != known)
        kept = {facts, known, judge_query(*facts, known.get()), std::nullopt};
    return kept;
}

const route_decision& worker::judged(const std::shared_ptr<const sql::query_facts>& facts,
                                     const std::shared_ptr<const catalog>& known) {
    return judgement_of(facts, known).route;
}

const session_risk& worker::risk_of(const std::shared_ptr<const sql::query_facts>& facts,
                                    const std::shared_ptr<const catalog>& known) {
    auto& kept = judgement_of(facts, known);
    if (!kept.risk) kept.risk = judge_risk(*facts, known.get());
    return *kept.risk;
}

unit& worker::borrow_unit() {
    if (units_in_use_ == units_.size()) units_.push_back(std::make_unique<unit>());
    auto& borrowed = *units_[units_in_use_++];
    borrowed.clear();
    return borrowed;
}

void worker::lease_begins(const backend& b) {
    const auto node = b.home().key().node;
    if (in_flight_.size() <= node) in_flight_.resize(node + 1U);
    ++in_flight_[node];
    auto& counted = counters_.node(node);
    counted.leases.add();
    counted.connections[server_state::active].add();
}

void worker::lease_ends(const backend& b) {
    const auto node = b.home().key().node;
    if (node < in_flight_.size() && in_flight_[node] != 0) --in_flight_[node];
    counters_.node(node).connections[server_state::active].subtract();
}

void worker::count_idle(std::uint16_t node, int by) {
    counters_.node(node).connections[server_state::idle].add(by);
}

void worker::count_statement(const backend& b, const unit& u) {
    auto& counted = counters_.node(b.home().key().node);
    counted.bytes_sent.add(u.bytes.size());
    for (const auto& f : u.facts)
        for (const auto& s : f->statements)
            counted.statements[group_of(s.kind)][u.route.reason].add();
}

} // namespace pgweir
