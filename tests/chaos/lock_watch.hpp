// Sees to it that what a vanished client held is free again soon.
#pragma once

#include "tests/chaos/tally.hpp"
#include "tests/support/postgres_cluster.hpp"

#include <chrono>
#include <map>
#include <mutex>
#include <set>

namespace pgweir::test {

class lock_watch {
public:
    lock_watch(postgres_cluster& cluster, tally& counts) : cluster_{cluster}, counts_{counts} {}

    /// A client that may have held this advisory lock is gone. Any thread.
    void orphaned(int key);
    /// Asks the primary once; what is held for longer than the limit is wrong.
    void look();
    /// Waits until nothing is left, for not longer than the limit.
    void finish();

    static constexpr std::chrono::seconds limit{5};

private:
    std::set<int> held();

    postgres_cluster& cluster_;
    tally& counts_;
    std::mutex mutex_;
    std::map<int, std::chrono::steady_clock::time_point> orphans_;
};

} // namespace pgweir::test
