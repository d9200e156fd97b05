#include "proxy/metrics/counters.hpp"

namespace pgweir {

namespace {

/// "00", "01" … "ZZ", one after the other.
constexpr auto class_names = [] {
    constexpr std::string_view digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    std::array<char, 36 * 36 * 2> names{};
    for (std::size_t i = 0; i < 36 * 36; ++i) {
        names[i * 2] = digits[i / 36];
        names[i * 2 + 1] = digits[i % 36];
    }
    return names;
}();

constexpr std::size_t not_a_digit = 36;

constexpr std::size_t digit(char c) noexcept {
    if (c >= '0' && c <= '9') return static_cast<std::size_t>(c - '0');
    if (c >= 'A' && c <= 'Z') return static_cast<std::size_t>(c - 'A') + 10;
    return not_a_digit;
}

} // namespace

std::size_t sqlstate_counters::index_of(std::string_view sqlstate) noexcept {
    if (sqlstate.size() < 2) return size - 1;
    const auto first = digit(sqlstate[0]);
    const auto second = digit(sqlstate[1]);
    if (first == not_a_digit || second == not_a_digit) return size - 1;
    return first * 36 + second;
}

std::string_view sqlstate_counters::class_of(std::size_t index) noexcept {
    if (index >= size - 1) return "other";
    return {class_names.data() + index * 2, 2};
}

statement_group group_of(sql::statement_kind kind) noexcept {
    using enum sql::statement_kind;
    switch (kind) {
    case select:
        return statement_group::select;
    case insert:
        return statement_group::insert;
    case update:
        return statement_group::update;
    case delete_rows:
        return statement_group::delete_rows;
    case merge:
        return statement_group::merge;
    case copy_in:
    case copy_out:
        return statement_group::copy;
    case begin:
    case commit:
    case rollback:
    case savepoint:
    case release_savepoint:
    case rollback_to_savepoint:
    case prepare_transaction:
    case commit_prepared:
    case rollback_prepared:
    case set_transaction:
        return statement_group::transaction;
    case set:
    case reset:
    case show:
    case set_characteristics:
    case declare_cursor:
    case fetch:
    case close_cursor:
    case prepare:
    case execute:
    case deallocate:
    case discard:
    case listen:
    case unlisten:
    case notify:
    case load:
        return statement_group::session;
    case ddl:
        return statement_group::ddl;
    case call:
    case do_block:
        return statement_group::call;
    case unknown:
    case empty:
    case explain:
    case lock_table:
    case utility:
    case explain_route:
        return statement_group::other;
    }
    return statement_group::other;
}

} // namespace pgweir
