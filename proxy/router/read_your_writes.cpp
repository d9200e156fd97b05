#include "proxy/router/read_your_writes.hpp"

#include <algorithm>
#include <charconv>

namespace pgweir {

namespace {

/// A standby this close below the floor is likely to have passed it by its next sample. In bytes of
/// WAL.
constexpr std::uint64_t nearly_there = std::uint64_t{1024} * 1024;

/// The greater of two, along the view's history. A position off the history counts for nothing: it
/// is lost.
std::optional<wal_position> greater_of(const std::optional<wal_position>& a,
                                       const std::optional<wal_position>& b,
                                       const cluster_view& view) {
    const auto present = [&view](const std::optional<wal_position>& one) {
        return one ? on_present_timeline(*one, view) : std::nullopt;
    };
    const auto first = present(a);
    const auto second = present(b);
    // Neither can be placed (no primary, say): keep what there is, so that nothing is forgotten.
    if (!first && !second) return b ? b : a;
    if (!first) return second;
    if (!second) return first;
    return first->at < second->at ? second : first;
}

} // namespace

void session_floor::on_primary_answer(std::uint64_t look_now, bool asynchronous_commit_possible) {
    const primary_mark before = primary_mark_.value_or(primary_mark{});
    primary_mark_ =
        primary_mark{std::max(before.look, look_now), before.loose || asynchronous_commit_possible};
}

void session_floor::on_standby_answer(std::uint16_t node,
                                      std::uint64_t role_epoch,
                                      std::uint64_t connection,
                                      std::uint64_t look_now) {
    // Another standby may answer only when the last one's bound is known, so one mark is enough.
    seen_on_ = standby_mark{node, role_epoch, connection, look_now};
}

void session_floor::raise_to(wal_position position, const cluster_view& view) {
    floor_ = greater_of(floor_, position, view);
}

void session_floor::raise_by_standby(wal_position position, const cluster_view& view) {
    raise_to(position, view);
    if (view.confirmed) shown_by_standbys_ = greater_of(shown_by_standbys_, position, view);
}

bool session_floor::may_go_to_primary(const cluster_view& view) const {
    if (!view.confirmed) return true;
    if (seen_on_) return false;
    if (!shown_by_standbys_) return true;
    const auto shown = on_present_timeline(*shown_by_standbys_, view);
    const auto confirmed = on_present_timeline(*view.confirmed, view);
    return !shown || !confirmed || shown->at <= confirmed->at;
}

void session_floor::settle(const cluster_view& view, const sample_history& history) {
    if (seen_on_ && settle_standby(*seen_on_, view, history)) seen_on_.reset();
    if (primary_mark_ && settle_primary(*primary_mark_, view, history)) primary_mark_.reset();
    if (provisional_ && settle_provisional(*provisional_, view, history)) provisional_.reset();
}

bool session_floor::settle_primary(const primary_mark& mark,
                                   const cluster_view& view,
                                   const sample_history& history) {
    const auto* const found = history.primary_after(mark.look);
    if (found == nullptr) return !view.primary && settle_by_standbys(mark, view, history);
    const bool loose = mark.loose || view.asynchronous_commit;
    const auto bound = loose ? found->sample.insert : found->sample.flush;
    if (!bound) return false;
    const wal_position position{found->sample.timeline, *bound};
    if (loose) {
        provisional_ = provisional_floor{position, mark.look};
    } else {
        raise_to(position, view);
    }
    return true;
}

/// The primary is gone and has left no sample behind the mark. What no standby had received by then
/// is lost, or unknown until its server is back (RULES A3, A7): the rest is the bound.
bool session_floor::settle_by_standbys(const primary_mark& mark,
                                       const cluster_view& view,
                                       const sample_history& history) {
    std::optional<wal_position> greatest;
    for (const auto& node : view.nodes) {
        if (!node.readable) continue;
        const auto* const seen = history.standby_after(node.id, mark.look);
        if (seen == nullptr || !seen->sample.received) return false; // its next sample will tell
        greatest =
            greater_of(greatest, wal_position{seen->sample.timeline, *seen->sample.received}, view);
    }
    if (!greatest) return false;
    raise_to(*greatest, view);
    return true;
}

bool session_floor::settle_provisional(const provisional_floor& provisional,
                                       const cluster_view& view,
                                       const sample_history& history) {
    const auto* const found = history.settled_after(provisional.look);
    if (found == nullptr) return false;
    wal_position bound = provisional.position;
    if (found->sample.timeline == bound.timeline)
        bound.at = std::min(bound.at, found->sample.settled_flush.value_or(bound.at));
    raise_to(bound, view);
    return true;
}

bool session_floor::settle_standby(const standby_mark& mark,
                                   const cluster_view& view,
                                   const sample_history& history) {
    const auto* const own = history.standby_after(mark.node, mark.look);
    const auto* const primary = history.primary_after(mark.look);
    if (own != nullptr && own->role_epoch == mark.role_epoch && own->sample.received) {
        raise_by_standby({own->sample.timeline, *own->sample.received}, view);
        return true;
    }
    if (mark.node < view.nodes.size()) {
        const node_view& node = view.nodes[mark.node];
        const bool same_life =
            node.role_epoch == mark.role_epoch && node.role == node_role::standby;
        if (same_life && node.health == node_health::up) return false; // its next sample will tell
    }
    // A restarted standby says nothing about what it showed before. The primary had flushed it all.
    if (primary == nullptr || !primary->sample.flush) return false;
    raise_by_standby({primary->sample.timeline, *primary->sample.flush}, view);
    return true;
}

bool session_floor::is_same_incarnation(const standby_mark& mark,
                                        const node_view& node,
                                        const standby_connection& connection) {
    if (mark.node != node.id) return false;
    // A crash of the server would have ended the connection: one that was there before the answer
    // has seen no crash since. Without a connection the node is only a candidate.
    return connection.serial == 0 || connection.serial == mark.connection ||
           connection.login_look < mark.look;
}

read_verdict session_floor::may_read_own(const cluster_view& view,
                                         const node_view& node,
                                         const standby_connection& connection,
                                         std::uint64_t looks_begun) const {
    if (primary_mark_)
        return looks_begun > primary_mark_->look ? read_verdict::wait_for_look : read_verdict::no;
    if (seen_on_ && !is_same_incarnation(*seen_on_, node, connection))
        return looks_begun > seen_on_->look ? read_verdict::wait_for_look : read_verdict::no;
    auto needed = floor_;
    if (provisional_) needed = greater_of(needed, provisional_->position, view);
    if (!needed) return read_verdict::yes;
    const auto floor = on_present_timeline(*needed, view);
    if (!floor || node.sample.timeline == timeline_id{}) return read_verdict::no;
    const auto reached = [&](std::optional<lsn> replay) {
        if (!replay) return false;
        const auto position = replayed_position(node.sample.timeline, *replay, view);
        return position && position->at >= floor->at;
    };
    if (node.sample.number > connection.login_look && reached(node.sample.replay))
        return read_verdict::yes;
    if (reached(connection.login_replay)) return read_verdict::yes;
    const bool near =
        node.sample.replay && node.sample.replay->value + nearly_there >= floor->at.value;
    // Looks go around all nodes: after that many numbers this node's next look has begun.
    const bool next_look_begun = looks_begun >= node.sample.number + view.nodes.size();
    return near && next_look_begun ? read_verdict::wait_for_look : read_verdict::no;
}

/// What the standby shows is as old as the look at the primary that it is known to have caught up
/// with. While the primary is not seen that look grows old, and with it all that is known.
read_verdict session_floor::may_read_bounded(const cluster_view& view,
                                             const node_view& node,
                                             const standby_connection& connection,
                                             std::uint64_t looks_begun,
                                             consistency wanted) {
    // A crash would have ended the connection: only what was sampled in its lifetime counts.
    const bool sampled = connection.serial == 0 || node.sample.number > connection.login_look;
    if (sampled && node.fresh_as_of && wanted.now - *node.fresh_as_of <= wanted.bound)
        return read_verdict::yes;
    const bool next_look_begun = looks_begun >= node.sample.number + view.nodes.size();
    const bool caught_up = view.primary && node.lag_bytes == 0U;
    return caught_up && next_look_begun ? read_verdict::wait_for_look : read_verdict::no;
}

read_verdict session_floor::may_read(const cluster_view& view,
                                     std::uint16_t node,
                                     const standby_connection& connection,
                                     std::uint64_t looks_begun,
                                     consistency wanted) const {
    if (node >= view.nodes.size() || !view.nodes[node].readable) return read_verdict::no;
    const node_view& standby = view.nodes[node];
    switch (wanted.mode) {
    case consistency_mode::eventual:
        return read_verdict::yes;
    case consistency_mode::bounded:
        return may_read_bounded(view, standby, connection, looks_begun, wanted);
    case consistency_mode::session:
        return may_read_own(view, standby, connection, looks_begun);
    case consistency_mode::primary:
        break;
    }
    return read_verdict::no;
}

std::optional<wal_position> session_floor::position() const {
    if (is_waiting()) return std::nullopt;
    if (!provisional_) return floor_;
    // The provisional floor is an upper bound too, and the later of the two unless a failover lies
    // between.
    if (!floor_ || floor_->timeline < provisional_->position.timeline)
        return provisional_->position;
    if (provisional_->position.timeline < floor_->timeline) return floor_;
    return wal_position{floor_->timeline, std::max(floor_->at, provisional_->position.at)};
}

bool may_be_reached(const wal_position& position, const cluster_view& view) {
    const bool nothing_known = view.history.empty() && !view.primary;
    return nothing_known || on_present_timeline(position, view).has_value();
}

std::string to_string(const wal_position& position) {
    return std::to_string(position.timeline.value) + ":" + to_string(position.at);
}

std::optional<wal_position> parse_wal_position(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const std::string timeline{text.substr(0, colon)};
    const char* const end = timeline.data() + timeline.size();
    wal_position position;
    const auto [stop, failure] = std::from_chars(timeline.data(), end, position.timeline.value);
    if (failure != std::errc{} || stop != end || position.timeline.value == 0) return std::nullopt;
    const auto at = parse_lsn(text.substr(colon + 1));
    if (!at) return std::nullopt;
    position.at = *at;
    return position;
}

} // namespace pgweir
