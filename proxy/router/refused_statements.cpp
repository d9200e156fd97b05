#include "proxy/router/refused_statements.hpp"

#include <algorithm>

namespace pgweir {

void refused_statements::remember(std::uint64_t fingerprint, refusal_kind why, time_point now) {
    if (fingerprint == 0) return;
    auto time = why == refusal_kind::never_possible ? longest_time : first_time;
    if (const auto found = known_.find(fingerprint); found != known_.end()) {
        auto& known = found->second;
        if (now < known.until) {
            // Another one that was under way when the first was refused.
            known.until = std::max(known.until, now + time);
            known.time = std::max(known.time, time);
            return;
        }
        // Soon: before as much time again has passed as it was kept away for.
        if (now < known.until + known.time)
            time = std::min(longest_time, std::max(time, 2 * known.time));
        known = {now + time, time};
        return;
    }
    if (known_.size() == most) make_room();
    known_.emplace(fingerprint, entry{now + time, time});
}

bool refused_statements::contains(std::uint64_t fingerprint, time_point now) const {
    const auto found = known_.find(fingerprint);
    return found != known_.end() && now < found->second.until;
}

void refused_statements::make_room() {
    known_.erase(
        std::ranges::min_element(known_, {}, [](const auto& known) { return known.second.until; }));
}

} // namespace pgweir
