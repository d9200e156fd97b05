// Something that only grows, by one with each write: a counter, or the number of transfers.
#pragma once

#include "tests/chaos/history/findings.hpp"
#include "tests/chaos/history/history.hpp"

#include <map>
#include <string>

namespace pgweir::test {

/// Whole numbers, in runs: as many runs as there are gaps are kept.
class number_set {
public:
    /// False if it was there already.
    bool insert(long number);
    [[nodiscard]] std::size_t runs() const { return runs_.size(); }

private:
    std::map<long, long> runs_; ///< first to last
};

class count_rules {
public:
    count_rules(std::string what, findings& found) : what_{std::move(what)}, found_{found} {}

    void login(long session, int process);
    void close(long session) { sessions_.erase(session); }
    void begin_write(long session);
    /// `value`: what the count is with this write, or 0 if that was not answered.
    void end_write(long session, outcome ending, long value);
    void end_read(long session, long value);
    void forget();
    void final_value(const std::string& server, long value);

private:
    struct session_state {
        int process = 0;
        long least = 0;       ///< what its next read must see
        bool by_read = false; ///< ... because it has read it, not for a write or its login
        long earlier = 0;     ///< the highest value acknowledged to anyone before its write began
    };

    void too_many(const std::string& who, long value);

    std::string what_;
    findings& found_;
    long begun_ = 0;
    long refused_ = 0;
    long acknowledged_ = 0;
    long highest_ = 0; ///< of those acknowledged
    number_set values_;
    std::map<long, session_state> sessions_;
    std::map<int, long> processes_; ///< what a session that logs in to it must see
};

} // namespace pgweir::test
