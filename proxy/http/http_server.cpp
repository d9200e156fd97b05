#include "proxy/http/http_server.hpp"

#include "proxy/http/http_exchange.hpp"
#include "proxy/log.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/socket_base.hpp>
#include <spdlog/spdlog.h>

#include <map>
#include <set>

namespace pgweir {

namespace {

using tcp = asio::ip::tcp;
using tcp_acceptor = asio::basic_socket_acceptor<tcp, io_executor>;

/// Where to listen for one configured address.
boost::system::result<std::vector<tcp::endpoint>>
endpoints_of(const std::string& address, std::uint16_t port, const io_executor& executor) {
    std::vector<tcp::endpoint> found;
    if (address == "*") {
        found.emplace_back(tcp::v6(), port);
        found.emplace_back(tcp::v4(), port);
        return found;
    }
    asio::ip::basic_resolver<tcp, io_executor> resolver{executor};
    error_code ec;
    const auto results =
        resolver.resolve(address, std::to_string(port), tcp::resolver::passive, ec);
    if (ec) return ec;
    for (const auto& one : results)
        found.push_back(one.endpoint());
    return found;
}

boost::system::result<tcp_acceptor> open_listener(const tcp::endpoint& endpoint,
                                                  const io_executor& executor) {
    tcp_acceptor listener{executor};
    error_code ec;
    listener.open(endpoint.protocol(), ec);
    if (ec) return ec;
    listener.set_option(asio::socket_base::reuse_address{true}, ec);
    // IPv4 has a listener of its own, where the host has IPv6 at all.
    if (endpoint.protocol() == tcp::v6()) listener.set_option(asio::ip::v6_only{true}, ec);
    listener.bind(endpoint, ec);
    if (ec) return ec;
    listener.listen(asio::socket_base::max_listen_connections, ec);
    if (ec) return ec;
    return listener;
}

bool is_no_such_family(const error_code& ec) {
    return ec == asio::error::address_family_not_supported ||
           ec == boost::system::errc::address_not_available;
}

/// Out of file descriptors or memory: trying again at once would spin.
bool is_shortage(const error_code& ec) {
    namespace errc = boost::system::errc;
    return ec == errc::too_many_files_open || ec == errc::too_many_files_open_in_system ||
           ec == errc::no_buffer_space || ec == errc::not_enough_memory;
}

} // namespace

struct http_server::state {
    state(io_executor on, http_limits within, counter* count)
        : executor{std::move(on)}, limits{within}, requests{count} {}

    io_executor executor;
    http_limits limits;
    counter* requests;
    std::map<std::string, handler, std::less<>> handlers;
    std::vector<std::shared_ptr<tcp_acceptor>> listeners;
    std::set<std::shared_ptr<http_stream>> connections;
    bool stopped = false;

    static task<> accept_loop(std::shared_ptr<state> self, std::shared_ptr<tcp_acceptor> listener);
    static task<> serve(std::shared_ptr<state> self, std::shared_ptr<http_stream> stream);
    [[nodiscard]] http_answer answer(std::string_view target);
};

http_answer http_server::state::answer(std::string_view target) {
    const auto found = handlers.find(target.substr(0, target.find('?')));
    if (found == handlers.end()) {
        std::string known = "not found; there are:";
        for (const auto& [path, ignored] : handlers)
            known += " " + path;
        return {404, known + "\n"};
    }
    try {
        return found->second();
    } catch (const std::exception& failure) {
        spdlog::error("http handler failed path={}: {}", found->first, failure.what());
        return {500, "internal error\n"};
    }
}

task<> http_server::state::serve(std::shared_ptr<state> self, std::shared_ptr<http_stream> stream) {
    co_await asio::this_coro::throw_if_cancelled(false);
    http_exchange exchange{self->limits.header_size};
    auto timeout = self->limits.request_timeout;
    while (!self->stopped) {
        stream->expires_after(timeout);
        auto& parser = exchange.next_request();
        const auto [read_error, read] =
            co_await boost::beast::http::async_read(*stream, exchange.buffer(), parser, nothrow);
        if (self->requests != nullptr && !read_error) self->requests->add();
        if (read_error && !exchange.may_answer(read_error)) break;
        if (read_error)
            exchange.refuse(read_error);
        else if (exchange.is_get())
            exchange.reply(self->answer(exchange.target()));
        else
            exchange.refuse_method();
        stream->expires_after(self->limits.request_timeout);
        const auto [write_error, written] =
            co_await boost::beast::http::async_write(*stream, exchange.response(), nothrow);
        if (write_error || !exchange.keep_alive()) break;
        timeout = self->limits.idle_timeout;
    }
    error_code ignored;
    stream->socket().shutdown(tcp::socket::shutdown_both, ignored);
    stream->close();
    self->connections.erase(stream);
}

task<> http_server::state::accept_loop(std::shared_ptr<state> self,
                                       std::shared_ptr<tcp_acceptor> listener) {
    co_await asio::this_coro::throw_if_cancelled(false);
    steady_timer pause{self->executor};
    while (!self->stopped) {
        asio::basic_stream_socket<tcp, io_executor> socket{self->executor};
        const auto [ec] = co_await listener->async_accept(socket, nothrow);
        if (self->stopped) break;
        if (ec && is_shortage(ec)) {
            spdlog::warn("http accept paused: {}", ec.message());
            pause.expires_after(std::chrono::seconds{1});
            const auto [waited] = co_await pause.async_wait(nothrow);
            static_cast<void>(waited);
        }
        if (ec || self->connections.size() >= self->limits.connections) continue;
        auto stream = std::make_shared<http_stream>(std::move(socket));
        self->connections.insert(stream);
        spawn(self->executor, "http connection", serve(self, std::move(stream)));
    }
}

http_server::http_server(io_executor executor, http_limits limits, counter* requests)
    : state_{std::make_shared<state>(std::move(executor), limits, requests)} {}

http_server::~http_server() {
    stop();
}

void http_server::on_get(std::string path, handler answer) {
    state_->handlers.insert_or_assign(std::move(path), std::move(answer));
}

boost::system::result<std::uint16_t> http_server::listen(const std::vector<std::string>& addresses,
                                                         std::uint16_t port) {
    std::vector<std::shared_ptr<tcp_acceptor>> opened;
    for (const auto& address : addresses) {
        const auto endpoints = endpoints_of(address, port, state_->executor);
        if (!endpoints) return endpoints.error();
        error_code refused;
        const auto before = opened.size();
        for (auto endpoint : *endpoints) {
            endpoint.port(port);
            auto listener = open_listener(endpoint, state_->executor);
            if (!listener) {
                refused = listener.error();
                if (is_no_such_family(refused)) continue; // a host without IPv6
                return refused;
            }
            port = listener->local_endpoint().port();
            opened.push_back(std::make_shared<tcp_acceptor>(std::move(*listener)));
        }
        if (opened.size() == before) return refused;
        spdlog::info("http listening address={} port={}", address, port);
    }
    for (auto& listener : opened) {
        spawn(state_->executor, "http listener", state::accept_loop(state_, listener));
        state_->listeners.push_back(std::move(listener));
    }
    return port;
}

void http_server::stop() {
    state_->stopped = true;
    error_code ignored;
    for (const auto& listener : state_->listeners)
        listener->close(ignored);
    for (const auto& stream : state_->connections)
        stream->close();
}

} // namespace pgweir
