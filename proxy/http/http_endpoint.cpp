#include "proxy/http/http_endpoint.hpp"

#include "proxy/server.hpp"

#include <stdexcept>

namespace pgweir {

http_endpoint::http_endpoint(server& of)
    : server_{of}, http_{of.control().get_executor(), {}, &of.counters().http_requests} {
    http_.on_get("/metrics", [this] {
        return http_answer{200, exporter_.text(), std::string{exporter::content_type}};
    });
    http_.on_get("/livez", [this] {
        return server_.alive() ? http_answer{200, "ok\n"}
                               : http_answer{503, "a worker's loop does not turn\n"};
    });
    http_.on_get("/readyz", [this] {
        if (server_.ready()) return http_answer{200, "ok\n"};
        if (server_.shared().draining.load()) return http_answer{503, "draining\n"};
        const auto& why = server_.view()->no_primary_because;
        return http_answer{503, "no usable route" + (why.empty() ? "" : ": " + why) + "\n"};
    });
}

void http_endpoint::start() {
    const auto& settings = server_.live()->values;
    if (settings.http_address.empty()) return;
    const auto bound = http_.listen(settings.http_address, settings.http_port);
    if (bound) return;
    throw std::runtime_error{"cannot listen for http on port " +
                             std::to_string(settings.http_port) + ": " + bound.error().message()};
}

void http_endpoint::stop() {
    http_.stop();
}

std::vector<const worker_counters*> http_endpoint::workers() const {
    std::vector<const worker_counters*> all;
    for (const auto& worker : server_.workers())
        all.push_back(&worker->counters());
    return all;
}

const control_counters& http_endpoint::control() const {
    return server_.counters();
}

cluster_view_ptr http_endpoint::view() const {
    return server_.view();
}

std::vector<pool_gauges> http_endpoint::pools() const {
    std::vector<pool_gauges> all;
    for (auto& pool : server_.budget().states(connection_budget::clock::now())) {
        all.push_back({.node = pool.key.node,
                       .database = std::move(pool.key.database),
                       .user = std::move(pool.key.user),
                       .limit = pool.limit,
                       .open = pool.open,
                       .idle = pool.idle,
                       .waiting = pool.waiting,
                       .oldest_wait = pool.oldest_wait});
    }
    return all;
}

process_gauges http_endpoint::process() const {
    const auto uptime = std::chrono::steady_clock::now() - started_;
    return {.version = PGWEIR_VERSION,
            .uptime = std::chrono::duration_cast<std::chrono::seconds>(uptime),
            .draining = server_.shared().draining.load(),
            .max_client_connections = server_.live()->values.max_client_connections};
}

} // namespace pgweir
