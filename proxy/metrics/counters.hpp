// What a worker counts while it works: fixed arrays of plain numbers, written by that worker alone
// and summed by whoever scrapes. An increment is a load, an add and a store; nothing is looked up,
// locked or allocated.
#pragma once

#include "proxy/router/outlier_watch.hpp"
#include "proxy/router/router.hpp"
#include "sql/facts.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pgweir {

/// Only grows. One thread writes, any thread may read; readers see a recent value, not an ordered
/// one.
class counter {
public:
    void add(std::uint64_t n = 1) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    /// For what is counted elsewhere: its present count.
    void follow(std::uint64_t total) noexcept { value_.store(total, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t value() const noexcept {
        return value_.load(std::memory_order_relaxed);
    }

private:
    std::atomic<std::uint64_t> value_{0};
};

/// Goes both ways; same threads as `counter`. One worker's share may be negative when a connection
/// moved to another worker: only the sum over workers means something.
class gauge {
public:
    void add(std::int64_t n = 1) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    void subtract(std::int64_t n = 1) noexcept { add(-n); }
    void set(std::int64_t n) noexcept { value_.store(n, std::memory_order_relaxed); }
    [[nodiscard]] std::int64_t value() const noexcept {
        return value_.load(std::memory_order_relaxed);
    }

private:
    std::atomic<std::int64_t> value_{0};
};

/// Durations in buckets of 1-2-5 steps, from 10 µs to 100 s.
class duration_histogram {
public:
    /// Upper bounds in microseconds, inclusive; what is above the last one is only in count and
    /// sum.
    static constexpr std::array<std::uint64_t, 22> bounds{
        10,        20,        50,         100,        200,        500,        1'000,   2'000,
        5'000,     10'000,    20'000,     50'000,     100'000,    200'000,    500'000, 1'000'000,
        2'000'000, 5'000'000, 10'000'000, 20'000'000, 50'000'000, 100'000'000};

    void record(std::chrono::nanoseconds duration) noexcept {
        const auto ns = duration.count() > 0 ? static_cast<std::uint64_t>(duration.count()) : 0;
        std::size_t at = 0;
        while (at < bounds.size() && ns > bounds[at] * 1000)
            ++at;
        buckets_[at].add();
        sum_ns_.add(ns);
    }
    /// Not cumulative; the last one holds what is above all bounds.
    [[nodiscard]] std::uint64_t bucket(std::size_t index) const noexcept {
        return buckets_[index].value();
    }
    [[nodiscard]] std::uint64_t sum_nanoseconds() const noexcept { return sum_ns_.value(); }

private:
    std::array<counter, bounds.size() + 1> buckets_;
    counter sum_ns_;
};

/// An array indexed by an enum class whose last enumerator is `Last`.
template <class T, class Enum, Enum Last> class by {
public:
    static constexpr std::size_t size = static_cast<std::size_t>(Last) + 1;
    [[nodiscard]] T& operator[](Enum key) noexcept {
        return values_[static_cast<std::size_t>(key)];
    }
    [[nodiscard]] const T& operator[](Enum key) const noexcept {
        return values_[static_cast<std::size_t>(key)];
    }

private:
    std::array<T, size> values_;
};

enum class client_state : std::uint8_t {
    login,       // from accept to the first ReadyForQuery
    idle,        // logged in, holds no server connection
    active,      // holds a server connection
    waiting,     // in a queue for one
    pinned,      // holds one for good until the pin ends
    replication, // has one of its own, to which all its bytes go
};

enum class server_state : std::uint8_t {
    connecting, // from connect() to the first ReadyForQuery
    idle,
    active,    // leased to a session
    pinned,    // of a replication client
    preparing, // being made equal to a session's state, probed or reset
    closing,   // Terminate sent or cancel under way; still counts against the limit
};

/// Statement kinds as metrics tell them apart: coarse, so that the table stays small.
enum class statement_group : std::uint8_t {
    select,
    insert,
    update,
    delete_rows,
    merge,
    copy,
    transaction,
    session,
    ddl,
    call,
    other,
};
[[nodiscard]] statement_group group_of(sql::statement_kind kind) noexcept;

enum class login_outcome : std::uint8_t {
    accepted,
    wrong_credentials,
    refused,   // unknown database or user, not allowed from there, no TLS where TLS is required
    limit,     // max_client_connections or a user's or database's own
    broken,    // bytes that are no PostgreSQL protocol
    timed_out, // client_login_timeout
};

enum class queue_refusal : std::uint8_t {
    queue_full,
    queue_timeout,
    pinned_limit,
    no_primary,
    shutdown
};

enum class pin_reason : std::uint8_t {
    session_mode, // pool_mode = session
    sql_prepare,
    listen,
    temporary_object,
    holdable_cursor,
    advisory_lock,
    library,
    seed,
    sequence_state,
    held_by_connection, // large objects, replication origins, dblink and the like
    parameter,          // a setting that cannot be followed
    opaque,             // DO, CALL and what else may change state out of sight
};

enum class retry_reason : std::uint8_t {
    read_only,         // 25006 from a standby
    recovery_conflict, // 40001 that a primary would not have given
    not_in_recovery,   // 0A000: not possible during recovery
    connection_lost,   // a pure read whose server went away before the first byte of the answer
};

enum class cancel_result : std::uint8_t {
    forwarded, // to the server that runs the query, or the query had not reached one yet
    nothing_to_cancel,
    unknown_key,
    passed_on, // to another instance of pgweir
    overload,  // dropped: too many were waiting
    failed,
};

/// Errors by the first two characters of their SQLSTATE.
class sqlstate_counters {
public:
    static constexpr std::size_t size = 36 * 36 + 1;
    /// `sqlstate`: five characters; anything that does not begin with two of [0-9A-Z] counts as
    /// "other".
    void add(std::string_view sqlstate) noexcept { counters_[index_of(sqlstate)].add(); }
    [[nodiscard]] const counter& at(std::size_t index) const noexcept { return counters_[index]; }
    [[nodiscard]] static std::size_t index_of(std::string_view sqlstate) noexcept;
    /// The two characters of an index, or "other".
    [[nodiscard]] static std::string_view class_of(std::size_t index) noexcept;

private:
    std::array<counter, size> counters_;
};

/// What is counted for each node. Nodes beyond `max_counted_nodes` share the last place.
struct node_counters {
    by<gauge, server_state, server_state::closing> connections;
    by<by<counter, route_reason, route_reason::database_policy>,
       statement_group,
       statement_group::other>
        statements;
    counter connects; // server connections that reached their first ReadyForQuery
    counter connect_failures;
    counter connections_lost;    // closed by the server or the network while in use or idle
    counter connections_dropped; // closed by pgweir because their state was in doubt
    counter leases;
    counter transactions;   // transactions and autocommit units that ended there
    counter bytes_received; // from the node
    counter bytes_sent;
    gauge left_out; // 1: this worker leaves it out of the balancing for a while
    by<counter, outlier_reason, outlier_reason::latency> ejections;
    gauge read_latency_us; // a moving average; 0: not known
};

inline constexpr std::size_t max_counted_nodes = 32;

struct worker_counters {
    by<gauge, client_state, client_state::replication> clients;
    by<counter, login_outcome, login_outcome::timed_out> logins;
    counter connections_accepted;
    counter tls_handshakes;
    counter tls_failures;
    counter accept_pauses;  // accept stopped for want of file descriptors or memory
    counter bytes_received; // from clients
    counter bytes_sent;

    duration_histogram
        queue_wait; // every unit that waited for a server connection, however it ended
    by<counter, queue_refusal, queue_refusal::shutdown> queue_refusals;
    counter queue_handovers;          // server connections taken over from another worker
    duration_histogram added_latency; // client bytes read until sent to the server, plus the way
                                      // back; waiting not included
    duration_histogram lease_time;    // how long a server connection was held

    std::array<node_counters, max_counted_nodes> nodes;
    [[nodiscard]] node_counters& node(std::size_t id) noexcept {
        return nodes[id < max_counted_nodes ? id : max_counted_nodes - 1];
    }

    sqlstate_counters errors_from_servers; // ErrorResponses of servers that went on to clients
    sqlstate_counters errors_from_proxy;   // pgweir's own
    counter client_protocol_errors;
    counter server_protocol_errors;

    by<counter, pin_reason, pin_reason::opaque> pins;
    by<counter, retry_reason, retry_reason::connection_lost> retries;
    gauge refused_statements; // remembered as not for standbys, lately or for good
    by<counter, cancel_result, cancel_result::failed> cancels;
    counter confirmation_waits; // units that waited until the primary showed what a standby had
    counter bound_waits; // reads that the primary answered because no standby was known to be fresh
                         // enough
    counter standby_waits; // reads that waited for a standby because the primary must not answer
    counter standby_wait_timeouts; // … and failed
    counter blocks_moved;          // read blocks that moved from a standby to the primary

    counter auth_queries; // secrets asked from servers
    counter auth_query_failures;

    counter facts_text_hits;
    counter facts_folded_hits;
    counter facts_misses;
    counter facts_unparsed; // statements libpg_query refused, or longer than max_parse_size
    counter facts_evictions;
    counter prepares_forwarded; // Parse messages that reached a server
    counter
        prepares_avoided; // Parse messages answered because the server connection had the statement
    counter
        prepares_repeated; // Parse messages pgweir sent by itself to bring a connection up to date
    counter prepared_evictions;

    /// Set by the worker's loop each time it turns; /livez compares it with the clock (steady,
    /// nanoseconds).
    std::atomic<std::int64_t> last_tick_ns{0};
};

/// Counted on the control thread.
struct control_counters {
    counter checks; // looks at nodes
    counter check_failures;
    counter role_changes;
    counter view_changes; // cluster views published
    counter catalog_reads;
    counter catalog_failures;
    counter reloads;
    counter reload_failures;
    counter tls_reloads; // of changed files, by themselves
    counter tls_reload_failures;
    gauge tls_files_refused; // 1: the files are not what is in use
    counter http_requests;
    counter switchovers; // where the console runs, one after the other
    counter switchover_failures;
};

} // namespace pgweir
