#include "proxy/cluster/monitor_impl.hpp"

#include "proxy/cluster/view_changes.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace pgweir {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds recheck_pause{5};  // a listener that is being replaced is back by then
constexpr milliseconds hint_distance{50}; // any client can cause hints
constexpr milliseconds standby_limit{50}; // a slow primary does not hold up the looks at standbys
constexpr milliseconds second_standby_look{4};

} // namespace

monitor::impl::impl(asio::io_context& control,
                    monitor_settings settings,
                    monitor_signals& signals,
                    publish_function publish,
                    connections_function connections)
    : executor_{control.get_executor()}, settings_{std::move(settings)}, signals_{signals},
      publish_{std::move(publish)}, connections_{std::move(connections)},
      topology_{settings_.topology}, discovery_timer_{executor_}, round_timer_{executor_},
      standby_timer_{executor_}, view_{std::make_shared<const cluster_view>()} {}

bool monitor::impl::raise_hint(std::uint16_t id) {
    return id < hinted_.size() && !hinted_[id].exchange(true);
}

void monitor::impl::start() {
    if (std::exchange(started_, true)) return;
    begin_discovery();
    publish();
    ++running_;
    spawn(executor_, "monitor", schedule(shared_from_this()));
    spawn(executor_, "discovery", discover(shared_from_this()));
}

void monitor::impl::stop(std::function<void()> done) {
    done_ = std::move(done);
    stopping_ = true;
    round_timer_.cancel();
    standby_timer_.cancel();
    discovery_timer_.cancel();
    for (const auto& node : nodes_) {
        if (!node) continue;
        node->probe.interrupt();
        node->pause.cancel();
        node->hint_timer.cancel();
        node->wake.wake();
    }
    if (running_ == 0 && done_) std::exchange(done_, nullptr)();
}

void monitor::impl::on_end() {
    if (--running_ == 0 && done_) std::exchange(done_, nullptr)();
}

// ---- when to look
// ---------------------------------------------------------------------------------

milliseconds monitor::impl::pace() {
    if (signals_.waiting_for_look.load() > 0) return settings_.waiting_interval;
    // Without a primary clients may wait, whether or not a unit ran.
    return active_ || !view_->primary ? settings_.interval : settings_.idle_interval;
}

task<> monitor::impl::schedule(std::shared_ptr<impl> self) {
    co_await asio::this_coro::throw_if_cancelled(false);
    while (!stopping_) {
        begin_round();
        // A session that begins to wait cancels the timer: the pace is asked again.
        while (!stopping_ && clock::now() < round_begun_ + pace()) {
            round_timer_.expires_at(round_begun_ + pace());
            co_await round_timer_.async_wait(nothrow);
        }
    }
    self->on_end();
}

// The primary first, the standbys right after its answer: their replay positions may then already
// have passed the flush position that it gave.
void monitor::impl::begin_round() {
    round_begun_ = clock::now();
    active_ = signals_.take_active();
    bool a_primary_is_asked = false;
    forget_nodes();
    for (std::uint16_t id = 0; id < nodes_.size(); ++id) {
        const auto& evidence = topology_.evidence(id);
        if (evidence.last_role == node_role::standby || !nodes_[id]) continue;
        nodes_[id]->wake.wake();
        if (view_->primary == id) a_primary_is_asked = true;
    }
    if (a_primary_is_asked)
        wake_standbys_after(standby_limit);
    else
        wake_standbys();
}

void monitor::impl::wake_standbys() {
    for (std::uint16_t id = 0; id < nodes_.size(); ++id)
        if (nodes_[id] && topology_.evidence(id).last_role == node_role::standby)
            nodes_[id]->wake.wake();
}

void monitor::impl::wake_standbys_after(milliseconds delay) {
    standby_timer_.expires_after(delay);
    standby_timer_.async_wait([self = shared_from_this()](const error_code& ec) {
        if (!ec && !self->stopping_) self->wake_standbys();
    });
}

void monitor::impl::on_hint(std::uint16_t id) {
    hinted_[id].store(false);
    if (id >= nodes_.size() || !nodes_[id] || stopping_) return;
    const auto node = nodes_[id];
    if (std::exchange(node->hint_is_due, true)) return;
    node->hint_timer.expires_at(node->begun + hint_distance);
    node->hint_timer.async_wait([self = shared_from_this(), node](const error_code& ec) {
        node->hint_is_due = false;
        if (ec || self->stopping_) return;
        node->wake.wake();
    });
}

// ---- looking
// --------------------------------------------------------------------------------------

task<> monitor::impl::watch(std::shared_ptr<impl> self, watched_ptr which, std::uint16_t id) {
    co_await asio::this_coro::throw_if_cancelled(false);
    auto& node = *which;
    const auto ends = [&] { return stopping_ || node.is_gone; };
    while (!ends()) {
        co_await node.wake.wait();
        if (ends()) break;
        if (!node.is_configured) node.probe.disconnect();
        if (!node.is_configured || clock::now() < node.not_before) continue;
        co_await check(which, id);
        if (!ends() && topology_.wants_recheck(id)) {
            node.pause.expires_after(recheck_pause);
            co_await node.pause.async_wait(nothrow);
            if (!ends()) co_await check(which, id);
        }
        if (!ends() && topology_.wants_history(id)) co_await read_history(which, id);
    }
    node.probe.disconnect();
    self->on_end();
}

task<> monitor::impl::check(watched_ptr which, std::uint16_t id) {
    auto& node = *which;
    if (std::exchange(node.reconnect, false)) node.probe.disconnect();
    node.begun = clock::now();
    static_cast<void>(signals_.take_bytes(id)); // only bytes from now on speak for the node
    auto outcome = co_await node.probe.check();
    // What was asked of a server at its former address is no news of the present one.
    if (!stopping_ && !node.is_gone && !node.reconnect) take(node, id, std::move(outcome));
}

task<> monitor::impl::read_history(watched_ptr which, std::uint16_t id) {
    const auto timeline = topology_.wants_history(id);
    auto history = co_await which->probe.read_history(*timeline);
    if (!history || stopping_ || which->is_gone || which->reconnect) co_return;
    if (!history->readable)
        spdlog::warn("the history of timeline {} cannot be read from node {} (the monitor's role "
                     "needs REPLICATION): standbys are read from once they follow it",
                     timeline->value, view_->nodes[id].name);
    topology_.on_history(id, std::move(*history));
    publish();
}

void monitor::impl::take(watched_node& node, std::uint16_t id, check_outcome outcome) {
    const auto now = clock::now();
    const bool was_primary = view_->primary == id;
    if (!node.probe.address().empty()) topology_.set_address(id, node.probe.address());
    if (outcome.parameters) topology_.on_parameters(id, std::move(*outcome.parameters));
    if (outcome.details) topology_.on_details(id, std::move(*outcome.details));
    if (outcome.answer) {
        node.not_before = {};
        topology_.on_answer(id, std::move(*outcome.answer), now);
    } else if (outcome.failure) {
        signals_.looks_failed.fetch_add(1, std::memory_order_relaxed);
        const bool refused_us = outcome.failure->kind == failure_kind::wrong_password;
        const auto pause = refused_us ? settings_.wrong_password_pause : settings_.interval;
        node.not_before = now + pause;
        topology_.on_failure(id, std::move(*outcome.failure), signals_.take_bytes(id), now);
    }
    publish();
    if (!was_primary && view_->primary != id) return;
    wake_standbys();
    if (signals_.waiting_for_look.load() > 0)
        wake_standbys_after(second_standby_look);
    else
        standby_timer_.cancel();
}

void monitor::impl::publish() {
    auto next = std::make_shared<const cluster_view>(
        topology_.judge(clock::now(), std::chrono::system_clock::now()));
    for (const auto& event : describe_changes(*view_, *next))
        spdlog::log(event.is_warning ? spdlog::level::warn : spdlog::level::info, "{}", event.text);
    view_ = next;
    publish_(std::move(next));
}

// ---- orders
// ---------------------------------------------------------------------------------------

void monitor::impl::on_order(std::uint16_t id, node_order order) {
    if (id >= nodes_.size() || !nodes_[id] || !nodes_[id]->is_configured || stopping_) return;
    topology_.on_order(id, order);
    nodes_[id]->not_before = {};
    nodes_[id]->wake.wake();
    publish();
}

void monitor::impl::on_reload(monitor_settings settings) {
    if (stopping_) return;
    const bool other_login = settings.user != settings_.user ||
                             settings.password != settings_.password ||
                             settings.database != settings_.database ||
                             settings.connection_options != settings_.connection_options;
    settings_ = std::move(settings);
    topology_.set_settings(settings_.topology);
    for (const auto& node : nodes_) {
        if (!node) continue;
        node->reconnect = node->reconnect || other_login;
        node->not_before = {};
    }
    begin_discovery();
    publish();
    round_timer_.cancel();
}

} // namespace pgweir
