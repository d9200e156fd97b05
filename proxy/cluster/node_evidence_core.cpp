#include "proxy/cluster/node_evidence.hpp"

#include <algorithm>
#include <charconv>

namespace pgweir {
namespace {

constexpr std::string_view blanks = " \t\r";

std::string_view next_word(std::string_view& line) {
    const auto begin = std::min(line.find_first_not_of(blanks), line.size());
    line.remove_prefix(begin);
    const auto end = std::min(line.find_first_of(blanks), line.size());
    const auto word = line.substr(0, end);
    line.remove_prefix(end);
    return word;
}

} // namespace

bool timeline_history::contains(timeline_id other) const {
    return other == timeline || std::ranges::any_of(forefathers, [other](const auto& entry) {
               return entry.first == other;
           });
}

// A line: timeline, tab, switch point, tab, reason. Source: PostgreSQL, timeline.c,
// readTimeLineHistory.
timeline_history parse_history(timeline_id timeline, std::string_view content) {
    timeline_history out{timeline, true, {}};
    while (!content.empty()) {
        const auto end = std::min(content.find('\n'), content.size());
        auto line = content.substr(0, end);
        content.remove_prefix(std::min(end + 1, content.size()));
        const auto number = next_word(line);
        const auto switch_point = parse_lsn(next_word(line));
        std::uint32_t id = 0;
        const auto [last, error] =
            std::from_chars(number.data(), number.data() + number.size(), id);
        if (error != std::errc{} || last != number.data() + number.size() || !switch_point)
            continue;
        out.forefathers.emplace_back(timeline_id{id}, *switch_point);
    }
    return out;
}

} // namespace pgweir
