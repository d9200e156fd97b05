// What PostgreSQL brings along and a standby answers exactly as the primary does: functions by name
// and number of arguments, relations of pg_catalog and information_schema, and extensions whose C
// functions keep to their arguments. Static tables; thread-safe.
#pragma once

#include <cstdint>
#include <string_view>

namespace pgweir {

/// How many arguments more than this look alike in the tables.
inline constexpr unsigned max_told_arguments = 31;

/// True if every function of pg_catalog that a call with this name and number of arguments can mean
/// is safe. The tables are PostgreSQL 15's; a name that is safe there is taken to be safe in any
/// version that has it.
[[nodiscard]] bool is_safe_builtin(std::string_view name, unsigned arguments);

/// True if pg_catalog has a function of this name, with any number of arguments, that is not safe.
[[nodiscard]] bool is_unsafe_builtin(std::string_view name);

/// True if pg_catalog has functions of this name and none of them changes session state for longer
/// than its transaction; they may write.
[[nodiscard]] bool is_harmless_builtin(std::string_view name);

/// Functions of pg_catalog that change session state for longer than their transaction, or run text
/// or definitions as SQL.
[[nodiscard]] bool is_session_builtin(std::string_view name);

/// nextval and its relatives, which are session builtins too.
[[nodiscard]] bool is_sequence_builtin(std::string_view name);

/// Tables and views of pg_catalog that are the same everywhere. Per-server views (pg_stat_*,
/// pg_settings, pg_locks …) are not.
[[nodiscard]] bool is_safe_catalog_relation(std::string_view name);
[[nodiscard]] bool is_safe_information_schema_relation(std::string_view name);

/// Extensions whose immutable and stable C functions depend on their arguments and on replicated
/// data only.
[[nodiscard]] bool is_trusted_extension(std::string_view name);

/// Extensions whose C functions leave no state in the session, volatile ones included.
[[nodiscard]] bool is_harmless_extension(std::string_view name);

} // namespace pgweir
