#include "tests/chaos/history/history_checker.hpp"

namespace pgweir::test {

history_checker::history_checker(const checker_options& options) : options_{options} {
    for (int number = 0; number < options.counters; ++number)
        counters_.try_emplace(number, "counter " + std::to_string(number), found_);
}

void history_checker::begin(const question& asked) {
    open_[asked.session] = {asked, true};
    if (is_write(asked.what)) primary_.begin_write(asked.session);
    switch (asked.what) {
    case operation::login:
        lists_.login(asked.session, asked.key);
        for (auto& [number, counter] : counters_)
            counter.login(asked.session, asked.key);
        transfers_.login(asked.session, asked.key);
        primary_.login(asked.session, asked.key);
        return;
    case operation::append:
        return lists_.begin_append(asked.key);
    case operation::increment:
        return counters_.at(asked.key).begin_write(asked.session);
    case operation::transfer:
        return transfers_.begin_write(asked.session);
    case operation::read_list:
    case operation::read_counter:
    case operation::read_accounts:
        return;
    }
}

void history_checker::end(long session, const answer& got) {
    const auto found = open_.find(session);
    if (found == open_.end()) {
        found_.add(rule::wrong_answer,
                   "session " + std::to_string(session) + " got an answer and had not asked");
        return;
    }
    const auto open = found->second;
    open_.erase(found);
    const auto who = "session " + std::to_string(session);
    if (!got.sqlstate.empty() && !options_.explained_errors.contains(got.sqlstate))
        found_.add(rule::unexplained_error, who + ": " + got.sqlstate);
    if (got.ending == outcome::acknowledged && got.token != open.asked.token)
        found_.add(rule::wrong_answer,
                   who + " asked for \"" + open.asked.token + "\", got \"" + got.token + "\"");
    else if (open.judged)
        judge(open.asked, got);
    else if (is_write(open.asked.what) && got.ending == outcome::acknowledged)
        judge(open.asked, {}); // done, and perhaps lost: as good as unknown
    else if (is_write(open.asked.what))
        judge(open.asked, got);
}

void history_checker::judge(const question& asked, const answer& got) {
    if (is_write(asked.what))
        end_write(asked, got);
    else if (got.ending == outcome::acknowledged)
        end_read(asked, got);
}

void history_checker::end_write(const question& asked, const answer& got) {
    if (got.ending == outcome::acknowledged) primary_.acknowledged(asked.session, got);
    if (asked.what == operation::append)
        lists_.end_append(asked.session, asked.key, asked.place, got.ending);
    else if (asked.what == operation::increment)
        counters_.at(asked.key).end_write(asked.session, got.ending, got.value);
    else
        transfers_.end_write(asked.session, got.ending, 0);
}

void history_checker::end_read(const question& asked, const answer& got) {
    switch (asked.what) {
    case operation::read_list:
        return lists_.end_read(asked.session, asked.key, got.rows);
    case operation::read_counter:
        return counters_.at(asked.key).end_read(asked.session, got.value);
    case operation::read_accounts:
        check_money("session " + std::to_string(asked.session), got);
        return transfers_.end_read(asked.session, got.versions / 2);
    default:
        return;
    }
}

void history_checker::check_money(const std::string& who, const answer& got) {
    if (got.value == options_.money && got.accounts == options_.accounts && got.versions % 2 == 0)
        return;
    found_.add(rule::money, who + ": " + std::to_string(got.value) + " in " +
                                std::to_string(got.accounts) + " accounts, versions " +
                                std::to_string(got.versions));
}

void history_checker::close(long session) {
    if (open_.contains(session)) end(session, {});
    lists_.close(session);
    for (auto& [number, counter] : counters_)
        counter.close(session);
    transfers_.close(session);
    primary_.close(session);
}

void history_checker::no_answer(long session, const std::string& text) {
    found_.add(rule::no_answer, "session " + std::to_string(session) + ": " + text);
}

void history_checker::disconnected(long session, const std::string& text) {
    found_.add(rule::disconnected, "session " + std::to_string(session) + ": " + text);
}

void history_checker::forget() {
    for (auto& [session, open] : open_)
        open.judged = false;
    lists_.forget();
    for (auto& [number, counter] : counters_)
        counter.forget();
    transfers_.forget();
    primary_.forget();
}

void history_checker::final_list(const std::string& server,
                                 int list,
                                 const std::vector<std::string>& rows) {
    lists_.final_rows(server, list, rows);
}

void history_checker::final_counter(const std::string& server, int counter, long value) {
    counters_.at(counter).final_value(server, value);
}

void history_checker::final_accounts(const std::string& server, const answer& got) {
    check_money(server, got);
    transfers_.final_value(server, got.versions / 2);
}

void history_checker::final_history(std::uint32_t timeline, const timeline_history& before) {
    primary_.final_history(timeline, before);
}

} // namespace pgweir::test
