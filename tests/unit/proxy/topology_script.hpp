// A cluster as evidence only: scripts say what each node answered, and ask what the topology makes
// of it.
#pragma once

#include "proxy/cluster/topology.hpp"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace pgweir::test {

using node_ids = std::vector<std::uint16_t>;

class topology_script {
public:
    using milliseconds = std::chrono::milliseconds;

    explicit topology_script(int nodes, topology_settings settings = {}) : topology_{settings} {
        for (int i = 0; i < nodes; ++i) {
            monitored_node node;
            node.host = "node" + std::to_string(i);
            const auto id = topology_.add_node(node);
            topology_.set_address(id, "10.0.0." + std::to_string(i));
            details(id);
        }
    }

    /// A primary's answer; the history of a later timeline is given by `history`.
    void primary(std::uint16_t id,
                 std::uint32_t timeline = 1,
                 std::uint64_t flush = 1'000,
                 std::optional<lsn> confirmed = {}) {
        auto answer = an_answer(false, timeline);
        answer.flush = answer.insert = lsn{flush};
        answer.confirmed = confirmed;
        topology_.on_answer(id, answer, now_);
    }
    /// A standby's answer; `from`: the node that its wal receiver streams from, -1 none.
    void standby(std::uint16_t id,
                 std::uint32_t timeline = 1,
                 std::uint64_t replay = 1'000,
                 int from = -1) {
        auto answer = an_answer(true, timeline);
        answer.replay = answer.received = lsn{replay};
        if (from >= 0) {
            answer.receives_from_host = "node" + std::to_string(from);
            answer.receives_from_port = 5432;
        }
        topology_.on_answer(id, answer, now_);
    }
    void history(std::uint16_t id,
                 std::uint32_t timeline,
                 std::vector<std::pair<timeline_id, lsn>> forefathers) {
        topology_.on_history(id, {timeline_id{timeline}, true, std::move(forefathers)});
    }
    void history_refused(std::uint16_t id, std::uint32_t timeline) {
        topology_.on_history(id, {timeline_id{timeline}, false, {}});
    }
    void fail(std::uint16_t id, failure_kind kind, bool bytes_meanwhile = false) {
        topology_.on_failure(id, {kind, "it failed"}, bytes_meanwhile, now_);
    }
    /// Refused, and refused again.
    void down(std::uint16_t id) {
        fail(id, failure_kind::refused);
        fail(id, failure_kind::refused);
    }
    void details(std::uint16_t id, const std::string& time_zone = "UTC") {
        node_details details;
        details.defaults = {{"TimeZone", time_zone}, {"search_path", "public"}};
        topology_.on_details(id, details);
    }
    void pass(milliseconds time) { now_ += time; }

    [[nodiscard]] cluster_view view() { return topology_.judge(now_, wall_ + (now_ - start_)); }
    [[nodiscard]] int chosen() {
        const auto seen = view();
        return seen.primary ? *seen.primary : -1;
    }
    [[nodiscard]] std::string why_none() { return view().no_primary_because; }
    [[nodiscard]] bool readable(std::uint16_t id) { return view().nodes.at(id).readable; }
    [[nodiscard]] std::string why_not(std::uint16_t id) {
        return view().nodes.at(id).not_readable_because;
    }

    [[nodiscard]] node_answer an_answer(bool in_recovery, std::uint32_t timeline) {
        node_answer answer;
        answer.number = ++number_;
        answer.begun = now_;
        answer.in_recovery = in_recovery;
        answer.system_identifier = identifier;
        answer.timeline = timeline_id{timeline};
        answer.started = started;
        answer.server_version = 150'020;
        return answer;
    }
    [[nodiscard]] topology& judge() { return topology_; }
    [[nodiscard]] std::chrono::steady_clock::time_point now() const { return now_; }

    std::uint64_t identifier = 77;
    std::string started = "2026-01-01";

private:
    topology topology_;
    std::chrono::steady_clock::time_point start_{std::chrono::hours{1}};
    std::chrono::steady_clock::time_point now_{start_};
    std::chrono::system_clock::time_point wall_{std::chrono::hours{1'000}};
    std::uint64_t number_ = 0;
};

} // namespace pgweir::test
