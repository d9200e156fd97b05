// The columns of the SHOW tables.
#include "proxy/admin/admin_tables.hpp"

#include <array>

namespace pgweir {

namespace {

constexpr auto text = column_type::text;
constexpr auto int4 = column_type::int4;
constexpr auto int8 = column_type::int8;
constexpr auto numeric = column_type::numeric;

constexpr std::array<admin_column, 18> pools{{
    {"database", text},
    {"user", text},
    {"cl_active", int4},
    {"cl_waiting", int4},
    {"cl_active_cancel_req", int4},
    {"cl_waiting_cancel_req", int4},
    {"sv_active", int4},
    {"sv_active_cancel", int4},
    {"sv_being_canceled", int4},
    {"sv_idle", int4},
    {"sv_used", int4},
    {"sv_tested", int4},
    {"sv_login", int4},
    {"maxwait", int4},
    {"maxwait_us", int4},
    {"pool_mode", text},
    {"load_balance_hosts", text},
    {"node", text},
}};

/// CLIENTS and SERVERS have the same columns but for the last one.
template <std::size_t Extra>
constexpr std::array<admin_column, 21 + Extra> sockets(std::array<admin_column, Extra> extra) {
    std::array<admin_column, 21 + Extra> all{{
        {"type", text},
        {"user", text},
        {"database", text},
        {"replication", text},
        {"state", text},
        {"addr", text},
        {"port", int4},
        {"local_addr", text},
        {"local_port", int4},
        {"connect_time", text},
        {"request_time", text},
        {"wait", int4},
        {"wait_us", int4},
        {"close_needed", int4},
        {"ptr", text},
        {"link", text},
        {"remote_pid", int4},
        {"tls", text},
        {"application_name", text},
        {"prepared_statements", int4},
        {"id", int4},
    }};
    for (std::size_t i = 0; i < Extra; ++i)
        all[21 + i] = extra[i];
    return all;
}
constexpr auto clients = sockets<1>({{{"pinned", text}}});
constexpr auto servers = sockets<1>({{{"node", text}}});

constexpr std::array<admin_column, 19> nodes{{
    {"node_id", int4},
    {"name", text},
    {"host", text},
    {"port", int4},
    {"role", text},
    {"health", text},
    {"status", text},
    {"weight", column_type::float8},
    {"readable", column_type::boolean},
    {"not_readable_because", text},
    {"lag_bytes", int8},
    {"timeline", int8},
    {"replay_lsn", text},
    {"replication_state", text},
    {"replication_sync_state", text},
    {"connections", int4},
    {"address", text},
    {"zone", text},
    {"left_out", int4},
}};

constexpr std::array<admin_column, 4> config{{
    {"key", text},
    {"value", text},
    {"default", text},
    {"changeable", text},
}};

constexpr std::array<admin_column, 17> databases{{
    {"name", text},
    {"host", text},
    {"port", int4},
    {"database", text},
    {"force_user", text},
    {"pool_size", int4},
    {"min_pool_size", int4},
    {"reserve_pool_size", int4},
    {"server_lifetime", int4},
    {"pool_mode", text},
    {"load_balance_hosts", text},
    {"max_connections", int4},
    {"current_connections", int4},
    {"max_client_connections", int4},
    {"current_client_connections", int4},
    {"paused", int4},
    {"disabled", int4},
}};

constexpr std::array<admin_column, 8> users{{
    {"name", text},
    // Text, as PgBouncer has it: empty when the user has none of its own.
    {"pool_size", text},
    {"reserve_pool_size", text},
    {"pool_mode", text},
    {"max_user_connections", int4},
    {"current_connections", int4},
    {"max_user_client_connections", int4},
    {"current_client_connections", int4},
}};

constexpr std::array<admin_column, 25> stats{{
    {"database", text},
    {"total_server_assignment_count", numeric},
    {"total_xact_count", numeric},
    {"total_query_count", numeric},
    {"total_received", numeric},
    {"total_sent", numeric},
    {"total_xact_time", numeric},
    {"total_query_time", numeric},
    {"total_wait_time", numeric},
    {"total_client_parse_count", numeric},
    {"total_server_parse_count", numeric},
    {"total_bind_count", numeric},
    {"total_client_login_count", numeric},
    {"avg_server_assignment_count", numeric},
    {"avg_xact_count", numeric},
    {"avg_query_count", numeric},
    {"avg_recv", numeric},
    {"avg_sent", numeric},
    {"avg_xact_time", numeric},
    {"avg_query_time", numeric},
    {"avg_wait_time", numeric},
    {"avg_client_parse_count", numeric},
    {"avg_server_parse_count", numeric},
    {"avg_bind_count", numeric},
    {"avg_client_login_count", numeric},
}};

constexpr std::array<admin_column, 2> lists{{{"list", text}, {"items", int4}}};
constexpr std::array<admin_column, 1> version{{{"version", text}}};
constexpr std::array<admin_column, 2> state{{{"key", text}, {"value", text}}};
constexpr std::array<admin_column, 1> parameter{{{"value", text}}};
constexpr std::array<admin_column, 5> switchover{{
    {"old_primary", text},
    {"new_primary", text},
    {"drain_ms", int8},
    {"command_ms", int8},
    {"held_ms", int8},
}};

} // namespace

std::span<const admin_column> columns_of(show_topic topic) noexcept {
    switch (topic) {
    case show_topic::pools:
        return pools;
    case show_topic::clients:
        return clients;
    case show_topic::servers:
        return servers;
    case show_topic::nodes:
        return nodes;
    case show_topic::config:
        return config;
    case show_topic::databases:
        return databases;
    case show_topic::users:
        return users;
    case show_topic::stats:
        return stats;
    case show_topic::lists:
        return lists;
    case show_topic::version:
        return version;
    case show_topic::state:
        return state;
    case show_topic::parameter:
        return parameter;
    case show_topic::help:
        break;
    }
    return {};
}

std::span<const admin_column> switchover_columns() noexcept {
    return switchover;
}

} // namespace pgweir
