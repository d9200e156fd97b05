// How many server connections may exist, and who gets the next one: shared by all workers of the
// process. Limits per node and per pool are taken together under the node's mutex, which is touched
// only to open, to close, and while somebody waits; a worker that reuses an idle connection of its
// own looks at one atomic.
#pragma once

#include "proxy/pool/connect_pace.hpp"
#include "proxy/pool/pin_queue.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace pgweir {

/// A pool: the server connections of one node, database and user.
struct pool_key {
    std::uint16_t node = 0;
    std::string database;
    std::string user;
    friend auto operator<=>(const pool_key&, const pool_key&) = default;
};

class connection_budget {
public:
    using clock = std::chrono::steady_clock;
    static constexpr unsigned max_workers = 64;

    struct node_slot;

    /// One pool's share. The address is stable for the life of the budget.
    struct pool_slot {
        pool_key key;
        node_slot* node = nullptr;
        std::atomic<std::uint32_t> waiting{0}; // queue.size(), readable without the mutex
        std::array<std::atomic<std::uint32_t>, max_workers> idle{}; // idle connections, by worker
        pin_queue pins; // of the connections that sessions keep for themselves
        // Connections made under an older one are not used again (RECONNECT, changed defaults).
        std::atomic<std::uint32_t> generation{0};

        explicit pool_slot(pin_queue::caller call) : pins{std::move(call)} {}

    private:
        friend class connection_budget;
        struct place {
            std::uint64_t ticket;
            unsigned worker;
            clock::time_point since;
        };
        std::uint32_t limit = 0;
        std::uint32_t reserve = 0; // more of them once somebody waits longer than reserve_after
        clock::duration reserve_after{0};
        std::uint32_t open = 0;
        std::deque<place> queue; // by ticket
    };

    /// Where a connection that has become free should go.
    struct hand_over {
        enum kind : std::uint8_t { keep, give_here, move } what = keep;
        unsigned worker = 0; // for move
    };

    /// `wake(worker, pool)`: that worker has waiters in `pool` and should try again to open or to
    /// find a connection. `shed(worker, pool)`: that worker should close an idle connection of
    /// `pool`, whose permit another pool needs. `call_to_pin`: see pin_queue. Called without any
    /// lock held, from any thread.
    struct callbacks {
        std::function<void(unsigned, pool_slot&)> wake;
        std::function<void(unsigned, pool_slot&)> shed;
        pin_queue::caller call_to_pin = {};
    };

    connection_budget(unsigned workers,
                      std::chrono::milliseconds fairness_slack,
                      callbacks to_workers);

    /// The slot of `key`, made on first use. Both limits take effect for what is opened from now
    /// on.
    pool_slot& slot(const pool_key& key,
                    std::uint32_t pool_limit,
                    std::uint32_t reserve = 0,
                    clock::duration reserve_after = {});
    void set_node_limit(std::uint16_t node, std::uint32_t limit);
    /// Most connections opened to a node within a second, by all workers (server_connect_rate).
    void set_connect_rate(std::uint32_t per_second);
    void set_fairness_slack(std::chrono::milliseconds slack) {
        slack_ns_.store(slack / std::chrono::nanoseconds{1});
    }

    /// Permission to open one more connection; return it with `closed`. Refused by the connect rate
    /// at the time `now` (none: whatever the rate says), it is to be asked for again in a moment:
    /// nobody calls.
    [[nodiscard]] bool try_open(pool_slot& pool,
                                std::optional<clock::time_point> now = clock::now());
    /// A connection is gone (the server's end was seen, or it never came to be). Wakes who can use
    /// the permit.
    void closed(pool_slot& pool);

    /// Takes a place in the queue. Empty when `queue_limit` (0: none) sessions wait already. Every
    /// other worker where a connection idles is woken: one of them alone might lend it to a session
    /// of its own first.
    /// `turn`: a ticket drawn earlier, for the place that it gives; 0: the last place.
    [[nodiscard]] std::optional<std::uint64_t> enqueue(pool_slot& pool,
                                                       unsigned worker,
                                                       clock::time_point now,
                                                       std::uint32_t queue_limit,
                                                       std::uint64_t turn = 0);
    /// For who has to wait for something else before it can queue. Any thread.
    [[nodiscard]] std::uint64_t draw_ticket() { return ++tickets_; }
    /// Leaves the queue; harmless when the place is gone.
    void leave(pool_slot& pool, std::uint64_t ticket);
    /// Decides for a connection of `pool` that has become free on `worker`; `ticket` receives the
    /// place served. The place is taken off the queue by `give_here`, and by `move` if the
    /// connection `can_move`; otherwise it stays, and the connection should be closed so that its
    /// permit moves instead.
    [[nodiscard]] hand_over next(pool_slot& pool,
                                 unsigned worker,
                                 clock::time_point now,
                                 std::uint64_t& ticket,
                                 bool can_move = true);
    /// A place that `next` took comes back to where it was: what was handed over did not arrive.
    /// For the worker of the waiter, which still waits.
    void put_back(pool_slot& pool, std::uint64_t ticket, unsigned worker, clock::time_point since);
    /// May a session on this worker take an idle connection past those that wait? Only if none
    /// waited longer than the slack.
    [[nodiscard]] bool may_overtake(pool_slot& pool, clock::time_point now);

    /// The present connections of these pools are not used again: workers close them where they
    /// idle (worker::close_outdated), or when they become free.
    void retire(const std::function<bool(const pool_key&)>& which);

    [[nodiscard]] std::uint32_t open_connections(pool_slot& pool);
    struct pool_figures {
        pool_key key;
        std::uint32_t limit = 0;
        std::uint32_t open = 0;
        std::uint32_t idle = 0;
        std::uint32_t waiting = 0;
        clock::duration oldest_wait{0};
        std::uint32_t pinned = 0;
        std::uint32_t waiting_to_pin = 0;
    };
    /// Any thread: all pools as they are now.
    [[nodiscard]] std::vector<pool_figures> figures(clock::time_point now);
    [[nodiscard]] std::uint32_t node_connections(std::uint16_t node);

private:
    void wake_waiters(node_slot& node);
    void wake_idle_owners(pool_slot& pool, unsigned asking);
    [[nodiscard]] static std::uint32_t limit_now(const pool_slot& pool);

    const unsigned workers_;
    std::atomic<std::int64_t> slack_ns_;
    callbacks to_workers_;
    std::atomic<std::uint64_t> tickets_{0};
    std::mutex registry_;
    std::map<pool_key, std::unique_ptr<pool_slot>> pools_;
    std::map<std::uint16_t, std::unique_ptr<node_slot>> nodes_;
    std::uint32_t connect_rate_ = 0; // under registry_
};

struct connection_budget::node_slot {
    std::mutex mutex;
    std::uint32_t limit = UINT32_MAX;
    std::uint32_t open = 0;
    connect_pace pace;
    std::vector<pool_slot*> pools;
};

} // namespace pgweir
