#include "proxy/router/outlier_watch.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace pgweir {

namespace {

using std::chrono::microseconds;

constexpr double newest_share = 0.125;
constexpr std::uint32_t enough_samples = 8;
constexpr double failing_share = 0.2;
constexpr std::chrono::seconds fading_step{1};
constexpr double fading = 0.9;        // of each step: half is gone after about seven
constexpr unsigned longest_spell = 4; // 2^4 times ejection_time

std::string text_of(microseconds latency) {
    const auto us = latency.count();
    return us < 10'000 ? std::to_string(us) + " us" : std::to_string(us / 1'000) + " ms";
}

} // namespace

void moving_latency::add(std::chrono::nanoseconds sample) {
    const double us = std::max(1.0, static_cast<double>(sample.count()) / 1'000.0);
    const double log = std::log2(us);
    log_ = samples_ == 0 ? log : log_ + (log - log_) * newest_share;
    if (samples_ < enough_samples) ++samples_;
    recent_ = microseconds{std::max<std::int64_t>(1, std::llround(std::exp2(log_)))};
}

outlier_watch::watched& outlier_watch::at(std::uint16_t node) {
    if (nodes_.size() <= node) nodes_.resize(node + 1U);
    return nodes_[node];
}

void outlier_watch::on_latency(std::uint16_t node, std::chrono::nanoseconds latency) {
    auto& one = at(node);
    one.until_sample = sampled_every;
    one.has_new_sample = true;
    one.latency.add(latency);
}

void outlier_watch::on_failure(std::uint16_t node) {
    at(node).failures += 1;
}

void outlier_watch::forget(std::uint16_t node) {
    auto& one = at(node);
    const auto answers = one.answers_seen;
    one = {};
    one.answers_seen = answers;
}

std::string outlier_watch::why_left_out(std::uint16_t node) const {
    return is_left_out(node) ? nodes_[node].why : std::string{};
}

void outlier_watch::fade(time_point now) {
    if (now - faded_ < fading_step) return;
    faded_ = now;
    for (auto& one : nodes_) {
        one.failures *= fading;
        one.answers *= fading;
    }
}

void outlier_watch::count_answers(std::span<const standby> readable) {
    for (const auto& s : readable) {
        auto& one = at(s.node);
        one.answers += static_cast<double>(s.answers - std::min(s.answers, one.answers_seen));
        one.answers_seen = s.answers;
        // A latency of every tick at least, however few reads there are.
        one.until_sample = 1;
    }
}

/// It begins anew: what it did before has been paid for.
void outlier_watch::bring_back(watched& one, time_point now) {
    one.left_out = false;
    one.back_since = now;
    one.latency.clear();
    one.failures = one.answers = 0;
    one.why.clear();
}

/// Spells that are over, and any beyond what is allowed, the oldest first. How many stay left out.
std::size_t outlier_watch::end_spells(time_point now,
                                      std::size_t allowed,
                                      std::span<const standby> readable,
                                      std::vector<change>& out) {
    std::size_t left_out = 0;
    for (std::uint16_t node = 0; node < nodes_.size(); ++node) {
        auto& one = nodes_[node];
        if (!one.left_out) continue;
        // Who may not be read from anyway takes nobody's place.
        const bool counts = std::ranges::find(readable, node, &standby::node) != readable.end();
        if (now < one.until && (!counts || left_out < allowed)) {
            left_out += counts ? 1 : 0;
            continue;
        }
        bring_back(one, now);
        out.push_back({node, false, outlier_reason::failures, {}});
    }
    return left_out;
}

bool outlier_watch::fails(const watched& one, const outlier_settings& settings) const {
    return settings.failures != 0 &&
           one.failures >= static_cast<double>(settings.failures) * fading &&
           one.failures >= failing_share * std::max(one.answers, one.failures);
}

/// The median of the other standbys in service; 0 if none of them has enough samples.
microseconds outlier_watch::peers_latency(std::uint16_t node,
                                          std::span<const standby> readable) const {
    std::vector<microseconds> peers;
    for (const auto& s : readable) {
        const auto& one = nodes_[s.node];
        if (s.node == node || one.left_out || one.latency.samples() < enough_samples) continue;
        peers.push_back(one.latency.recent());
    }
    if (peers.empty()) return microseconds{0};
    std::ranges::sort(peers);
    return peers[(peers.size() - 1) / 2];
}

bool outlier_watch::is_slow(std::uint16_t node,
                            std::span<const standby> readable,
                            const outlier_settings& settings) const {
    const auto& one = nodes_[node];
    if (settings.latency_factor <= 0 || !one.has_new_sample ||
        one.latency.samples() < enough_samples || one.latency.recent() <= settings.latency_floor)
        return false;
    const auto peers = peers_latency(node, readable);
    return peers.count() != 0 && static_cast<double>(one.latency.recent().count()) >
                                     settings.latency_factor * static_cast<double>(peers.count());
}

outlier_watch::change outlier_watch::leave_out(std::uint16_t node,
                                               outlier_reason reason,
                                               std::string why,
                                               time_point now,
                                               const outlier_settings& settings) {
    auto& one = nodes_[node];
    const auto length = settings.ejection_time * (1U << one.spell);
    const bool again = one.back_since != time_point{} && now - one.back_since <= 2 * length;
    one.spell = again ? std::min(one.spell + 1, longest_spell) : 0;
    one.until = now + settings.ejection_time * (1U << one.spell);
    one.left_out = true;
    one.why = why;
    return {node, true, reason, std::move(why)};
}

std::vector<outlier_watch::change> outlier_watch::tick(time_point now,
                                                       std::span<const standby> readable,
                                                       const outlier_settings& settings) {
    std::vector<change> out;
    count_answers(readable);
    fade(now);
    const bool is_on = settings.ejection_time.count() != 0;
    const auto share = settings.max_share * static_cast<double>(readable.size());
    const auto allowed = is_on ? static_cast<std::size_t>(share) : std::size_t{0};
    auto left_out = end_spells(now, allowed, readable, out);
    for (const auto& s : readable) {
        auto& one = nodes_[s.node];
        if (left_out >= allowed) break;
        if (one.left_out) continue;
        if (fails(one, settings)) {
            out.push_back(leave_out(s.node, outlier_reason::failures,
                                    std::to_string(std::lround(one.failures)) +
                                        " reads have failed there lately",
                                    now, settings));
        } else if (is_slow(s.node, readable, settings)) {
            out.push_back(leave_out(s.node, outlier_reason::latency,
                                    "it answers in " + text_of(one.latency.recent()) +
                                        ", its peers in " +
                                        text_of(peers_latency(s.node, readable)),
                                    now, settings));
        } else {
            continue;
        }
        ++left_out;
    }
    for (auto& one : nodes_)
        one.has_new_sample = false;
    return out;
}

} // namespace pgweir
