// The half of `topology` that says who is the primary: at most one, or none and why. RULES A14.
#include "proxy/cluster/topology.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

namespace pgweir {
namespace {

constexpr lsn endless{std::numeric_limits<std::uint64_t>::max()};

std::string name_of(const node_evidence& node) {
    return name_of(node.setting);
}

bool is_out_of_service(const node_evidence& node) {
    return node.is_leaving || node.order == node_order::detached ||
           node.order == node_order::draining;
}

std::string why_out_of_service(const node_evidence& node) {
    if (node.is_leaving) return " has left the cluster";
    return node.order == node_order::detached ? " is detached by hand" : " is being drained";
}

} // namespace

// A setting, else that of the primaries so far (however many others come behind its names), else
// the identifier of the majority of nodes, else the only one there is. Empty: several, and no
// majority. 0: none known yet.
std::optional<std::uint64_t> topology::cluster_identifier() const {
    if (settings_.system_identifier != 0) return settings_.system_identifier;
    if (system_identifier_ != 0) return system_identifier_;
    std::map<std::uint64_t, std::size_t> counts;
    for (const auto& node : nodes_)
        if (node.answer && node.answer->system_identifier != 0)
            ++counts[node.answer->system_identifier];
    if (counts.empty()) return 0;
    if (counts.size() == 1) return counts.begin()->first;
    const auto present = static_cast<std::size_t>(std::ranges::count_if(
        nodes_, [](const auto& node) { return !node.is_vacant && !node.is_leaving; }));
    for (const auto& [identifier, count] : counts)
        if (count * 2 > present) return identifier;
    return std::nullopt;
}

bool topology::streams_from(const node_evidence& standby, const node_evidence& sender) const {
    if (standby.id == sender.id || !standby.answer || !sender.answer) return false;
    if (standby.health != node_health::up || standby.last_role != node_role::standby) return false;
    // A standby of another branch may still stream from a server that went its own way.
    if (standby.answer->timeline != sender.answer->timeline) return false;
    const auto& from = standby.answer->receives_from_host;
    if (!from.empty() && standby.answer->receives_from_port == sender.setting.port &&
        (from == sender.address || (!sender.setting.is_discovered && from == sender.setting.host)))
        return true;
    return std::ranges::any_of(sender.details.senders, [&](const replication_sender& row) {
        if (row.state != "streaming") return false;
        const auto& named = standby.setting.application_name;
        if (!named.empty()) return row.application_name == named;
        return !row.address.empty() && row.address == standby.address;
    });
}

bool topology::has_streaming_standby(const node_evidence& node) const {
    return std::ranges::any_of(nodes_,
                               [&](const auto& other) { return streams_from(other, node); });
}

bool topology::has_quorum(const node_evidence& primary) const {
    if (settings_.write_quorum == 0 || has_streaming_standby(primary)) return true;
    const auto seen = std::ranges::count_if(nodes_, [](const auto& node) {
        return !node.is_leaving &&
               (node.health == node_health::up || node.health == node_health::busy);
    });
    return static_cast<std::size_t>(seen) >= settings_.write_quorum;
}

// A standby that this process watched on the old timeline is the old one's descendant even if its
// history cannot be read.
bool topology::descends(const node_evidence& node, timeline_id from) const {
    const auto timeline = node.answer->timeline;
    if (timeline == from) return true;
    if (timeline < from) return false;
    if (node.history && node.history->timeline == timeline && node.history->readable)
        return node.history->contains(from);
    return node.seen_as_standby && node.seen_standby_on == from;
}

bool topology::beats(const node_evidence& one, const node_evidence& other) const {
    const auto mine = one.answer->timeline;
    const auto theirs = other.answer->timeline;
    if (mine == theirs) return has_streaming_standby(one) && !has_streaming_standby(other);
    return mine > theirs && descends(one, theirs) &&
           (one.seen_as_standby || has_streaming_standby(one));
}

topology::choice topology::choose_among(const std::vector<std::uint16_t>& candidates) const {
    for (const auto id : candidates) {
        const auto& one = nodes_[id];
        const bool beats_all = std::ranges::all_of(candidates, [&](std::uint16_t other) {
            return other == id || beats(one, nodes_[other]);
        });
        if (beats_all) return choose_alone(id);
    }
    std::string names;
    for (const auto id : candidates)
        names += (names.empty() ? "" : ", ") + name_of(nodes_[id]) + " (timeline " +
                 std::to_string(nodes_[id].answer->timeline.value) + ")";
    return {std::nullopt,
            "several servers accept writes and nothing tells which is the primary: " + names};
}

// The only candidate, or the one that beats all others, must still follow from the last primary.
topology::choice topology::choose_alone(std::uint16_t id) const {
    const auto& node = nodes_[id];
    const auto refuse = [&](const std::string& why) {
        return choice{std::nullopt, name_of(node) + " accepts writes, but " + why};
    };
    if (primary_ && !node.vouched_for) {
        const auto timeline = node.answer->timeline;
        if (timeline < primary_timeline_)
            return refuse("is on timeline " + std::to_string(timeline.value) + ", older than " +
                          std::to_string(primary_timeline_.value) + " of the last primary");
        if (!descends(node, primary_timeline_))
            return refuse("its history does not contain the last primary's timeline " +
                          std::to_string(primary_timeline_.value));
        const bool known_follower =
            node.seen_as_standby &&
            (timeline > primary_timeline_ || node.seen_standby_on == primary_timeline_);
        // The last one under another address (a pod that was restarted): the old one has left, and
        // nothing of what it had is missing.
        const bool has_moved = nodes_[*primary_].is_leaving && timeline == primary_timeline_ &&
                               primary_flush_ && node.answer->flush >= primary_flush_;
        if (id != *primary_ && !known_follower && !has_moved && !has_streaming_standby(node))
            return refuse("was never seen as a standby here and has no streaming standby");
    }
    if (!has_quorum(node))
        return refuse("fewer than write_quorum = " + std::to_string(settings_.write_quorum) +
                      " nodes are seen and no standby streams from it");
    return {id, {}};
}

topology::choice topology::choose_primary(time_point now) {
    const auto identifier = cluster_identifier();
    if (!identifier)
        return {std::nullopt, "the nodes belong to several clusters (system identifiers) and none "
                              "has the majority; set system_identifier"};
    std::vector<std::uint16_t> candidates;
    std::string because = "no server accepts writes";
    for (const auto& node : nodes_) {
        if (present_role(node, now) != node_role::primary) continue;
        const auto theirs = node.answer->system_identifier;
        if (theirs != 0 && *identifier != 0 && theirs != *identifier)
            because = name_of(node) + " accepts writes, but belongs to another cluster";
        else if (is_out_of_service(node))
            because = name_of(node) + why_out_of_service(node);
        else if (node.fenced)
            because = name_of(node) + ' ' + *node.fenced;
        else
            candidates.push_back(node.id);
    }
    if (candidates.empty()) return {std::nullopt, because};
    // At first, hear everybody once: the one that answers soonest may be a server left behind.
    if (!primary_) {
        for (const auto& node : nodes_)
            if (!node.asked && !node.is_vacant && !node.is_leaving)
                return {std::nullopt, "not all nodes have been asked yet"};
    }
    for (const auto id : candidates)
        if (const auto timeline = wants_history(id))
            return {std::nullopt, "the history of timeline " + std::to_string(timeline->value) +
                                      " is not known yet"};
    return candidates.size() == 1 ? choose_alone(candidates.front()) : choose_among(candidates);
}

void topology::adopt(std::uint16_t id) {
    auto& node = nodes_[id];
    const auto timeline = node.answer->timeline;
    if (primary_ != id || primary_timeline_ != timeline) {
        primary_flush_.reset();
        flush_marks_.clear();
        if (node.answer->flush)
            mark_flush(*node.answer->flush, node.role_confirmed, node.answer->begun);
    }
    if (primary_ != id) {
        // Whoever else took writes, or was the primary until now, is out until it is a standby.
        for (auto& other : nodes_) {
            const bool was_primary = primary_ && *primary_ == other.id;
            const bool takes_writes = other.answer && !other.answer->in_recovery;
            if (other.id != id && (was_primary || takes_writes) && !other.fenced)
                other.fenced = "was out-voted by " + name_of(node) +
                               " and is not written to until it is a standby again";
        }
        primary_ = id;
    }
    node.vouched_for = false;
    primary_timeline_ = timeline;
    if (node.answer->system_identifier != 0) system_identifier_ = node.answer->system_identifier;
    history_.clear();
    if (node.history && node.history->timeline == timeline) history_ = node.history->forefathers;
    history_.emplace_back(timeline, endless);
}

// Standbys come and go, what was acknowledged stays so. All of its WAL from before a server's
// promotion is visible there from its first moment. Whoever waited for a confirmation is released
// by it, and shows its commit once it has been scheduled: by the next look.
void topology::note_confirmed(const node_evidence& primary) {
    if (!primary.answer->confirmed) {
        confirmed_.reset();
        confirmed_last_.reset();
        return;
    }
    if (std::exchange(confirmed_look_, primary.answer->number) == primary.answer->number) return;
    wal_position told{primary.answer->timeline, *primary.answer->confirmed};
    const lsn begun = history_.size() > 1 ? history_[history_.size() - 2].second : lsn{};
    told.at = std::max(told.at, begun);
    if (confirmed_last_ && confirmed_last_->timeline == told.timeline)
        told.at = std::max(told.at, confirmed_last_->at);
    const bool same_timeline = confirmed_last_ && confirmed_last_->timeline == told.timeline;
    confirmed_ = same_timeline ? *confirmed_last_ : wal_position{told.timeline, begun};
    confirmed_last_ = told;
}

} // namespace pgweir
