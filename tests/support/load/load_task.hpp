// What the clients of a mixed load do, as pgbench's do: reads of accounts, writes, and blocks of
// both, in simple and prepared statements. Each write carries a token that no other has. Pure.
#pragma once

#include "tests/support/load/outcome.hpp"

#include <random>
#include <string>
#include <vector>

namespace pgweir::test {

struct load_step {
    std::string text;      ///< a statement, or the name of a prepared one
    std::string parameter; ///< of a prepared one; empty: `text` is sent as it is
};

struct load_task {
    work what = work::read;
    long token = 0; ///< 0: it writes none
    std::vector<load_step> steps;
};

/// What must exist: for the owner, in one simple query.
[[nodiscard]] std::string load_tables();

/// Name and text of the statements that each client prepares.
[[nodiscard]] const std::vector<load_step>& load_statements();

[[nodiscard]] load_task random_read(std::mt19937& random);
/// One in three writes, of these one in three in a block.
[[nodiscard]] load_task random_task(std::mt19937& random, long token);

} // namespace pgweir::test
