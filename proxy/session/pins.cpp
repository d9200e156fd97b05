#include "proxy/session/pins.hpp"

namespace pgweir {

bool is_washable(const pin_set& pins) {
    for (const auto why : {pin_reason::library, pin_reason::seed, pin_reason::held_by_connection,
                           pin_reason::opaque})
        if (pins.has(why)) return false;
    return true;
}

std::string_view label(pin_reason why) {
    switch (why) {
    case pin_reason::session_mode:
        return "session_mode";
    case pin_reason::sql_prepare:
        return "sql_prepare";
    case pin_reason::listen:
        return "listen";
    case pin_reason::temporary_object:
        return "temporary_object";
    case pin_reason::holdable_cursor:
        return "holdable_cursor";
    case pin_reason::advisory_lock:
        return "advisory_lock";
    case pin_reason::library:
        return "library";
    case pin_reason::seed:
        return "seed";
    case pin_reason::sequence_state:
        return "sequence_state";
    case pin_reason::held_by_connection:
        return "held_by_connection";
    case pin_reason::parameter:
        return "parameter";
    case pin_reason::opaque:
        return "opaque";
    }
    return "unknown";
}

} // namespace pgweir
