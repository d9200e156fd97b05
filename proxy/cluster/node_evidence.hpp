// What is known about one node, where from and since when: the raw material that `topology` judges.
// Plain data.
#pragma once

#include "proxy/cluster/cluster_view.hpp"
#include "proxy/cluster/monitor_settings.hpp"
#include "proxy/cluster/settled_flush.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pgweir {

using setting_list = std::vector<std::pair<std::string, std::string>>;

enum class failure_kind : std::uint8_t {
    refused,        // nobody listens, or the name does not resolve
    reset,          // the connection ended: EOF, RST, 57P01, 57P02
    timed_out,      // no answer within the check's or the connection's limit
    busy,           // 53300, 57P03: it lives, but takes nobody in for now
    wrong_password, // 28P01, 28000: it lives, but does not know us
    other,
};

struct node_failure {
    failure_kind kind = failure_kind::other;
    std::string text; // the server's or libpq's words, without a password
};

/// One row of pg_stat_replication.
struct replication_sender {
    std::string application_name;
    std::string address; // empty: Unix socket
    std::string state;   // streaming, catchup, backup ... empty without the right to see it
    std::string sync_state;
};

/// A completed look. What the server did not say is absent, never a default.
struct node_answer {
    std::uint64_t number = 0; // drawn from the look counter before the query was written
    std::chrono::steady_clock::time_point begun{};
    bool in_recovery = false;
    std::uint64_t system_identifier = 0; // 0: not known
    timeline_id timeline;                // 0: not known
    std::optional<lsn> replay;
    std::optional<lsn> received;
    std::optional<lsn> flush;
    std::optional<lsn> insert;
    std::optional<lsn> confirmed; // primary: by the standbys that commits wait for; empty: for none
    std::string started;          // pg_postmaster_start_time
    std::uint32_t server_version = 0;
    std::string receives_from_host; // standby: pg_stat_wal_receiver, empty if not to be seen
    std::uint16_t receives_from_port = 0;
};

/// What a node says less often than at every look.
struct node_details {
    setting_list defaults; // result-affecting settings, reset values, sorted by name (C2)
    std::vector<replication_sender> senders;
    std::string cluster_name;               // what its wal receiver calls itself by default
    std::uint32_t max_connections = 0;      // 0: not known
    std::uint32_t reserved_connections = 0; // of them, for superusers
    std::chrono::milliseconds wal_writer_delay{200};
    bool asynchronous_commit = false; // synchronous_commit is off by default
};

/// A timeline's forefathers: (timeline, switch point), oldest first, without the timeline itself.
/// Source: PostgreSQL docs, protocol-replication, TIMELINE_HISTORY.
struct timeline_history {
    timeline_id timeline;
    bool readable = true; // false: asked and refused (no REPLICATION right)
    std::vector<std::pair<timeline_id, lsn>> forefathers;

    [[nodiscard]] bool contains(timeline_id other) const;
};

/// Parses the content of an NNNNNNNN.history file. Lines that are comments or broken are left out.
[[nodiscard]] timeline_history parse_history(timeline_id timeline, std::string_view content);

/// Everything about one node, newest facts only.
struct node_evidence {
    using time_point = std::chrono::steady_clock::time_point;

    std::uint16_t id = 0;
    monitored_node setting;
    std::string address;
    node_order order = node_order::none;
    bool is_leaving = false; // no longer configured, or its address is gone: no new work
    bool is_vacant = false;  // no node any more: the id is free

    node_health health = node_health::unknown;
    std::uint32_t failures_in_a_row = 0;
    std::uint32_t timeouts_in_a_row = 0;      // while no worker got a byte from it either
    std::optional<node_failure> last_failure; // cleared by an answer
    bool asked = false;                       // an answer or a counted failure came since the start

    std::optional<node_answer> answer; // the latest; stays when the node dies
    time_point role_confirmed{};
    node_role last_role = node_role::unknown; // the latest that was known
    std::uint64_t role_epoch = 1;

    node_details details;
    bool details_known = false;
    setting_list parameters;
    std::optional<timeline_history> history;
    settled_flush settled;

    // The primary's flush position as known when a standby's latest answer came: lag is measured
    // against it, so that a primary's newer sample alone does not look like lag.
    std::optional<lsn> compared_flush;

    bool seen_as_standby = false; // by this process ...
    timeline_id seen_standby_on;  // ... last on this timeline (0: not known)
    std::optional<std::string>
        fenced; // why it is not written to any more, until it is a standby again
    bool vouched_for =
        false; // attached by hand while it took writes: history does not speak against it
};

} // namespace pgweir
