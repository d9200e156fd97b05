#include "tests/chaos/lock_watch.hpp"

#include "tests/support/wait.hpp"

namespace pgweir::test {

void lock_watch::orphaned(int key) {
    const std::lock_guard lock{mutex_};
    orphans_.try_emplace(key, std::chrono::steady_clock::now());
    ++counts_.locks_watched;
}

std::set<int> lock_watch::held() {
    auto session = cluster_.primary().connect("app");
    const auto result =
        session.exec("select objid from pg_locks where locktype = 'advisory' and granted");
    std::set<int> keys;
    for (int row = 0; row < result.rows(); ++row)
        keys.insert(std::stoi(result.value(row, 0)));
    return keys;
}

void lock_watch::look() {
    const auto keys = held();
    const auto now = std::chrono::steady_clock::now();
    const std::lock_guard lock{mutex_};
    std::erase_if(orphans_, [&](const auto& orphan) {
        // A kill just now may have been sent before the server has even seen the statement.
        if (!keys.contains(orphan.first)) return now - orphan.second > std::chrono::seconds{1};
        if (now - orphan.second <= limit) return false;
        counts_.wrong("lock " + std::to_string(orphan.first) + " is still held " +
                      std::to_string(limit.count()) + " s after its client was killed");
        return true;
    });
}

void lock_watch::finish() {
    const bool free = wait_until([this] { return held().empty(); }, limit, 50ms);
    if (!free) counts_.wrong("advisory locks are left after all clients have gone");
    auto session = cluster_.primary().connect("app");
    const bool quiet = wait_until(
        [&] {
            return session.value("select count(*) from pg_stat_activity where usename = 'app' and "
                                 "xact_start is not null") == "0";
        },
        limit, 50ms);
    if (!quiet) counts_.wrong("transactions are left after all clients have gone");
}

} // namespace pgweir::test
