#include "tests/chaos/cluster/workload.hpp"

#include "tests/support/wait.hpp"

namespace pgweir::test {

checker_options chaos_checker_options() {
    checker_options options;
    options.counters = chaos_counters;
    options.accounts = chaos_accounts;
    options.money = chaos_accounts * money_of_an_account;
    options.explained_errors = {
        "57P01", "57P02", "57P03", // the server, or pgweir, goes or is not there yet
        "08006", "08007",          // a lost connection, an outcome that nobody knows
        "40001", "40P01", "55P03", // conflicts of transactions, and with recovery
        "25P02",                   // in a block that has failed
        "53300",                   // a full queue
    };
    return options;
}

void create_chaos_tables(pg_connection& primary) {
    primary.must("drop table if exists chaos_lists, chaos_counters, chaos_accounts;"
                 "create table chaos_lists (list int, token text);"
                 "create index on chaos_lists (list);"
                 "create table chaos_counters (id int primary key, n bigint)"
                 " with (fillfactor = 10);"
                 "create table chaos_accounts (id int primary key, balance bigint, version bigint)"
                 " with (fillfactor = 10);"
                 "grant all on chaos_lists, chaos_counters, chaos_accounts to public;"
                 "insert into chaos_counters select i, 0 from generate_series(0, " +
                 std::to_string(chaos_counters - 1) +
                 ") i;"
                 "insert into chaos_accounts select i, " +
                 std::to_string(money_of_an_account) + ", 0 from generate_series(0, " +
                 std::to_string(chaos_accounts - 1) +
                 ") i;"
                 "alter role app set lock_timeout = '10s';"
                 "alter role app set idle_in_transaction_session_timeout = '20s'");
}

void workload::start(const chaos_target& target, int count, unsigned seed) {
    for (int number = 0; number < count; ++number) {
        threads_.emplace_back([this, &target, seed, number] {
            std::mt19937 random{seed * 1000 + static_cast<unsigned>(number)};
            while (!stop_) {
                chaos_session session{history_, target, random};
                const int operations = 20 + static_cast<int>(random() % 400);
                // A pgweir that has just been killed is back in a moment.
                if (!session.live(operations, stop_)) std::this_thread::sleep_for(100ms);
            }
        });
    }
}

void workload::stop() {
    stop_ = true;
    for (auto& thread : threads_)
        thread.join();
    threads_.clear();
}

void read_in_the_end(recorder& history, const std::string& server, pg_connection& session) {
    const auto lists = (history.current_epoch() + 1) * recorder::lists_of_an_epoch;
    for (int list = 0; list < lists; ++list) {
        const auto got =
            session.exec("select token from chaos_lists where list = " + std::to_string(list));
        if (!got.ok()) throw std::runtime_error(server + ": " + got.message());
        std::vector<std::string> rows;
        for (int row = 0; row < got.rows(); ++row)
            rows.push_back(got.value(row, 0));
        history.with_checker(
            [&](history_checker& checker) { checker.final_list(server, list, rows); });
    }
    for (int counter = 0; counter < chaos_counters; ++counter) {
        const auto value = std::stol(
            session.value("select n from chaos_counters where id = " + std::to_string(counter)));
        history.with_checker(
            [&](history_checker& checker) { checker.final_counter(server, counter, value); });
    }
    const auto sums =
        session.exec("select sum(balance), count(*), sum(version) from chaos_accounts");
    answer got;
    got.value = std::stol(sums.value(0, 0));
    got.accounts = std::stol(sums.value(0, 1));
    got.versions = std::stol(sums.value(0, 2));
    history.with_checker([&](history_checker& checker) { checker.final_accounts(server, got); });
}

void read_timelines(recorder& history, pg_connection& primary) {
    const auto file = primary.value("select left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)");
    const auto timeline = static_cast<std::uint32_t>(std::stoul(file, nullptr, 16));
    timeline_history before;
    if (timeline > 1)
        before = parse_timeline_history(
            primary.value("select pg_read_file('pg_wal/" + file + ".history')"));
    history.with_checker(
        [&](history_checker& checker) { checker.final_history(timeline, before); });
}

} // namespace pgweir::test
