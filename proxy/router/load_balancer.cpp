#include "proxy/router/load_balancer.hpp"

namespace pgweir {

namespace {

constexpr double noticeably_more = 1.2;

bool is_eligible(const balance_candidate& candidate, balance_rank rank) {
    return candidate.weight > 0.0 && candidate.rank == rank;
}

/// `total` is the sum of the weights of that rank.
const balance_candidate* draw(std::span<const balance_candidate> candidates,
                              balance_rank rank,
                              double total,
                              random_state& random) {
    double left = random.fraction() * total;
    const balance_candidate* last = nullptr;
    for (const balance_candidate& candidate : candidates) {
        if (!is_eligible(candidate, rank)) continue;
        last = &candidate;
        left -= candidate.weight;
        if (left < 0.0) break;
    }
    return last;
}

double load_of(const balance_candidate& candidate, bool by_latency) {
    const double queries = static_cast<double>(candidate.in_flight) / candidate.weight;
    return by_latency ? queries * static_cast<double>(candidate.latency.count()) : queries;
}

} // namespace

std::uint64_t random_state::next() {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
    return mixed ^ (mixed >> 31U);
}

double random_state::fraction() {
    constexpr double scale = 1.0 / 9007199254740992.0; // 2^-53: what a double's mantissa holds
    return static_cast<double>(next() >> 11U) * scale;
}

std::optional<std::uint16_t> choose_node(std::span<const balance_candidate> candidates,
                                         random_state& random,
                                         std::optional<std::uint16_t> preferred) {
    auto best = balance_rank::left_out;
    double total = 0.0; // of the best rank so far
    for (const balance_candidate& candidate : candidates) {
        if (candidate.weight <= 0.0) continue;
        if (preferred == candidate.node && candidate.rank != balance_rank::left_out)
            return candidate.node;
        if (candidate.rank > best) continue;
        if (candidate.rank < best) total = 0.0;
        best = candidate.rank;
        total += candidate.weight;
    }
    if (total <= 0.0) return std::nullopt;
    const balance_candidate* const first = draw(candidates, best, total, random);
    const balance_candidate* const second = draw(candidates, best, total, random);
    const bool by_latency = first->latency.count() > 0 && second->latency.count() > 0;
    const double first_load = load_of(*first, by_latency);
    const double second_load = load_of(*second, by_latency);
    return first_load > second_load * noticeably_more ? second->node : first->node;
}

} // namespace pgweir
