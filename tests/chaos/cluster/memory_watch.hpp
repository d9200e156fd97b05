// Whether a process' resident memory stays flat once it is warm.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace pgweir::test {

class memory_watch {
public:
    void sample(std::size_t bytes) { samples_.push_back(bytes); }
    [[nodiscard]] std::size_t latest() const { return samples_.empty() ? 0 : samples_.back(); }
    /// Empty if the last quarter of the samples is on average at most a tenth and 8 MB above the
    /// second one, or if there are too few to say.
    [[nodiscard]] std::string complaint() const;

private:
    std::vector<std::size_t> samples_;
};

} // namespace pgweir::test
