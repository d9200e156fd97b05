#include "tests/chaos/history/list_rules.hpp"

#include <charconv>

namespace pgweir::test {

namespace {

template <class Value> Value& grown(std::vector<Value>& values, std::size_t place) {
    if (values.size() <= place) values.resize(place + 1);
    return values[place];
}

std::string in_list(int list, int place) {
    return " row " + list_rules::token(list, place);
}

} // namespace

std::string list_rules::token(int list, int place) {
    return "a" + std::to_string(list) + "." + std::to_string(place);
}

std::optional<int> list_rules::place_of(const std::string& token, int list) {
    const auto front = "a" + std::to_string(list) + ".";
    if (!token.starts_with(front)) return std::nullopt;
    int place = 0;
    const char* const end = token.data() + token.size();
    const auto [stop, error] = std::from_chars(token.data() + front.size(), end, place);
    if (error != std::errc{} || stop != end || place < 0) return std::nullopt;
    return place;
}

void list_rules::login(long session, int process) {
    auto& state = sessions_[session];
    state.process = process;
    for (const auto& [list, places] : acknowledged_[process]) {
        auto& seen = state.lists[list];
        seen.resize(places.size());
        for (std::size_t place = 0; place < places.size(); ++place)
            if (places[place]) seen[place] = known::before_login;
    }
}

int list_rules::next_place(int list) const {
    const auto found = lists_.find(list);
    return found == lists_.end() ? 0 : static_cast<int>(found->second.size());
}

void list_rules::begin_append(int list) {
    lists_[list].emplace_back();
}

void list_rules::end_append(long session, int list, int place, outcome ending) {
    auto& append = lists_[list].at(static_cast<std::size_t>(place));
    switch (ending) {
    case outcome::unknown:
        append.end = fate::unknown;
        return;
    case outcome::refused:
        append.end = fate::refused;
        if (append.seen)
            found_.add(rule::done_though_refused,
                       in_list(list, place) + " was seen and then refused");
        return;
    case outcome::acknowledged:
        append.end = fate::acknowledged;
    }
    auto& state = sessions_[session];
    grown(state.lists[list], static_cast<std::size_t>(place)) = known::as_own_write;
    auto& acknowledged = acknowledged_[state.process][list];
    if (acknowledged.size() <= static_cast<std::size_t>(place))
        acknowledged.resize(static_cast<std::size_t>(place) + 1);
    acknowledged[static_cast<std::size_t>(place)] = true;
}

std::vector<bool>
list_rules::places(const std::string& who, int list, const std::vector<std::string>& rows) {
    auto& appends = lists_[list];
    std::vector<bool> result(appends.size());
    for (const auto& row : rows) {
        const auto place = place_of(row, list);
        if (!place || static_cast<std::size_t>(*place) >= appends.size()) {
            found_.add(rule::wrong_answer,
                       who + ": list " + std::to_string(list) + " has \"" + row + "\"");
            continue;
        }
        const auto index = static_cast<std::size_t>(*place);
        if (result[index]) found_.add(rule::done_twice, who + in_list(list, *place));
        result[index] = true;
        appends[index].seen = true;
        if (appends[index].end == fate::refused)
            found_.add(rule::done_though_refused, who + in_list(list, *place));
    }
    return result;
}

void list_rules::missed(long session, int list, int place, known how) {
    const auto text = "session " + std::to_string(session) + " missed" + in_list(list, place);
    if (how == known::by_a_read)
        found_.add(rule::backward_read, text + ", which it had read");
    else if (how == known::as_own_write)
        found_.add(rule::stale_read, text + ", its own");
    else
        found_.add(rule::stale_read, text + ", acknowledged before its login");
}

void list_rules::end_read(long session, int list, const std::vector<std::string>& rows) {
    const auto there = places("session " + std::to_string(session), list, rows);
    auto& seen = sessions_[session].lists[list];
    seen.resize(there.size());
    for (std::size_t place = 0; place < there.size(); ++place) {
        if (there[place])
            seen[place] = known::by_a_read;
        else if (seen[place] != known::not_yet)
            missed(session, list, static_cast<int>(place), seen[place]);
    }
}

void list_rules::retire(int list) {
    for (auto& [number, state] : sessions_)
        state.lists.erase(list);
    for (auto& [process, lists] : acknowledged_)
        lists.erase(list);
}

void list_rules::forget() {
    for (auto& [number, state] : sessions_)
        state.lists.clear();
    acknowledged_.clear();
    for (auto& [list, appends] : lists_)
        for (auto& append : appends)
            if (append.end == fate::acknowledged) append.end = fate::unknown;
}

void list_rules::final_rows(const std::string& server,
                            int list,
                            const std::vector<std::string>& rows) {
    const auto there = places(server, list, rows);
    const auto& appends = lists_[list];
    for (std::size_t place = 0; place < there.size(); ++place)
        if (appends[place].end == fate::acknowledged && !there[place])
            found_.add(rule::lost_commit, server + in_list(list, static_cast<int>(place)));
}

} // namespace pgweir::test
