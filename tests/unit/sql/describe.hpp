// Facts in one line of text, so that a test can list statements beside what is known of them.
#pragma once

#include "sql/facts.hpp"

#include <string>

namespace pgweir::sql {

/// For example "select locks rel:t op:= col:a effect:set_seed"; several statements are joined by "
/// ; ". A text that was not parsed is "unparsed".
[[nodiscard]] std::string describe(const query_facts& facts);
[[nodiscard]] std::string describe(const statement_facts& facts);

} // namespace pgweir::sql
