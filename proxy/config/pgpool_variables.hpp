// The PGPOOL_* variables of one environment, and the readers of the two that have a syntax of their
// own (nodes, users). Used by pgpool_environment.cpp only.
#pragma once

#include "proxy/config/draft.hpp"
#include "proxy/config/import/translation.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir {

class pgpool_variables {
public:
    pgpool_variables(const environment_variables& environment, settings_draft& draft);

    /// No PGPOOL_* is there.
    [[nodiscard]] bool none() const;
    /// The value of NAME, or the first line of the file that NAME_FILE names; nothing if empty.
    /// Marks NAME as known.
    [[nodiscard]] std::optional<std::string> take(std::string_view name);
    /// yes/no/true/false/1/0/on/off in any case; something else is an error in the draft.
    [[nodiscard]] std::optional<bool> take_switch(std::string_view name);
    [[nodiscard]] std::optional<std::uint64_t> take_number(std::string_view name);
    /// "environment variable NAME", or NAME_FILE where that one holds the value.
    [[nodiscard]] std::string where(std::string_view name) const;
    /// Names that nobody asked for, separated by commas.
    [[nodiscard]] std::string not_taken() const;

private:
    [[nodiscard]] const std::string* find(std::string_view name) const;

    std::map<std::string, std::string, std::less<>> values_;
    std::map<std::string, std::optional<std::string>, std::less<>> taken_;
    settings_draft& draft_;
};

/// A list as the image cuts it: at commas, semicolons and blanks, empty items dropped (a trailing
/// comma occurs).
[[nodiscard]] std::vector<std::string> pgpool_list(std::string_view text);

void read_pgpool_nodes(pgpool_variables& from, settings_draft& draft);
/// The same nodes as lines of pgpool.conf.
[[nodiscard]] std::vector<configuration_line> pgpool_node_lines(pgpool_variables& from);
void read_pgpool_users(pgpool_variables& from, settings_draft& draft);
/// pgpool_rules.cpp: the user's pool_hba.conf, or what the image would write into its own.
void read_pgpool_rules(pgpool_variables& from, settings_draft& draft);
/// The method of PGPOOL_ENABLE_LDAP with its options, as in a line of pg_hba.conf; empty: LDAP is
/// not asked for, or not to be had.
[[nodiscard]] std::string read_pgpool_ldap(pgpool_variables& from, settings_draft& draft);

} // namespace pgweir
