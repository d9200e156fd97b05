// What a history says: who asked what, and how it ended. A session asks one thing at a time, so
// that the order in which the checker is told of beginnings and endings is the order of one clock.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pgweir::test {

enum class operation {
    login,
    append,        ///< a row with a token of its own to a list
    read_list,     ///< all tokens of a list
    increment,     ///< a counter by one
    read_counter,  ///< its value
    transfer,      ///< between two accounts; raises the version of both by one
    read_accounts, ///< the sums of balances and of versions, by one statement
};

[[nodiscard]] constexpr bool is_write(operation what) {
    return what == operation::append || what == operation::increment || what == operation::transfer;
}

enum class outcome {
    acknowledged, ///< done, or answered
    refused,      ///< an error that says that nothing was done
    unknown,      ///< 08007, or no answer at all: done or not
};

struct question {
    long session = 0;
    operation what = operation::login;
    int key = 0;       ///< the list or counter; login: the pgweir process that is logged in to
    int place = 0;     ///< append: which of the list's appends this is, as next_place() said
    std::string token; ///< unique; the answer must carry it
};

struct answer {
    outcome ending = outcome::unknown;
    std::string sqlstate;          ///< empty if there was no error
    std::string token;             ///< as it was answered
    std::string server;            ///< who answered, "address:port"; empty if that was not asked
    std::uint32_t timeline = 0;    ///< of the server of a write; 0 if that was not asked
    std::uint64_t lsn = 0;         ///< there, no later than the commit; 0 if that was not asked
    std::vector<std::string> rows; ///< read_list: the list's tokens
    long value = 0;                ///< the counter; read_accounts: the sum of balances
    long accounts = 0;             ///< read_accounts: how many there are
    long versions = 0;             ///< read_accounts: the sum of versions
};

} // namespace pgweir::test
