// One worker's share of a pool: its idle server connections of one (node, database, user), those it
// opens, and the sessions of this worker that wait for one. The limits and the order across workers
// are the connection_budget's.
#pragma once

#include "proxy/pool/backend.hpp"
#include "proxy/pool/connection_budget.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace pgweir {

class worker;

/// Why nobody gets a connection: an error of ours, or the server's own words.
struct lease_refusal {
    std::string sqlstate;
    std::string message;
    std::string
        server_error;      // body of the server's ErrorResponse, if it was the server that refused
    std::string hint = {}; // what to do
};

/// A session that may wait for a server connection. It must leave the queue before it dies.
class lease_waiter {
public:
    virtual void on_lease(backend_ptr leased) = 0;
    virtual void on_lease_refused(const lease_refusal& why) = 0;
    /// Told once, when it has waited for `queue_notice`.
    virtual void on_long_wait(std::chrono::milliseconds waited) = 0;

    [[nodiscard]] bool waits() const { return waiting_in_ != nullptr; }
    /// Since when, if it waits.
    [[nodiscard]] std::chrono::steady_clock::time_point waits_since() const { return since_; }
    /// Gives the place up; harmless without one.
    void leave_queue();

protected:
    virtual ~lease_waiter() = default;

    /// Where in a queue it stands next, if it has drawn a ticket before it could queue, or has
    /// queued elsewhere for the same; 0: at the end.
    std::uint64_t turn_ = 0;
    /// Its turn is that of the queue it stands in now.
    void keep_turn() {
        if (turn_ == 0) turn_ = ticket_;
    }

private:
    friend class pool;
    pool* waiting_in_ = nullptr;
    std::uint64_t ticket_ = 0;
    bool noticed_ = false;
    std::chrono::steady_clock::time_point since_{};
    std::chrono::steady_clock::time_point deadline_{};
};

class pool {
public:
    using clock = std::chrono::steady_clock;

    pool(worker& owner, connection_budget::pool_slot& slot, std::string node_name);
    ~pool();
    pool(const pool&) = delete;
    pool& operator=(const pool&) = delete;

    /// An idle connection at once, best one that carries the parameters `wanted`; null if there is
    /// none. Only one that suits the session's needs; where none does, the oldest idle one is
    /// closed to make room.
    [[nodiscard]] backend_ptr take(const parameter_map& wanted, const lease_needs& needs);
    /// Waits for one, in order of arrival. False: the queue is full (the waiter has been told
    /// nothing). `timeout` 0: no limit.
    [[nodiscard]] bool wait(lease_waiter& who, std::chrono::milliseconds timeout);
    void leave(lease_waiter& who);

    /// A lease ends. At rest and fit: the next in line gets it, or it idles; otherwise it is
    /// closed.
    void give_back(backend_ptr returned);
    /// A connection of another worker comes here.
    void adopt(int fd, backend_state state, std::uint64_t ticket);

    // From the budget, on this worker's thread.
    void on_wake();
    void on_shed();

    // From backends and the opener.
    void on_backend_gone(const backend_ptr& gone, const error_code& ec);
    void on_opened(std::shared_ptr<stream> connection, backend_state state);
    struct open_failure {
        std::string message;
        std::string server_error; // ErrorResponse body, if the server answered so
        std::string sqlstate;
        bool hopeless = false; // it is for want of something that only an operator can give
        /// Trying again would change nothing.
        [[nodiscard]] bool is_final() const;
    };
    void on_open_failed(const open_failure& why);

    /// Deadlines, idle and lifetime limits, openings that wait for their time. A few times a
    /// second.
    void tick(clock::time_point now);
    /// Closes what idles here and may not be used any more (connection_budget::retire, the end of
    /// the worker); what is busy is closed when it is free.
    void close_outdated();
    /// All connections, or only those to a server that took writes, busy ones too: the node does
    /// not answer any more, or is not the primary any more.
    enum class which : std::uint8_t { all, of_primary };
    void give_up(which ones, std::string_view why);
    /// The same for connections of an older role of the node.
    void retire_older_than(std::uint64_t role_epoch);

    [[nodiscard]] worker& owner() { return owner_; }
    [[nodiscard]] const pool_key& key() const { return slot_.key; }
    [[nodiscard]] connection_budget::pool_slot& slot() { return slot_; }
    [[nodiscard]] const std::string& node_name() const { return node_name_; }
    void set_node_name(const std::string& name) { node_name_ = name; }
    [[nodiscard]] const std::unordered_set<backend_ptr>& all() const { return all_; }
    [[nodiscard]] std::size_t idle() const { return idle_.size(); }
    /// Connections that somebody works with: neither idle nor about to be closed.
    [[nodiscard]] std::size_t in_use() const;
    [[nodiscard]] std::size_t waiting() const { return waiters_.size(); }
    [[nodiscard]] unsigned opening() const { return opening_; }
    [[nodiscard]] clock::duration longest_wait(clock::time_point now) const;

    void note_received(std::size_t bytes);
    /// The first bytes of an answer have come to what was asked then.
    void note_latency(clock::time_point asked);
    void count_protocol_error();
    void hint_monitor();

    /// PAUSE: nothing is handed out while set, and what becomes free is closed.
    bool paused = false;

private:
    void open_if_wanted();
    void keep_minimum();
    bool hand_to(std::uint64_t ticket, const backend_ptr& free);
    void stand_again(std::uint64_t ticket);
    void put_idle(backend_ptr free);
    void offer(backend_ptr free);
    [[nodiscard]] bool move_away(const backend_ptr& free, unsigned to, std::uint64_t ticket);
    [[nodiscard]] bool is_retired(const backend& b) const;
    [[nodiscard]] bool is_outdated(const backend& b) const;
    void refuse_all(const lease_refusal& why);
    backend_ptr pop_idle(std::size_t index);

    worker& owner_;
    connection_budget::pool_slot& slot_;
    std::string node_name_;
    std::vector<backend_ptr> idle_; // most recently used last
    std::unordered_set<backend_ptr> all_;
    std::deque<lease_waiter*> waiters_;
    unsigned opening_ = 0;
    clock::time_point next_opening_{};
    std::chrono::milliseconds backoff_{0};
    std::uint64_t role_epoch_ = 0;
};

} // namespace pgweir
