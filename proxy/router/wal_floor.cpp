#include "proxy/router/wal_floor.hpp"

#include <algorithm>

namespace pgweir {

namespace {

timeline_id present_timeline(const cluster_view& view) {
    if (!view.history.empty()) return view.history.back().first;
    if (view.primary && *view.primary < view.nodes.size())
        return view.nodes[*view.primary].sample.timeline;
    return {};
}

/// Where an ancestor of the present timeline ended; empty for any other timeline.
std::optional<lsn> end_of(timeline_id timeline, const cluster_view& view) {
    for (std::size_t i = 0; i + 1 < view.history.size(); ++i)
        if (view.history[i].first == timeline) return view.history[i].second;
    return std::nullopt;
}

} // namespace

std::optional<wal_position> on_present_timeline(wal_position position, const cluster_view& view) {
    const timeline_id present = present_timeline(view);
    if (position.timeline == timeline_id{} || present == timeline_id{}) return std::nullopt;
    if (position.timeline == present) return position;
    const auto end = end_of(position.timeline, view);
    if (!end) return std::nullopt;
    return wal_position{present, std::min(position.at, *end)};
}

std::optional<wal_position>
replayed_position(timeline_id timeline, lsn replay, const cluster_view& view) {
    const auto end = end_of(timeline, view);
    if (end && replay > *end) return std::nullopt;
    return on_present_timeline({timeline, replay}, view);
}

void sample_history::ring::add(const entry& latest) {
    if (latest.sample.number == 0) return;
    if (size_ > 0 && entries_[(first_ + size_ - 1) % kept].sample.number >= latest.sample.number)
        return;
    entries_[(first_ + size_) % kept] = latest;
    if (size_ < kept)
        ++size_;
    else
        first_ = (first_ + 1) % kept;
}

void sample_history::observe(const cluster_view& view) {
    standbys_.resize(view.nodes.size());
    for (std::size_t i = 0; i < view.nodes.size(); ++i) {
        const node_view& node = view.nodes[i];
        if (node.is_vacant) standbys_[i].clear();
        if (node.sample.timeline == timeline_id{}) continue;
        const entry latest{node.sample, node.role_epoch};
        if (view.primary == i && node.sample.flush) primary_.add(latest);
        if (node.role == node_role::standby && node.sample.received) standbys_[i].add(latest);
    }
}

const sample_history::entry* sample_history::standby_after(std::uint16_t node,
                                                           std::uint64_t mark) const {
    if (node >= standbys_.size()) return nullptr;
    return standbys_[node].oldest(
        [mark](const wal_sample& sample) { return sample.number > mark; });
}

const sample_history::entry* sample_history::primary_after(std::uint64_t mark) const {
    return primary_.oldest([mark](const wal_sample& sample) { return sample.number > mark; });
}

const sample_history::entry* sample_history::settled_after(std::uint64_t mark) const {
    return primary_.oldest([mark](const wal_sample& sample) {
        return sample.settled_flush && sample.settled_for > mark;
    });
}

} // namespace pgweir
