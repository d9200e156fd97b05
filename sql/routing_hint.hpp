// A route asked for in the comments that a query string begins with. Read from every text, outside
// of the facts cache, because comments are no part of what the cache compares.
#pragma once

#include "sql/facts.hpp"

#include <string_view>

namespace pgweir::sql {

namespace detail {
[[nodiscard]] routing_hint scan_leading_comments(std::string_view text);
}

/// `/* pgweir: primary */` and `/* pgweir: standby */` in any of the leading comments, and pgpool's
/// `/*NO LOAD BALANCE*/`, which counts only as the very first bytes of the text. Case and blanks
/// inside the first two do not matter. Costs next to nothing for a text that does not begin with a
/// comment or a blank.
[[nodiscard]] inline routing_hint scan_hint(std::string_view text) {
    if (text.empty() ||
        (text[0] != '/' && text[0] != '-' && static_cast<unsigned char>(text[0]) > ' ')) {
        return routing_hint::none;
    }
    return detail::scan_leading_comments(text);
}

} // namespace pgweir::sql
