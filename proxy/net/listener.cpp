#include "proxy/net/listener.hpp"

#include "proxy/net/socket_options.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/socket_base.hpp>
#include <netinet/in.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <stdexcept>

namespace pgweir {

namespace {

using asio::generic::stream_protocol;

// Connections taken before others have their turn.
constexpr unsigned accepted_at_once = 16;

/// "127.0.0.1:5432". inet_ntop takes printf for it, at every login.
std::string describe_v4(const unsigned char* bytes, std::uint16_t port) {
    std::array<char, sizeof "255.255.255.255:65535"> text{};
    auto* at = text.data();
    auto* const end = text.data() + text.size();
    for (unsigned i = 0; i < 4; ++i) {
        at = std::to_chars(at, end, unsigned{bytes[i]}).ptr;
        *at++ = i == 3 ? ':' : '.';
    }
    return {text.data(), std::to_chars(at, end, port).ptr};
}

std::string describe(const sockaddr_storage& from) {
    if (from.ss_family == AF_UNIX) return "unix";
    if (from.ss_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &from, sizeof v4);
        return describe_v4(reinterpret_cast<const unsigned char*>(&v4.sin_addr),
                           ntohs(v4.sin_port));
    }
    sockaddr_in6 v6{};
    std::memcpy(&v6, &from, sizeof v6);
    // What a socket for both families says of an IPv4 client.
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
        return describe_v4(v6.sin6_addr.s6_addr + 12, ntohs(v6.sin6_port));
    asio::ip::address_v6::bytes_type bytes;
    std::ranges::copy(v6.sin6_addr.s6_addr, bytes.begin());
    return "[" + asio::ip::address_v6{bytes, v6.sin6_scope_id}.to_string() +
           "]:" + std::to_string(ntohs(v6.sin6_port));
}

bool out_of_resources(int error) {
    return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS;
}

} // namespace

listener::listener(io_executor executor, accepted sink, paused on_pause)
    : socket_{executor}, pause_{executor}, sink_{std::move(sink)}, on_pause_{std::move(on_pause)} {}

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
    socket_.open(stream_protocol{at.protocol()});
    socket_.set_option(asio::socket_base::reuse_address{true});
    const int on = 1;
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (any) socket_.set_option(asio::ip::v6_only{false});
    socket_.bind(stream_protocol::endpoint{at});
    listen(backlog);
    const auto bound = socket_.local_endpoint();
    asio::ip::tcp::endpoint tcp;
    std::memcpy(tcp.data(), bound.data(), bound.size());
    return tcp.port();
}

void listener::listen_unix(const std::string& path, unsigned permissions, int backlog) {
    ::unlink(path.c_str());
    const asio::local::stream_protocol::endpoint at{path};
    socket_.open(stream_protocol{at.protocol()});
    socket_.bind(stream_protocol::endpoint{at});
    if (::chmod(path.c_str(), permissions) != 0) spdlog::warn("cannot set permissions of {}", path);
    listen(backlog);
    unix_path_ = path;
}

void listener::listen(int backlog) {
    socket_.non_blocking(true);
    if (::listen(socket_.native_handle(), backlog) != 0)
        throw boost::system::system_error{error_code{errno, boost::system::system_category()}};
}

void listener::tune(const settings& values) {
    if (!stopped_) set_socket_options(socket_.native_handle(), values);
}

void listener::start() {
    accept_some();
}

void listener::on_readable(const error_code&) {
    accept_some();
}

/// All there are, but others have their turn in between: a login that waits for nothing is done
/// within accept_one.
void listener::accept_some() {
    for (unsigned n = 0; !stopped_ && n < accepted_at_once; ++n) {
        const auto error = accept_one();
        if (error == EAGAIN || error == EWOULDBLOCK)
            return wait_.start(socket_, shared_from_this(), read_wait::arming::edge);
        if (out_of_resources(error)) return pause(error);
    }
    if (!stopped_)
        asio::post(socket_.get_executor(), [self = shared_from_this()] { self->accept_some(); });
}

int listener::accept_one() {
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    const auto fd = ::accept4(socket_.native_handle(), reinterpret_cast<sockaddr*>(&from), &size,
                              SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return errno;
    stream_socket socket{socket_.get_executor()};
    error_code ec;
    socket.assign(stream_protocol{from.ss_family, 0}, fd, ec);
    if (ec) {
        ::close(fd);
        return ec.value();
    }
    socket_internals::tell_unblocking_and_sole(socket);
    try {
        sink_(std::move(socket), describe(from), from.ss_family == AF_UNIX);
    } catch (...) {
        report_escaped("listener", std::current_exception());
    }
    return 0;
}

/// Existing work goes on; new clients wait in the backlog.
void listener::pause(int error) {
    on_pause_();
    spdlog::error("accepting paused: {}",
                  error_code{error, boost::system::system_category()}.message());
    pause_.expires_after(std::chrono::milliseconds{200});
    pause_.async_wait([self = shared_from_this()](const error_code&) { self->accept_some(); });
}

void listener::stop() {
    stopped_ = true;
    error_code ignored;
    pause_.cancel();
    socket_.close(ignored);
    if (!unix_path_.empty()) ::unlink(unix_path_.c_str());
}

} // namespace pgweir
