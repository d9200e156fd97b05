// The history as it happens: takes every beginning and ending under one lock, with the time of one
// clock, tells the checker, and keeps the latest of it as text so that a finding can be explained.
#pragma once

#include "tests/chaos/history/history_checker.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <string>

namespace pgweir::test {

/// How many questions ended how, and who answered.
struct history_counts {
    std::map<operation, std::map<outcome, long>> by_operation;
    std::map<std::string, long> by_sqlstate;
    std::map<std::string, long> answers_by_server;
    std::map<std::string, long> reads_refused; ///< by SQLSTATE
    long disconnected = 0;
    std::chrono::milliseconds longest_write_pause{0}; ///< between two acknowledgements

    [[nodiscard]] long count(operation what, outcome ending) const;
};

class recorder {
public:
    /// `text`: where the history is written, in two files of bounded size.
    recorder(const checker_options& options, std::filesystem::path text);

    [[nodiscard]] long new_session();
    void begin(question asked);
    /// An append to the list's next place, which it says.
    int begin_append(long session, int list);
    void end(long session, const answer& got);
    void close(long session);
    void no_answer(long session, const std::string& what);
    /// The session's connection, or its login, was ended by the other side.
    void disconnected(long session, bool is_finding, const std::string& why);
    /// A fault, or another thing worth knowing beside the history.
    void note(const std::string& what);

    /// The lists of this time: [0] may be appended to and read, the others read alone.
    [[nodiscard]] int current_epoch() const;

    /// Runs it with the checker, between events.
    template <class Function> void with_checker(Function&& function) {
        const std::lock_guard lock{mutex_};
        function(checker_);
        look_for_findings();
    }
    [[nodiscard]] history_counts counts() const;
    [[nodiscard]] long finding_count() const;
    [[nodiscard]] const std::filesystem::path& text_file() const { return path_; }

    static constexpr std::chrono::seconds epoch_length{10};
    static constexpr int lists_of_an_epoch = 8;

private:
    void write(std::string line);
    void rotate();
    void count(const question& asked, const answer& got);
    void look_for_findings();

    mutable std::mutex mutex_;
    history_checker checker_;
    history_counts counts_;
    std::map<long, question> open_;
    std::filesystem::path path_;
    std::ofstream out_;
    std::size_t written_ = 0;
    std::size_t findings_told_ = 0;
    std::size_t retired_epochs_ = 0;
    long sessions_ = 0;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
    std::chrono::steady_clock::time_point last_write_ = start_;
};

} // namespace pgweir::test
