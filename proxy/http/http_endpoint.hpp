// /metrics, /livez and /readyz of this process: the server's figures behind the HTTP server.
// Control thread.
#pragma once

#include "proxy/http/http_server.hpp"
#include "proxy/metrics/exporter.hpp"

namespace pgweir {

class server;

class http_endpoint final : public metrics_source {
public:
    explicit http_endpoint(server& of);

    /// Binds and serves. Throws std::runtime_error naming the address.
    void start();
    void stop();

    [[nodiscard]] std::vector<const worker_counters*> workers() const override;
    [[nodiscard]] const control_counters& control() const override;
    [[nodiscard]] cluster_view_ptr view() const override;
    [[nodiscard]] std::vector<pool_gauges> pools() const override;
    [[nodiscard]] process_gauges process() const override;

private:
    server& server_;
    exporter exporter_{*this};
    http_server http_;
    std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

} // namespace pgweir
