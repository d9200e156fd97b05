// The tables that SHOW answers: columns (PgBouncer's names, order and types, with ours behind them)
// and rows made from snapshots. Pure.
#pragma once

#include "proxy/admin/admin_command.hpp"
#include "proxy/admin/snapshot.hpp"
#include "proxy/cluster/cluster_view.hpp"
#include "proxy/config/settings.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir {

enum class column_type : std::uint8_t { text, boolean, int4, int8, float8, numeric };

struct admin_column {
    std::string_view name;
    column_type type = column_type::text;
};

/// An empty optional is NULL. As many values as the table has columns.
using admin_row = std::vector<std::optional<std::string>>;

/// Empty for SHOW HELP, which answers with a notice. A parameter's one column has the parameter's
/// name, which is not known here.
[[nodiscard]] std::span<const admin_column> columns_of(show_topic topic) noexcept;

/// What SWITCHOVER answers.
[[nodiscard]] std::span<const admin_column> switchover_columns() noexcept;

/// All that rows are made from.
struct show_input {
    std::span<const worker_snapshot> workers;
    const cluster_view& view;
    const settings& values;
    std::span<const connection_budget::pool_figures> pools;
    const std::set<std::string, std::less<>>& paused; // databases
    bool all_paused = false;
    std::uint32_t clients = 0; // of the process, consoles and logins included
    stats_figures stats;
    std::chrono::microseconds running{0}; // since the start
    std::string_view version;
};

/// The rows of any topic but `help` and `parameter`.
[[nodiscard]] std::vector<admin_row> rows_of(show_topic topic, const show_input& from);

[[nodiscard]] std::vector<admin_row> pool_rows(const show_input& from);
[[nodiscard]] std::vector<admin_row> client_rows(const show_input& from);
[[nodiscard]] std::vector<admin_row> server_rows(const show_input& from);
[[nodiscard]] std::vector<admin_row> node_rows(const show_input& from);
[[nodiscard]] std::vector<admin_row> database_rows(const show_input& from);
[[nodiscard]] std::vector<admin_row> user_rows(const show_input& from);
[[nodiscard]] std::vector<admin_row> stats_rows(const show_input& from);
[[nodiscard]] std::vector<admin_row> list_rows(const show_input& from);

/// "up", "down", "detached", "draining" … : the operator's word first, then what the monitor sees.
[[nodiscard]] std::string_view status_of(const node_view& node) noexcept;

struct address_parts {
    std::string address; // "unix" for a Unix socket
    std::int32_t port = 0;
};
/// "127.0.0.1:5432", "[::1]:5432", "unix". An IPv4 address within IPv6 is shown as IPv4.
[[nodiscard]] address_parts split_address(std::string_view text);

/// As PgBouncer writes it: "2024-05-01 12:00:00 UTC".
[[nodiscard]] std::string format_time(std::chrono::system_clock::time_point when);

} // namespace pgweir
