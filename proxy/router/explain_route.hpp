// The answer to EXPLAIN ROUTE: where a statement would go and why, as rows for people. Pure.
#pragma once

#include "proxy/cluster/cluster_view.hpp"
#include "proxy/router/read_your_writes.hpp"
#include "proxy/router/router.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace pgweir {

/// What was found about one standby on the way to the choice.
struct asked_standby {
    std::uint16_t node = 0;
    read_verdict verdict = read_verdict::no;
};

/// (item, value): route, reason, because, detail (if any), node (if one was chosen), then a line
/// per standby asked. `chosen` is the node that would be asked now; empty: the statement would wait
/// for one.
[[nodiscard]] std::vector<std::pair<std::string, std::string>>
explain(const route_decision& decision,
        const cluster_view& view,
        std::optional<std::uint16_t> chosen,
        std::span<const asked_standby> asked);

} // namespace pgweir
