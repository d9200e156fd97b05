#include "tests/support/load/load_task.hpp"

namespace pgweir::test {

namespace {

constexpr unsigned accounts_made = 1000;

std::string random_account(std::mt19937& random) {
    return std::to_string(1 + random() % accounts_made);
}

std::string write_of(long token) {
    return "insert into tokens values (" + std::to_string(token) + ", clock_timestamp())";
}

/// Half of them begin with a read, which may be a standby's.
load_task random_block(std::mt19937& random, long token) {
    const load_step look{"look", random_account(random)};
    const load_step update{
        "update accounts set balance = balance + 1 where id = " + random_account(random), ""};
    load_task task{work::block, token, {{"begin", ""}, update, look}};
    if (random() % 2 == 0) std::swap(task.steps[1], task.steps[2]);
    task.steps.push_back({write_of(token), ""});
    task.steps.push_back({"commit", ""});
    return task;
}

} // namespace

std::string load_tables() {
    return "create table accounts (id int primary key, balance int not null);"
           "create table tokens (token bigint primary key, at timestamptz not null);"
           "insert into accounts select n, 0 from generate_series(1, " +
           std::to_string(accounts_made) +
           ") as n;"
           "grant all on accounts, tokens to public";
}

const std::vector<load_step>& load_statements() {
    static const std::vector<load_step> all{
        {"look", "select balance from accounts where id = $1"},
        {"note", "insert into tokens values ($1, clock_timestamp())"}};
    return all;
}

load_task random_read(std::mt19937& random) {
    const auto account = random_account(random);
    if (random() % 4 == 0) return {work::read, 0, {{"look", account}}};
    return {work::read, 0, {{"select balance from accounts where id = " + account, ""}}};
}

load_task random_task(std::mt19937& random, long token) {
    switch (random() % 9) {
    case 0:
        return random_block(random, token);
    case 1:
        return {work::write, token, {{"note", std::to_string(token)}}};
    case 2:
        return {work::write, token, {{write_of(token), ""}}};
    default:
        return random_read(random);
    }
}

} // namespace pgweir::test
