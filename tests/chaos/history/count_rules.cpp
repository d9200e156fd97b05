#include "tests/chaos/history/count_rules.hpp"

#include <algorithm>
#include <iterator>

namespace pgweir::test {

bool number_set::insert(long number) {
    auto next = runs_.upper_bound(number);
    const bool follows = next != runs_.end() && next->first == number + 1;
    if (next != runs_.begin()) {
        const auto before = std::prev(next);
        if (number <= before->second) return false;
        if (number == before->second + 1) {
            before->second = follows ? next->second : number;
            if (follows) runs_.erase(next);
            return true;
        }
    }
    const long last = follows ? next->second : number;
    if (follows) runs_.erase(next);
    runs_[number] = last;
    return true;
}

void count_rules::login(long session, int process) {
    sessions_[session] = {process, processes_[process], false, 0};
}

void count_rules::begin_write(long session) {
    ++begun_;
    sessions_[session].earlier = highest_;
}

void count_rules::too_many(const std::string& who, long value) {
    if (value > begun_ - refused_)
        found_.add(rule::done_twice, who + ": " + what_ + " is " + std::to_string(value) +
                                         " after " + std::to_string(begun_ - refused_) +
                                         " writes that may have been done");
}

void count_rules::end_write(long session, outcome ending, long value) {
    if (ending == outcome::refused) ++refused_;
    if (ending != outcome::acknowledged) return;
    ++acknowledged_;
    auto& state = sessions_[session];
    const auto who = "session " + std::to_string(session);
    if (value != 0) {
        const auto text = who + ": its write made " + what_ + " " + std::to_string(value);
        if (value <= state.earlier)
            found_.add(rule::lost_commit,
                       text + " after " + std::to_string(state.earlier) + " had been acknowledged");
        else if (!values_.insert(value))
            found_.add(rule::lost_commit, text + ", as another's did");
        too_many(who, value);
        highest_ = std::max(highest_, value);
    }
    // Its own one comes on top of what it had seen before.
    state.least = std::max(state.least + 1, value);
    state.by_read = false;
    auto& process = processes_[state.process];
    process = std::max(process, state.least);
}

void count_rules::end_read(long session, long value) {
    auto& state = sessions_[session];
    const auto who = "session " + std::to_string(session);
    if (value < state.least)
        found_.add(state.by_read ? rule::backward_read : rule::stale_read,
                   who + " read " + what_ + " " + std::to_string(value) + ", not at least " +
                       std::to_string(state.least));
    too_many(who, value);
    if (value >= state.least) {
        state.least = value;
        state.by_read = true;
    }
}

void count_rules::forget() {
    for (auto& [number, state] : sessions_) {
        state.least = 0;
        state.earlier = 0;
    }
    processes_.clear();
    values_ = {};
    highest_ = 0;
    acknowledged_ = 0;
}

void count_rules::final_value(const std::string& server, long value) {
    if (value < std::max(acknowledged_, highest_))
        found_.add(rule::lost_commit, server + ": " + what_ + " is " + std::to_string(value) +
                                          ", acknowledged were " + std::to_string(acknowledged_) +
                                          ", up to " + std::to_string(highest_));
    too_many(server, value);
}

} // namespace pgweir::test
