// Figures of a run from the times at which its transactions ended. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace pgweir::test {

using moment = std::chrono::steady_clock::time_point;
using milliseconds = std::chrono::duration<double, std::milli>;

/// The longest time in [from, to] without any of `times`, which are in order. All of it if none
/// lies between.
[[nodiscard]] milliseconds longest_pause(const std::vector<moment>& times, moment from, moment to);

/// The first of `times` (in order) that is not before `from`.
[[nodiscard]] std::optional<moment> first_since(const std::vector<moment>& times, moment from);

/// The middle one, of an even number the lower of the two. Throws std::invalid_argument if there
/// is none.
[[nodiscard]] double median(std::vector<double> values);

/// "median 412 ms, worst 730 ms (20 rounds)".
[[nodiscard]] std::string median_and_worst(const std::vector<double>& values);

} // namespace pgweir::test
