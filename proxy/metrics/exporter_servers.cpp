// Metrics by node, as the workers count them: server connections and statements.
#include "proxy/metrics/families.hpp"

#include <algorithm>

namespace pgweir {

namespace {

/// A counter of each node; nodes that are neither known nor used are left out.
template <class Pick>
void add_by_node(families& to,
                 const worker_list& workers,
                 const node_names& nodes,
                 Pick pick,
                 metric_labels more = {}) {
    for (std::size_t id = 0; id < max_counted_nodes; ++id) {
        const auto sum = sum_of(workers, [=](const auto& w) -> auto& { return pick(w.nodes[id]); });
        auto labels = more;
        labels.insert(labels.begin(), {"node", nodes.labels[id]});
        if (id < nodes.known)
            to.add(sum, labels);
        else
            to.add_if_any(sum, labels);
    }
}

void add_connection_states(families& to, const worker_list& workers, const node_names& nodes) {
    const node_counters none;
    to.gauges("server_connections", "Server connections of pools by node and state.");
    for (std::size_t id = 0; id < max_counted_nodes; ++id) {
        for_each_key(none.connections, [&](server_state state) {
            const auto now = sum_of(
                workers, [=](const auto& w) -> auto& { return w.nodes[id].connections[state]; });
            const metric_labels labels{{"node", nodes.labels[id]}, {"state", label(state)}};
            if (id < nodes.known)
                to.add(now, labels);
            else
                to.add_if_any(now, labels);
        });
    }
}

/// As the worker sees it that waits longest; nothing of nodes whose answers nobody has timed.
void add_latencies(families& to, const worker_list& workers, const node_names& nodes) {
    to.gauges("node_read_latency_seconds",
              "Time to the first byte of a read's answer, a moving average of some of them.");
    for (std::size_t id = 0; id < max_counted_nodes; ++id) {
        std::int64_t longest = 0;
        for (const auto* worker : workers)
            longest = std::max(longest, worker->nodes[id].read_latency_us.value());
        if (longest != 0) to.add(static_cast<double>(longest) / 1e6, {{"node", nodes.labels[id]}});
    }
}

void add_statements(families& to, const worker_list& workers, const node_names& nodes) {
    const node_counters none;
    to.counters("statements_total",
                "Statements by the node they went to, their kind, and why they went there.");
    for (std::size_t id = 0; id < max_counted_nodes; ++id) {
        for_each_key(none.statements, [&](statement_group kind) {
            for_each_key(none.statements[kind], [&](route_reason reason) {
                const auto count = sum_of(workers, [=](const auto& w) -> auto& {
                    return w.nodes[id].statements[kind][reason];
                });
                to.add_if_any(
                    count,
                    {{"node", nodes.labels[id]}, {"kind", label(kind)}, {"reason", label(reason)}});
            });
        });
    }
}

} // namespace

void add_server_families(families& to, const worker_list& workers, const node_names& nodes) {
    add_connection_states(to, workers, nodes);
    add_statements(to, workers, nodes);
    to.counters("server_connects_total", "Server connections opened, by node and result.");
    add_by_node(to, workers, nodes, [](const auto& n) -> auto& { return n.connects; },
                {{"result", "ok"}});
    add_by_node(to, workers, nodes, [](const auto& n) -> auto& { return n.connect_failures; },
                {{"result", "failed"}});
    to.counters("server_connections_lost_total",
                "Server connections that the server or the network ended.");
    add_by_node(to, workers, nodes, [](const auto& n) -> auto& { return n.connections_lost; });
    to.counters("server_connections_dropped_total",
                "Server connections closed because their state was in doubt.");
    add_by_node(to, workers, nodes, [](const auto& n) -> auto& { return n.connections_dropped; });
    to.counters("leases_total", "Times that a session was given a server connection.");
    add_by_node(to, workers, nodes, [](const auto& n) -> auto& { return n.leases; });
    add_latencies(to, workers, nodes);
    to.gauges("node_left_out", "Workers that leave this standby out of the balancing for a while.");
    add_by_node(to, workers, nodes, [](const auto& n) -> auto& { return n.left_out; });
    to.counters("node_ejections_total", "Times that a worker left a standby out, and why.");
    add_by_node(to, workers, nodes,
                [](const auto& n) -> auto& { return n.ejections[outlier_reason::failures]; },
                {{"reason", "failures"}});
    add_by_node(to, workers, nodes,
                [](const auto& n) -> auto& { return n.ejections[outlier_reason::latency]; },
                {{"reason", "latency"}});
    to.counters("transactions_total", "Transactions and single statements that ended.");
    add_by_node(to, workers, nodes, [](const auto& n) -> auto& { return n.transactions; });
    to.counters("server_received_bytes_total", "Bytes received from servers.");
    add_by_node(to, workers, nodes, [](const auto& n) -> auto& { return n.bytes_received; });
    to.counters("server_sent_bytes_total", "Bytes sent to servers.");
    add_by_node(to, workers, nodes, [](const auto& n) -> auto& { return n.bytes_sent; });
}

} // namespace pgweir
