#include "proxy/cluster/topology.hpp"

#include <algorithm>
#include <utility>

namespace pgweir {
namespace {

constexpr std::uint32_t failures_that_count = 2; // the failure and its recheck
constexpr std::size_t most_fences_kept = 1'024;  // of nodes that have gone

} // namespace

std::uint16_t topology::add_node(monitored_node node) {
    const auto free = std::ranges::find_if(nodes_, &node_evidence::is_vacant);
    node_evidence added;
    added.id = static_cast<std::uint16_t>(free - nodes_.begin());
    added.setting = std::move(node);
    if (const auto kept = fences_.find(name_of(added.setting)); kept != fences_.end())
        added.fenced = kept->second;
    if (free == nodes_.end()) {
        nodes_.push_back(std::move(added));
        shown_.emplace_back();
        return nodes_.back().id;
    }
    // What is left of connections to the former one must not pass for connections to this one.
    added.role_epoch = free->role_epoch + 1;
    shown_.at(added.id) = {};
    *free = std::move(added);
    return free->id;
}

void topology::set_node(std::uint16_t id, monitored_node node) {
    nodes_.at(id).setting = std::move(node);
}

void topology::set_leaving(std::uint16_t id, bool is_leaving) {
    auto& node = nodes_.at(id);
    node.is_leaving = is_leaving;
    if (is_leaving) node.order = node_order::none;
}

bool topology::may_forget(std::uint16_t id) const {
    // What is known of the primary, also of one that has gone, is what the next one is judged by.
    return nodes_.at(id).is_leaving && primary_ != id;
}

void topology::forget(std::uint16_t id) {
    auto& node = nodes_.at(id);
    if (node.fenced && fences_.size() < most_fences_kept)
        fences_[name_of(node.setting)] = *node.fenced;
    node_evidence vacant;
    vacant.id = id;
    vacant.role_epoch = node.role_epoch;
    vacant.is_vacant = true;
    node = std::move(vacant);
}

void topology::set_address(std::uint16_t id, std::string numeric_address) {
    auto& node = nodes_.at(id);
    if (node.address == numeric_address) return;
    const bool is_known = !std::exchange(node.address, std::move(numeric_address)).empty();
    if (!is_known) return;
    // Another server, as far as anybody knows: the old one's answers say nothing about it.
    ++node.role_epoch;
    node.answer.reset();
    node.history.reset();
    node.details_known = false;
    node.settled.clear();
    node.failures_in_a_row = 0;
    node.health = node_health::unknown;
}

void topology::on_answer(std::uint16_t id, node_answer answer, time_point now) {
    auto& node = nodes_.at(id);
    const auto role = answer.in_recovery ? node_role::standby : node_role::primary;
    const bool restarted =
        node.answer && !node.answer->started.empty() && node.answer->started != answer.started;
    const bool changed = node.last_role != node_role::unknown && node.last_role != role;
    if (restarted || changed) {
        ++node.role_epoch;
        node.settled.clear();
    }
    // What is asked once per connection stays known while the server runs.
    if (node.answer && !restarted && answer.system_identifier == 0)
        answer.system_identifier = node.answer->system_identifier;

    node.asked = true;
    node.health = node_health::up;
    node.failures_in_a_row = node.timeouts_in_a_row = 0;
    node.last_failure.reset();
    node.last_role = role;
    node.role_confirmed = now;
    if (role == node_role::standby) {
        node.seen_as_standby = true;
        // Without its receiver a standby may not be able to say; it is still where it was.
        if (answer.timeline.value != 0) node.seen_standby_on = answer.timeline;
        node.fenced.reset();
        fences_.erase(name_of(node.setting));
        node.vouched_for = false;
        node.compared_flush = primary_flush_;
    } else if (answer.flush) {
        node.settled.on_look(answer.number, answer.begun, *answer.flush);
    }
    node.answer = std::move(answer);
    if (primary_ == id && role == node_role::primary && node.answer->flush)
        mark_flush(*node.answer->flush, now, node.answer->begun);
}

void topology::on_failure(std::uint16_t id,
                          node_failure failure,
                          bool bytes_meanwhile,
                          time_point now) {
    auto& node = nodes_.at(id);
    // A busy or slow server that still talks to the workers has not been restarted, so a primary
    // is one still: it could become a standby only by a restart.
    const bool talks = bytes_meanwhile && node.last_role == node_role::primary;
    switch (failure.kind) {
    case failure_kind::refused:
    case failure_kind::reset:
    case failure_kind::other:
        if (++node.failures_in_a_row >= failures_that_count) node.health = node_health::down;
        break;
    case failure_kind::timed_out:
        if (!bytes_meanwhile) {
            node.health = node_health::down;
            ++node.timeouts_in_a_row;
        } else if (talks)
            node.role_confirmed = now;
        break;
    case failure_kind::busy:
        node.failures_in_a_row = 0;
        node.health = node_health::busy;
        if (talks) node.role_confirmed = now;
        break;
    case failure_kind::wrong_password:
        node.failures_in_a_row = 0;
        node.health = node_health::unknown;
        if (talks) node.role_confirmed = now;
        break;
    }
    node.last_failure = std::move(failure);
    if (!wants_recheck(id)) node.asked = true;
}

void topology::on_details(std::uint16_t id, node_details details) {
    auto& node = nodes_.at(id);
    node.settled.set_wal_writer_delay(details.wal_writer_delay);
    node.details = std::move(details);
    node.details_known = true;
}

void topology::on_parameters(std::uint16_t id, setting_list parameters) {
    nodes_.at(id).parameters = std::move(parameters);
}

void topology::on_history(std::uint16_t id, timeline_history history) {
    nodes_.at(id).history = std::move(history);
}

void topology::on_order(std::uint16_t id, node_order order) {
    auto& node = nodes_.at(id);
    node.order = order;
    if (order != node_order::attached) return;
    node.fenced.reset();
    fences_.erase(name_of(node.setting));
    // Said of a server that takes writes now, it is the word that this one is the primary.
    node.vouched_for = node.last_role == node_role::primary && primary_ != id;
}

bool topology::wants_recheck(std::uint16_t id) const {
    const auto& node = nodes_.at(id);
    return !node.is_leaving && node.failures_in_a_row > 0 &&
           node.failures_in_a_row < failures_that_count;
}

std::optional<timeline_id> topology::wants_history(std::uint16_t id) const {
    const auto& node = nodes_.at(id);
    if (!node.answer || node.answer->in_recovery || node.health != node_health::up ||
        node.is_leaving)
        return std::nullopt;
    const auto timeline = node.answer->timeline;
    if (timeline.value <= 1) return std::nullopt; // the first has no forefathers
    if (node.history && node.history->timeline == timeline) return std::nullopt;
    return timeline;
}

cluster_view topology::judge(time_point now, wall_time wall) {
    auto chosen = choose_primary(now);
    if (chosen.primary) {
        adopt(*chosen.primary);
        note_confirmed(nodes_.at(*chosen.primary));
    }

    cluster_view view;
    view.version = ++version_;
    view.primary = chosen.primary;
    view.no_primary_because = std::move(chosen.because);
    view.system_identifier = system_identifier_;
    view.history = history_;
    view.confirmed = confirmed_;
    if (primary_) {
        const auto& primary = nodes_.at(*primary_);
        view.primary_parameters = primary.parameters;
        // Of a server promoted this moment they are not known yet: the former primary's are as
        // good.
        for (const auto& node : nodes_)
            if (view.primary_parameters.empty()) view.primary_parameters = node.parameters;
        view.asynchronous_commit = primary.details.asynchronous_commit;
    }
    for (const auto& node : nodes_) {
        auto out = describe(node, now);
        auto& before = shown_.at(node.id);
        if (before.since == wall_time{} || before.role != out.role || before.health != out.health ||
            before.readable != out.readable)
            before = {out.role, out.health, out.readable, wall};
        out.last_change = before.since;
        view.nodes.push_back(std::move(out));
    }
    return view;
}

node_view topology::describe(const node_evidence& node, time_point now) const {
    node_view out;
    out.id = node.id;
    out.role_epoch = node.role_epoch;
    if (node.is_vacant) {
        out.is_vacant = true;
        out.order = node_order::detached;
        out.not_readable_because = "there is no such node any more";
        return out;
    }
    out.name = name_of(node.setting);
    out.is_discovered = node.setting.is_discovered;
    out.host = node.setting.host;
    out.address = node.address;
    out.port = node.setting.port;
    out.weight = node.setting.weight;
    out.zone = node.setting.zone;
    out.near = node.setting.near;
    out.health = node.health;
    // A primary whose disk stalls for some seconds is no reason to lose what is under way there.
    out.silent = node.health == node_health::down &&
                 node.timeouts_in_a_row >= (node.last_role == node_role::primary ? 2U : 1U);
    out.is_leaving = node.is_leaving;
    out.order = node.is_leaving ? node_order::draining : node.order;
    out.role = present_role(node, now);
    describe_replication(node, out);
    if (!node.answer) {
        out.not_readable_because = why_not_readable(node, out);
        return out;
    }
    const auto& answer = *node.answer;
    out.server_version = answer.server_version;
    const auto& details = node.details;
    if (details.max_connections > details.reserved_connections)
        out.connections = details.max_connections - details.reserved_connections;
    out.sample.number = answer.number;
    out.sample.timeline = answer.timeline;
    if (answer.in_recovery) {
        out.sample.replay = answer.replay;
        out.sample.received = answer.received;
        describe_standby(node, out, now);
    } else {
        out.sample.flush = answer.flush;
        out.sample.insert = answer.insert;
        out.sample.settled_flush = node.settled.flush();
        out.sample.settled_for = node.settled.settled_for();
    }
    out.not_readable_because = why_not_readable(node, out);
    out.readable = out.not_readable_because.empty();
    return out;
}

} // namespace pgweir
