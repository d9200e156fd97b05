#include "proxy/pool/connection_budget.hpp"

#include <algorithm>
#include <iterator>

namespace pgweir {

connection_budget::connection_budget(unsigned workers,
                                     std::chrono::milliseconds fairness_slack,
                                     callbacks to_workers)
    : workers_{workers}, slack_ns_{fairness_slack / std::chrono::nanoseconds{1}},
      to_workers_{std::move(to_workers)} {}

connection_budget::pool_slot& connection_budget::slot(const pool_key& key,
                                                      std::uint32_t pool_limit,
                                                      std::uint32_t reserve,
                                                      clock::duration reserve_after) {
    const std::lock_guard guard{registry_};
    auto& node = nodes_[key.node];
    if (!node) node = std::make_unique<node_slot>();
    auto& pool = pools_[key];
    const std::lock_guard inner{node->mutex};
    node->pace.set_rate(connect_rate_);
    if (!pool) {
        pool = std::make_unique<pool_slot>(to_workers_.call_to_pin);
        pool->key = key;
        pool->node = node.get();
        node->pools.push_back(pool.get());
    }
    pool->limit = pool_limit;
    pool->reserve = reserve;
    pool->reserve_after = reserve_after;
    return *pool;
}

void connection_budget::set_node_limit(std::uint16_t node, std::uint32_t limit) {
    const std::lock_guard guard{registry_};
    auto& slot = nodes_[node];
    if (!slot) slot = std::make_unique<node_slot>();
    const std::lock_guard inner{slot->mutex};
    slot->limit = limit;
}

void connection_budget::set_connect_rate(std::uint32_t per_second) {
    const std::lock_guard guard{registry_};
    connect_rate_ = per_second;
    for (auto& [id, node] : nodes_) {
        const std::lock_guard inner{node->mutex};
        node->pace.set_rate(per_second);
    }
}

/// With the node's mutex held.
std::uint32_t connection_budget::limit_now(const pool_slot& pool) {
    if (pool.reserve == 0 || pool.queue.empty()) return pool.limit;
    return clock::now() - pool.queue.front().since > pool.reserve_after ? pool.limit + pool.reserve
                                                                        : pool.limit;
}

bool connection_budget::try_open(pool_slot& pool, std::optional<clock::time_point> now) {
    pool_slot* rival = nullptr;
    {
        const std::lock_guard guard{pool.node->mutex};
        if (pool.open >= limit_now(pool)) return false;
        if (pool.node->open < pool.node->limit) {
            if (now && !pool.node->pace.try_take(*now)) return false;
            ++pool.open;
            ++pool.node->open;
            return true;
        }
        // The node is full: another pool's idle connection may make room.
        for (auto* const other : pool.node->pools) {
            if (other == &pool) continue;
            const auto idles = [](const auto& n) { return n.load() != 0; };
            if (std::any_of(other->idle.begin(), other->idle.end(), idles)) rival = other;
        }
    }
    if (rival == nullptr) return false;
    for (unsigned worker = 0; worker < workers_; ++worker) {
        if (rival->idle[worker].load() == 0) continue;
        to_workers_.shed(worker, *rival);
        break;
    }
    return false;
}

void connection_budget::closed(pool_slot& pool) {
    {
        const std::lock_guard guard{pool.node->mutex};
        --pool.open;
        --pool.node->open;
    }
    wake_waiters(*pool.node);
}

void connection_budget::wake_waiters(node_slot& node) {
    pool_slot* chosen = nullptr;
    unsigned worker = 0;
    {
        const std::lock_guard guard{node.mutex};
        if (node.open >= node.limit) return;
        std::uint64_t oldest = UINT64_MAX;
        for (auto* const pool : node.pools) {
            if (pool->queue.empty() || pool->open >= limit_now(*pool)) continue;
            if (pool->queue.front().ticket >= oldest) continue;
            oldest = pool->queue.front().ticket;
            chosen = pool;
            worker = pool->queue.front().worker;
        }
    }
    if (chosen != nullptr) to_workers_.wake(worker, *chosen);
}

std::optional<std::uint64_t> connection_budget::enqueue(pool_slot& pool,
                                                        unsigned worker,
                                                        clock::time_point now,
                                                        std::uint32_t queue_limit,
                                                        std::uint64_t turn) {
    std::uint64_t ticket = turn;
    {
        const std::lock_guard guard{pool.node->mutex};
        if (queue_limit != 0 && pool.queue.size() >= queue_limit) return std::nullopt;
        if (ticket == 0) ticket = ++tickets_;
        auto at = pool.queue.end();
        while (at != pool.queue.begin() && std::prev(at)->ticket > ticket)
            --at;
        pool.queue.insert(at, {ticket, worker, now});
        pool.waiting.fetch_add(1);
    }
    // Seen in this order by both sides (waiting, then idle; idle, then waiting), one of them finds
    // the other.
    wake_idle_owners(pool, worker);
    return ticket;
}

void connection_budget::wake_idle_owners(pool_slot& pool, unsigned asking) {
    for (unsigned worker = 0; worker < workers_; ++worker)
        if (worker != asking && pool.idle[worker].load() != 0) to_workers_.wake(worker, pool);
}

void connection_budget::leave(pool_slot& pool, std::uint64_t ticket) {
    {
        const std::lock_guard guard{pool.node->mutex};
        const auto it = std::find_if(pool.queue.begin(), pool.queue.end(),
                                     [&](const auto& p) { return p.ticket == ticket; });
        if (it == pool.queue.end()) return;
        pool.queue.erase(it);
        pool.waiting.fetch_sub(1);
    }
    // It may have been woken for a permit that it no longer wants.
    wake_waiters(*pool.node);
}

connection_budget::hand_over connection_budget::next(
    pool_slot& pool, unsigned worker, clock::time_point now, std::uint64_t& ticket, bool can_move) {
    const std::lock_guard guard{pool.node->mutex};
    if (pool.queue.empty()) return {};
    auto it = pool.queue.begin();
    const auto slack = std::chrono::nanoseconds{slack_ns_.load()};
    if (it->worker != worker && now - it->since < slack) {
        // Moving a socket costs more than a moment of patience: prefer this worker's own oldest.
        const auto own = std::find_if(pool.queue.begin(), pool.queue.end(),
                                      [&](const auto& p) { return p.worker == worker; });
        if (own != pool.queue.end()) it = own;
    }
    ticket = it->ticket;
    const auto to = it->worker;
    if (to != worker && !can_move) return {hand_over::move, to};
    pool.queue.erase(it);
    pool.waiting.fetch_sub(1);
    if (to == worker) return {hand_over::give_here, worker};
    return {hand_over::move, to};
}

void connection_budget::put_back(pool_slot& pool,
                                 std::uint64_t ticket,
                                 unsigned worker,
                                 clock::time_point since) {
    const std::lock_guard guard{pool.node->mutex};
    const auto at = std::find_if(pool.queue.begin(), pool.queue.end(),
                                 [&](const auto& p) { return p.ticket > ticket; });
    pool.queue.insert(at, {ticket, worker, since});
    pool.waiting.fetch_add(1);
}

bool connection_budget::may_overtake(pool_slot& pool, clock::time_point now) {
    if (pool.waiting.load() == 0) return true;
    const std::lock_guard guard{pool.node->mutex};
    return pool.queue.empty() ||
           now - pool.queue.front().since < std::chrono::nanoseconds{slack_ns_.load()};
}

void connection_budget::retire(const std::function<bool(const pool_key&)>& which) {
    const std::lock_guard guard{registry_};
    for (auto& [key, pool] : pools_)
        if (which(key)) pool->generation.fetch_add(1, std::memory_order_release);
}

std::uint32_t connection_budget::open_connections(pool_slot& pool) {
    const std::lock_guard guard{pool.node->mutex};
    return pool.open;
}

std::vector<connection_budget::pool_figures> connection_budget::figures(clock::time_point now) {
    const std::lock_guard guard{registry_};
    std::vector<pool_figures> all;
    for (auto& [key, pool] : pools_) {
        const std::lock_guard inner{pool->node->mutex};
        pool_figures one;
        one.key = key;
        one.limit = pool->limit;
        one.open = pool->open;
        one.waiting = static_cast<std::uint32_t>(pool->queue.size());
        one.pinned = pool->pins.pinned();
        one.waiting_to_pin = pool->pins.waiting();
        for (const auto& n : pool->idle)
            one.idle += n.load();
        if (!pool->queue.empty()) one.oldest_wait = now - pool->queue.front().since;
        all.push_back(std::move(one));
    }
    return all;
}

std::uint32_t connection_budget::node_connections(std::uint16_t node) {
    const std::lock_guard guard{registry_};
    const auto it = nodes_.find(node);
    if (it == nodes_.end()) return 0;
    const std::lock_guard inner{it->second->mutex};
    return it->second->open;
}

} // namespace pgweir
