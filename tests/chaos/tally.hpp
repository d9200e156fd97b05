// What a chaos run counts, shared by all its threads.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

namespace pgweir::test {

struct tally {
    std::atomic<long> answers = 0;         ///< queries answered with their own token
    std::atomic<long> expected_errors = 0; ///< made on purpose, each with its own SQLSTATE
    std::atomic<long> disturbed = 0;       ///< errors that a kill, cancel, or timeout explains
    std::atomic<long> client_kills = 0;
    std::atomic<long> server_kills = 0;
    std::atomic<long> cancels = 0;
    std::atomic<long> timeouts = 0;
    std::atomic<long> reconnects = 0;
    std::atomic<long> locks_watched = 0;

    /// Something that must not happen; kept up to a bound.
    void wrong(const std::string& what) {
        ++wrong_count_;
        const std::lock_guard lock{mutex_};
        if (wrongs_.size() < 20) wrongs_.push_back(what);
    }
    [[nodiscard]] long wrong_count() const { return wrong_count_; }
    [[nodiscard]] std::vector<std::string> wrongs() const {
        const std::lock_guard lock{mutex_};
        return wrongs_;
    }

private:
    std::atomic<long> wrong_count_ = 0;
    mutable std::mutex mutex_;
    std::vector<std::string> wrongs_;
};

} // namespace pgweir::test
