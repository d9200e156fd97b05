// The tokens that libpg_query's own lexer sees, to hold ours against.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace pgweir::sql {

using token_bounds = std::vector<std::pair<std::size_t, std::size_t>>;

/// Begin and end of each token, comments left out; nothing if the lexer refuses the text. No zero
/// bytes allowed.
[[nodiscard]] std::optional<token_bounds> reference_scan(std::string_view text);

/// The same by our scanner; nothing if it refuses.
[[nodiscard]] std::optional<token_bounds> own_scan(std::string_view text);

/// True if the text may hold something that our scanner refuses by design though the
/// lexer knows it: control characters, lone dollars and braces, and numbers in spellings newer than
/// PostgreSQL 15.
[[nodiscard]] bool may_be_refused(std::string_view text);

} // namespace pgweir::sql
