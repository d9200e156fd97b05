// Settings: which statements go where.
#include "proxy/config/table_groups.hpp"

#include <array>

namespace pgweir {

namespace {

constexpr std::uint64_t second = 1'000;
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
                                "or has seen; it begins with all that was committed through this "
                                "process before. `session:strict`: the same, but it begins with "
                                "all that anybody had committed at its login (or at the SET). "
                                "`bounded:<ms>`: at most what was committed in the last "
                                "milliseconds given, its own writes too; a standby may answer only "
                                "if the monitor's looks prove it, so that less than "
                                "`monitor_interval` sends most reads to the primary, and that "
                                "while no primary is seen such reads wait for one once the last "
                                "look at it is older than that. `eventual`: any standby may "
                                "answer. `primary`: all reads go to the primary. Sessions can "
                                "change it with `SET pgweir.consistency`."),
    row<&settings::max_standby_lag_bytes>(
        "max_standby_lag_bytes",
        applies::on_reload,
        {},
        "A standby that has more WAL than this to replay is not read from, nor one of which that "
        "is not known. Measured against what the primary had flushed when it was last seen. 0: no "
        "limit."),
    row<&settings::max_standby_lag_time>("max_standby_lag_time",
                                         applies::on_reload,
                                         {.min = 1, .max = 24 * hour, .or_zero = true},
                                         "A standby that is further behind than this is not read "
                                         "from, nor one of which that is not known. A standby that "
                                         "has replayed all that the primary had flushed when it "
                                         "was last seen is not behind, however long ago that was. "
                                         "0: no limit."),
    row<&settings::primary_reads>(
        "primary_reads",
        applies::on_reload,
        {},
        "What the primary answers of the reads that standbys may answer. `fallback`: those that no "
        "standby may answer at the moment. `balanced`: also its share of the others, by its weight "
        "in `nodes`, as with pgpool; a session of consistency `session` that has read there stays "
        "until a standby is known to have caught up. `never`: such reads wait for a standby, up to "
        "`standby_wait_timeout`; only what a standby has refused, or was lost with, is still asked "
        "of the primary."),
    row<&settings::standby_wait_timeout>(
        "standby_wait_timeout",
        applies::on_reload,
        {.min = 1, .max = hour},
        "How long a read waits for a standby that may answer it before it fails (57P03), with "
        "`primary_reads = \"never\"`; and how long `SHOW pgweir.lsn` waits for the position."),
    row<&settings::statement_level_load_balance>(
        "statement_level_load_balance",
        applies::on_reload,
        {},
        "Whether each read is balanced by itself. Off: a session reads from the node that its "
        "first read went to for as long as that one may answer it."),
    row<&settings::outlier_ejection_time>(
        "outlier_ejection_time",
        applies::on_reload,
        {.min = 100, .max = hour, .or_zero = true},
        "A standby whose reads fail, or are answered much later than by its peers, is left out for "
        "this long, and up to sixteen times as long if it does so again and again. It comes back "
        "by itself. If nobody else may answer, it does. 0: no standby is left out."),
    row<&settings::outlier_failures>(
        "outlier_failures",
        applies::on_reload,
        {.max = 1'000'000},
        "So many reads must have failed on a standby within some seconds, and at least a fifth of "
        "those it answered: its connection was lost or could not be opened, or SQLSTATE classes "
        "53, 58 or XX. 0: failures do not count."),
    row<&settings::outlier_latency_factor>(
        "outlier_latency_factor",
        applies::on_reload,
        {.max = 1'000'000},
        "A standby is slow if its answers take this many times as long as those of the standbys in "
        "the middle, and more than `outlier_latency_floor`. 0: latency does not count."),
    row<&settings::outlier_latency_floor>("outlier_latency_floor",
                                          applies::on_reload,
                                          {.max = 60 * second},
                                          "No standby is slow whose answers take less than this."),
    row<&settings::outlier_max_percent>(
        "outlier_max_percent",
        applies::on_reload,
        {.max = 100},
        "Of the standbys that may be read from, at most this share is left out at a time; rounded "
        "down, so of a single one none."),
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
