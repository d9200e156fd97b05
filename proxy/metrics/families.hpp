// Building Prometheus families from counters summed over workers. Used by the exporter's files
// only.
#pragma once

#include "proxy/metrics/exporter.hpp"
#include "proxy/metrics/labels.hpp"

#include <prometheus/metric_family.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pgweir {

/// Name and value; the value may be any bytes.
using metric_labels = std::vector<std::pair<std::string_view, std::string_view>>;

class families {
public:
    /// Starts a family; what is added next belongs to it. `name` without the prefix.
    void counters(std::string_view name, std::string_view help);
    void gauges(std::string_view name, std::string_view help);
    void histograms(std::string_view name, std::string_view help);

    void add(double value, const metric_labels& labels = {});
    /// As `add`, but nothing for zero: for tables that are mostly empty.
    void add_if_any(double value, const metric_labels& labels);
    void add(const std::vector<const duration_histogram*>& parts, const metric_labels& labels = {});

    [[nodiscard]] std::vector<prometheus::MetricFamily> take() { return std::move(all_); }

private:
    void start(std::string_view name, std::string_view help, prometheus::MetricType type);
    prometheus::ClientMetric& next(const metric_labels& labels);

    std::vector<prometheus::MetricFamily> all_;
};

/// The sum over workers of what `pick(worker)` (a counter or gauge) holds.
template <class Pick>
[[nodiscard]] double sum_of(const std::vector<const worker_counters*>& workers, Pick pick) {
    double sum = 0;
    for (const auto* worker : workers)
        sum += static_cast<double>(pick(*worker).value());
    return sum;
}

/// Calls `visit(key)` for each enumerator of a `by<…>`.
template <class T, class Enum, Enum Last, class Visit>
void for_each_key(const by<T, Enum, Last>&, Visit visit) {
    for (std::size_t i = 0; i <= static_cast<std::size_t>(Last); ++i)
        visit(static_cast<Enum>(i));
}

using worker_list = std::vector<const worker_counters*>;

/// Names of nodes as labels: the view's, "node N" for those it does not know, "others" for the
/// shared place.
struct node_names {
    std::vector<std::string> labels;
    std::size_t known = 0; // so many are in the view: they are shown even where all is zero
};
[[nodiscard]] node_names name_nodes(const cluster_view* view);

/// exporter_clients.cpp
void add_client_families(families& to, const worker_list& workers);
/// exporter_servers.cpp
void add_server_families(families& to, const worker_list& workers, const node_names& nodes);
/// exporter_cluster.cpp
void add_cluster_families(families& to, const cluster_view* view);
void add_pool_families(families& to,
                       const std::vector<pool_gauges>& pools,
                       const node_names& nodes);
void add_control_families(families& to,
                          const control_counters& control,
                          const process_gauges& process);

} // namespace pgweir
