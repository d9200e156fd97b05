#include "proxy/admin/switchover.hpp"

#include <algorithm>
#include <ranges>
#include <tuple>

namespace pgweir {

namespace {

admin_error cannot(std::string message, std::string hint = {}) {
    return {"55000", std::move(message), std::move(hint)};
}

/// Empty: this node can take over.
std::string why_not(const node_view& node) {
    if (node.role != node_role::standby) return "is not a standby";
    if (node.health != node_health::up) return "is not up";
    if (node.order == node_order::detached || node.order == node_order::draining)
        return "is detached or drained";
    return {};
}

/// The greater one takes over.
auto suitability(const node_view& node) {
    const bool is_synchronous =
        node.replication_sync_state == "sync" || node.replication_sync_state == "quorum";
    return std::tuple{is_synchronous, node.sample.timeline, node.sample.received.value_or(lsn{}),
                      -static_cast<int>(node.id)};
}

bool begins_read_only(const cluster_view& view) {
    return std::ranges::any_of(view.primary_parameters, [](const auto& parameter) {
        return parameter.first == "default_transaction_read_only" && parameter.second == "on";
    });
}

} // namespace

std::variant<switchover_plan, admin_error> plan_switchover(const cluster_view& view,
                                                           std::string_view wanted) {
    if (!view.primary)
        return cannot("there is no primary to switch over from: " + view.no_primary_because);
    switchover_plan plan{*view.primary, 0, !wanted.empty()};
    if (plan.is_named) {
        const auto found = choose_node(view, wanted);
        if (const auto* const wrong = std::get_if<admin_error>(&found)) return *wrong;
        plan.to = std::get<std::uint16_t>(found);
        const auto& node = view.nodes[plan.to];
        if (plan.to == plan.from) return cannot("node " + node.name + " is the primary already");
        if (const auto why = why_not(node); !why.empty())
            return cannot("node " + node.name + " " + why);
        return plan;
    }
    const node_view* best = nullptr;
    for (const auto& node : view.nodes)
        if (why_not(node).empty() && (best == nullptr || suitability(node) > suitability(*best)))
            best = &node;
    if (best == nullptr) return cannot("there is no standby that could take over");
    plan.to = best->id;
    return plan;
}

std::vector<std::pair<std::string, std::string>>
switchover_environment(const cluster_view& view, const switchover_plan& plan) {
    const auto& old = view.nodes[plan.from];
    const auto& next = view.nodes[plan.to];
    // The name of a discovered one is everybody's.
    const auto host = [](const node_view& node) {
        return node.is_discovered ? node.address : node.host;
    };
    return {
        {"PGWEIR_PRIMARY_HOST", host(old)},
        {"PGWEIR_PRIMARY_PORT", std::to_string(old.port)},
        {"PGWEIR_STANDBY_HOST", host(next)},
        {"PGWEIR_STANDBY_PORT", std::to_string(next.port)},
    };
}

switchover_progress
judge_switchover(const cluster_view& view, const switchover_plan& plan, std::uint64_t look) {
    if (!view.primary) return switchover_progress::nobody;
    if (view.nodes[*view.primary].sample.number <= look || *view.primary == plan.from)
        return switchover_progress::unchanged;
    if (plan.is_named && *view.primary != plan.to) return switchover_progress::another;
    return begins_read_only(view) ? switchover_progress::read_only : switchover_progress::done;
}

void last_lines::add(std::string_view output) {
    kept_ += output;
    if (kept_.size() <= most_bytes) return;
    kept_.erase(0, kept_.size() - most_bytes);
    is_cut_ = true;
}

std::string last_lines::text() const {
    std::string_view rest = kept_;
    if (is_cut_) {
        const auto end = rest.find('\n');
        if (end != std::string_view::npos && end + 1 < rest.size()) rest.remove_prefix(end + 1);
    }
    while (rest.ends_with('\n') || rest.ends_with('\r'))
        rest.remove_suffix(1);
    std::size_t lines = 0;
    for (auto at = rest.size(); at-- > 0;) {
        if (rest[at] == '\n' && ++lines == most_lines) {
            rest.remove_prefix(at + 1);
            break;
        }
    }
    std::string shown;
    for (const char c : rest)
        if (c == '\n' || c == '\t' || static_cast<unsigned char>(c) >= ' ') shown += c;
    return shown;
}

} // namespace pgweir
