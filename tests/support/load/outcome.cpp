#include "tests/support/load/outcome.hpp"

#include <array>
#include <string_view>

namespace pgweir::test {

namespace {

/// What the design promises to a transaction whose server has died or was left: outcome unknown,
/// the server's own last words, or that the transaction cannot go on.
constexpr std::array<std::string_view, 4> told_in_flight{"08007", "57P01", "57P02", "40001"};

/// Waited in vain: no primary (57P03), no server connection (53300).
constexpr std::array<std::string_view, 2> waited_in_vain{"57P03", "53300"};

template <std::size_t Size>
bool is_one_of(const std::array<std::string_view, Size>& states, const std::string& sqlstate) {
    for (const auto state : states)
        if (state == sqlstate) return true;
    return false;
}

} // namespace

verdict judge(const ending& one) {
    if (one.connection_lost) return verdict::disconnected;
    if (one.sqlstate.empty()) return verdict::fine;
    if (one.what == work::read) return verdict::read_error;
    if (is_one_of(told_in_flight, one.sqlstate)) return verdict::in_flight;
    if (is_one_of(waited_in_vain, one.sqlstate)) return verdict::refused;
    return verdict::unexpected;
}

const char* name_of(verdict what) {
    switch (what) {
    case verdict::fine:
        return "fine";
    case verdict::in_flight:
        return "in flight";
    case verdict::read_error:
        return "read error";
    case verdict::disconnected:
        return "disconnected";
    case verdict::refused:
        return "refused";
    case verdict::unexpected:
        return "unexpected";
    }
    return "?";
}

const char* name_of(work what) {
    switch (what) {
    case work::read:
        return "read";
    case work::write:
        return "write";
    case work::block:
        return "block";
    }
    return "?";
}

} // namespace pgweir::test
