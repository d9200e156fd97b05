#include "tests/support/sticky_sessions.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <random>
#include <stdexcept>
#include <thread>

namespace pgweir::test {

namespace {

constexpr int tenants = 10;
constexpr int roles = 5;

/// What all threads share.
struct run_state {
    explicit run_state(const stickiness_options& chosen) : options{chosen} {}

    void wrong(bool is_mix_up, const std::string& text) {
        const std::lock_guard lock{mutex};
        ++(is_mix_up ? result.mixed_up : result.failed);
        if (result.what.size() < 20) result.what.push_back(text);
    }

    const stickiness_options& options;
    std::atomic<long> started = 0;
    std::atomic<long> transactions = 0;
    std::atomic<long> looks = 0;
    std::mutex mutex;
    stickiness_result result;
};

class sticky_session {
public:
    sticky_session(run_state& run, int number)
        : run_{run}, random_{run.options.seed * 1000 + static_cast<unsigned>(number)},
          number_{number}, label_{"session " + std::to_string(number)},
          connection_{conninfo(run.options.port, accounts::app)} {
        if (!connection_.connected()) throw std::runtime_error(connection_.error());
        set_up();
    }

    void one_transaction();

private:
    void set_up();
    void prepare();
    int random_up_to(int most) { return std::uniform_int_distribution<int>{0, most}(random_); }
    void set_zone(int west) {
        zone_ = west;
        connection_.must("set timezone = 'Etc/GMT+" + std::to_string(west) + "'");
    }
    /// One query that names everything which is this session's.
    void look(const std::string& application_name);
    void look() { look(label_); }
    void look_prepared();
    void expect(const pg_result& result, const std::string& expected);

    void block();
    void zone_undone(const std::string& begin, const std::string& undo, const std::string& end);
    void local_name();
    void change();
    void error();
    void other_text();

    run_state& run_;
    std::mt19937 random_;
    int number_;
    std::string label_;
    pg_connection connection_;
    int zone_ = 0; ///< hours west of Greenwich
    /// The same when the statement was prepared: PostgreSQL makes constants of literals then.
    int parsed_zone_ = 0;
    int text_ = 0; ///< of the prepared statement
    int names_ = 0;
    std::string name_ = "ps"; ///< all sessions use the same names
    int token_ = 0;
};

void sticky_session::set_up() {
    set_zone(number_ % 12);
    connection_.must("set application_name = '" + label_ + "'");
    connection_.must(std::string{"set datestyle = '"} + (number_ % 2 == 0 ? "ISO" : "SQL") +
                     ", DMY'");
    if (run_.options.unreported_too) {
        connection_.must("set work_mem = '" + std::to_string(1100 + number_) + "kB'");
        connection_.must("set search_path = tenant_" + std::to_string(number_ % tenants));
        connection_.must("set app.tenant = '" + label_ + "'");
        connection_.must("set role sticky_" + std::to_string(number_ % roles));
    }
    if (number_ < run_.options.sql_prepares)
        connection_.must("prepare by_sql as select '" + label_ + " by sql'");
    prepare();
}

/// Half of the sessions share one text, whose constant depends on who parses it; the others have
/// one each under the same name.
void sticky_session::prepare() {
    if (number_ % 2 == 0) text_ = number_ * 1000 + text_ % 1000 + 1;
    std::string sql = "select $1::text || '-" + std::to_string(text_) +
                      "-' || extract(epoch from '2020-01-01 00:00'::timestamptz)::bigint";
    if (run_.options.unreported_too) sql += " || '-' || (select name from whoami)";
    parsed_zone_ = zone_;
    const auto result = connection_.prepare(name_, sql);
    if (!result.ok()) throw std::runtime_error(label_ + ": " + result.message());
}

void sticky_session::expect(const pg_result& result, const std::string& expected) {
    ++run_.looks;
    if (!result.ok() || result.rows() == 0)
        return run_.wrong(false, label_ + " failed: " + result.sqlstate() + " " + result.message());
    if (result.value() != expected)
        run_.wrong(true, label_ + ": expected " + expected + ", got " + result.value());
}

void sticky_session::look(const std::string& application_name) {
    std::string sql = "select concat_ws('|', current_setting('TimeZone'), "
                      "current_setting('application_name'), current_setting('DateStyle')";
    std::string expected = "Etc/GMT+" + std::to_string(zone_) + "|" + application_name + "|" +
                           (number_ % 2 == 0 ? "ISO" : "SQL") + ", DMY";
    if (run_.options.unreported_too) {
        const auto tenant = "tenant_" + std::to_string(number_ % tenants);
        sql += ", current_setting('work_mem'), current_setting('search_path'), "
               "current_setting('app.tenant', true), current_user, (select name from whoami)";
        expected += "|" + std::to_string(1100 + number_) + "kB|" + tenant + "|" + label_ +
                    "|sticky_" + std::to_string(number_ % roles) + "|" + tenant;
    }
    expect(connection_.exec(sql + ")"), expected);
}

void sticky_session::look_prepared() {
    const auto token = label_ + " " + std::to_string(++token_);
    auto expected = token + "-" + std::to_string(text_) + "-" +
                    std::to_string(1577836800L + parsed_zone_ * 3600L);
    if (run_.options.unreported_too) expected += "-tenant_" + std::to_string(number_ % tenants);
    expect(connection_.exec_prepared(name_, {token}), expected);
    if (number_ < run_.options.sql_prepares)
        expect(connection_.exec("execute by_sql"), label_ + " by sql");
}

void sticky_session::block() {
    connection_.must("begin");
    look();
    look_prepared();
    connection_.must(random_up_to(1) == 0 ? "commit" : "rollback");
}

void sticky_session::zone_undone(const std::string& begin,
                                 const std::string& undo,
                                 const std::string& end) {
    const int before = zone_;
    connection_.must(begin);
    set_zone((before + 1) % 12);
    look();
    connection_.must(undo);
    zone_ = before;
    look();
    if (!end.empty()) connection_.must(end);
}

void sticky_session::local_name() {
    connection_.must("begin; set local application_name = 'local'");
    look("local");
    connection_.must("commit");
    look();
}

void sticky_session::change() {
    set_zone(random_up_to(11));
    look();
    if (run_.options.old_statements_too)
        look_prepared();
    else
        other_text();
}

void sticky_session::error() {
    const auto result = connection_.exec("set timezone = 'Etc/GMT+11'; select 1/0");
    if (result.sqlstate() != "22012") run_.wrong(false, label_ + ": " + result.message());
    look();
}

void sticky_session::other_text() {
    if (run_.options.deallocates)
        connection_.must("deallocate " + name_);
    else
        name_ = "ps" + std::to_string(++names_);
    prepare();
    look_prepared();
}

void sticky_session::one_transaction() {
    ++run_.transactions;
    const int choice = random_up_to(99);
    if (choice < 35) return look();
    if (choice < 65) return look_prepared();
    if (choice < 80) return block();
    if (choice < 85) return change();
    if (choice < 88) return zone_undone("begin", "rollback", "");
    if (choice < 91) return zone_undone("begin; savepoint s", "rollback to s", "commit");
    if (choice < 95) return local_name();
    if (choice < 98) return error();
    other_text();
}

/// The sessions of one thread, until all transactions are done or none is left.
void run_share(run_state& run, int first) {
    std::vector<std::unique_ptr<sticky_session>> mine;
    for (int number = first; number < run.options.sessions; number += run.options.threads) {
        try {
            mine.push_back(std::make_unique<sticky_session>(run, number));
        } catch (const std::runtime_error& error) {
            run.wrong(false, "session " + std::to_string(number) + ": " + error.what());
        }
    }
    std::mt19937 random{run.options.seed + static_cast<unsigned>(first)};
    while (!mine.empty() && run.started++ < run.options.transactions) {
        const auto chosen = random() % mine.size();
        try {
            mine[chosen]->one_transaction();
        } catch (const std::runtime_error& error) {
            // What it holds now is unknown: the others go on.
            run.wrong(false, error.what());
            mine.erase(mine.begin() + static_cast<std::ptrdiff_t>(chosen));
        }
    }
}

} // namespace

void create_sticky_objects(const postgres_node& primary) {
    std::string sql;
    for (int number = 0; number < tenants; ++number) {
        const auto schema = "tenant_" + std::to_string(number);
        sql += "drop schema if exists " + schema + " cascade; create schema " + schema +
               "; grant usage on schema " + schema + " to public; create table " + schema +
               ".whoami (name text); insert into " + schema + ".whoami values ('" + schema +
               "'); grant select on " + schema + ".whoami to public;";
    }
    for (int number = 0; number < roles; ++number) {
        const auto role = "sticky_" + std::to_string(number);
        sql += "drop role if exists " + role + "; create role " + role + "; grant " + role +
               " to app;";
    }
    primary.must(sql);
}

stickiness_result run_sticky_sessions(const stickiness_options& options) {
    run_state run{options};
    std::vector<std::thread> threads;
    for (int first = 0; first < std::min(options.threads, options.sessions); ++first)
        threads.emplace_back([&run, first] { run_share(run, first); });
    for (auto& thread : threads)
        thread.join();
    run.result.transactions = run.transactions;
    run.result.looks = run.looks;
    return run.result;
}

} // namespace pgweir::test
