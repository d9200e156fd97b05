// Metrics of the cluster as the monitor sees it, of the pools, and of the control thread.
#include "proxy/metrics/families.hpp"

#include <algorithm>

namespace pgweir {

namespace {

std::string_view role_label(node_role role) {
    switch (role) {
    case node_role::primary:
        return "primary";
    case node_role::standby:
        return "standby";
    case node_role::unknown:
        break;
    }
    return "unknown";
}

/// One sample per node, of those for which `value` has one.
template <class Value> void add_nodes(families& to, const cluster_view& view, Value value) {
    for (const auto& node : view.nodes) {
        if (node.is_vacant) continue;
        const std::optional<double> one = value(node);
        if (one) to.add(*one, {{"node", node.name}});
    }
}

double flag(bool value) {
    return value ? 1 : 0;
}

} // namespace

void add_cluster_families(families& to, const cluster_view* view) {
    to.gauges("primary_known", "1 while a primary is known; writes wait otherwise.");
    to.add(flag(view != nullptr && view->primary.has_value()));
    if (view == nullptr) return;
    to.gauges("node_up", "1 if the node answers and takes connections.");
    add_nodes(to, *view, [](const auto& node) { return flag(node.health == node_health::up); });
    to.gauges("node_busy", "1 if the node answers but refuses connections for now.");
    add_nodes(to, *view, [](const auto& node) { return flag(node.health == node_health::busy); });
    to.gauges("node_role", "1 for the role that the node has.");
    for (const auto& node : view->nodes) {
        if (node.is_vacant) continue;
        for (const auto role : {node_role::primary, node_role::standby, node_role::unknown}) {
            to.add(flag(node.role == role), {{"node", node.name}, {"role", role_label(role)}});
        }
    }
    to.gauges("node_readable", "1 if reads may go to this standby.");
    add_nodes(to, *view, [](const auto& node) { return flag(node.readable); });
    to.gauges("node_weight", "Share of reads, as configured.");
    add_nodes(to, *view, [](const auto& node) { return node.weight; });
    to.gauges("node_timeline", "Timeline of the node; 0: unknown.");
    add_nodes(to, *view,
              [](const auto& node) { return static_cast<double>(node.sample.timeline.value); });
    to.gauges("node_lag_bytes", "WAL that the standby has still to replay; absent if unknown.");
    add_nodes(to, *view, [](const auto& node) -> std::optional<double> {
        if (!node.lag_bytes) return {};
        return static_cast<double>(*node.lag_bytes);
    });
    to.gauges("node_lag_seconds", "How far the standby is behind in time; absent if unknown.");
    add_nodes(to, *view, [](const auto& node) -> std::optional<double> {
        if (!node.lag_time) return {};
        return static_cast<double>(node.lag_time->count()) / 1e6;
    });
}

void add_pool_families(families& to,
                       const std::vector<pool_gauges>& pools,
                       const node_names& nodes) {
    const auto add = [&](auto value) {
        for (const auto& pool : pools) {
            const auto& node =
                nodes.labels[std::min<std::size_t>(pool.node, max_counted_nodes - 1)];
            to.add(value(pool), {{"node", node}, {"database", pool.database}, {"user", pool.user}});
        }
    };
    to.gauges("pool_limit", "Most server connections that the pool may have.");
    add([](const pool_gauges& pool) { return static_cast<double>(pool.limit); });
    to.gauges("pool_server_connections", "Server connections of the pool.");
    add([](const pool_gauges& pool) { return static_cast<double>(pool.open); });
    to.gauges("pool_idle_server_connections", "Server connections of the pool that nobody holds.");
    add([](const pool_gauges& pool) { return static_cast<double>(pool.idle); });
    to.gauges("pool_waiting_clients", "Clients that wait for a server connection of the pool.");
    add([](const pool_gauges& pool) { return static_cast<double>(pool.waiting); });
    to.gauges("pool_oldest_wait_seconds", "How long the first of the waiting clients has waited.");
    add([](const pool_gauges& pool) {
        return static_cast<double>(pool.oldest_wait.count()) / 1e9;
    });
    to.gauges("pool_pinned_server_connections",
              "Server connections of the pool that single sessions keep for themselves.");
    add([](const pool_gauges& pool) { return static_cast<double>(pool.pinned); });
    to.gauges("pool_clients_waiting_to_pin",
              "Clients that wait until they may keep a server connection (max_pinned).");
    add([](const pool_gauges& pool) { return static_cast<double>(pool.waiting_to_pin); });
}

void add_control_families(families& to,
                          const control_counters& control,
                          const process_gauges& process) {
    const auto count = [&](std::string_view name, std::string_view help, const counter& value) {
        to.counters(name, help);
        to.add(static_cast<double>(value.value()));
    };
    count("checks_total", "Looks of the monitor at nodes.", control.checks);
    count("check_failures_total", "Looks that failed.", control.check_failures);
    count("role_changes_total", "Changes of a node's role.", control.role_changes);
    count("view_changes_total", "Changes of what is known about the cluster.",
          control.view_changes);
    count("catalog_reads_total", "Readings of a database's catalog.", control.catalog_reads);
    count("catalog_failures_total", "Readings of a catalog that failed.", control.catalog_failures);
    count("reloads_total", "Settings read again.", control.reloads);
    count("reload_failures_total", "Settings refused at a reload; the old ones stayed.",
          control.reload_failures);
    count("tls_reloads_total", "Changed certificates and keys taken over by themselves.",
          control.tls_reloads);
    count("tls_reload_failures_total", "Changed certificates and keys that cannot be used.",
          control.tls_reload_failures);
    to.gauges(
        "tls_files_refused",
        "1 while the certificates and keys in use are older than their files, which cannot be "
        "used.");
    to.add(static_cast<double>(control.tls_files_refused.value()));
    to.gauges("tls_certificate_expiry_timestamp_seconds",
              "When the certificate shown to clients or servers ends, or the first of its chain.");
    to.add_if_any(static_cast<double>(process.client_certificate_expiry), {{"side", "client"}});
    to.add_if_any(static_cast<double>(process.server_certificate_expiry), {{"side", "server"}});
    count("switchovers_total", "Planned switchovers asked for (SWITCHOVER).", control.switchovers);
    count("switchover_failures_total", "Planned switchovers that failed or were given up.",
          control.switchover_failures);
    count("http_requests_total", "HTTP requests.", control.http_requests);
    to.counters("internal_errors_total", "Broken invariants of pgweir; each is a bug.");
    to.add(static_cast<double>(process.internal_errors));
    to.gauges("max_client_connections", "The limit on client connections.");
    to.add(process.max_client_connections);
    to.gauges("draining", "1 while pgweir takes no new clients because it was told to stop.");
    to.add(flag(process.draining));
    to.gauges("uptime_seconds", "Time since the start.");
    to.add(static_cast<double>(process.uptime.count()));
    to.gauges("build_info", "1; the version is a label.");
    to.add(1, {{"version", process.version}});
}

} // namespace pgweir
