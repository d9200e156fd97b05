#include "proxy/server_settings.hpp"

#include "proxy/config/values.hpp"
#include "proxy/router/catalog_queries.hpp"

#include <spdlog/spdlog.h>

namespace pgweir {

monitor_settings monitor_settings_of(const settings& s) {
    monitor_settings m;
    for (std::size_t i = 0; i < s.nodes.size(); ++i) {
        monitored_node node;
        node.host = s.nodes[i].host;
        node.port = s.nodes[i].port;
        node.weight = s.nodes[i].weight;
        node.is_discovered = s.nodes[i].is_discovered;
        if (i < s.node_application_names.size())
            node.application_name = s.node_application_names[i];
        if (i < s.node_zones.size()) node.zone = s.node_zones[i];
        node.near = s.zone.empty() || node.zone == s.zone;
        m.nodes.push_back(std::move(node));
    }
    m.user = s.monitor_user;
    m.password = s.monitor_password.value;
    m.database = s.monitor_database;
    m.connection_options = {{"sslmode", format_value(s.server_tls_sslmode)}};
    const auto add = [&](const char* name, const std::string& value) {
        if (!value.empty()) m.connection_options.emplace_back(name, value);
    };
    add("sslrootcert", s.server_tls_ca_file);
    add("sslcert", s.server_tls_cert_file);
    add("sslkey", s.server_tls_key_file);
    add("sslcrl", s.server_tls_crl_file);
    add("sslcrldir", s.server_tls_crl_dir);
    const settings defaults;
    if (s.server_tls_min_protocol_version != defaults.server_tls_min_protocol_version)
        add("ssl_min_protocol_version", format_value(s.server_tls_min_protocol_version));
    if (s.server_tls_max_protocol_version != defaults.server_tls_max_protocol_version)
        add("ssl_max_protocol_version", format_value(s.server_tls_max_protocol_version));
    if (s.server_tls_channel_binding != defaults.server_tls_channel_binding)
        add("channel_binding", format_value(s.server_tls_channel_binding));
    m.discovery_interval = s.discovery_interval;
    m.interval = s.monitor_interval;
    m.waiting_interval = s.monitor_interval_waiting;
    m.idle_interval = s.monitor_interval_idle;
    m.connect_timeout = s.connect_timeout;
    m.check_timeout = s.check_timeout;
    if (s.max_standby_lag_bytes.value != 0)
        m.topology.max_standby_lag_bytes = s.max_standby_lag_bytes.value;
    if (s.max_standby_lag_time.count() != 0)
        m.topology.max_standby_lag_time = s.max_standby_lag_time;
    m.topology.write_quorum = s.write_quorum;
    m.topology.system_identifier = s.system_identifier;
    return m;
}

routing_policy_text policy_text(const settings& s) {
    routing_policy_text text;
    text.read_only_functions = s.read_only_function_list;
    text.write_functions = s.write_function_list;
    text.primary_queries = s.primary_routing_query_pattern_list;
    const auto rules = [](const std::vector<redirect_preference>& from) {
        std::vector<redirect_rule> to;
        for (const auto& p : from)
            to.push_back({p.pattern, p.target, p.ratio});
        return to;
    };
    text.databases = rules(s.database_redirect_preference_list);
    text.users = rules(s.user_redirect_preference_list);
    text.applications = rules(s.app_name_redirect_preference_list);
    return text;
}

consistency consistency_of(const consistency_setting& s) {
    switch (s.level) {
    case consistency_level::session:
        return {consistency_mode::session, {}};
    case consistency_level::eventual:
        return {consistency_mode::eventual, {}};
    case consistency_level::primary:
        return {consistency_mode::primary, {}};
    case consistency_level::bounded:
        return {consistency_mode::bounded, s.bound};
    }
    return {};
}

outlier_settings outlier_settings_of(const settings& s) {
    outlier_settings o;
    o.ejection_time = s.outlier_ejection_time;
    o.failures = s.outlier_failures;
    o.latency_factor = s.outlier_latency_factor;
    o.latency_floor = s.outlier_latency_floor;
    o.max_share = s.outlier_max_percent / 100.0;
    return o;
}

std::shared_ptr<const catalog> catalog_from(const std::string& database,
                                            std::uint32_t server_version,
                                            const std::vector<catalog_result>& results,
                                            const std::shared_ptr<const routing_policy>& policy) {
    const auto rows = rows_of(database, server_version, results);
    if (!rows) {
        spdlog::error("catalog not usable database={}: {}", database, rows.error().what);
        return nullptr;
    }
    return build_catalog(*rows, policy);
}

} // namespace pgweir
