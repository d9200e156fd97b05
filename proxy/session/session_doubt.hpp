// Which part of a session's state is in doubt after a statement, by its facts: what the probe has
// to ask, and when it need not ask. Pure.
#pragma once

#include "proxy/session/pins.hpp"
#include "proxy/session/session_probe.hpp"
#include "sql/facts.hpp"

#include <string>
#include <vector>

namespace pgweir {

/// By the statement's own text, and whether or not it succeeded. What its functions, triggers,
/// rules and policies may do is the caller's to judge: if not proved harmless, add `visible`.
/// Parts add up until the connection rests with status 'I' and is asked.
[[nodiscard]] probe_parts doubtful_after(const sql::statement_facts& statement);

/// The parameters that `named` has to ask for after the statement, lower case, appended without
/// duplicates. SET LOCAL of a custom parameter counts: it leaves an empty value behind (RULES A10).
void add_doubtful_names(const sql::statement_facts& statement, std::vector<std::string>& names);

/// What shows whether a pin has ended; none: it never ends before the connection.
[[nodiscard]] probe_parts ends_with(pin_reason why);

/// Whether the statement may have ended a pin, so that a pinned session is not probed after each
/// unit. `began_in_block`: the pin began in the transaction that the statement is in, so its end
/// may undo it; otherwise COMMIT and ROLLBACK end nothing by themselves. A call that is not proved
/// harmless may end whatever it may begin: the caller's to judge, too.
[[nodiscard]] bool
may_end_pin(const sql::statement_facts& statement, pin_reason why, bool began_in_block = true);

} // namespace pgweir
