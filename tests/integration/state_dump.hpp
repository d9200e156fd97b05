// Everything of a session's state that queries can see, as text, so that two sessions can be
// compared byte by byte.
#pragma once

#include "tests/support/pg_connection.hpp"

#include <map>
#include <string>
#include <vector>

namespace pgweir::test {

/// Section -> its rows, one a line, or "error <SQLSTATE>".
using state_dump = std::map<std::string, std::string>;

/// Asks for all sections and for each of `probes` (SQL; its text is the section's name).
///
/// Left out, because they differ between any two sessions: process ids, virtual transactions, OIDs
/// of temporary objects and the number in their schema's name. Left out, because they mean nothing:
/// pg_my_temp_schema() itself, which stays after DISCARD ALL, without an object in it; source and
/// reset_val of application_name and client_encoding, which a pool and its clients both give at
/// start-up, and of transaction_isolation, _read_only and _deferrable, which keep them from the
/// transactions before; parameters of plpgsql at their defaults, which are there once it is used.
state_dump dump_state(pg_connection& session, const std::vector<std::string>& probes = {});

/// The lines that are in one of them alone; "" if they are equal.
std::string differences(const state_dump& expected, const state_dump& seen);

} // namespace pgweir::test
