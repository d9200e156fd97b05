#include "proxy/cluster/view_changes.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace pgweir {
namespace {

const char* word(node_role role) {
    switch (role) {
    case node_role::primary:
        return "a primary";
    case node_role::standby:
        return "a standby";
    case node_role::unknown:
        break;
    }
    return "of unknown role";
}

const char* word(node_health health) {
    switch (health) {
    case node_health::up:
        return "up";
    case node_health::busy:
        return "busy";
    case node_health::down:
        return "down";
    case node_health::unknown:
        break;
    }
    return "of unknown state";
}

const char* word(node_order order) {
    switch (order) {
    case node_order::attached:
        return "attached by hand";
    case node_order::detached:
        return "detached by hand";
    case node_order::draining:
        return "being drained by hand";
    case node_order::none:
        break;
    }
    return "under no order";
}

// The reason of a node that cannot be read from starts with its state already.
std::string state_of(const node_view& node) {
    const bool says_more = node.health != node_health::up && !node.not_readable_because.empty();
    return says_more ? node.not_readable_because : word(node.health);
}

void compare(const node_view& before, const node_view& after, std::vector<view_event>& out) {
    const auto say = [&](bool is_warning, std::string text) {
        out.push_back({is_warning, "node " + after.name + ' ' + std::move(text)});
    };
    const bool is_moved = !before.address.empty() && before.address != after.address;
    if (is_moved) say(false, "is at " + after.address + " now, no longer at " + before.address);
    if (after.is_leaving != before.is_leaving)
        say(false, after.is_leaving ? "leaves: no new work goes there" : "is back");
    else if (before.order != after.order)
        say(false, std::string{"is "} + word(after.order));
    if (before.health != after.health)
        say(after.health != node_health::up, "is " + state_of(after));
    if (before.role != after.role && after.role != node_role::unknown)
        say(false, std::string{"is "} + word(after.role) + " on timeline " +
                       std::to_string(after.sample.timeline.value));
    if (before.role == after.role && before.role_epoch != 0 &&
        before.role_epoch != after.role_epoch && !is_moved)
        say(false, "has been restarted");
    if (after.health != node_health::up || after.role != node_role::standby || after.is_leaving)
        return;
    if (after.readable && !before.readable)
        say(false, "is read from");
    else if (!after.readable && (before.readable || before.role != after.role ||
                                 before.not_readable_because != after.not_readable_because))
        say(true, "is not read from: " + after.not_readable_because);
}

} // namespace

std::vector<view_event> describe_changes(const cluster_view& before, const cluster_view& after) {
    std::vector<view_event> out;
    const node_view unknown{};
    for (const auto& node : after.nodes) {
        const auto& old = node.id < before.nodes.size() ? before.nodes[node.id] : unknown;
        if (node.is_vacant) {
            if (!old.is_vacant) out.push_back({false, "node " + old.name + " is forgotten"});
            continue;
        }
        const bool is_new = old.is_vacant || old.name.empty();
        if (is_new && node.is_discovered)
            out.push_back({false, "node " + node.name + " is new, by the name " + node.host});
        compare(is_new ? unknown : old, node, out);
    }
    if (after.primary && before.primary != after.primary)
        out.push_back({false, "the primary is " + after.nodes[*after.primary].name});
    if (!after.primary && (before.primary || before.no_primary_because != after.no_primary_because))
        out.push_back({true, "no primary, writes wait: " + after.no_primary_because});
    return out;
}

std::size_t count_role_changes(const cluster_view& before, const cluster_view& after) {
    std::size_t count = 0;
    for (std::size_t id = 0; id < std::min(before.nodes.size(), after.nodes.size()); ++id) {
        const auto& was = before.nodes[id];
        const auto& is = after.nodes[id];
        if (!was.is_vacant && !is.is_vacant && was.name == is.name && was.role != is.role) ++count;
    }
    return count;
}

std::optional<std::uint16_t> find_node(const cluster_view& view, std::string_view name) {
    std::uint16_t id = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
    if (error == std::errc{} && end == name.data() + name.size() && !name.empty())
        return id < view.nodes.size() && !view.nodes[id].is_vacant ? std::optional{id}
                                                                   : std::nullopt;
    std::optional<std::uint16_t> found;
    for (const auto& node : view.nodes) {
        if (node.is_vacant) continue;
        if (node.name == name) return node.id;
        if (node.host != name) continue;
        if (found) return std::nullopt;
        found = node.id;
    }
    return found;
}

} // namespace pgweir
