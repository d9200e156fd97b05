// Names of users, roles and databases as the servers go by them.
#pragma once

#include <cstddef>
#include <string_view>

namespace pgweir {

/// PostgreSQL cuts longer ones off before it looks at its rules, and so must whoever keeps people
/// out by name.
constexpr std::size_t longest_role_name = 63;
[[nodiscard]] inline std::string_view as_server_sees(std::string_view name) {
    return name.substr(0, longest_role_name);
}

} // namespace pgweir
