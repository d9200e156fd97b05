// Who is who in the cluster: evidence about the nodes in, a cluster_view out. Pure: no clock, no
// socket; the monitor feeds answers and failures with the time they arrived, and publishes what
// `judge` returns. One thread. Rules: DESIGN 7; RULES A5, A7, A14, C2, E7.
#pragma once

#include "proxy/cluster/cluster_view.hpp"
#include "proxy/cluster/monitor_settings.hpp"
#include "proxy/cluster/node_evidence.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pgweir {

class topology {
public:
    using time_point = std::chrono::steady_clock::time_point;
    using wall_time = std::chrono::system_clock::time_point;

    explicit topology(topology_settings settings) : settings_{settings} {}

    /// Ids count from 0; the least that a forgotten node has left is used first.
    std::uint16_t add_node(monitored_node node);
    /// It is to be forgotten: no new work goes there, and it is no primary any more. False: it is
    /// back.
    void set_leaving(std::uint16_t id, bool is_leaving);
    [[nodiscard]] bool may_forget(std::uint16_t id) const;
    /// Its id is free. Nobody may hold on to a connection there.
    void forget(std::uint16_t id);
    void set_settings(topology_settings settings) { settings_ = settings; }
    /// New weight, application_name, flags; host and port stay.
    void set_node(std::uint16_t id, monitored_node node);
    /// Another address than before is another server: it has to answer first, and connections to
    /// the former one are of an older role_epoch.
    void set_address(std::uint16_t id, std::string numeric_address);

    void on_answer(std::uint16_t id, node_answer answer, time_point now);
    /// `bytes_meanwhile`: a worker got bytes from the node since the failed check began (E7).
    void on_failure(std::uint16_t id, node_failure failure, bool bytes_meanwhile, time_point now);
    void on_details(std::uint16_t id, node_details details);
    /// ParameterStatus values of a new probe connection.
    void on_parameters(std::uint16_t id, setting_list parameters);
    void on_history(std::uint16_t id, timeline_history history);
    /// detached, draining: no new work goes there. attached: undoes both, and lifts the node's
    /// fence once.
    void on_order(std::uint16_t id, node_order order);

    /// The failure wants one immediate recheck before it counts.
    [[nodiscard]] bool wants_recheck(std::uint16_t id) const;
    /// The node is a primary on a timeline whose history is still unknown.
    [[nodiscard]] std::optional<timeline_id> wants_history(std::uint16_t id) const;

    /// The present view, its version one greater than the last. Ages evidence and fences out-voted
    /// servers.
    [[nodiscard]] cluster_view judge(time_point now, wall_time wall);

    [[nodiscard]] const node_evidence& evidence(std::uint16_t id) const { return nodes_.at(id); }
    [[nodiscard]] std::size_t size() const { return nodes_.size(); }

private:
    struct choice {
        std::optional<std::uint16_t> primary;
        std::string because; // why none
    };
    struct flush_mark {
        time_point at; // when an answer first told of it
        lsn flush;
        time_point confirmed; // when the latest look began that found this position
    };
    struct shown { // what the last view said, for last_change
        node_role role = node_role::unknown;
        node_health health = node_health::unknown;
        bool readable = false;
        wall_time since{};
    };

    // topology_primary.cpp
    [[nodiscard]] choice choose_primary(time_point now);
    [[nodiscard]] choice choose_alone(std::uint16_t id) const;
    [[nodiscard]] choice choose_among(const std::vector<std::uint16_t>& candidates) const;
    [[nodiscard]] bool descends(const node_evidence& node, timeline_id from) const;
    [[nodiscard]] bool beats(const node_evidence& one, const node_evidence& other) const;
    [[nodiscard]] bool has_streaming_standby(const node_evidence& node) const;
    [[nodiscard]] bool streams_from(const node_evidence& standby,
                                    const node_evidence& sender) const;
    [[nodiscard]] bool has_quorum(const node_evidence& primary) const;
    [[nodiscard]] std::optional<std::uint64_t> cluster_identifier() const;
    void adopt(std::uint16_t id);
    void note_confirmed(const node_evidence& primary);

    // topology_standby.cpp
    [[nodiscard]] node_role present_role(const node_evidence& node, time_point now) const;
    void describe_standby(const node_evidence& node, node_view& out, time_point now) const;
    [[nodiscard]] std::string why_not_readable(const node_evidence& node,
                                               const node_view& view) const;
    [[nodiscard]] bool on_primary_history(timeline_id timeline, lsn at) const;
    [[nodiscard]] std::optional<std::chrono::microseconds> lag_time(lsn replay,
                                                                    time_point now) const;
    [[nodiscard]] std::optional<time_point> fresh_as_of(lsn replay) const;
    void describe_replication(const node_evidence& node, node_view& out) const;
    void mark_flush(lsn flush, time_point now, time_point begun);

    node_view describe(const node_evidence& node, time_point now) const;

    topology_settings settings_;
    std::vector<node_evidence> nodes_;
    std::vector<shown> shown_;
    std::map<std::string, std::string> fences_; // of forgotten nodes, by name: they may come back
    std::uint64_t version_ = 0;
    std::optional<std::uint16_t> primary_; // the present or the latest one
    timeline_id primary_timeline_;
    std::uint64_t system_identifier_ = 0;
    std::vector<std::pair<timeline_id, lsn>> history_;
    std::optional<lsn> primary_flush_;
    std::optional<wal_position> confirmed_;      // the greatest that this primary had told before …
    std::optional<wal_position> confirmed_last_; // … its latest look, and now
    std::uint64_t confirmed_look_ = 0;
    std::deque<flush_mark> flush_marks_; // the primary's progress, oldest first
};

} // namespace pgweir
