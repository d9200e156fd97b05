#include "proxy/net/listener.hpp"

#include "proxy/net/socket_options.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/socket_base.hpp>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stdexcept>

namespace pgweir {

namespace {

using asio::generic::stream_protocol;

/// inet_ntop takes printf for it, at every login.
std::string text_of(const asio::ip::address_v4& address) {
    std::string text;
    for (const auto byte : address.to_bytes()) {
        if (!text.empty()) text += '.';
        text += std::to_string(byte);
    }
    return text;
}

std::string describe(const stream_protocol::endpoint& from) {
    const auto* const address = from.data();
    if (address->sa_family == AF_UNIX) return "unix";
    asio::ip::tcp::endpoint tcp;
    if (from.size() > tcp.capacity()) return "?";
    std::memcpy(tcp.data(), address, from.size());
    tcp.resize(from.size());
    auto peer = tcp.address();
    // What a socket for both families says of an IPv4 client.
    if (peer.is_v6() && peer.to_v6().is_v4_mapped())
        peer = asio::ip::make_address_v4(asio::ip::v4_mapped, peer.to_v6());
    const auto port = std::to_string(tcp.port());
    if (peer.is_v6()) return "[" + peer.to_string() + "]:" + port;
    return text_of(peer.to_v4()) + ":" + port;
}

bool out_of_resources(const error_code& ec) {
    namespace errc = boost::system::errc;
    return ec == errc::too_many_files_open || ec == errc::too_many_files_open_in_system ||
           ec == errc::not_enough_memory || ec == errc::no_buffer_space;
}

} // namespace

listener::listener(io_executor executor, accepted sink, paused on_pause)
    : acceptor_{std::move(executor)}, sink_{std::move(sink)}, on_pause_{std::move(on_pause)} {}

std::uint16_t listener::listen_tcp(const std::string& address, std::uint16_t port, int backlog) {
    try {
        return bind_tcp(address, port, backlog);
    } catch (const boost::system::system_error& e) {
        throw std::runtime_error{"cannot listen on address " + address + " port " +
                                 std::to_string(port) + ": " + e.code().message()};
    }
}

std::uint16_t listener::bind_tcp(const std::string& address, std::uint16_t port, int backlog) {
    const bool any = address == "*";
    const asio::ip::tcp::endpoint at{any ? asio::ip::address{asio::ip::address_v6::any()}
                                         : asio::ip::make_address(address),
                                     port};
    acceptor_.open(stream_protocol{at.protocol()});
    acceptor_.set_option(asio::socket_base::reuse_address{true});
    const int on = 1;
    ::setsockopt(acceptor_.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (any) acceptor_.set_option(asio::ip::v6_only{false});
    acceptor_.bind(stream_protocol::endpoint{at});
    acceptor_.listen(backlog);
    const auto bound = acceptor_.local_endpoint();
    asio::ip::tcp::endpoint tcp;
    std::memcpy(tcp.data(), bound.data(), bound.size());
    return tcp.port();
}

void listener::listen_unix(const std::string& path, unsigned permissions, int backlog) {
    ::unlink(path.c_str());
    const asio::local::stream_protocol::endpoint at{path};
    acceptor_.open(stream_protocol{at.protocol()});
    acceptor_.bind(stream_protocol::endpoint{at});
    if (::chmod(path.c_str(), permissions) != 0) spdlog::warn("cannot set permissions of {}", path);
    acceptor_.listen(backlog);
    unix_path_ = path;
}

void listener::tune(const settings& values) {
    if (!stopped_) set_socket_options(acceptor_.native_handle(), values);
}

void listener::start() {
    spawn(acceptor_.get_executor(), "listener", accept_loop(shared_from_this()));
}

task<> listener::accept_loop(std::shared_ptr<listener> self) {
    co_await asio::this_coro::throw_if_cancelled(false);
    steady_timer pause{acceptor_.get_executor()};
    while (!self->stopped_) {
        stream_protocol::endpoint from;
        stream_socket socket{acceptor_.get_executor()};
        const auto [ec] = co_await acceptor_.async_accept(socket, from, nothrow);
        if (self->stopped_) co_return;
        if (ec && out_of_resources(ec)) {
            // Existing work goes on; new clients wait in the backlog.
            on_pause_();
            spdlog::error("accepting paused: {}", ec.message());
            pause.expires_after(std::chrono::milliseconds{200});
            co_await pause.async_wait(nothrow);
            continue;
        }
        if (ec) continue;
        const bool local = from.data()->sa_family == AF_UNIX;
        sink_(std::move(socket), describe(from), local);
    }
}

void listener::stop() {
    stopped_ = true;
    error_code ignored;
    acceptor_.close(ignored);
    if (!unix_path_.empty()) ::unlink(unix_path_.c_str());
}

} // namespace pgweir
