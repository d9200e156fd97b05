// Settings: pools, limits, the queue, and memory.
#include "proxy/config/table_groups.hpp"

#include <array>

namespace pgweir {

namespace {

constexpr std::uint64_t hour = 3'600'000;
constexpr std::uint64_t kilobyte = 1024;
constexpr std::uint64_t gigabyte = 1ULL << 30;

constexpr std::array pool_rows{
    row<&settings::pool_mode>(
        "pool_mode",
        applies::on_reload,
        {},
        "When a server connection goes back to its pool: after each `transaction`, at the end of "
        "the `session`, or after "
        "each `statement` (transaction blocks are then refused). In `transaction` mode session "
        "state follows the client "
        "or keeps it on its connection. Sessions keep the mode they began with."),
    row<&settings::pool_size>(
        "pool_size",
        applies::on_reload,
        {.min = 1, .max = 100'000},
        "Most server connections per node, database and user, for all workers together."),
    row<&settings::min_pool_size>("min_pool_size",
                                  applies::on_reload,
                                  {.max = 100'000},
                                  "Server connections per node, database and user that are kept "
                                  "open once the pool has been used."),
    row<&settings::reserve_pool_size>("reserve_pool_size",
                                      applies::on_reload,
                                      {.max = 100'000},
                                      "Server connections beyond `pool_size` that a pool may open "
                                      "when a client has waited `reserve_pool_timeout`."),
    row<&settings::reserve_pool_timeout>(
        "reserve_pool_timeout",
        applies::on_reload,
        {.max = hour},
        "How long a client waits before its pool may open a reserve connection."),
    row<&settings::max_pinned>("max_pinned",
                               applies::on_reload,
                               {.max = 100'000},
                               "Most server connections of a pool that may be held by single "
                               "sessions for reasons such as LISTEN, temporary "
                               "tables or session-level advisory locks. A statement that would "
                               "hold one more waits, first come first served, until one of them is "
                               "given up, and is refused (53300) after `queue_timeout`. "
                               "Must be below `pool_size`. 0: three quarters of `pool_size`."),
    row<&settings::max_server_connections>("max_server_connections",
                                           applies::on_reload,
                                           {.max = 262'143},
                                           "Most server connections per node from all pools, the "
                                           "monitor's included. It holds for this process: with "
                                           "several instances give each its share. 0: the server's "
                                           "`max_connections` less its reserved ones and "
                                           "`server_reserve`."),
    row<&settings::server_reserve>("server_reserve",
                                   applies::on_reload,
                                   {.max = 262'143},
                                   "Connections on each server that pgweir leaves to others, when "
                                   "`max_server_connections` is 0."),
    row<&settings::server_connect_rate>("server_connect_rate",
                                        applies::on_reload,
                                        {.min = 1, .max = 1'000'000},
                                        "Most server connections opened per node and second, so "
                                        "that a server that comes back is not run over."),
    row<&settings::max_client_connections>(
        "max_client_connections",
        applies::on_reload,
        {.min = 1, .max = 10'000'000},
        "Most clients at once; the next one is refused (53300). Each takes a file descriptor."),
    row<&settings::queue_size>("queue_size",
                               applies::on_reload,
                               {.max = 10'000'000},
                               "Most clients of a pool that may wait for a server connection; the "
                               "next one is refused (53300). 0: nobody waits."),
    row<&settings::queue_timeout>("queue_timeout",
                                  applies::on_reload,
                                  {.min = 1, .max = 24 * hour, .or_zero = true},
                                  "How long a client may wait for a server connection before its "
                                  "statement is refused (53300). 0: no limit."),
    row<&settings::queue_notice>(
        "queue_notice",
        applies::on_reload,
        {.min = 1, .max = 24 * hour, .or_zero = true},
        "A client that has waited this long is told so by a NOTICE. 0: never."),
    row<&settings::fairness_slack>(
        "fairness_slack",
        applies::on_reload,
        {.max = 10'000},
        "How much longer a client on another worker must have waited before a free connection is "
        "handed to it rather than "
        "to a client on the same worker. Smaller is fairer, larger is faster."),
    row<&settings::server_reset_query>("server_reset_query",
                                       applies::on_reload,
                                       {},
                                       "Sent to a server connection when a session leaves it in "
                                       "`session` mode. Empty: the connection is closed instead."),
};

constexpr std::array memory_rows{
    row<&settings::max_message_size>("max_message_size",
                                     applies::on_reload,
                                     {.min = 64 * kilobyte, .max = gigabyte},
                                     "Largest message that a client may send; a longer one ends "
                                     "the session (08P01). Messages stream through, so this "
                                     "is no buffer size. PostgreSQL's own limit is 1GB."),
    row<&settings::max_parse_size>(
        "max_parse_size",
        applies::on_reload,
        {.max = gigabyte},
        "Statements longer than this are not looked at and go to the primary."),
    row<&settings::unit_buffer_size>("unit_buffer_size",
                                     applies::on_reload,
                                     {.min = 8 * kilobyte, .max = gigabyte},
                                     "How much of a client's request is gathered before a server "
                                     "connection is taken for it. A request that is longer, "
                                     "such as a large batch, starts earlier and holds the "
                                     "connection while the client sends the rest."),
    row<&settings::statement_cache_size>(
        "statement_cache_size",
        applies::on_reload,
        {.min = 64 * kilobyte, .max = 64 * gigabyte},
        "Memory per worker for what is known about statements, so that each is parsed once."),
    row<&settings::prepared_statements_size>(
        "prepared_statements_size",
        applies::on_reload,
        {.min = 64 * kilobyte, .max = 64 * gigabyte},
        "Memory for the texts of prepared statements, per session and per server connection. On "
        "server connections the "
        "least recently used give way; a session that exceeds it is refused the next one (53200)."),
};

} // namespace

const setting_group pool_group{"Pools, limits and queue",
                               "A pool is the server connections of one node, database and user. "
                               "Clients beyond what pools and nodes can take wait "
                               "in a queue, first come first served.",
                               pool_rows};
const setting_group memory_group{"Memory", "Sizes are bytes, or carry a unit: B, kB, MB, GB.",
                                 memory_rows};

} // namespace pgweir
