// What changed between two views, as lines for the log: one per event that matters to an operator.
// Pure.
#pragma once

#include "proxy/cluster/cluster_view.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir {

struct view_event {
    bool is_warning = false;
    std::string text;
    friend bool operator==(const view_event&, const view_event&) = default;
};

/// Positions alone are no event. `before` may have fewer nodes.
[[nodiscard]] std::vector<view_event> describe_changes(const cluster_view& before,
                                                       const cluster_view& after);

/// How many nodes have another role than before, those that came or went left out.
[[nodiscard]] std::size_t count_role_changes(const cluster_view& before, const cluster_view& after);

/// "3", "host:port", or "host" if only one node has it: the node's id.
[[nodiscard]] std::optional<std::uint16_t> find_node(const cluster_view& view,
                                                     std::string_view name);

} // namespace pgweir
