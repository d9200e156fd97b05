#include "proxy/config/import/pgpool_names.hpp"

#include <array>
#include <utility>

namespace pgweir {

namespace {

using enum asks_by;

constexpr std::array groups{
    unused_pgpool_parameters{"process_management_mode process_management_strategy "
                             "min_spare_children max_spare_children child_life_time "
                             "child_max_connections serialize_accept",
                             nothing, "there are no child processes"},
    unused_pgpool_parameters{"pcp_listen_addresses pcp_port pcp_socket_dir log_pcp_processes",
                             nothing,
                             "there is no PCP; the database pgweir takes the operator's commands"},
    unused_pgpool_parameters{"backend_data_directoryN", nothing,
                             "the servers' files are left alone"},
    unused_pgpool_parameters{"unix_socket_group", being_given,
                             "the socket belongs to the group that pgweir runs in"},
    unused_pgpool_parameters{"allow_clear_text_frontend_auth", being_on,
                             "clear-text passwords are not handed through to the servers; "
                             "auth_method holds"},
    unused_pgpool_parameters{"ssl_ca_cert_dir", being_given,
                             "it is not provided; put the certificates into one file"},
    unused_pgpool_parameters{"log_destination syslog_facility syslog_ident logging_collector "
                             "log_directory log_filename log_file_mode log_truncate_on_rotation "
                             "log_rotation_age log_rotation_size",
                             nothing,
                             "the log goes to standard error; systemd or the container keeps it"},
    unused_pgpool_parameters{"log_line_prefix log_error_verbosity", nothing,
                             "log_format decides how lines look"},
    unused_pgpool_parameters{"client_min_messages", nothing, "clients get what the servers send"},
    unused_pgpool_parameters{"log_hostname", being_on,
                             "clients are logged by address, not by host name"},
    unused_pgpool_parameters{"log_statement log_per_node_statement notice_per_node_statement "
                             "log_client_messages log_backend_messages",
                             being_on,
                             "statements are not logged; EXPLAIN ROUTE and /metrics show where "
                             "they go"},
    unused_pgpool_parameters{"log_standby_delay", nothing,
                             "/metrics shows how far standbys are behind"},
    unused_pgpool_parameters{"pid_file_name work_dir", nothing,
                             "no file is kept about the process"},
    unused_pgpool_parameters{"ignore_leading_white_space", nothing,
                             "white space never decides where a statement goes"},
    unused_pgpool_parameters{"allow_sql_comments", nothing,
                             "of comments only hints decide where a statement goes"},
    unused_pgpool_parameters{"dml_adaptive_object_relationship_list track_table_mutationN", nothing,
                             "a session sees its own writes in any case (consistency)"},
    unused_pgpool_parameters{"check_temp_table check_unlogged_table", nothing,
                             "the catalog says which tables are temporary or unlogged"},
    unused_pgpool_parameters{"relcache_expire relcache_size enable_shared_relcache "
                             "relcache_query_target",
                             nothing,
                             "all sessions share one picture of the catalog, read anew when it "
                             "changes"},
    unused_pgpool_parameters{"replicate_select replication_stop_on_mismatch "
                             "failover_if_affected_tuples_mismatch",
                             being_on, "it belongs to native replication, which is not provided"},
    unused_pgpool_parameters{"insert_lock lobj_lock_table replication_enabled", nothing,
                             "it belongs to native replication, which is not provided"},
    unused_pgpool_parameters{"sr_check_period health_check_period health_check_periodN", nothing,
                             "monitor_interval is shorter than that"},
    unused_pgpool_parameters{"health_check_max_retries health_check_retry_delay "
                             "health_check_max_retriesN health_check_retry_delayN",
                             nothing,
                             "a refused check is repeated once, at once; nodes come back by "
                             "themselves"},
    unused_pgpool_parameters{"health_check_timeoutN health_check_userN health_check_passwordN "
                             "health_check_databaseN connect_timeoutN",
                             being_given, "all nodes are checked and reached in the same way"},
    unused_pgpool_parameters{"health_check_test", being_on, "faults cannot be pretended"},
    unused_pgpool_parameters{"prefer_lower_delay_standby replication_delay_source_cmd "
                             "replication_delay_source_timeout",
                             nothing,
                             "reads go only to standbys that are fresh enough for the session"},
    unused_pgpool_parameters{
        "failover_command failback_command follow_primary_command", being_given,
        "it is not run: pgweir follows what the servers are; who promotes them "
        "(repmgr, Patroni) has hooks of its own"},
    unused_pgpool_parameters{"failover_on_backend_error failover_on_backend_shutdown", nothing,
                             "the monitor follows what the servers are"},
    unused_pgpool_parameters{"detach_false_primary", nothing,
                             "a primary that is not the cluster's is never used"},
    unused_pgpool_parameters{"auto_failback auto_failback_interval", nothing,
                             "nodes come back by themselves"},
    unused_pgpool_parameters{"recovery_1st_stage_command recovery_2nd_stage_command", being_given,
                             "servers are made by repmgr or the like, not by pgweir"},
    unused_pgpool_parameters{"recovery_user recovery_password recovery_database recovery_timeout "
                             "client_idle_limit_in_recovery",
                             nothing, "servers are made by repmgr or the like, not by pgweir"},
    unused_pgpool_parameters{"use_watchdog", being_on,
                             "there is no virtual address and no quorum of proxies: run several "
                             "pgweir behind a Service or a load balancer"},
    unused_pgpool_parameters{
        "trusted_servers trusted_server_command hostnameN wd_portN pgpool_portN "
        "wd_hostname wd_port other_pgpool_hostnameN other_pgpool_portN other_wd_portN "
        "wd_listen_address wd_listen_port wd_priority wd_authkey wd_ipc_socket_dir delegate_ip "
        "if_cmd_path if_up_cmd if_down_cmd arping_path arping_cmd ping_path "
        "clear_memqcache_on_escalation wd_escalation_command wd_de_escalation_command "
        "failover_when_quorum_exists failover_require_consensus "
        "allow_multiple_failover_requests_from_node enable_consensus_with_half_votes "
        "wd_remove_shutdown_nodes wd_lost_node_removal_timeout wd_no_show_node_removal_timeout "
        "wd_monitoring_interfaces_list wd_lifecheck_method wd_interval heartbeat_hostnameN "
        "heartbeat_portN heartbeat_deviceN heartbeat_destinationN heartbeat_destination_portN "
        "wd_heartbeat_port wd_heartbeat_listen_addresses wd_heartbeat_listen_port "
        "wd_heartbeat_keepalive wd_heartbeat_deadtime wd_life_point wd_lifecheck_query "
        "wd_lifecheck_dbname wd_lifecheck_user wd_lifecheck_password",
        nothing, "it belongs to the watchdog, which is not provided"},
    unused_pgpool_parameters{"memory_cache_enabled", being_on, "results are not cached"},
    unused_pgpool_parameters{
        "memqcache_method memqcache_memcached_host memqcache_memcached_port "
        "memqcache_total_size memqcache_max_num_cache memqcache_expire "
        "memqcache_auto_cache_invalidation memqcache_maxcache memqcache_cache_block_size "
        "memqcache_oiddir cache_safe_memqcache_table_list cache_unsafe_memqcache_table_list",
        nothing, "results are not cached"},
};

constexpr std::array<std::pair<std::string_view, std::string_view>, 13> old_names{{
    {"logdir", "work_dir"},
    {"socket_dir", "unix_socket_directories"},
    {"delegate_IP", "delegate_ip"},
    {"fail_over_on_backend_error", "failover_on_backend_error"},
    {"black_function_list", "write_function_list"},
    {"white_function_list", "read_only_function_list"},
    {"black_query_pattern", "primary_routing_query_pattern_list"},
    {"black_query_pattern_list", "primary_routing_query_pattern_list"},
    {"black_memcache_table_list", "cache_unsafe_memqcache_table_list"},
    {"white_memcache_table_list", "cache_safe_memqcache_table_list"},
    {"black_memqcache_table_list", "cache_unsafe_memqcache_table_list"},
    {"white_memqcache_table_list", "cache_safe_memqcache_table_list"},
    {"follow_master_command", "follow_primary_command"},
}};

} // namespace

std::span<const unused_pgpool_parameters> unused_pgpool_parameter_groups() {
    return groups;
}

std::string_view present_pgpool_name(std::string_view name) {
    for (const auto& [once, now] : old_names)
        if (name == once) return now;
    return name;
}

std::string pgpool_name_pattern(std::string_view name) {
    if (name.starts_with("track_table_mutation")) return "track_table_mutationN";
    const auto last = name.find_last_not_of("0123456789");
    const bool numbered = last != std::string_view::npos && last + 1 < name.size();
    return numbered ? std::string{name.substr(0, last + 1)} + "N" : std::string{name};
}

} // namespace pgweir
