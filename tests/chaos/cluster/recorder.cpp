#include "tests/chaos/cluster/recorder.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <iostream>

namespace pgweir::test {

namespace {

constexpr std::size_t most_text = 128UL << 20U; ///< bytes of each of the two files
constexpr int epochs_kept = 4;                  ///< a list is read for as long as that

const char* word(operation what) {
    static constexpr std::array words{"login",        "append",   "read list",    "increment",
                                      "read counter", "transfer", "read accounts"};
    return words.at(static_cast<std::size_t>(what));
}

const char* word(outcome ending) {
    static constexpr std::array words{"ok", "refused", "unknown"};
    return words.at(static_cast<std::size_t>(ending));
}

std::string described(const answer& got) {
    std::string text =
        std::string{word(got.ending)} + " " + got.sqlstate + " \"" + got.token + "\" " + got.server;
    if (got.timeline != 0) text += " timeline " + std::to_string(got.timeline);
    if (got.lsn != 0) {
        std::array<char, 32> position{};
        std::snprintf(position.data(), position.size(), " %lX/%lX", got.lsn >> 32U,
                      got.lsn & 0xffffffffU);
        text += position.data();
    }
    text += " value " + std::to_string(got.value) + " versions " + std::to_string(got.versions);
    for (const auto& row : got.rows)
        text += " " + row;
    return text;
}

} // namespace

long history_counts::count(operation what, outcome ending) const {
    const auto found = by_operation.find(what);
    if (found == by_operation.end()) return 0;
    const auto number = found->second.find(ending);
    return number == found->second.end() ? 0 : number->second;
}

recorder::recorder(const checker_options& options, std::filesystem::path text)
    : checker_{options}, path_{std::move(text)}, out_{path_} {}

long recorder::new_session() {
    const std::lock_guard lock{mutex_};
    return ++sessions_;
}

int recorder::current_epoch() const {
    return static_cast<int>((std::chrono::steady_clock::now() - start_) / epoch_length);
}

void recorder::begin(question asked) {
    const std::lock_guard lock{mutex_};
    write("s" + std::to_string(asked.session) + " " + word(asked.what) + " " +
          std::to_string(asked.key) + " \"" + asked.token + "\"");
    checker_.begin(asked);
    open_[asked.session] = std::move(asked);
}

int recorder::begin_append(long session, int list) {
    const std::lock_guard lock{mutex_};
    const int place = checker_.next_place(list);
    question asked{session, operation::append, list, place, list_rules::token(list, place)};
    write("s" + std::to_string(session) + " append " + asked.token);
    checker_.begin(asked);
    open_[session] = std::move(asked);
    const int old = current_epoch() - epochs_kept;
    for (; static_cast<int>(retired_epochs_) < old; ++retired_epochs_)
        for (int index = 0; index < lists_of_an_epoch; ++index)
            checker_.retire(static_cast<int>(retired_epochs_) * lists_of_an_epoch + index);
    return place;
}

void recorder::end(long session, const answer& got) {
    const std::lock_guard lock{mutex_};
    write("s" + std::to_string(session) + " -> " + described(got));
    if (const auto found = open_.find(session); found != open_.end()) {
        count(found->second, got);
        open_.erase(found);
    }
    checker_.end(session, got);
    look_for_findings();
}

void recorder::count(const question& asked, const answer& got) {
    ++counts_.by_operation[asked.what][got.ending];
    if (!got.sqlstate.empty()) ++counts_.by_sqlstate[got.sqlstate];
    if (!got.server.empty() && !is_write(asked.what)) ++counts_.answers_by_server[got.server];
    if (!got.sqlstate.empty() && !is_write(asked.what)) ++counts_.reads_refused[got.sqlstate];
    if (is_write(asked.what) && got.ending == outcome::acknowledged) {
        const auto now = std::chrono::steady_clock::now();
        counts_.longest_write_pause =
            std::max(counts_.longest_write_pause,
                     std::chrono::duration_cast<std::chrono::milliseconds>(now - last_write_));
        last_write_ = now;
    }
}

void recorder::close(long session) {
    const std::lock_guard lock{mutex_};
    write("s" + std::to_string(session) + " is gone");
    if (const auto found = open_.find(session); found != open_.end()) {
        count(found->second, {});
        open_.erase(found);
    }
    checker_.close(session);
    look_for_findings();
}

void recorder::no_answer(long session, const std::string& what) {
    const std::lock_guard lock{mutex_};
    checker_.no_answer(session, what);
    look_for_findings();
}

void recorder::disconnected(long session, bool is_finding, const std::string& why) {
    const std::lock_guard lock{mutex_};
    ++counts_.disconnected;
    write("s" + std::to_string(session) + " lost its connection: " + why);
    if (is_finding) checker_.disconnected(session, why);
    look_for_findings();
}

void recorder::note(const std::string& what) {
    const std::lock_guard lock{mutex_};
    write("---- " + what);
    out_.flush();
}

history_counts recorder::counts() const {
    const std::lock_guard lock{mutex_};
    return counts_;
}

long recorder::finding_count() const {
    const std::lock_guard lock{mutex_};
    return checker_.found().count();
}

/// Findings stand in the text where they were made.
void recorder::look_for_findings() {
    const auto& first = checker_.found().first();
    for (; findings_told_ < first.size(); ++findings_told_) {
        const auto& found = first[findings_told_];
        const auto text = std::string{name(found.broken)} + ": " + found.text;
        write("==== FINDING " + text);
        out_.flush();
        std::cout << "finding: " << text << std::endl;
    }
}

void recorder::write(std::string line) {
    std::replace(line.begin(), line.end(), '\n', ' ');
    const std::chrono::duration<double> now = std::chrono::steady_clock::now() - start_;
    std::array<char, 32> time{};
    std::snprintf(time.data(), time.size(), "%.6f ", now.count());
    out_ << time.data() << line << '\n';
    written_ += line.size() + 12;
    if (written_ > most_text) rotate();
}

void recorder::rotate() {
    out_.close();
    std::filesystem::rename(path_, path_.string() + ".old");
    out_.open(path_);
    written_ = 0;
}

} // namespace pgweir::test
