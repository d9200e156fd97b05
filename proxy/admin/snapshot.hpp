// What one worker has at a moment, copied for SHOW: no pointer into the worker, no secret.
#pragma once

#include "proxy/metrics/counters.hpp"
#include "proxy/pool/connection_budget.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir {

class worker;

/// A client's session.
struct client_row {
    std::int32_t id = 0; // what the client takes for its backend's pid
    std::string user;
    std::string database;
    std::string application_name;
    std::string peer;                      // "address:port" or "unix"
    std::string local;                     // the same, of our end
    std::string tls;                       // version and cipher; empty: plain
    std::string_view replication = "none"; // or physical, logical
    std::string pins;                      // why it keeps its server connection; empty: it does not
    client_state state = client_state::idle;
    bool in_queue = false;             // of a pool; waiting otherwise means for a primary
    std::optional<std::uint16_t> node; // of the server connection that it holds
    std::uint64_t server_id = 0;       // 0: it holds none
    std::int32_t server_process_id = 0;
    std::size_t statements = 0;
    std::chrono::system_clock::time_point connected{};
    std::chrono::system_clock::time_point active{}; // last activity
    std::chrono::microseconds waited{0};
};

/// A server connection.
struct server_row {
    std::uint64_t id = 0;
    pool_key pool;
    std::string_view replication = "none";
    std::string application_name;
    std::string local;
    std::string tls;
    std::int32_t process_id = 0;
    std::int32_t client_id = 0; // who holds it; 0: nobody
    bool is_idle = false;
    bool cancel_under_way = false;
    bool is_condemned = false;
    std::size_t statements = 0;
    std::chrono::system_clock::time_point connected{};
    std::chrono::system_clock::time_point active{};
};

/// A worker's share of a pool.
struct pool_row {
    pool_key key;
    std::uint32_t opening = 0;
    std::uint32_t waiting = 0;
    std::chrono::microseconds longest_wait{0};
};

struct worker_snapshot {
    std::vector<client_row> clients;
    std::vector<server_row> servers;
    std::vector<pool_row> pools;
};

/// On the worker's thread.
[[nodiscard]] worker_snapshot take_snapshot(worker& of);

/// Sums since the start, of all workers.
struct stats_figures {
    std::uint64_t assignments = 0; // leases
    std::uint64_t transactions = 0;
    std::uint64_t queries = 0;
    std::uint64_t bytes_received = 0;
    std::uint64_t bytes_sent = 0;
    std::chrono::microseconds transaction_time{0}; // server connections held
    std::chrono::microseconds wait_time{0};
    std::uint64_t client_parses = 0;
    std::uint64_t server_parses = 0;
    std::uint64_t logins = 0;
    std::array<std::uint32_t, max_counted_nodes> left_out{}; // by how many workers
};
/// Any thread.
void add_counters(const worker_counters& of, stats_figures& to);

} // namespace pgweir
