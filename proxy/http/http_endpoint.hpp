// What the process shows over HTTP: /metrics, /livez (every worker's loop turns), /readyz (a client
// would be served). On the control thread.
#pragma once

#include "proxy/http/http_server.hpp"
#include "proxy/metrics/exporter.hpp"

#include <chrono>

namespace pgweir {

class server;

class http_endpoint final : private metrics_source {
public:
    /// `of` outlives it.
    explicit http_endpoint(server& of);

    /// Listens as the settings say. Throws std::runtime_error if that cannot be.
    void start();
    void stop();

private:
    [[nodiscard]] std::vector<const worker_counters*> workers() const override;
    [[nodiscard]] const control_counters& control() const override;
    [[nodiscard]] cluster_view_ptr view() const override;
    [[nodiscard]] std::vector<pool_gauges> pools() const override;
    [[nodiscard]] process_gauges process() const override;

    server& server_;
    exporter exporter_{*this};
    http_server http_;
    std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

} // namespace pgweir
