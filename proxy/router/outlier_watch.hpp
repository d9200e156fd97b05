// How the standbys answer one worker's reads: recent latency for the balancing, and which of them
// are left out for a while because their reads fail or take much longer than their peers'. Pure:
// the time comes with each tick. One per worker.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace pgweir {

enum class outlier_reason : std::uint8_t { failures, latency };

struct outlier_settings {
    std::chrono::milliseconds ejection_time{10'000}; // 0: nobody is left out
    std::uint32_t failures = 5;                      // 0: failures do not count
    double latency_factor = 10;                      // over the median of the peers; 0: not judged
    std::chrono::microseconds latency_floor{50'000};
    double max_share = 0.5; // of the standbys that may be read from, rounded down
};

/// A moving average of latencies. Geometric, so that one report among point reads does not make a
/// node slow.
class moving_latency {
public:
    void add(std::chrono::nanoseconds sample);
    void clear() { *this = {}; }
    /// 0: no sample yet.
    [[nodiscard]] std::chrono::microseconds recent() const { return recent_; }
    [[nodiscard]] std::uint32_t samples() const { return samples_; }

private:
    double log_ = 0; // of microseconds, to base 2
    std::chrono::microseconds recent_{0};
    std::uint32_t samples_ = 0;
};

class outlier_watch {
public:
    using time_point = std::chrono::steady_clock::time_point;

    /// A standby that may be read from, and how many answers this worker has had of it in all.
    struct standby {
        std::uint16_t node = 0;
        std::uint64_t answers = 0;
    };
    struct change {
        std::uint16_t node = 0;
        bool left_out = false; // else it is back
        outlier_reason reason = outlier_reason::failures;
        std::string why; // for people
    };

    /// Whether the answer of the read that is being sent shall be timed: one in sixteen, and one
    /// after each tick. Called for each.
    [[nodiscard]] bool wants_latency(std::uint16_t node) {
        return node < nodes_.size() && --nodes_[node].until_sample == 0;
    }
    void on_latency(std::uint16_t node, std::chrono::nanoseconds latency);
    /// A read failed for a reason that is the server's.
    void on_failure(std::uint16_t node);
    /// The server has been restarted, or has another role: nothing of before counts.
    void forget(std::uint16_t node);

    [[nodiscard]] bool is_left_out(std::uint16_t node) const {
        return node < nodes_.size() && nodes_[node].left_out;
    }
    /// Why, for people; empty if it is not left out.
    [[nodiscard]] std::string why_left_out(std::uint16_t node) const;
    /// 0: not known.
    [[nodiscard]] std::chrono::microseconds latency(std::uint16_t node) const {
        return node < nodes_.size() ? nodes_[node].latency.recent() : std::chrono::microseconds{0};
    }

    /// A few times a second. Who is left out from now on, and who is back.
    [[nodiscard]] std::vector<change>
    tick(time_point now, std::span<const standby> readable, const outlier_settings& settings);

private:
    static constexpr std::uint32_t sampled_every = 16;
    struct watched {
        std::uint32_t until_sample = 1;
        bool left_out = false;
        bool has_new_sample = false;
        moving_latency latency;
        double failures = 0; // both fade …
        double answers = 0;  // … with a half-life of some seconds
        std::uint64_t answers_seen = 0;
        std::string why;
        time_point until{};
        time_point back_since{};
        unsigned spell = 0; // how often it was left out again soon after its return
    };

    watched& at(std::uint16_t node);
    void fade(time_point now);
    void count_answers(std::span<const standby> readable);
    void bring_back(watched& one, time_point now);
    [[nodiscard]] bool fails(const watched& one, const outlier_settings& settings) const;
    [[nodiscard]] std::chrono::microseconds peers_latency(std::uint16_t node,
                                                          std::span<const standby> readable) const;
    [[nodiscard]] bool is_slow(std::uint16_t node,
                               std::span<const standby> readable,
                               const outlier_settings& settings) const;
    [[nodiscard]] change leave_out(std::uint16_t node,
                                   outlier_reason reason,
                                   std::string why,
                                   time_point now,
                                   const outlier_settings& settings);
    [[nodiscard]] std::size_t end_spells(time_point now,
                                         std::size_t allowed,
                                         std::span<const standby> readable,
                                         std::vector<change>& out);

    std::vector<watched> nodes_; // by node id
    time_point faded_{};
};

} // namespace pgweir
