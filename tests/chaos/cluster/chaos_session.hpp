// One session of the workload: logs in through a pgweir, does some random operations, each recorded
// before it is sent and after it is answered, and leaves.
#pragma once

#include "tests/chaos/cluster/recorder.hpp"
#include "tests/support/pg_connection.hpp"

#include <atomic>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace pgweir::test {

/// A pgweir that sessions log in to. It may be another process after a while: the number is raised
/// when the old one is gone and before the next one is started.
struct chaos_target {
    std::string conninfo;
    std::atomic<int> process = 1;
    bool lasts = true; ///< it is never restarted: no client of it is ever disconnected
};

inline constexpr int chaos_counters = 4;
inline constexpr int chaos_accounts = 16;
inline constexpr long money_of_an_account = 1000;

class chaos_session {
public:
    chaos_session(recorder& history, const chaos_target& target, std::mt19937& random);

    /// Login, `operations` of them or fewer if the connection is lost, end. False if it could not
    /// log in.
    bool live(int operations, const std::atomic<bool>& stop);

private:
    enum class form { simple, extended, prepared };
    /// A statement with the values of its parameters.
    struct statement {
        std::string name; ///< of the prepared form
        std::string sql;  ///< with $1::text, $2::int, ...
        std::vector<std::string> values;
    };
    /// The last result of a statement.
    struct reply {
        std::optional<pg_result> result;
        std::string sqlstate;
        bool lost = false; ///< the connection cannot be used any more
        [[nodiscard]] bool ok() const { return !lost && result && result->ok(); }
    };

    bool login();
    void one_operation();
    void read_something();
    void write_something();
    void block_of_reads();
    void block_with_a_write();

    void read_list();
    void read_list_plainly();
    void read_counter();
    void read_accounts();

    /// Begins the question; the statement that asks it.
    statement begin_append();
    statement begin_increment();
    statement begin_transfer();
    statement begin_any_write();
    [[nodiscard]] outcome ending_of(const reply& last, std::size_t notices_before) const;

    reply ask(const statement& what);
    reply command(const std::string& sql);
    reply collect();
    void leave_block();
    [[nodiscard]] answer read_answer(const reply& got, int first_of_who) const;
    [[nodiscard]] std::string next_token();
    [[nodiscard]] std::string who_columns();
    [[nodiscard]] int up_to(int most);

    recorder& history_;
    const chaos_target& target_;
    std::mt19937& random_;
    std::optional<pg_connection> connection_;
    std::set<std::string> prepared_;
    std::map<std::string, int> attempts_; ///< to prepare a statement, by its name
    long number_ = 0;
    long asked_ = 0;
    bool usable_ = false;
    bool asks_who_ = false; ///< the statement at hand asks which server it is
};

} // namespace pgweir::test
