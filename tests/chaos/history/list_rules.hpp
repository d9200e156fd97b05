// Lists to which sessions append rows with tokens. A byte per append is kept for ever, a byte per
// append and session until the list is retired.
#pragma once

#include "tests/chaos/history/findings.hpp"
#include "tests/chaos/history/history.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace pgweir::test {

class list_rules {
public:
    explicit list_rules(findings& found) : found_{found} {}

    /// The token of an append, and the place back from it; empty if it is none of this list.
    [[nodiscard]] static std::string token(int list, int place);
    [[nodiscard]] static std::optional<int> place_of(const std::string& token, int list);

    /// The session has to see from now on what this pgweir process has acknowledged so far.
    void login(long session, int process);
    void close(long session) { sessions_.erase(session); }
    [[nodiscard]] int next_place(int list) const;
    void begin_append(int list);
    void end_append(long session, int list, int place, outcome ending);
    void end_read(long session, int list, const std::vector<std::string>& rows);
    /// Nobody appends to it or reads it any more.
    void retire(int list);
    /// What was acknowledged may be gone.
    void forget();
    /// All of a list as a server has it in the end.
    void final_rows(const std::string& server, int list, const std::vector<std::string>& rows);

private:
    enum class fate : unsigned char { open, acknowledged, refused, unknown };
    enum class known : unsigned char { not_yet, before_login, as_own_write, by_a_read };
    struct session_state {
        int process = 0;
        std::map<int, std::vector<known>> lists;
    };
    struct append_state {
        fate end = fate::open;
        bool seen = false;
    };

    /// Marks, for each place, whether the rows have it.
    std::vector<bool>
    places(const std::string& who, int list, const std::vector<std::string>& rows);
    void missed(long session, int list, int place, known how);

    findings& found_;
    std::map<int, std::vector<append_state>> lists_;
    std::map<long, session_state> sessions_;
    /// By process and list: what it has acknowledged.
    std::map<int, std::map<int, std::vector<bool>>> acknowledged_;
};

} // namespace pgweir::test
