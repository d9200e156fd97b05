// Which server acknowledged writes, on which timeline: one server a timeline, never an older one
// after a newer one, and in the end all on the surviving primary's history.
#pragma once

#include "tests/chaos/history/findings.hpp"
#include "tests/chaos/history/history.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace pgweir::test {

/// A timeline and the position at which the next one left it.
using timeline_history = std::map<std::uint32_t, std::uint64_t>;

/// A TIMELINE_HISTORY file: lines of timeline, switch point and reason.
[[nodiscard]] timeline_history parse_timeline_history(const std::string& text);

/// "16/B374D848"; 0 if it is none.
[[nodiscard]] std::uint64_t parse_position(const std::string& text);

class primary_rules {
public:
    explicit primary_rules(findings& found) : found_{found} {}

    void login(long session, int process) { sessions_[session] = {process, 0}; }
    void close(long session) { sessions_.erase(session); }
    void begin_write(long session);
    void acknowledged(long session, const answer& got);
    void forget() { timelines_.clear(); }
    /// The surviving primary's timeline, and those before it.
    void final_history(std::uint32_t timeline, const timeline_history& before);

private:
    struct session_state {
        int process = 0;
        std::uint32_t newest = 0; ///< acknowledged through its process before its write began
    };
    struct timeline_state {
        std::string server;
        std::uint64_t last = 0; ///< greatest position of an acknowledged write
    };

    findings& found_;
    std::map<long, session_state> sessions_;
    std::map<int, std::uint32_t> newest_; ///< by process
    std::map<std::uint32_t, timeline_state> timelines_;
};

} // namespace pgweir::test
