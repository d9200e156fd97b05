// Proves from a history that pgweir kept its word: told of every beginning and ending in their
// order, it checks as it goes and keeps a byte for each append and some numbers for the rest. Pure:
// no clock, no socket, one thread at a time.
#pragma once

#include "tests/chaos/history/count_rules.hpp"
#include "tests/chaos/history/findings.hpp"
#include "tests/chaos/history/history.hpp"
#include "tests/chaos/history/list_rules.hpp"
#include "tests/chaos/history/primary_rules.hpp"

#include <map>
#include <set>
#include <string>

namespace pgweir::test {

struct checker_options {
    int counters = 1;
    long accounts = 0; ///< how many there are
    long money = 0;    ///< in all of them together
    /// What faults explain; any other SQLSTATE is a finding.
    std::set<std::string> explained_errors;
};

class history_checker {
public:
    explicit history_checker(const checker_options& options);
    history_checker(const history_checker&) = delete; // its parts refer to found_
    history_checker& operator=(const history_checker&) = delete;

    /// Before anything of the question is sent.
    void begin(const question& asked);
    /// After the answer has been read.
    void end(long session, const answer& got);
    /// The session is gone. A question without an answer is one of unknown outcome.
    void close(long session);
    /// No answer came within the limit; close() is to follow.
    void no_answer(long session, const std::string& text);
    /// By a pgweir that goes on; close() is to follow.
    void disconnected(long session, const std::string& text);

    [[nodiscard]] int next_place(int list) const { return lists_.next_place(list); }
    void retire(int list) { lists_.retire(list); }
    /// Without synchronous replication a failover may lose what was acknowledged and seen before:
    /// nothing of that is asked for any more. Questions that are open are not judged.
    void forget();

    /// What a server has in the end; it has to be on the surviving primary's timeline.
    void final_list(const std::string& server, int list, const std::vector<std::string>& rows);
    void final_counter(const std::string& server, int counter, long value);
    void final_accounts(const std::string& server, const answer& got);
    void final_history(std::uint32_t timeline, const timeline_history& before);

    [[nodiscard]] const findings& found() const { return found_; }

private:
    struct open_question {
        question asked;
        bool judged = true;
    };

    void judge(const question& asked, const answer& got);
    void end_read(const question& asked, const answer& got);
    void end_write(const question& asked, const answer& got);
    void check_money(const std::string& who, const answer& got);

    checker_options options_;
    findings found_;
    list_rules lists_{found_};
    std::map<int, count_rules> counters_;
    count_rules transfers_{"the number of transfers", found_};
    primary_rules primary_{found_};
    std::map<long, open_question> open_;
};

} // namespace pgweir::test
