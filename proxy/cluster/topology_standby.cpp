// The half of `topology` that judges standbys: roles that age, lag, and whether a standby may be
// read from.
#include "proxy/cluster/topology.hpp"

#include <algorithm>
#include <utility>

namespace pgweir {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::size_t max_flush_marks = 1'024;
constexpr milliseconds flush_mark_distance{100};
constexpr milliseconds coarse_mark_distance{10'000}; // of old ones: nearly three hours are dated

std::string first_difference(const setting_list& here, const setting_list& primary) {
    for (const auto& [name, value] : primary) {
        const auto mine =
            std::ranges::find(here, name, &std::pair<std::string, std::string>::first);
        if (mine == here.end()) return name + " is not known here";
        if (mine->second != value)
            return name + " is '" + mine->second + "' here and '" + value + "' on the primary";
    }
    return {};
}

} // namespace

node_role topology::present_role(const node_evidence& node, time_point now) const {
    if (!node.answer || node.health == node_health::down) return node_role::unknown;
    if (settings_.role_bound.count() > 0 && now - node.role_confirmed > settings_.role_bound)
        return node_role::unknown;
    return node.last_role;
}

bool topology::on_primary_history(timeline_id timeline, lsn at) const {
    return std::ranges::any_of(
        history_, [&](const auto& entry) { return entry.first == timeline && at <= entry.second; });
}

void topology::describe_standby(const node_evidence& node, node_view& out, time_point now) const {
    const auto& replay = node.answer->replay;
    const auto& flush = node.compared_flush;
    if (!replay || !flush || !on_primary_history(node.answer->timeline, *replay)) return;
    out.lag_bytes = *flush > *replay ? flush->value - replay->value : 0;
    out.lag_time = *flush > *replay ? lag_time(*replay, now) : microseconds{0};
    out.fresh_as_of = fresh_as_of(*replay);
}

/// Whatever was committed before that look began was flushed at it, and has been replayed.
std::optional<topology::time_point> topology::fresh_as_of(lsn replay) const {
    for (auto mark = flush_marks_.rbegin(); mark != flush_marks_.rend(); ++mark)
        if (mark->flush <= replay) return mark->confirmed;
    return std::nullopt;
}

std::optional<microseconds> topology::lag_time(lsn replay, time_point now) const {
    if (flush_marks_.empty()) return std::nullopt;
    const auto passed = std::ranges::find_if(
        flush_marks_, [replay](const auto& mark) { return mark.flush > replay; });
    if (passed == flush_marks_.end()) return microseconds{0};
    return std::chrono::duration_cast<microseconds>(now - passed->at);
}

void topology::mark_flush(lsn flush, time_point now, time_point begun) {
    primary_flush_ = flush;
    if (!flush_marks_.empty()) {
        auto& last = flush_marks_.back();
        if (flush < last.flush) return;
        // Close marks are one mark, with the later position: its time is not later than true.
        if (flush == last.flush || now - last.at < flush_mark_distance) {
            last.flush = flush;
            last.confirmed = std::max(last.confirmed, begun);
            return;
        }
    }
    flush_marks_.push_back({now, flush, begun});
    if (flush_marks_.size() <= max_flush_marks) return;
    // What is long past needs no fine dates: the oldest mark goes that leaves no wide gap behind.
    for (std::size_t i = 1; i + 1 < flush_marks_.size(); ++i) {
        if (flush_marks_[i + 1].at - flush_marks_[i - 1].at > coarse_mark_distance) continue;
        flush_marks_.erase(flush_marks_.begin() + static_cast<std::ptrdiff_t>(i));
        return;
    }
    flush_marks_.pop_front();
}

std::string topology::why_not_readable(const node_evidence& node, const node_view& view) const {
    if (node.is_leaving) return "leaving the cluster";
    if (node.order == node_order::detached) return "detached by hand";
    if (node.order == node_order::draining) return "being drained";
    if (node.health == node_health::down || node.health == node_health::busy ||
        node.health == node_health::unknown) {
        const std::string state = node.health == node_health::down   ? "down"
                                  : node.health == node_health::busy ? "busy"
                                                                     : "state unknown";
        return node.last_failure ? state + ": " + node.last_failure->text : state;
    }
    if (view.role == node_role::primary) return "a primary";
    if (view.role == node_role::unknown) return "role not confirmed lately";
    if (node.setting.weight <= 0) return "its weight is 0";
    if (!primary_) return "no primary has been seen yet";
    const auto& answer = *node.answer;
    if (answer.system_identifier != 0 && system_identifier_ != 0 &&
        answer.system_identifier != system_identifier_)
        return "it belongs to another cluster (system identifier " +
               std::to_string(answer.system_identifier) + ")";
    if (answer.timeline.value == 0)
        return "its timeline is unknown (the monitor's role needs REPLICATION or pg_monitor)";
    if (!answer.replay) return "its replay position is unknown";
    if (!on_primary_history(answer.timeline, *answer.replay))
        return "its timeline " + std::to_string(answer.timeline.value) +
               " has left the primary's history";
    if (!node.details_known || !nodes_.at(*primary_).details_known)
        return "its settings have not been compared with the primary's yet";
    if (auto difference =
            first_difference(node.details.defaults, nodes_.at(*primary_).details.defaults);
        !difference.empty())
        return difference;
    if (settings_.max_standby_lag_bytes && *settings_.max_standby_lag_bytes > 0 &&
        (!view.lag_bytes || *view.lag_bytes > *settings_.max_standby_lag_bytes))
        return "it lags by more than max_standby_lag_bytes";
    if (settings_.max_standby_lag_time && settings_.max_standby_lag_time->count() > 0 &&
        (!view.lag_time || *view.lag_time > *settings_.max_standby_lag_time))
        return "it lags by more than max_standby_lag_time";
    return {};
}

void topology::describe_replication(const node_evidence& node, node_view& out) const {
    if (!primary_ || *primary_ == node.id) return;
    const auto& senders = nodes_.at(*primary_).details.senders;
    const auto& wanted = node.setting.application_name.empty() ? node.details.cluster_name
                                                               : node.setting.application_name;
    const auto take = [&out](const replication_sender& sender) {
        out.replication_state = sender.state;
        out.replication_sync_state = sender.sync_state;
    };
    const auto named = std::ranges::find_if(senders, [&wanted](const auto& sender) {
        return !wanted.empty() && sender.application_name == wanted;
    });
    const auto ambiguous =
        std::ranges::count(senders, wanted, &replication_sender::application_name) > 1;
    if (named != senders.end() && !ambiguous) return take(*named);
    // By address only where all senders of that address say the same: nodes may share one.
    const replication_sender* only = nullptr;
    for (const auto& sender : senders) {
        if (sender.address.empty() || sender.address != node.address) continue;
        if (only != nullptr &&
            (only->state != sender.state || only->sync_state != sender.sync_state))
            return;
        only = &sender;
    }
    if (only != nullptr && out.role == node_role::standby) take(*only);
}

} // namespace pgweir
