// /metrics, /livez and /readyz over HTTP/1.1, for Prometheus and probes. Lives on one io_context
// (the control thread's); every function is called on its thread. No answer uses a server
// connection of a pool.
#pragma once

#include "proxy/asio.hpp"
#include "proxy/metrics/counters.hpp"

#include <boost/system/result.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace pgweir {

struct http_answer {
    unsigned status = 200;
    std::string body;
    std::string content_type = "text/plain; charset=utf-8";
};

struct http_limits {
    std::chrono::milliseconds request_timeout{
        10'000}; // from its first byte, or from connecting, to its end
    std::chrono::milliseconds idle_timeout{60'000}; // between requests
    std::uint32_t header_size = 8192;               // bytes
    std::uint32_t connections = 64;                 // more are closed at once
};

class http_server {
public:
    using handler = std::function<http_answer()>;

    /// `requests` counts every request that was read; it may be null.
    http_server(io_executor executor, http_limits limits = {}, counter* requests = nullptr);
    ~http_server();
    http_server(const http_server&) = delete;
    http_server& operator=(const http_server&) = delete;

    /// What GET on `path` answers. Before listen(). What a handler throws becomes a 500.
    void on_get(std::string path, handler answer);

    /// Binds each address ("*": all of both IP versions; a name: all that it stands for) and
    /// serves. Port 0: any free port, the same for all. Returns the port. Errors: of the resolver,
    /// of bind. Nothing is left open then.
    [[nodiscard]] boost::system::result<std::uint16_t>
    listen(const std::vector<std::string>& addresses, std::uint16_t port);
    /// Closes the listeners and all connections. Their coroutines end on the next turns of the
    /// io_context.
    void stop();

private:
    struct state;
    std::shared_ptr<state> state_;
};

} // namespace pgweir
