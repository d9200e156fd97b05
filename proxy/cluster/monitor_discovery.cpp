// The monitor's part that finds out which nodes there are: it asks the resolver, at an interval,
// and lets nodes come and go.
#include "proxy/cluster/monitor_impl.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace pgweir {
namespace {

// By then every worker has the view in which the node leaves.
constexpr std::chrono::seconds least_farewell{1};

} // namespace

/// Where names tell which servers there are, nothing changes before all of them have been asked:
/// of half a cluster the wrong one may look like the primary.
void monitor::impl::begin_discovery() {
    const bool must_ask = std::ranges::any_of(settings_.nodes, &monitored_node::is_discovered);
    ++names_changed_;
    discovered_ = !must_ask;
    if (discovered_) reconcile();
    discovery_timer_.cancel();
}

task<> monitor::impl::discover(std::shared_ptr<impl> self) {
    co_await asio::this_coro::throw_if_cancelled(false);
    while (!stopping_) {
        const auto asked_for = names_changed_;
        const auto names = names_in(settings_.nodes);
        addresses_.keep(names);
        for (const auto& name : names) {
            const auto deadline = clock::now() + settings_.connect_timeout;
            auto answer = co_await resolve(executor_, name, deadline);
            if (stopping_) co_return;
            take_addresses(name, std::move(answer));
        }
        if (asked_for != names_changed_) continue;
        if (!std::exchange(discovered_, true)) {
            reconcile();
            publish();
        }
        discovery_timer_.expires_after(settings_.discovery_interval);
        co_await discovery_timer_.async_wait(nothrow);
    }
    static_cast<void>(self);
}

void monitor::impl::take_addresses(const std::string& name,
                                   std::optional<std::vector<std::string>> answer) {
    const bool is_good = answer && !answer->empty();
    if (is_good && unresolved_.erase(name) != 0)
        spdlog::info("name {} can be resolved again", name);
    if (!is_good && unresolved_.insert(name).second)
        spdlog::warn("name {} cannot be resolved: what is known of it stays", name);
    if (addresses_.take(name, std::move(answer)) == address_book::change::none) return;
    std::string all;
    for (const auto& address : addresses_.addresses(name))
        all += (all.empty() ? "" : ",") + address;
    spdlog::info("name {} has the addresses {}", name, all);
    move_nodes(name);
    if (discovered_) reconcile();
    publish();
}

/// Nodes that stand for a name: one whose address is none of the name's any more is at another one.
void monitor::impl::move_nodes(const std::string& name) {
    const auto& present = addresses_.addresses(name);
    for (std::uint16_t id = 0; id < nodes_.size(); ++id) {
        if (!nodes_[id]) continue;
        auto& node = *nodes_[id];
        if (node.setting.host != name || node.setting.is_discovered) continue;
        const auto before = node.probe.address();
        node.probe.set_addresses(present);
        if (before.empty() || node.probe.address() == before) continue;
        topology_.set_address(id, node.probe.address());
        node.reconnect = true;
        node.not_before = {};
        node.wake.wake();
    }
}

void monitor::impl::reconcile() {
    auto wanted = present_nodes(settings_.nodes, addresses_);
    for (std::uint16_t id = 0; id < nodes_.size(); ++id) {
        if (!nodes_[id]) continue;
        auto& node = *nodes_[id];
        const auto same = std::ranges::find_if(
            wanted, [&node](const auto& one) { return name_of(one) == name_of(node.setting); });
        const bool is_configured = same != wanted.end();
        if (is_configured != node.is_configured) {
            topology_.set_leaving(id, !is_configured);
            node.is_configured = is_configured;
            node.left_at = clock::now();
            node.not_before = {};
            node.wake.wake();
        }
        if (!is_configured) continue;
        node.setting = *same;
        node.probe.set_node(*same);
        topology_.set_node(id, *same);
        wanted.erase(same);
    }
    for (const auto& node : wanted)
        add_node(node);
}

void monitor::impl::add_node(const monitored_node& node) {
    const bool is_full = nodes_.size() == monitor_signals::max_nodes &&
                         std::ranges::find(nodes_, nullptr) == nodes_.end();
    if (is_full) {
        spdlog::error("node {} is not used: there can be {} at most", name_of(node), nodes_.size());
        return;
    }
    const auto id = topology_.add_node(node);
    if (id == nodes_.size()) nodes_.emplace_back();
    auto added = std::make_shared<watched_node>(executor_, settings_, signals_, node);
    nodes_[id] = added;
    added->wake.wake();
    ++running_;
    spawn(executor_, "monitor of a node", watch(shared_from_this(), std::move(added), id));
}

/// Those that have left and that nobody has a connection to any more.
void monitor::impl::forget_nodes() {
    bool is_any = false;
    for (std::uint16_t id = 0; id < nodes_.size(); ++id) {
        if (!nodes_[id] || nodes_[id]->is_configured || !topology_.may_forget(id)) continue;
        auto& node = *nodes_[id];
        if (clock::now() < node.left_at + least_farewell) continue;
        if (connections_ && connections_(id) != 0) continue;
        topology_.forget(id);
        node.is_gone = true;
        node.probe.interrupt();
        node.hint_timer.cancel();
        node.wake.wake();
        nodes_[id] = nullptr;
        is_any = true;
    }
    if (is_any) publish();
}

} // namespace pgweir
