// The folded form of a text: what is left when inert literals, comments and the way of spacing are
// taken away. Texts with equal folded forms have equal facts.
#pragma once

#include <string>
#include <string_view>

namespace pgweir::sql {

/// Writes the folded form of `text` into `out`, whose capacity is used again. False, with `out`
/// unspecified, if the text cannot be folded as a whole: it holds a statement that does not begin
/// with SELECT, INSERT, UPDATE, DELETE, WITH, VALUES or TABLE, or something the scanner does not
/// understand.
///
/// Folded are numbers and plain strings that are not arguments of a call, not cast, not typed, not
/// relative times
/// ('now'); literals keep their sort (integer, other number, string). Everything else stays as
/// written.
[[nodiscard]] bool fold(std::string_view text, std::string& out);

} // namespace pgweir::sql
