#include "tests/support/load/figures.hpp"

#include <algorithm>
#include <cstdio>
#include <stdexcept>

namespace pgweir::test {

milliseconds longest_pause(const std::vector<moment>& times, moment from, moment to) {
    milliseconds longest{0};
    moment last = from;
    for (auto at = std::ranges::lower_bound(times, from); at != times.end() && *at < to; ++at) {
        longest = std::max(longest, milliseconds{*at - last});
        last = *at;
    }
    return std::max(longest, milliseconds{to - last});
}

std::optional<moment> first_since(const std::vector<moment>& times, moment from) {
    const auto at = std::ranges::lower_bound(times, from);
    if (at == times.end()) return std::nullopt;
    return *at;
}

double median(std::vector<double> values) {
    if (values.empty()) throw std::invalid_argument("the median of nothing");
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
    std::ranges::nth_element(values, middle);
    return *middle;
}

std::string median_and_worst(const std::vector<double>& values) {
    char text[100];
    std::snprintf(text, sizeof text, "median %.0f ms, worst %.0f ms (%zu rounds)", median(values),
                  std::ranges::max(values), values.size());
    return text;
}

} // namespace pgweir::test
