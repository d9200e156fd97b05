#include "tests/chaos/history/primary_rules.hpp"

#include <algorithm>
#include <sstream>

namespace pgweir::test {

std::uint64_t parse_position(const std::string& text) {
    std::istringstream in{text};
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    char slash = 0;
    in >> std::hex >> high >> slash >> low;
    return in && slash == '/' ? (high << 32U) | low : 0;
}

timeline_history parse_timeline_history(const std::string& text) {
    timeline_history result;
    std::istringstream lines{text};
    std::string line;
    while (std::getline(lines, line)) {
        std::istringstream in{line};
        std::uint32_t timeline = 0;
        std::string position;
        if (in >> timeline >> position && parse_position(position) != 0)
            result[timeline] = parse_position(position);
    }
    return result;
}

void primary_rules::begin_write(long session) {
    auto& state = sessions_[session];
    state.newest = newest_[state.process];
}

void primary_rules::acknowledged(long session, const answer& got) {
    if (got.timeline == 0) return;
    const auto& state = sessions_[session];
    const auto text = "session " + std::to_string(session) + ": " + got.server +
                      " acknowledged a write on timeline " + std::to_string(got.timeline);
    if (got.timeline < state.newest)
        found_.add(rule::wrong_primary, text + " that began after one had been acknowledged on " +
                                            std::to_string(state.newest));
    auto& timeline = timelines_[got.timeline];
    if (timeline.server.empty()) timeline.server = got.server;
    if (timeline.server != got.server)
        found_.add(rule::wrong_primary, text + ", which is " + timeline.server + "'s");
    timeline.last = std::max(timeline.last, got.lsn);
    auto& newest = newest_[state.process];
    newest = std::max(newest, got.timeline);
}

void primary_rules::final_history(std::uint32_t timeline, const timeline_history& before) {
    for (const auto& [number, state] : timelines_) {
        if (number == timeline) continue;
        const auto text =
            state.server + " acknowledged writes on timeline " + std::to_string(number);
        const auto found = before.find(number);
        if (found == before.end())
            found_.add(rule::wrong_primary,
                       text + ", which " + std::to_string(timeline) + " does not come from");
        else if (state.last > found->second)
            found_.add(rule::wrong_primary, text + " after the next one had left it");
    }
}

} // namespace pgweir::test
