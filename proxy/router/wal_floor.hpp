// Positions compared along the primary's history, and the recent samples that bounds are taken
// from. A sample_history belongs to one worker, which shows it every new view; nothing here is
// shared between threads.
#pragma once

#include "proxy/cluster/cluster_view.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace pgweir {

/// A position moved onto the present timeline: unchanged there, cut to the switch point if its
/// timeline is an ancestor (what lay behind is lost with the failover). Empty: its timeline is no
/// part of the history, or the history is not known and the primary's timeline is another.
[[nodiscard]] std::optional<wal_position> on_present_timeline(wal_position position,
                                                              const cluster_view& view);

/// Where a standby's replay stands along the primary's history. Empty: unknown, or past the point
/// where its timeline ended.
[[nodiscard]] std::optional<wal_position>
replayed_position(timeline_id timeline, lsn replay, const cluster_view& view);

/// The last samples of each node and of the primary. A session that settles late still gets the
/// bound that was right soon after its answer, instead of the present one that standbys are yet to
/// reach.
class sample_history {
public:
    struct entry {
        wal_sample sample;
        std::uint64_t role_epoch = 0;
    };

    void observe(const cluster_view& view);
    /// The oldest kept sample of a standby that was begun after look `mark`; null if there is none.
    [[nodiscard]] const entry* standby_after(std::uint16_t node, std::uint64_t mark) const;
    /// The same of whichever node was the primary, among samples with a flush position.
    [[nodiscard]] const entry* primary_after(std::uint64_t mark) const;
    /// The oldest kept sample of the primary whose settled flush covers a look begun after `mark`.
    [[nodiscard]] const entry* settled_after(std::uint64_t mark) const;

private:
    static constexpr std::size_t kept = 64;
    class ring {
    public:
        void add(const entry& latest);
        void clear() { first_ = size_ = 0; }
        template <class Wanted> [[nodiscard]] const entry* oldest(Wanted&& wanted) const {
            for (std::size_t i = 0; i < size_; ++i) {
                const entry& one = entries_[(first_ + i) % kept];
                if (wanted(one.sample)) return &one;
            }
            return nullptr;
        }

    private:
        std::array<entry, kept> entries_{};
        std::size_t first_ = 0;
        std::size_t size_ = 0;
    };

    ring primary_;
    std::vector<ring> standbys_; // by node id
};

} // namespace pgweir
