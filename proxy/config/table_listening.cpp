// Settings: where pgweir listens, and its logs.
#include "proxy/config/table_groups.hpp"

#include <array>

namespace pgweir {

namespace {

constexpr std::array listening_rows{
    row<&settings::listen_address>("listen_address",
                                   applies::on_restart,
                                   {},
                                   "Addresses or host names on which applications are served, or "
                                   "`*` for all addresses of both IP versions. Empty: "
                                   "TCP is not served, only the Unix socket."),
    row<&settings::port>("port",
                         applies::on_restart,
                         {},
                         "TCP port for applications, and the number in the Unix socket's file "
                         "name. 0 takes any free port; the log line "
                         "`listening` says which."),
    row<&settings::unix_socket_dir>("unix_socket_dir",
                                    applies::on_restart,
                                    {},
                                    "Directory for the Unix socket `.s.PGSQL.<port>`, as "
                                    "PostgreSQL names it. Empty: none. It must exist and be "
                                    "writable."),
    row<&settings::unix_socket_permissions>(
        "unix_socket_permissions",
        applies::on_restart,
        {},
        "Permission bits of the Unix socket, in octal. Only the write bits matter: who may not "
        "write may not connect."),
    row<&settings::listen_backlog>("listen_backlog",
                                   applies::on_restart,
                                   {.min = 1, .max = 65535},
                                   "Connections that the kernel may hold ready between two "
                                   "accepts, for each listening socket. The kernel caps it "
                                   "at `net.core.somaxconn`."),
    row<&settings::proxy_protocol_from>(
        "proxy_protocol_from",
        applies::on_reload,
        {},
        "Networks such as `10.0.0.0/8` of balancers that begin each connection with a PROXY header "
        "(version 1 or 2). The client's address in it is the one that rules, logs and the console "
        "know; a connection from there without a header is refused, and so is a header from "
        "anywhere else. `all`: every TCP connection has one."),
    row<&settings::workers>("workers",
                            applies::on_restart,
                            {.max = 64},
                            "Threads that serve clients. 0: one for every two cores, at least one: "
                            "a worker relays more than the servers of two cores can answer. Each "
                            "client stays on its worker; "
                            "the limits on server connections hold for all workers together."),
    row<&settings::http_address>(
        "http_address",
        applies::on_restart,
        {},
        "Addresses for `/metrics`, `/livez` and `/readyz`, or `*` for all. Empty: no HTTP. The "
        "answers name databases, "
        "users and nodes, never statements or secrets; keep the port inside the cluster."),
    row<&settings::http_port>("http_port",
                              applies::on_restart,
                              {},
                              "TCP port for `/metrics`, `/livez` and `/readyz`. 0 takes any free "
                              "port; the log line `http listening` says "
                              "which."),
    row<&settings::ready_requires>("ready_requires",
                                   applies::on_reload,
                                   {},
                                   "What `/readyz` asks for, beside an open listener: `any` node "
                                   "that answers, or a known `primary`. With `any` a "
                                   "failover does not take pgweir out of its Service, so clients "
                                   "wait in its queue instead of being refused."),
    row<&settings::peers>(
        "peers",
        applies::on_reload,
        {},
        "Where the other instances of this pgweir are, as `[dns:]host[:port]`: every address that "
        "the name has, this instance's own too, such as a headless Service in Kubernetes. A cancel "
        "request comes on a connection of its own, which a load balancer may bring to any of "
        "them: it is passed on to the one whose client it means, by the port that clients use. "
        "Looked up every `discovery_interval`. All instances need the same list, and addresses "
        "of their own that are not translated on the way. Empty: there is one instance."),
    row<&settings::tcp_keepalive>("tcp_keepalive",
                                  applies::on_reload,
                                  {},
                                  "Whether the kernel probes silent TCP connections, so that a "
                                  "peer that vanished without a word is noticed. For "
                                  "clients and servers."),
    row<&settings::tcp_keepalive_idle>("tcp_keepalive_idle",
                                       applies::on_reload,
                                       {.min = 1000, .max = 86'400'000},
                                       "Silence before the first keepalive probe. Whole seconds; "
                                       "keep it below the idle limit of firewalls and load "
                                       "balancers on the way."),
    row<&settings::tcp_keepalive_interval>(
        "tcp_keepalive_interval",
        applies::on_reload,
        {.min = 1000, .max = 86'400'000},
        "Time between unanswered keepalive probes. Whole seconds."),
    row<&settings::tcp_keepalive_count>(
        "tcp_keepalive_count",
        applies::on_reload,
        {.min = 1, .max = 127},
        "Unanswered keepalive probes after which a connection counts as dead."),
    row<&settings::tcp_user_timeout>("tcp_user_timeout",
                                     applies::on_reload,
                                     {.min = 100, .max = 86'400'000, .or_zero = true},
                                     "How long a client or a server may leave sent data "
                                     "unacknowledged before its connection is given up: keepalive "
                                     "does not help while data is under way. Whoever acknowledges "
                                     "but does not read is left alone, which the kernel's option "
                                     "of this name would not do. Looked at while a server "
                                     "connection is in use. 0: the kernel's own rule, about 15 "
                                     "minutes."),
};

constexpr std::array logging_rows{
    row<&settings::log_level>("log_level",
                              applies::on_reload,
                              {},
                              "The least severe lines that are written. `debug` names every "
                              "connection's steps; no level writes a password."),
    row<&settings::log_format>("log_format",
                               applies::on_restart,
                               {},
                               "`text`: one line per event, `key=value`. `json`: one JSON object "
                               "per line with the same keys. Both go to "
                               "standard error."),
    row<&settings::log_connections>(
        "log_connections", applies::on_reload, {}, "Whether each login is a line of its own."),
    row<&settings::log_disconnections>("log_disconnections",
                                       applies::on_reload,
                                       {},
                                       "Whether each end of a session is a line of its own, with "
                                       "its duration. Ends that point to a fault are always "
                                       "logged."),
};

} // namespace

const setting_group listening_group{
    "Listening", "Changes of addresses, ports and the number of workers need a restart.",
    listening_rows};
const setting_group logging_group{"Logs", "", logging_rows};

} // namespace pgweir
