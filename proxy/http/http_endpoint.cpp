#include "proxy/http/http_endpoint.hpp"

#include "proxy/server.hpp"

#include <spdlog/spdlog.h>

namespace pgweir {

http_endpoint::http_endpoint(server& of)
    : server_{of}, http_{of.control().get_executor(), {}, &of.counters().http_requests} {
    http_.on_get("/metrics", [this] {
        return http_answer{200, exporter_.text(), std::string{exporter::content_type}};
    });
    http_.on_get("/livez", [this] {
        return server_.alive() ? http_answer{200, "alive\n"}
                               : http_answer{503, "a worker does not turn\n"};
    });
    http_.on_get("/readyz", [this] {
        return server_.ready() ? http_answer{200, "ready\n"} : http_answer{503, "not ready\n"};
    });
}

void http_endpoint::start() {
    const auto& s = server_.live()->values;
    const auto port = http_.listen(s.http_address, s.http_port);
    if (!port)
        throw std::runtime_error{"cannot listen for HTTP on port " + std::to_string(s.http_port) +
                                 ": " + port.error().message()};
}

void http_endpoint::stop() {
    http_.stop();
}

std::vector<const worker_counters*> http_endpoint::workers() const {
    std::vector<const worker_counters*> all;
    for (const auto& w : server_.workers())
        all.push_back(&w->counters());
    return all;
}

const control_counters& http_endpoint::control() const {
    server_.count_looks();
    return server_.counters();
}

cluster_view_ptr http_endpoint::view() const {
    return server_.view();
}

std::vector<pool_gauges> http_endpoint::pools() const {
    std::vector<pool_gauges> all;
    for (auto& f : server_.budget().figures(std::chrono::steady_clock::now())) {
        pool_gauges g;
        g.node = f.key.node;
        g.database = std::move(f.key.database);
        g.user = std::move(f.key.user);
        g.limit = f.limit;
        g.open = f.open;
        g.idle = f.idle;
        g.waiting = f.waiting;
        g.oldest_wait = f.oldest_wait;
        g.pinned = f.pinned;
        g.waiting_to_pin = f.waiting_to_pin;
        all.push_back(std::move(g));
    }
    return all;
}

process_gauges http_endpoint::process() const {
    process_gauges p;
    p.internal_errors = internal_errors();
    p.version = PGWEIR_VERSION;
    p.uptime = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() -
                                                                started_);
    p.draining = server_.shared().draining.load();
    p.max_client_connections = server_.live()->values.max_client_connections;
    const auto& live = *server_.live();
    if (live.client_side_tls) p.client_certificate_expiry = live.client_side_tls->first_expiry;
    if (live.server_side_tls) p.server_certificate_expiry = live.server_side_tls->first_expiry;
    return p;
}

} // namespace pgweir
