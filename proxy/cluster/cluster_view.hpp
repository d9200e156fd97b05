// The cluster as the monitor last saw it: an immutable snapshot that workers read and never change.
// The monitor (control thread) makes it; each worker gets every new one as a posted shared_ptr and
// keeps the latest.
#pragma once

#include "proxy/cluster/lsn.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pgweir {

enum class node_role : std::uint8_t { unknown, primary, standby };
/// up: answers. busy: lives but refuses for now (53300, 57P03). down: refused or reset twice.
/// unknown: no evidence, or too old.
enum class node_health : std::uint8_t { unknown, up, busy, down };
/// What the operator ordered; wins over what the monitor sees, for the life of the process.
enum class node_order : std::uint8_t { none, attached, detached, draining };

/// One completed look at a node. `number` was drawn from the look counter BEFORE the query was
/// written (RULES A4).
struct wal_sample {
    std::uint64_t number = 0;    // 0: never looked
    timeline_id timeline;        // 0: unknown, which makes the node not eligible for bounded reads
    std::optional<lsn> replay;   // standby: pg_last_wal_replay_lsn
    std::optional<lsn> received; // standby: greatest(receive, replay)
    std::optional<lsn> flush;    // primary: pg_current_wal_flush_lsn
    std::optional<lsn> insert;   // primary: pg_current_wal_insert_lsn, of the same row as flush
    /// primary: flush of the first look begun at least 3 x wal_writer_delay after look
    /// `settled_for` (A5), with that number.
    std::optional<lsn> settled_flush;
    std::uint64_t settled_for = 0;
};

struct node_view {
    std::uint16_t id = 0; // equals its index in cluster_view::nodes, as long as the node is known
    /// No node: its id waits for the next one. Everything else but id and role_epoch is as at the
    /// start, and nothing goes there.
    bool is_vacant = false;
    bool is_leaving = false;    // its order is draining then; vacant once nobody is there any more
    bool is_discovered = false; // one of the addresses of `host`
    std::string
        name; // "host:port" as configured, or "address:port" of a discovered one, for people
    std::string host;    // as configured
    std::string address; // resolved numeric address to connect to; or a directory for a Unix socket
    std::uint16_t port = 5432;
    double weight = 1.0; // 0: never read from
    std::string zone;    // as configured; may be empty
    bool near = true;    // in our zone, or we have none
    node_role role = node_role::unknown;
    node_health health = node_health::unknown;
    node_order order = node_order::none;
    /// Down because it answers nothing: a standby since one check, a primary since two.
    bool silent = false;
    bool readable =
        false; // standby that may take reads now: up, not detached/draining, same defaults as the
               // primary (C2), on the primary's history, lag within limits
    std::string not_readable_because;
    wal_sample sample;
    std::optional<std::uint64_t> lag_bytes;
    std::optional<std::chrono::microseconds> lag_time;
    /// Standby: when the latest look at the primary began whose flush position it has replayed. It
    /// shows all that was committed before that (asynchronous commits: 3 x wal_writer_delay
    /// before).
    std::optional<std::chrono::steady_clock::time_point> fresh_as_of;
    std::string replication_state; // from the primary's pg_stat_replication, by application_name or
                                   // address; may be empty
    std::string replication_sync_state;
    std::uint32_t server_version = 0; // 150020; 0 unknown
    std::uint32_t connections = 0;    // max_connections less those kept for superusers; 0 unknown
    std::uint64_t role_epoch = 0;     // grows whenever the role changes, the node was found
                                      // restarted or at another address, or the id is another
                                      // node's: older connections are retired
    std::chrono::system_clock::time_point last_change{};
};

struct cluster_view {
    std::uint64_t version = 0;
    std::vector<node_view> nodes;
    std::optional<std::uint16_t> primary; // id; absent: writes wait
    std::string no_primary_because;
    std::uint64_t system_identifier = 0;
    /// Session starting points: (name, value) of ParameterStatus as the primary sends them at
    /// login, for the client's welcome.
    std::vector<std::pair<std::string, std::string>> primary_parameters;
    bool asynchronous_commit = false; // synchronous_commit is off on the primary by default, or for
                                      // some role or database: flush alone is no bound (A5)
    /// With synchronous replication: up to where the primary shows what its standbys may show
    /// already, since it has acknowledged it (A8). Empty: commits wait for nobody.
    std::optional<wal_position> confirmed;
    /// (timeline, switch point) pairs of the primary's history, oldest first; the last timeline is
    /// the present one.
    std::vector<std::pair<timeline_id, lsn>> history;
};

using cluster_view_ptr = std::shared_ptr<const cluster_view>;

} // namespace pgweir
