// Statements that leave something on a server connection: what sessions do before others must find
// nothing of it.
#pragma once

#include "tests/support/postgres_cluster.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace pgweir::test {

/// One thing that a session does.
struct dirty_step {
    enum class way : std::uint8_t { simple, extended, prepare };

    std::string sql;
    std::string sqlstate = {}; ///< of the error that is meant to come; "" if none
    way how = way::simple;
    std::string name = {}; ///< of the prepared statement
};

struct session_dirt {
    std::string name; ///< in PascalCase: part of the test's name
    std::vector<dirty_step> steps;
    std::vector<std::string> probes = {}; ///< queries that see it
    account who = accounts::app;
    std::vector<std::string> owner_probes = {}; ///< only equal for who has done the same
    bool only_to_leave = false;                 ///< such a session has nothing to go on with
    std::string extra = {};                     ///< for the conninfo
};

/// What all of them need in database app; the superuser runs it once.
std::string dirt_objects();
/// Puts sequences back to their start, so that equal sessions get equal values.
std::string restart_sequences();

/// Run-time parameters, roles, blocks.
std::vector<session_dirt> parameter_dirt();
/// Objects, statements, cursors, locks, channels, sequences, libraries.
std::vector<session_dirt> object_dirt();
/// Said in bodies of DO blocks, functions and triggers, and where else expressions may hide.
std::vector<session_dirt> hidden_dirt();

} // namespace pgweir::test
