#include "proxy/cluster/monitor.hpp"

#include "proxy/cluster/monitor_impl.hpp"

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>

#include <utility>

namespace pgweir {

monitor::monitor(asio::io_context& control,
                 monitor_settings settings,
                 monitor_signals& signals,
                 publish_function publish,
                 connections_function connections)
    : impl_{std::make_shared<impl>(
          control, std::move(settings), signals, std::move(publish), std::move(connections))} {}

monitor::~monitor() = default;

void monitor::start() {
    asio::post(impl_->executor(), [impl = impl_] { impl->start(); });
}

void monitor::stop(std::function<void()> done) {
    asio::post(impl_->executor(),
               [impl = impl_, done = std::move(done)]() mutable { impl->stop(std::move(done)); });
}

void monitor::hint(std::uint16_t node) {
    if (!impl_->raise_hint(node)) return;
    asio::post(impl_->executor(), [impl = impl_, node] { impl->on_hint(node); });
}

void monitor::begin_waiting() {
    // The first one may have to end a long rest; the others find the monitor at its quick pace.
    if (impl_->signals().waiting_for_look.fetch_add(1) != 0) return;
    asio::post(impl_->executor(), [impl = impl_] { impl->on_waiting(); });
}

void monitor::end_waiting() {
    impl_->signals().waiting_for_look.fetch_sub(1);
}

void monitor::order(std::uint16_t node, node_order order) {
    asio::post(impl_->executor(), [impl = impl_, node, order] { impl->on_order(node, order); });
}

void monitor::reload(monitor_settings settings) {
    asio::post(impl_->executor(), [impl = impl_, settings = std::move(settings)]() mutable {
        impl->on_reload(std::move(settings));
    });
}

} // namespace pgweir
