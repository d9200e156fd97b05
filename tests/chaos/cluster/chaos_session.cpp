#include "tests/chaos/cluster/chaos_session.hpp"

#include "tests/support/wait.hpp"

#include <algorithm>
#include <array>
#include <sstream>

namespace pgweir::test {

namespace {

/// Longer than any bound of pgweir and of the servers in this run.
constexpr std::chrono::milliseconds answer_limit = 90s;

std::string literal(const std::string& value) {
    const bool number = value.find_first_not_of("0123456789") == std::string::npos;
    return number ? value : "'" + value + "'";
}

/// The statement with its values in place of $1::text and $2::int.
std::string filled_in(std::string sql, const std::vector<std::string>& values) {
    for (std::size_t index = 0; index < values.size(); ++index)
        for (const char* type : {"::text", "::int"}) {
            const auto parameter = "$" + std::to_string(index + 1) + type;
            for (auto at = sql.find(parameter); at != std::string::npos; at = sql.find(parameter))
                sql.replace(at, parameter.size(), literal(values[index]));
        }
    return sql;
}

constexpr const char* server_column = ", host(inet_server_addr()) || ':' || inet_server_port()";
constexpr const char* position_columns = ", left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)"
                                         ", pg_current_wal_insert_lsn()";

} // namespace

chaos_session::chaos_session(recorder& history, const chaos_target& target, std::mt19937& random)
    : history_{history}, target_{target}, random_{random} {}

int chaos_session::up_to(int most) {
    return std::uniform_int_distribution<int>{0, most}(random_);
}

std::string chaos_session::next_token() {
    return "q" + std::to_string(number_) + "." + std::to_string(++asked_);
}

std::string chaos_session::who_columns() {
    asks_who_ = up_to(2) != 0;
    return asks_who_ ? server_column : "";
}

bool chaos_session::live(int operations, const std::atomic<bool>& stop) {
    number_ = history_.new_session();
    usable_ = login();
    const bool logged_in = usable_;
    for (; usable_ && operations > 0 && !stop; --operations) {
        one_operation();
        std::this_thread::sleep_for(std::chrono::milliseconds{up_to(30)});
    }
    history_.close(number_);
    return logged_in;
}

bool chaos_session::login() {
    const int process = target_.process;
    history_.begin({number_, operation::login, process, 0, ""});
    connection_.emplace(target_.conninfo);
    answer got;
    got.ending = connection_->connected() ? outcome::acknowledged : outcome::refused;
    history_.end(number_, got);
    if (!connection_->connected())
        history_.disconnected(number_, target_.lasts, connection_->error());
    // Another process by now: what this session must see is not known.
    return connection_->connected() && process == target_.process;
}

void chaos_session::one_operation() {
    const int choice = up_to(99);
    if (choice < 45) return read_something();
    if (choice < 75) return write_something();
    if (choice < 85) return block_of_reads();
    block_with_a_write();
}

// ---- reads
// ---------------------------------------------------------------------------------------

void chaos_session::read_something() {
    switch (up_to(6)) {
    case 0:
        return read_list();
    case 1:
    case 2:
        return read_list_plainly();
    case 3:
    case 4:
        return read_counter();
    default:
        return read_accounts();
    }
}

answer chaos_session::read_answer(const reply& got, int first_of_who) const {
    answer result;
    result.sqlstate = got.sqlstate;
    result.ending = got.ok() ? outcome::acknowledged : outcome::refused;
    if (!got.ok() || got.result->rows() == 0) return result;
    if (asks_who_) result.server = got.result->value(0, first_of_who);
    return result;
}

void chaos_session::read_list() {
    const int epoch = std::max(0, history_.current_epoch() - up_to(1));
    const int list = epoch * recorder::lists_of_an_epoch + up_to(recorder::lists_of_an_epoch - 1);
    const auto token = next_token();
    history_.begin({number_, operation::read_list, list, 0, token});
    const auto who = who_columns();
    const auto got = ask(
        {"list" + std::to_string(who.size()),
         "select $1::text, string_agg(token, ' ')" + who + " from chaos_lists where list = $2::int",
         {token, std::to_string(list)}});
    auto result = read_answer(got, 2);
    if (got.ok()) {
        result.token = got.result->value();
        std::istringstream rows{got.result->value(0, 1)};
        std::string row;
        while (rows >> row)
            result.rows.push_back(row);
    }
    history_.end(number_, result);
}

/// Without any function.
void chaos_session::read_list_plainly() {
    const int list = history_.current_epoch() * recorder::lists_of_an_epoch +
                     up_to(recorder::lists_of_an_epoch - 1);
    const auto token = next_token();
    history_.begin({number_, operation::read_list, list, 0, token});
    asks_who_ = false;
    const auto got = ask({"plain",
                          "select 0, $1::text union all select 1, token from chaos_lists where "
                          "list = $2::int",
                          {token, std::to_string(list)}});
    auto result = read_answer(got, 0);
    for (int row = 0; got.ok() && row < got.result->rows(); ++row) {
        if (got.result->value(row, 0) == "0")
            result.token = got.result->value(row, 1);
        else
            result.rows.push_back(got.result->value(row, 1));
    }
    history_.end(number_, result);
}

void chaos_session::read_counter() {
    const int counter = up_to(chaos_counters - 1);
    const auto token = next_token();
    history_.begin({number_, operation::read_counter, counter, 0, token});
    const auto who = who_columns();
    const auto got = ask({"counter" + std::to_string(who.size()),
                          "select $1::text, n" + who + " from chaos_counters where id = $2::int",
                          {token, std::to_string(counter)}});
    auto result = read_answer(got, 2);
    if (got.ok() && got.result->rows() == 1) {
        result.token = got.result->value();
        result.value = std::stol(got.result->value(0, 1));
    }
    history_.end(number_, result);
}

void chaos_session::read_accounts() {
    const auto token = next_token();
    history_.begin({number_, operation::read_accounts, 0, 0, token});
    const auto who = who_columns();
    const auto got =
        ask({"accounts" + std::to_string(who.size()),
             "select $1::text, sum(balance), count(*), sum(version)" + who + " from chaos_accounts",
             {token}});
    auto result = read_answer(got, 4);
    if (got.ok() && got.result->rows() == 1) {
        result.token = got.result->value();
        result.value = std::stol(got.result->value(0, 1));
        result.accounts = std::stol(got.result->value(0, 2));
        result.versions = std::stol(got.result->value(0, 3));
    }
    history_.end(number_, result);
}

void chaos_session::block_of_reads() {
    static constexpr std::array begins{"begin", "begin read only",
                                       "begin isolation level repeatable read read only",
                                       "start transaction"};
    if (!command(begins.at(static_cast<std::size_t>(up_to(3)))).ok()) return leave_block();
    for (int left = up_to(3) + 1; usable_ && left > 0; --left) {
        read_something();
        if (!usable_ || connection_->transaction_status() != PQTRANS_INTRANS) return leave_block();
    }
    if (!command("commit").ok()) leave_block();
}

// ---- writes
// --------------------------------------------------------------------------------------

chaos_session::statement chaos_session::begin_append() {
    const int list = history_.current_epoch() * recorder::lists_of_an_epoch +
                     up_to(recorder::lists_of_an_epoch - 1);
    const int place = history_.begin_append(number_, list);
    const auto who = who_columns();
    return {"append" + std::to_string(who.size()),
            "insert into chaos_lists values ($2::int, $1::text) returning token" + who +
                (asks_who_ ? position_columns : ""),
            {list_rules::token(list, place), std::to_string(list)}};
}

chaos_session::statement chaos_session::begin_increment() {
    const int counter = up_to(chaos_counters - 1);
    const auto token = next_token();
    history_.begin({number_, operation::increment, counter, 0, token});
    const auto who = who_columns();
    return {"increment" + std::to_string(who.size()),
            "update chaos_counters set n = n + 1 where id = $2::int returning $1::text" + who +
                (asks_who_ ? position_columns : "") + ", n as value",
            {token, std::to_string(counter)}};
}

chaos_session::statement chaos_session::begin_transfer() {
    const int from = up_to(chaos_accounts - 1);
    const int to = (from + 1 + up_to(chaos_accounts - 2)) % chaos_accounts;
    const auto token = next_token();
    history_.begin({number_, operation::transfer, 0, 0, token});
    const auto who = who_columns();
    return {"transfer" + std::to_string(who.size()),
            "update chaos_accounts set version = version + 1, balance = balance + case id when "
            "$2::int then - $4::int else $4::int end where id in ($2::int, $3::int) returning "
            "$1::text" +
                who + (asks_who_ ? position_columns : ""),
            {token, std::to_string(from), std::to_string(to), std::to_string(up_to(20) + 1)}};
}

chaos_session::statement chaos_session::begin_any_write() {
    switch (up_to(2)) {
    case 0:
        return begin_append();
    case 1:
        return begin_increment();
    default:
        return begin_transfer();
    }
}

namespace {

/// What a write's RETURNING says.
void take_returned(answer& result, const pg_result& got, bool asked_who) {
    result.token = got.value();
    if (asked_who) {
        result.server = got.value(0, 1);
        result.timeline = static_cast<std::uint32_t>(std::stoul(got.value(0, 2), nullptr, 16));
        result.lsn = parse_position(got.value(0, 3));
    }
    if (const int value = got.column("value"); value >= 0)
        result.value = std::stol(got.value(0, value));
}

} // namespace

/// How a write ended whose last word this is: its own statement's, or its COMMIT's.
outcome chaos_session::ending_of(const reply& last, std::size_t notices_before) const {
    if (last.ok()) {
        if (last.result->tag() == "ROLLBACK") return outcome::refused;
        const auto& notices = connection_->notices();
        const bool in_doubt =
            std::any_of(notices.begin() + static_cast<std::ptrdiff_t>(notices_before),
                        notices.end(), [](const std::string& text) {
                            return text.find("synchronous replication") != std::string::npos;
                        });
        return in_doubt ? outcome::unknown : outcome::acknowledged;
    }
    return last.lost || last.sqlstate == "08007" ? outcome::unknown : outcome::refused;
}

void chaos_session::write_something() {
    const auto asked = begin_any_write();
    const auto notices = connection_->notices().size();
    const auto got = ask(asked);
    answer result;
    result.sqlstate = got.sqlstate;
    result.ending = ending_of(got, notices);
    if (got.ok() && got.result->rows() > 0) take_returned(result, *got.result, asks_who_);
    history_.end(number_, result);
}

void chaos_session::block_with_a_write() {
    if (!command(up_to(4) == 0 ? "begin isolation level repeatable read" : "begin").ok())
        return leave_block();
    for (int left = up_to(2); left > 0; --left) {
        read_something();
        if (!usable_ || connection_->transaction_status() != PQTRANS_INTRANS) return leave_block();
    }
    const auto asked = begin_any_write();
    const auto got = ask(asked);
    answer result;
    result.sqlstate = got.sqlstate;
    result.ending = outcome::refused; // without a COMMIT nothing is done
    if (!got.ok()) {
        history_.end(number_, result);
        return leave_block();
    }
    if (got.result->rows() > 0) take_returned(result, *got.result, asks_who_);
    const auto notices = connection_->notices().size();
    const bool commits = up_to(5) != 0;
    const auto last = command(commits ? "commit" : "rollback");
    if (commits) result.ending = ending_of(last, notices);
    result.sqlstate = last.sqlstate;
    history_.end(number_, result);
    if (!last.ok()) leave_block();
}

// ---- the connection
// ------------------------------------------------------------------------------

/// What has been sent: its last result, and its first error.
chaos_session::reply chaos_session::collect() {
    reply got;
    for (;;) {
        if (!connection_->answered_within(answer_limit)) {
            history_.no_answer(number_, "no answer within the limit");
            got.lost = true;
            break;
        }
        auto result = connection_->next_result();
        if (!result) break;
        const auto state = result->sqlstate();
        if (got.sqlstate.empty() && state.size() == 5) got.sqlstate = state; // not of libpq's own
        got.result.emplace(std::move(*result));
    }
    if (!got.lost && !connection_->connected()) {
        got.lost = true;
        history_.disconnected(number_, target_.lasts, connection_->error());
    }
    if (got.lost) usable_ = false;
    return got;
}

chaos_session::reply chaos_session::command(const std::string& sql) {
    reply got;
    got.lost = PQsendQuery(connection_->handle(), sql.c_str()) != 1;
    if (got.lost) usable_ = false;
    return got.lost ? std::move(got) : collect();
}

chaos_session::reply chaos_session::ask(const statement& what) {
    const auto form = static_cast<chaos_session::form>(up_to(2));
    if (form == form::simple) return command(filled_in(what.sql, what.values));
    std::vector<const char*> values;
    for (const auto& value : what.values)
        values.push_back(value.c_str());
    PGconn* const handle = connection_->handle();
    const int count = static_cast<int>(values.size());
    std::string name = what.name + "_" + std::to_string(attempts_[what.name]);
    if (form == form::prepared && !prepared_.contains(name)) {
        // A Parse whose connection was lost may have been done: its name is not taken again.
        name = what.name + "_" + std::to_string(++attempts_[what.name]);
        reply got;
        got.lost = PQsendPrepare(handle, name.c_str(), what.sql.c_str(), 0, nullptr) != 1;
        if (!got.lost) got = collect();
        if (got.lost) usable_ = false;
        if (!got.ok()) return got;
        prepared_.insert(name);
    }
    const int sent =
        form == form::prepared
            ? PQsendQueryPrepared(handle, name.c_str(), count, values.data(), nullptr, nullptr, 0)
            : PQsendQueryParams(handle, what.sql.c_str(), count, nullptr, values.data(), nullptr,
                                nullptr, 0);
    if (sent == 1) return collect();
    usable_ = false;
    reply got;
    got.lost = true;
    return got;
}

/// A block that has failed, or that its server left.
void chaos_session::leave_block() {
    if (!usable_ || connection_->transaction_status() == PQTRANS_IDLE) return;
    if (!command("rollback").ok() || connection_->transaction_status() != PQTRANS_IDLE)
        usable_ = false;
}

} // namespace pgweir::test
