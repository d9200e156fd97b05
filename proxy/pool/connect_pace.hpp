// When the next server connection to a node may be opened, so that never more than a given number
// are within any second: a server that comes back is not run over. Pure; the owner locks.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace pgweir {

class connect_pace {
public:
    using clock = std::chrono::steady_clock;

    /// Connections a second; 0: as many as one likes.
    void set_rate(std::uint32_t per_second) {
        if (per_second == rate_) return;
        rate_ = per_second;
        if (rate_ == 0) return;
        // What is asked for ten times a second comes in little bursts; a whole second, with the
        // burst that it may begin with, still stays within the rate.
        const std::uint32_t burst = std::max<std::uint32_t>(1, rate_ / 10);
        interval_ = std::chrono::nanoseconds{std::chrono::seconds{1}} / (rate_ - burst + 1);
        ahead_ = interval_ * (burst - 1);
    }

    /// Whether one may be opened now; it counts as opened.
    [[nodiscard]] bool try_take(clock::time_point now) {
        if (rate_ == 0) return true;
        if (due_ > now + ahead_) return false;
        due_ = std::max(due_, now) + interval_;
        return true;
    }

private:
    std::uint32_t rate_ = 0;
    std::chrono::nanoseconds interval_{0};
    std::chrono::nanoseconds ahead_{0}; // how far `due_` may lie in the future
    clock::time_point due_{};
};

} // namespace pgweir
