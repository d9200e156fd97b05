#include "proxy/router/explain_route.hpp"

namespace pgweir {

namespace {

std::string say(const asked_standby& asked, const node_view& node) {
    if (!node.readable)
        return node.not_readable_because.empty() ? "not readable" : node.not_readable_because;
    switch (asked.verdict) {
    case read_verdict::yes:
        return "may answer";
    case read_verdict::wait_for_look:
        return "its position is being asked for";
    case read_verdict::no:
        break;
    }
    return "not known to have replayed what this session has seen";
}

} // namespace

std::vector<std::pair<std::string, std::string>> explain(const route_decision& decision,
                                                         const cluster_view& view,
                                                         std::optional<std::uint16_t> chosen,
                                                         std::span<const asked_standby> asked) {
    std::vector<std::pair<std::string, std::string>> rows;
    const bool standby = decision.target == route_target::standby;
    rows.emplace_back("route", standby ? "standby" : "primary");
    rows.emplace_back("reason", label(decision.reason));
    rows.emplace_back("because", sentence(decision.reason));
    if (!decision.detail.empty()) rows.emplace_back("detail", decision.detail);
    if (chosen && *chosen < view.nodes.size()) {
        std::string node = view.nodes[*chosen].name;
        if (standby && view.primary == chosen) node += " (the primary: no standby may answer now)";
        rows.emplace_back("node", std::move(node));
    } else {
        rows.emplace_back("node",
                          view.primary ? "none now" : "none now: " + view.no_primary_because);
    }
    if (!standby) return rows;
    for (const asked_standby& one : asked)
        if (one.node < view.nodes.size())
            rows.emplace_back("standby " + view.nodes[one.node].name,
                              say(one, view.nodes[one.node]));
    return rows;
}

} // namespace pgweir
