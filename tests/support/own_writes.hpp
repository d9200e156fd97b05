// Sessions that read what they have written, and a counter that only grows, while the replay of
// standbys stops and goes. For the integration tests (short) and the chaos program (long).
#pragma once

#include "tests/support/postgres_cluster.hpp"

#include <map>
#include <string>
#include <vector>

namespace pgweir::test {

struct own_writes_options {
    int port = 0;
    int sessions = 50;
    int steps = 2000; ///< of each session: an insert and a read of it, or a read of the counter
    unsigned seed = 0;
};

struct own_writes_result {
    long steps = 0;
    long reads = 0;
    long reads_on_standbys = 0;
    long stale = 0;    ///< reads that missed the session's own insert
    long backward = 0; ///< reads of the counter below an earlier one of the same session
    long failed = 0;
    std::vector<std::string> what; ///< the first of them
};

/// The reads ask pg_is_in_recovery(): the pgweir under test needs it in read_only_function_list.
inline const std::map<std::string, std::string> own_writes_settings{
    {"read_only_function_list", "pg_is_in_recovery"}};

/// Makes its tables, waits until reads run on standbys, pauses and resumes replay on every standby
/// at random until all sessions have done their steps, and leaves it running.
own_writes_result run_own_writes(postgres_cluster& cluster, const own_writes_options& options);

} // namespace pgweir::test
