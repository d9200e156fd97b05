#include "tests/chaos/cluster/memory_watch.hpp"

#include <numeric>

namespace pgweir::test {

namespace {

constexpr std::size_t enough_samples = 40;
constexpr std::size_t allowance = 8UL << 20U;

} // namespace

std::string memory_watch::complaint() const {
    if (samples_.size() < enough_samples) return "";
    const auto quarter = samples_.size() / 4;
    const auto average = [&](std::size_t first) {
        const auto begin = samples_.begin() + static_cast<std::ptrdiff_t>(first);
        return std::accumulate(begin, begin + static_cast<std::ptrdiff_t>(quarter),
                               std::size_t{0}) /
               quarter;
    };
    const auto warm = average(quarter);
    const auto last = average(samples_.size() - quarter);
    if (last <= warm + warm / 10 + allowance) return "";
    return "resident memory grew from " + std::to_string(warm) + " to " + std::to_string(last) +
           " bytes";
}

} // namespace pgweir::test
