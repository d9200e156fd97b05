// Waiting for a condition with a limit: tests never sleep for a guessed time.
#pragma once

#include <chrono>
#include <thread>

namespace pgweir::test {

using namespace std::chrono_literals;

/// The limit for things that normally take milliseconds; generous because test machines are slow.
inline constexpr std::chrono::milliseconds patience = 15s;

/// Looks at `condition` until it holds or `limit` has passed; the result is its last value.
template <class Condition>
[[nodiscard]] bool wait_until(Condition&& condition,
                              std::chrono::milliseconds limit = patience,
                              std::chrono::milliseconds pause = 5ms) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    for (;;) {
        if (condition()) return true;
        if (std::chrono::steady_clock::now() >= deadline) return false;
        std::this_thread::sleep_for(pause);
    }
}

/// For the rare test that shows that something does NOT happen: true if `condition` stayed false
/// for all of `duration`.
template <class Condition>
[[nodiscard]] bool stays_false(Condition&& condition, std::chrono::milliseconds duration) {
    return !wait_until(condition, duration, 10ms);
}

} // namespace pgweir::test
