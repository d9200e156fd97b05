#include "proxy/session/pool_show.hpp"

#include <array>
#include <cstdio>
#include <ctime>

namespace pgweir {

namespace {

constexpr std::string_view layout_version = "4.7.2";

/// pgpool's word for whether it uses the node. What has never been looked at waits to be.
std::string_view status_of(const node_view& node) {
    const bool usable = node.health == node_health::up || node.health == node_health::busy;
    if (node.order == node_order::detached || node.order == node_order::draining) return "down";
    if (usable) return "up";
    const bool never_seen =
        node.health == node_health::unknown && node.sample.number == 0 && node.role_epoch == 0;
    return never_seen ? "waiting" : "down";
}

std::string_view server_status_of(const node_view& node) {
    switch (node.health) {
    case node_health::up:
    case node_health::busy:
        return "up";
    case node_health::down:
        return "down";
    case node_health::unknown:
        break;
    }
    return "unknown";
}

std::string_view server_role_of(const node_view& node) {
    switch (node.role) {
    case node_role::primary:
        return "primary";
    case node_role::standby:
        return "standby";
    case node_role::unknown:
        break;
    }
    return "unknown";
}

std::string share_of(double weight, double all) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%f", all > 0 ? weight / all : 0.0);
    return text.data();
}

/// In local time and without its zone, as pgpool writes it.
std::string time_of(std::chrono::system_clock::time_point when) {
    const auto seconds = std::chrono::system_clock::to_time_t(when);
    std::tm parts{};
    localtime_r(&seconds, &parts);
    std::array<char, 32> text{};
    const auto size = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts);
    return {text.data(), size};
}

/// Bytes; unknown is empty, not zero.
std::string delay_of(const node_view& node, bool is_primary) {
    if (is_primary) return "0";
    return node.lag_bytes ? std::to_string(*node.lag_bytes) : std::string{};
}

} // namespace

bool is_pool_topic(std::string_view name) noexcept {
    return name == "pool_nodes" || name == "pool_version" || name == "pool_cache";
}

pool_table pool_nodes_table(const cluster_view& view,
                            std::optional<std::uint16_t> reads_from,
                            std::span<const std::uint64_t> selects) {
    pool_table table;
    table.columns = {"node_id",
                     "hostname",
                     "port",
                     "status",
                     "pg_status",
                     "lb_weight",
                     "role",
                     "pg_role",
                     "select_cnt",
                     "load_balance_node",
                     "replication_delay",
                     "replication_state",
                     "replication_sync_state",
                     "last_status_change"};
    double all = 0;
    for (const auto& node : view.nodes)
        if (!node.is_vacant) all += node.weight;
    for (const auto& node : view.nodes) {
        if (node.is_vacant) continue;
        const bool is_primary = view.primary == node.id;
        table.rows.push_back(
            {std::to_string(node.id), node.is_discovered ? node.address : node.host,
             std::to_string(node.port), std::string{status_of(node)},
             std::string{server_status_of(node)}, share_of(node.weight, all),
             is_primary ? "primary" : "standby", std::string{server_role_of(node)},
             std::to_string(node.id < selects.size() ? selects[node.id] : 0),
             reads_from == node.id ? "true" : "false", delay_of(node, is_primary),
             node.replication_state, node.replication_sync_state, time_of(node.last_change)});
    }
    return table;
}

pool_table pool_version_table(std::string_view version) {
    return {{"pool_version"},
            {{std::string{layout_version} + " (pgweir " + std::string{version} + ")"}}};
}

pool_table pool_cache_table() {
    return {{"num_cache_hits", "num_selects", "cache_hit_ratio", "num_hash_entries",
             "used_hash_entries", "num_cache_entries", "used_cache_entries_size",
             "free_cache_entries_size", "fragment_cache_entries_size"},
            {{"0", "0", "0.00", "0", "0", "0", "0", "0", "0"}}};
}

} // namespace pgweir
