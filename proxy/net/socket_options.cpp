#include "proxy/net/socket_options.hpp"

#include "proxy/config/settings.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <chrono>

namespace pgweir {

void set_socket_options(int socket, const settings& values) {
    int family = 0;
    socklen_t size = sizeof family;
    if (::getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &family, &size) != 0 || family == AF_UNIX)
        return;
    const auto set = [socket](int level, int name, int value) {
        ::setsockopt(socket, level, name, &value, sizeof value);
    };
    const auto seconds = [](std::chrono::milliseconds t) {
        return static_cast<int>(std::chrono::ceil<std::chrono::seconds>(t).count());
    };
    set(IPPROTO_TCP, TCP_NODELAY, 1);
    set(SOL_SOCKET, SO_KEEPALIVE, values.tcp_keepalive ? 1 : 0);
    if (!values.tcp_keepalive) return;
    if (values.tcp_keepalive_idle.count() != 0)
        set(IPPROTO_TCP, TCP_KEEPIDLE, seconds(values.tcp_keepalive_idle));
    if (values.tcp_keepalive_interval.count() != 0)
        set(IPPROTO_TCP, TCP_KEEPINTVL, seconds(values.tcp_keepalive_interval));
    if (values.tcp_keepalive_count != 0)
        set(IPPROTO_TCP, TCP_KEEPCNT, static_cast<int>(values.tcp_keepalive_count));
}

} // namespace pgweir
