// Query text to facts. The one entry point for those who have no cache: parse, then look at every
// statement.
#pragma once

#include "sql/facts.hpp"
#include "sql/parse.hpp"

#include <cstddef>
#include <string_view>

namespace pgweir::sql {

/// Facts of a whole query string, in UTF-8 or another encoding safe for servers and under
/// standard_conforming_strings. A text without any statement (only comments, white space and
/// semicolons) gives one of kind `empty`. A text that cannot be parsed, or is longer than
/// max_bytes, gives parsed = false. Nothing is thrown.
[[nodiscard]] query_facts classify(std::string_view text,
                                   std::size_t max_bytes = default_parse_limit);

/// It reads pg_prepared_statements, by its text.
[[nodiscard]] bool lists_prepared(const statement_facts& facts);

} // namespace pgweir::sql
