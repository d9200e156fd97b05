// Many sessions with state of their own over few server connections: each of their transactions
// looks whether what it sees is its session's. For the integration tests (short) and the chaos
// program (long).
#pragma once

#include "tests/support/postgres_cluster.hpp"

#include <string>
#include <vector>

namespace pgweir::test {

struct stickiness_options {
    int port = 0;
    int sessions = 100;
    long transactions = 3000; ///< of all sessions together
    int threads = 16;         ///< more than server connections, so that these change hands
    int sql_prepares = 2;     ///< sessions that PREPARE by SQL too; they keep a server connection
    /// Also parameters that PostgreSQL does not report, custom ones, and roles.
    bool unreported_too = true;
    /// Statements are used on after a change of what they were parsed under: their constants stay.
    bool old_statements_too = true;
    /// A new text takes the name of the old one, after DEALLOCATE; otherwise the next name.
    bool deallocates = true;
    unsigned seed = 0;
};

struct stickiness_result {
    long transactions = 0;
    long looks = 0; ///< answers that were compared
    long mixed_up = 0;
    long failed = 0;               ///< statements that ended with an error not meant to come
    std::vector<std::string> what; ///< the first of them
};

/// Schemas, roles and tables of the sessions; as the superuser, on the primary.
void create_sticky_objects(const postgres_node& primary);

/// Returns when all transactions are done, or when every session has failed.
stickiness_result run_sticky_sessions(const stickiness_options& options);

} // namespace pgweir::test
