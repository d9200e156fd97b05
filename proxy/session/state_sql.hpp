// The SQL by which a server connection is made to carry a session's parameters. Pure.
#pragma once

#include "proxy/pool/backend_state.hpp"

#include <string>
#include <string_view>

namespace pgweir {

/// A string literal that means the same whatever standard_conforming_strings, backslash_quote and
/// client_encoding say: it is all ASCII. `text`: bytes of the server's encoding.
[[nodiscard]] std::string quote_literal(std::string_view text);
/// Bytes above ASCII stay as they are: for names of our own making.
[[nodiscard]] std::string quote_identifier(std::string_view text);

/// One statement, all ASCII, that takes a connection from what it carries to `wanted`; its own
/// error leaves the connection as it was. Empty exactly when there is nothing to do: the two agree
/// but for transaction_isolation and its like, which are never replayed.
///
/// Parameters are set as the user who logged in, before the session's user and role return: what
/// only a superuser may set can be set for a session that has since given that up. What is to be
/// undone goes first, then what is switched off, since some exclude each other (log_statement_stats
/// and log_parser_stats). temp_buffers cannot be set (but reset) on a connection that has ever used
/// a temporary table: 22023, as for any value that this server does not take.
[[nodiscard]] std::string state_change_sql(const parameter_map& carried,
                                           const parameter_map& wanted);
[[nodiscard]] inline std::string state_change_sql(const backend_state& from,
                                                  const parameter_map& wanted) {
    return state_change_sql(from.carried, wanted);
}

} // namespace pgweir
