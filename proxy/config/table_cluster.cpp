// Settings: the PostgreSQL nodes and how the monitor watches them.
#include "proxy/config/table_groups.hpp"

#include <array>

namespace pgweir {

namespace {

constexpr std::uint64_t second = 1000;
constexpr std::uint64_t hour = 3'600'000;

constexpr std::array cluster_rows{
    row<&settings::nodes>("nodes",
                          applies::on_reload,
                          {},
                          "The PostgreSQL servers, each `host[:port[:weight]]`; an IPv6 address "
                          "stands in brackets, a directory means a "
                          "Unix socket. Which one is the primary is found out, not written down. "
                          "The weight (default 1) shares reads among "
                          "standbys; 0 means never read there. A name stands for one server, "
                          "whatever its address is at the time; `dns:name:port` (a headless "
                          "Service, say) for as many as the name has addresses: servers come and "
                          "go with them. Needed."),
    row<&settings::node_application_names>(
        "node_application_names",
        applies::on_reload,
        {},
        "The `application_name` under which each node's walreceiver streams, in the order of "
        "`nodes`. Needed only where "
        "the primary cannot tell standbys apart by address, to show their replication state."),
    row<&settings::discovery_interval>(
        "discovery_interval",
        applies::on_reload,
        {.min = 100, .max = hour},
        "Time between two looks at which addresses the names in `nodes` have. A server whose "
        "address has gone gets no new work and is left as transactions end there. A name that "
        "cannot be resolved, or has no address at all, changes nothing."),
    row<&settings::zone>(
        "zone",
        applies::on_reload,
        {},
        "Where this pgweir runs, such as an availability zone. Reads go to standbys of this zone "
        "while one of them may answer, to others only then. Empty: all are equal."),
    row<&settings::node_zones>("node_zones",
                               applies::on_reload,
                               {},
                               "The zone of each node, in the order of `nodes`. A node without one "
                               "is in no zone."),
    row<&settings::monitor_user>(
        "monitor_user",
        applies::on_reload,
        {},
        "Role with which the monitor looks at the nodes. It needs LOGIN, and REPLICATION to read "
        "timelines on standbys; "
        "membership in `pg_monitor` lets it see all of pg_stat_replication."),
    row<&settings::monitor_password>("monitor_password",
                                     applies::on_reload,
                                     {},
                                     "Password of `monitor_user`, where the servers ask for one."),
    row<&settings::monitor_password_file>(
        "monitor_password_file",
        applies::on_reload,
        {},
        "File whose first line is the password of `monitor_user`; instead of `monitor_password`."),
    row<&settings::monitor_database>(
        "monitor_database", applies::on_reload, {}, "Database to which the monitor connects."),
    row<&settings::monitor_interval>("monitor_interval",
                                     applies::on_reload,
                                     {.min = 10, .max = hour},
                                     "Time between two looks at each node while clients are at "
                                     "work. Bounds how old roles and positions can be."),
    row<&settings::monitor_interval_waiting>(
        "monitor_interval_waiting",
        applies::on_reload,
        {.min = 1, .max = hour},
        "Time between two looks while a session waits to learn how far the standbys are. Shorter "
        "means that reads return "
        "to standbys sooner after a write."),
    row<&settings::monitor_interval_idle>("monitor_interval_idle",
                                          applies::on_reload,
                                          {.min = 10, .max = hour},
                                          "Time between two looks while no client is at work."),
    row<&settings::check_timeout>("check_timeout",
                                  applies::on_reload,
                                  {.min = 100, .max = hour},
                                  "How long a look at a node may take. A look that takes longer "
                                  "counts against the node only if no worker has "
                                  "received a byte from it meanwhile. What is open to a standby is "
                                  "given up then; to a primary after a second look in vain, whose "
                                  "connecting may take `connect_timeout`."),
    row<&settings::connect_timeout>(
        "connect_timeout",
        applies::on_reload,
        {.min = 100, .max = hour},
        "How long opening a server connection may take, from connect to ready for queries."),
    row<&settings::system_identifier>("system_identifier",
                                      applies::on_reload,
                                      {},
                                      "The cluster's system identifier (`pg_controldata`); nodes "
                                      "with another one are not used. 0: the identifier that "
                                      "the majority of the nodes has."),
    row<&settings::write_quorum>("write_quorum",
                                 applies::on_reload,
                                 {.max = 100},
                                 "Writes are sent only while this many nodes are seen, or at least "
                                 "one standby streams from the primary; "
                                 "otherwise they wait. Protects against writing to an old primary "
                                 "that was cut off together with pgweir. 0: off."),
    row<&settings::failover_timeout>("failover_timeout",
                                     applies::on_reload,
                                     {.max = 24 * hour},
                                     "How long a write waits for a primary before it fails. Should "
                                     "exceed the time a promotion takes."),
    row<&settings::switchover_command>(
        "switchover_command",
        applies::on_reload,
        {},
        "What `SWITCHOVER` runs to make a standby the primary: a program and its arguments, such "
        "as `[\"repmgr\", \"standby\", \"switchover\"]`, run without a shell (for one write "
        "`[\"sh\", \"-c\", \"…\"]`). It finds the servers in the environment, "
        "`PGWEIR_PRIMARY_HOST`, `PGWEIR_PRIMARY_PORT`, `PGWEIR_STANDBY_HOST` and "
        "`PGWEIR_STANDBY_PORT`, must end with 0 once the new primary is promoted, and may go on "
        "with the old one afterwards. Empty: there is no `SWITCHOVER`."),
    row<&settings::switchover_drain_timeout>(
        "switchover_drain_timeout",
        applies::on_reload,
        {.min = 1, .max = hour},
        "How long `SWITCHOVER` waits for transactions under way to end, while clients that begin "
        "others wait. Then it gives up, before anything has been done."),
    row<&settings::switchover_timeout>(
        "switchover_timeout",
        applies::on_reload,
        {.min = 100, .max = hour},
        "How long `switchover_command` may run, and the new primary take to be seen. All clients "
        "wait for so long at most; their `queue_timeout` and `failover_timeout` stand still."),
};

constexpr std::array timeout_rows{
    row<&settings::client_login_timeout>(
        "client_login_timeout",
        applies::on_reload,
        {.min = 100, .max = hour, .or_zero = true},
        "How long a client may take from connecting to the end of its login. 0: no limit."),
    row<&settings::client_idle_timeout>(
        "client_idle_timeout",
        applies::on_reload,
        {.min = second, .max = 8760 * hour, .or_zero = true},
        "Clients that send nothing for this long are disconnected (57P05). 0: no limit."),
    row<&settings::idle_transaction_timeout>(
        "idle_transaction_timeout",
        applies::on_reload,
        {.min = 100, .max = 8760 * hour, .or_zero = true},
        "Sessions that leave a transaction open and send nothing for this long are ended (25P03), "
        "since they hold a "
        "server connection. 0: no limit."),
    row<&settings::query_timeout>(
        "query_timeout",
        applies::on_reload,
        {.min = 1, .max = 8760 * hour, .or_zero = true},
        "Statements that run longer are cancelled (57014). 0: no limit; PostgreSQL's "
        "`statement_timeout` is the better "
        "place, this one holds where applications cannot be trusted to set it."),
    row<&settings::server_idle_timeout>(
        "server_idle_timeout",
        applies::on_reload,
        {.min = second, .max = 8760 * hour, .or_zero = true},
        "Server connections unused for this long are closed, down to `min_pool_size`. 0: never."),
    row<&settings::server_lifetime>("server_lifetime",
                                    applies::on_reload,
                                    {.min = second, .max = 8760 * hour, .or_zero = true},
                                    "Server connections older than this are closed once they are "
                                    "idle, each a little earlier or later than the "
                                    "others. Frees what long-lived backends gather. 0: never."),
    row<&settings::shutdown_delay>(
        "shutdown_delay",
        applies::on_reload,
        {.max = hour},
        "After SIGTERM: how long everything goes on, new clients included, while /readyz says 503. "
        "For load balancers and Kubernetes, which go on sending clients for a moment. A second "
        "SIGTERM ends it."),
    row<&settings::shutdown_timeout>(
        "shutdown_timeout",
        applies::on_reload,
        {.max = hour},
        "After SIGTERM and shutdown_delay: how long transactions under way may take to finish "
        "before their sessions are ended. Keep both together below "
        "the grace period of whoever sends the signal (Kubernetes: 30 s)."),
};

} // namespace

const setting_group cluster_group{
    "Cluster", "pgweir never promotes a server: it follows what the servers say of themselves.",
    cluster_rows};
const setting_group timeout_group{"Time limits", "All durations carry a unit: ms, s, min, h or d.",
                                  timeout_rows};

} // namespace pgweir
