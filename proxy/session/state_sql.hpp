// The SQL by which a server connection is made to carry a session's parameters. Pure.
#pragma once

#include "proxy/pool/backend_state.hpp"

#include <string>
#include <string_view>

namespace pgweir {

/// A string literal that means the same whatever standard_conforming_strings says.
[[nodiscard]] std::string quote_literal(std::string_view text);
[[nodiscard]] std::string quote_identifier(std::string_view text);

/// One query string that takes a connection from what it carries to `wanted`. Never empty when the
/// two differ.
[[nodiscard]] std::string state_change_sql(const backend_state& from, const parameter_map& wanted);

} // namespace pgweir
