// What a node is asked, and how the rows are read. Pure: texts and parsing, no connection.
#pragma once

#include "proxy/cluster/node_evidence.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace pgweir::node_queries {

using row = std::vector<std::optional<std::string>>;

/// One look: recovery, timeline, positions, start time, in ONE row, so that flush and insert are of
/// one moment. Never raises an error, whichever side of a promotion it runs on. `as_standby` also
/// asks the wal receiver.
[[nodiscard]] std::string look(bool as_standby, std::uint32_t server_version);
/// Empty if the row is not one of `look`. Sets all but number, begun and system_identifier.
[[nodiscard]] std::optional<node_answer> read_look(const row& columns);

/// (system identifier, timeline) of a replication connection.
inline constexpr const char* identify_system = "IDENTIFY_SYSTEM";
void read_identify_system(const row& columns, node_answer& into);

/// On a plain connection. Needs no right but may be forbidden.
inline constexpr const char* system_identifier =
    "SELECT system_identifier FROM pg_catalog.pg_control_system()";

[[nodiscard]] std::string timeline_history(timeline_id timeline);

/// Reset values that change what a query returns (C2), and the few settings that the monitor itself
/// needs.
[[nodiscard]] std::string settings();
void read_settings(std::span<const row> rows, node_details& into);

inline constexpr const char* senders =
    "SELECT application_name, pg_catalog.host(client_addr), state, sync_state "
    "FROM pg_catalog.pg_stat_replication";
void read_senders(std::span<const row> rows, node_details& into);

/// The parameters that a server reports at login and that a client's welcome repeats.
[[nodiscard]] std::span<const char* const> reported_parameters();

} // namespace pgweir::node_queries
