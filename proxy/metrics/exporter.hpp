// /metrics: everything the workers, the monitor and the pools count, as Prometheus families, summed
// when asked for. Runs on the control thread. Every metric is declared once, in exporter_*.cpp,
// with its help.
#pragma once

#include "proxy/cluster/cluster_view.hpp"
#include "proxy/metrics/counters.hpp"

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir {

/// One pool at the moment of the scrape, all workers together.
struct pool_gauges {
    std::uint16_t node = 0;
    std::string database;
    std::string user;
    std::uint32_t limit = 0;   // pool_size
    std::uint32_t open = 0;    // server connections
    std::uint32_t idle = 0;    // of these
    std::uint32_t waiting = 0; // clients in the queue
    std::chrono::nanoseconds oldest_wait{0};
    std::uint32_t pinned = 0;         // server connections that sessions keep for themselves
    std::uint32_t waiting_to_pin = 0; // clients that wait until they may keep one
};

/// What belongs to no worker.
struct process_gauges {
    std::string version;
    std::chrono::seconds uptime{0};
    bool draining = false;
    std::uint32_t max_client_connections = 0;
    /// The first end of a certificate of ours, in seconds since 1970; 0: there is none.
    std::int64_t client_certificate_expiry = 0;
    std::int64_t server_certificate_expiry = 0;
    std::uint64_t internal_errors = 0; // broken invariants: each is a bug
};

/// Where the exporter looks; the server implements it. Called on the control thread; what it
/// returns must be safe to read there while workers go on (counters are, pools must be copied).
class metrics_source {
public:
    metrics_source() = default;
    metrics_source(const metrics_source&) = delete;
    metrics_source& operator=(const metrics_source&) = delete;
    virtual ~metrics_source() = default;

    /// Valid until the exporter returns.
    [[nodiscard]] virtual std::vector<const worker_counters*> workers() const = 0;
    [[nodiscard]] virtual const control_counters& control() const = 0;
    /// May be null.
    [[nodiscard]] virtual cluster_view_ptr view() const = 0;
    [[nodiscard]] virtual std::vector<pool_gauges> pools() const = 0;
    [[nodiscard]] virtual process_gauges process() const = 0;
};

class exporter final : public prometheus::Collectable {
public:
    explicit exporter(const metrics_source& source) : source_{source} {}

    [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override;
    /// The body of /metrics. Its type is `content_type`.
    [[nodiscard]] std::string text() const;
    static constexpr std::string_view content_type = "text/plain; version=0.0.4; charset=utf-8";

private:
    const metrics_source& source_;
};

} // namespace pgweir
