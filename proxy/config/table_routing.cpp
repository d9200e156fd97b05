// Settings: which statements go where.
#include "proxy/config/table_groups.hpp"

#include <array>

namespace pgweir {

namespace {

constexpr std::uint64_t hour = 3'600'000;

constexpr std::array routing_rows{
    row<&settings::splitting>(
        "splitting",
        applies::on_reload,
        {},
        "Whether reads may go to standbys. Sessions can say otherwise with `SET pgweir.route`."),
    row<&settings::split_transactions>(
        "split_transactions",
        applies::on_reload,
        {},
        "Whether an explicit READ COMMITTED block may begin on a standby and move to the primary "
        "with its first other "
        "statement. Off: blocks go to the primary, single statements may still go to standbys."),
    row<&settings::read_only_repeatable_read_on_standby>(
        "read_only_repeatable_read_on_standby",
        applies::on_reload,
        {},
        "Whether READ ONLY blocks under REPEATABLE READ may run on a standby. Such a block cannot "
        "move any more, so what "
        "a standby refuses fails."),
    row<&settings::consistency>("consistency",
                                applies::on_reload,
                                {},
                                "What a read may miss. `session`: nothing that this session wrote "
                                "or has seen. `bounded:<ms>`: at most what was "
                                "committed in the last milliseconds given. `eventual`: any standby "
                                "may answer. `primary`: all reads go to the "
                                "primary. Sessions can change it with `SET pgweir.consistency`."),
    row<&settings::max_standby_lag_bytes>(
        "max_standby_lag_bytes",
        applies::on_reload,
        {},
        "A standby that has more WAL than this to replay is not read from. 0: no limit."),
    row<&settings::max_standby_lag_time>("max_standby_lag_time",
                                         applies::on_reload,
                                         {.min = 1, .max = 24 * hour, .or_zero = true},
                                         "A standby that is further behind than this is not read "
                                         "from. Wins over `max_standby_lag_bytes` where the lag in "
                                         "time is known. 0: no limit."),
    row<&settings::read_only_function_list>(
        "read_only_function_list",
        applies::on_reload,
        {},
        "Functions that may run on standbys though their definition does not prove it: regular "
        "expressions, each matching "
        "a whole name, with schema or without."),
    row<&settings::write_function_list>("write_function_list",
                                        applies::on_reload,
                                        {},
                                        "Functions that must run on the primary though their "
                                        "definition looks harmless: regular expressions as above. "
                                        "Wins over `read_only_function_list`."),
    row<&settings::primary_routing_query_pattern_list>(
        "primary_routing_query_pattern_list",
        applies::on_reload,
        {.separator = ';'},
        "Statements that go to the primary: regular expressions that match the whole text, without "
        "regard to case."),
    row<&settings::database_redirect_preference_list>(
        "database_redirect_preference_list",
        applies::on_reload,
        {},
        "Where sessions of certain databases read: `pattern:target(ratio)`, the target `primary`, "
        "`standby` or a node's "
        "number from 0, the ratio (default 1) the share of reads that go there. The first pattern "
        "that matches counts."),
    row<&settings::user_redirect_preference_list>("user_redirect_preference_list",
                                                  applies::on_reload,
                                                  {},
                                                  "The same by user. Wins over the database's."),
    row<&settings::app_name_redirect_preference_list>(
        "app_name_redirect_preference_list",
        applies::on_reload,
        {},
        "The same by `application_name` at login. Wins over the database's and the user's."),
};

} // namespace

const setting_group routing_group{
    "Routing", "`EXPLAIN ROUTE <statement>` shows where a statement would go, and why.",
    routing_rows};

} // namespace pgweir
