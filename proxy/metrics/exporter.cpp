#include "proxy/metrics/exporter.hpp"

#include "proxy/log.hpp"
#include "proxy/metrics/families.hpp"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <limits>
#include <sstream>

namespace pgweir {

void families::start(std::string_view name, std::string_view help, prometheus::MetricType type) {
    prometheus::MetricFamily family;
    family.name = "pgweir_";
    family.name += name;
    family.help = help;
    family.type = type;
    all_.push_back(std::move(family));
}

void families::counters(std::string_view name, std::string_view help) {
    start(name, help, prometheus::MetricType::Counter);
}
void families::gauges(std::string_view name, std::string_view help) {
    start(name, help, prometheus::MetricType::Gauge);
}
void families::histograms(std::string_view name, std::string_view help) {
    start(name, help, prometheus::MetricType::Histogram);
}

prometheus::ClientMetric& families::next(const metric_labels& labels) {
    auto& metric = all_.back().metric.emplace_back();
    for (const auto& [name, value] : labels) {
        // One label that is no UTF-8 (a user's name may be any bytes) would make the whole answer
        // unreadable.
        fmt::memory_buffer printable;
        log::append_escaped(printable, value);
        metric.label.push_back({std::string{name}, fmt::to_string(printable)});
    }
    return metric;
}

void families::add(double value, const metric_labels& labels) {
    auto& metric = next(labels);
    metric.counter.value = value;
    metric.gauge.value = value;
}

void families::add_if_any(double value, const metric_labels& labels) {
    if (value != 0) add(value, labels);
}

void families::add(const std::vector<const duration_histogram*>& parts,
                   const metric_labels& labels) {
    auto& histogram = next(labels).histogram;
    std::uint64_t count = 0;
    std::uint64_t sum = 0;
    for (const auto* part : parts)
        sum += part->sum_nanoseconds();
    for (std::size_t i = 0; i <= duration_histogram::bounds.size(); ++i) {
        for (const auto* part : parts)
            count += part->bucket(i);
        const bool last = i == duration_histogram::bounds.size();
        const double bound = last ? std::numeric_limits<double>::infinity()
                                  : static_cast<double>(duration_histogram::bounds[i]) / 1e6;
        histogram.bucket.push_back({count, bound});
    }
    histogram.sample_count = count;
    histogram.sample_sum = static_cast<double>(sum) / 1e9;
}

node_names name_nodes(const cluster_view* view) {
    node_names names;
    names.known = view == nullptr ? 0 : std::min(view->nodes.size(), max_counted_nodes);
    for (std::size_t id = 0; id < max_counted_nodes; ++id) {
        const bool is_known = id < names.known && !view->nodes[id].is_vacant;
        names.labels.push_back(is_known ? view->nodes[id].name : "node " + std::to_string(id));
    }
    if (view != nullptr && view->nodes.size() > max_counted_nodes) names.labels.back() = "others";
    return names;
}

std::vector<prometheus::MetricFamily> exporter::Collect() const {
    const auto view = source_.view();
    const auto workers = source_.workers();
    const auto nodes = name_nodes(view.get());
    families all;
    add_client_families(all, workers);
    add_server_families(all, workers, nodes);
    add_cluster_families(all, view.get());
    add_pool_families(all, source_.pools(), nodes);
    add_control_families(all, source_.control(), source_.process());
    return all.take();
}

std::string exporter::text() const {
    std::ostringstream out;
    prometheus::TextSerializer{}.Serialize(out, Collect());
    return out.str();
}

} // namespace pgweir
