// The bound of an answer that may show asynchronous commits (RULES A5): the flush position of a
// look begun at least three times wal_writer_delay after the look that first bounds the answer.
// Pure; one per primary.
#pragma once

#include "proxy/cluster/lsn.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

namespace pgweir {

class settled_flush {
public:
    using time_point = std::chrono::steady_clock::time_point;

    /// A look of the primary: its number, when it began, and the flush position it found. Numbers
    /// grow.
    void on_look(std::uint64_t number, time_point begun, lsn flush);
    void set_wal_writer_delay(std::chrono::milliseconds delay) { delay_ = delay; }
    void clear();

    /// The flush position that bounds everything which looks up to `settled_for` found inserted.
    [[nodiscard]] std::optional<lsn> flush() const { return flush_; }
    [[nodiscard]] std::uint64_t settled_for() const { return settled_for_; }

private:
    struct look {
        std::uint64_t number;
        time_point begun;
    };
    // 10 s (the setting's maximum) x 3 at 20 ms a look; when full, looks are left out: their number
    // settles later.
    static constexpr std::size_t max_looks = 2'048;

    std::chrono::milliseconds delay_{200};
    std::deque<look> pending_;
    std::optional<lsn> flush_;
    std::uint64_t settled_for_ = 0;
};

} // namespace pgweir
