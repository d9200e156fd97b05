// What a statement does to the session beyond its own transaction: SET and its relatives, and the
// built-in functions that change or hold session state.
#pragma once

#include "sql/facts.hpp"
#include "sql/parse.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir::sql {

[[nodiscard]] session_effect effect_of(effect_kind kind, std::string_view name = {});

/// pg_temp, or the real name of some session's temporary schema.
[[nodiscard]] bool is_temporary_schema(std::string_view schema);

/// The effect of calling a function of this name whose arguments are not looked at; nothing for
/// most.
[[nodiscard]] std::optional<session_effect> effect_of_function(const qualified_name& name);

/// The effect of `SELECT set_config('name', 'value', true)`: name and the last argument have to be
/// constants, the value not for most names: the server can be asked for it.
[[nodiscard]] std::optional<session_effect> effect_of_set_config(node function_call);

/// Modes in a list of DefElem nodes, as BEGIN, SET TRANSACTION and SET SESSION CHARACTERISTICS have
/// them.
[[nodiscard]] transaction_modes modes_of(node_list options);

/// Kind, name, modes and effects of a VariableSetStmt: SET, RESET and their many spellings.
void classify_set(node set_statement, statement_facts& facts);

} // namespace pgweir::sql
