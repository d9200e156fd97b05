#include "proxy/peer_watch.hpp"

#include "proxy/cluster/pg_link.hpp"

#include <boost/asio/ip/address.hpp>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace pgweir {

namespace {

/// Numeric, in the form in which the resolver's answers are written.
std::string text_of(const sockaddr* address) {
    if (address->sa_family == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, address, sizeof in);
        return asio::ip::address_v4{ntohl(in.sin_addr.s_addr)}.to_string();
    }
    sockaddr_in6 in{};
    std::memcpy(&in, address, sizeof in);
    asio::ip::address_v6::bytes_type bytes;
    std::memcpy(bytes.data(), &in.sin6_addr, bytes.size());
    return asio::ip::address_v6{bytes}.to_string();
}

std::vector<std::string> own_addresses() {
    std::vector<std::string> addresses;
    ifaddrs* all = nullptr;
    if (::getifaddrs(&all) != 0) return addresses;
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner{all, &::freeifaddrs};
    for (const auto* one = all; one != nullptr; one = one->ifa_next) {
        if (one->ifa_addr == nullptr) continue;
        const auto family = one->ifa_addr->sa_family;
        if (family == AF_INET || family == AF_INET6) addresses.push_back(text_of(one->ifa_addr));
    }
    return addresses;
}

} // namespace

peer_watch::peer_watch(asio::io_context& control, publish_function publish)
    : executor_{control.get_executor()}, publish_{std::move(publish)}, timer_{executor_} {}

void peer_watch::start(const settings& values, std::uint16_t own_port) {
    own_port_ = own_port;
    reload(values);
    spawn(executor_, "peers", run(shared_from_this()));
}

void peer_watch::reload(const settings& values) {
    entries_ = values.peers;
    interval_ = values.discovery_interval;
    patience_ = values.connect_timeout;
    timer_.cancel();
}

task<> peer_watch::run(std::shared_ptr<peer_watch> self) {
    co_await asio::this_coro::throw_if_cancelled(false);
    for (;;) {
        co_await self->look();
        self->judge();
        self->timer_.expires_after(self->interval_);
        co_await self->timer_.async_wait(nothrow);
    }
}

task<> peer_watch::look() {
    const auto entries = entries_;
    std::vector<std::string> names;
    for (const auto& entry : entries)
        names.push_back(entry.host);
    addresses_.keep(names);
    for (const auto& name : names) {
        const auto deadline = std::chrono::steady_clock::now() + patience_;
        auto answer = co_await resolve(executor_, name, deadline);
        addresses_.take(name, std::move(answer));
    }
}

void peer_watch::judge() {
    std::vector<instance_address> found;
    for (const auto& entry : entries_)
        for (const auto& address : addresses_.addresses(entry.host))
            found.push_back({address, entry.port});
    auto now = judge_peers(std::move(found), own_addresses(), own_port_);
    if (now == published_) return;
    spdlog::info("peers number={} others={}", now.own, now.others.size());
    published_ = now;
    publish_(std::move(now));
}

} // namespace pgweir
