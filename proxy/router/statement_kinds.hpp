// What a statement's kind alone says about it: where it goes, and what there is to judge about what
// it may do out of sight.
#pragma once

#include "proxy/router/router.hpp"
#include "sql/facts.hpp"

#include <cstdint>

namespace pgweir {

enum class judged_by : std::uint8_t {
    text,       // nothing runs but what the facts tell
    names,      // what its names mean
    call,       // the same, and the text's own calls are not told by its effects
    block,      // the body of DO
    definition, // names, some of which may be new, and event triggers
    nothing,    // not understood
};

struct kind_traits {
    /// Why it reaches the primary whatever it contains; pure_read for those that deserve a closer
    /// look.
    route_reason route = route_reason::not_parsed;
    judged_by risk = judged_by::nothing;
};

[[nodiscard]] kind_traits traits_of(sql::statement_kind kind);

} // namespace pgweir
