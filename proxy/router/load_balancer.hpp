// Which of the standbys that may answer a read shall answer it: weights first, then the less loaded
// of two drawn at random. Pure: the state of the random numbers belongs to the caller (one per
// worker).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>

namespace pgweir {

/// A small pseudo-random generator (splitmix64). Not for secrets.
class random_state {
public:
    explicit random_state(std::uint64_t seed) : state_{seed} {}
    [[nodiscard]] std::uint64_t next();
    /// Uniform in [0, 1).
    [[nodiscard]] double fraction();

private:
    std::uint64_t state_;
};

/// Who comes first; the next rank is only asked where nobody of the one before is a candidate.
enum class balance_rank : std::uint8_t {
    near,     // in our zone, or there are no zones
    far,      // elsewhere
    left_out, // see outlier_watch.hpp
};

struct balance_candidate {
    std::uint16_t node = 0;               // id in the cluster view
    double weight = 1.0;                  // 0: never chosen
    std::uint32_t in_flight = 0;          // queries under way there, as this worker knows
    std::chrono::microseconds latency{0}; // recent answers' latency; 0: not known
    balance_rank rank = balance_rank::near;
};

/// The node to ask; nothing if no candidate has a weight. `preferred` (session stickiness, a
/// redirect) is taken whenever it is among the candidates with a weight and not left out.
///
/// Of the best rank that there is, two candidates are drawn by weight; of them the one with the
/// smaller load wins, where load is queries in flight by weight, times latency. Loads within a
/// fifth of each other are equal, and then the first drawn wins: so idle nodes share the reads
/// exactly by weight, and a node that is slow only for lack of use is not starved.
[[nodiscard]] std::optional<std::uint16_t>
choose_node(std::span<const balance_candidate> candidates,
            random_state& random,
            std::optional<std::uint16_t> preferred = std::nullopt);

} // namespace pgweir
