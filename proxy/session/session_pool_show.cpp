// SHOW pool_nodes and the like, asked in an ordinary session.
#include "proxy/session/pool_show.hpp"
#include "proxy/session/session.hpp"

namespace pgweir {

namespace {

std::uint64_t selects_on(const worker_counters& of, std::size_t node) {
    const auto& by_reason = of.nodes[node].statements[statement_group::select];
    std::uint64_t sum = 0;
    for (std::size_t reason = 0; reason < by_reason.size; ++reason)
        sum += by_reason[static_cast<route_reason>(reason)].value();
    return sum;
}

} // namespace

/// Where the next read would go, as far as that is known now.
std::optional<std::uint16_t> session::reads_from() {
    const auto primary = owner_.view().primary;
    if (!policy_->splitting || forced_ == forced_route::primary ||
        consistency_.level == consistency_level::primary)
        return primary;
    // Asking is not reading: it does not tie the session to a node.
    const auto kept = own_reader_;
    bool look_under_way = false;
    const auto chosen = choose_reader(look_under_way);
    own_reader_ = kept;
    return chosen ? chosen : primary;
}

void session::show_pool(unit& u, std::string_view topic) {
    pool_table table;
    if (topic == "pool_version") {
        table = pool_version_table(PGWEIR_VERSION);
    } else if (topic == "pool_cache") {
        table = pool_cache_table();
    } else {
        std::vector<std::uint64_t> selects(std::min(owner_.view().nodes.size(), max_counted_nodes));
        for (const auto& one : *owner_.shared().peers)
            for (std::size_t node = 0; node < selects.size(); ++node)
                selects[node] += selects_on(one->counters(), node);
        table = pool_nodes_table(owner_.view(), reads_from(), selects);
    }
    // pgpool's columns are of no type at all.
    protocol::field_description untyped;
    untyped.type_oid = 0;
    untyped.type_modifier = 0;
    answer_rows(u, "SELECT", table.columns, table.rows, untyped);
}

} // namespace pgweir
