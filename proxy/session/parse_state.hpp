// What a statement's meaning takes from the session that parses it: PostgreSQL makes constants of
// its literals and looks its names up at Parse (RULES A1), and settles its result's columns (A12).
// Pure.
#pragma once

#include "proxy/pool/backend_state.hpp"
#include "proxy/session/prepared_statements.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace pgweir {

/// False for the parameters, by lower-case name, that cannot change what a text means: limits of
/// time and memory, logging, output formats, the session's name.
[[nodiscard]] bool shapes_parse(std::string_view lower_case_name);

/// Those of them that can.
[[nodiscard]] parse_parameters parse_parameters_of(const parameter_map& followed);

/// The same in one string.
[[nodiscard]] std::string parse_key(const parameter_map& followed);

/// What a connection that carries `carried` has to carry while a statement is parsed as it was
/// under `parsed_under`.
[[nodiscard]] parameter_map carried_for_parse(const parameter_map& carried,
                                              const parse_parameters& parsed_under);

/// Digest of the columns that a RowDescription's body tells, as far as PostgreSQL compares them:
/// names and types, neither tables nor formats. Never 0. An empty body stands for NoData.
/// A body that is malformed is as one of no columns.
[[nodiscard]] std::uint64_t shape_of(std::string_view row_description);

} // namespace pgweir
