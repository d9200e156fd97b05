// What the end of a transaction means for a scenario: which errors a client may see while servers
// die, and which it may not. Pure.
#pragma once

#include <string>

namespace pgweir::test {

enum class work { read, write, block };

/// How one transaction of a client ended. A lost connection has no SQLSTATE of its own.
struct ending {
    work what = work::read;
    bool connection_lost = false;
    std::string sqlstate; ///< empty: well
};

enum class verdict {
    fine,
    in_flight,    ///< it was under way on a server that died, and was told so
    read_error,   ///< a read must never fail
    disconnected, ///< no client may lose its connection
    refused,      ///< it waited for a server, or a place, too long
    unexpected,   ///< any other error
};

[[nodiscard]] verdict judge(const ending& one);
[[nodiscard]] const char* name_of(verdict what);
[[nodiscard]] const char* name_of(work what);

} // namespace pgweir::test
