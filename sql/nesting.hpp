// How deep a text may nest, estimated before it is parsed: the parser, its protobuf form and our
// walk all recurse, and a statement of a few kilobytes could exhaust the stack of the thread that
// serves everybody.
#pragma once

#include <cstddef>
#include <string_view>

namespace pgweir::sql {

/// Greatest nesting() that is parsed. Measured with libpg_query 15 and 17: one level needs at
/// most 5.8 KB of stack (scalar subqueries), so the deepest texts take less than 3 MiB; threads
/// that parse need the usual 8 MiB.
inline constexpr std::size_t greatest_nesting = 500;

/// An upper bound, in tokens that may each add a level, of how deep the tree of this text can be.
/// Lists, AND and OR do not count, as they stay flat. Returns SIZE_MAX for a text that the scanner
/// does not understand.
[[nodiscard]] std::size_t nesting(std::string_view text);

/// True if the text may be given to the parser. Costs nothing for texts too short to be deep.
[[nodiscard]] bool is_nested_safely(std::string_view text);

} // namespace pgweir::sql
