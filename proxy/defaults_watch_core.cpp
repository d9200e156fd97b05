#include "proxy/defaults_watch.hpp"

#include <algorithm>
#include <utility>

namespace pgweir {

bool concern(const default_changes& what, std::string_view database, std::string_view user) {
    return std::ranges::any_of(what, [&](const auto& one) {
        return (one.role.empty() || one.role == user) &&
               (one.database.empty() || one.database == database);
    });
}

default_changes differences(const std::string& database,
                            const std::vector<login_defaults_row>& before,
                            const std::vector<login_defaults_row>& after) {
    default_changes all;
    const auto add_missing = [&](const auto& from, const auto& in) {
        for (const auto& row : from) {
            if (std::ranges::find(in, row) != in.end()) continue;
            sql::login_defaults change{row.role, database};
            if (std::ranges::find(all, change) == all.end()) all.push_back(std::move(change));
        }
    };
    add_missing(before, after);
    add_missing(after, before);
    return all;
}

void defaults_watch::changed(default_changes what,
                             std::uint64_t look,
                             bool asynchronous_commit_possible) {
    if (pending_.size() < most_pending) pending_.emplace_back();
    auto& latest = pending_.back();
    latest.floor.on_primary_answer(look, asynchronous_commit_possible);
    latest.what.insert(latest.what.end(), what.begin(), what.end());
    latest.done.clear();
}

std::vector<defaults_watch::retirement> defaults_watch::on_view(const cluster_view& view,
                                                                std::uint64_t looks_begun) {
    samples_.observe(view);
    std::vector<retirement> now;
    for (auto& one : pending_) {
        one.floor.settle(view, samples_);
        for (const auto& node : view.nodes) {
            if (view.primary == node.id || one.is_done(node)) continue;
            if (one.floor.may_read(view, node.id, {}, looks_begun, {}) != read_verdict::yes)
                continue;
            one.done.insert({node.id, node.role_epoch});
            now.push_back({node.id, one.what});
        }
    }
    std::erase_if(pending_, [&](const pending& one) {
        return std::ranges::all_of(view.nodes, [&](const node_view& node) {
            return view.primary == node.id || one.is_done(node);
        });
    });
    return now;
}

} // namespace pgweir
