// What pgpool.conf says, in pgweir's settings.
#include "proxy/config/import/pgpool_conf.hpp"
#include "proxy/config/import/pgpool_names.hpp"

#include <algorithm>
#include <array>
#include <map>

namespace pgweir {

namespace {

enum class form : unsigned char { text, number, on_off, list, patterns };

/// A parameter that becomes one setting as it is, but for its unit.
struct direct_parameter {
    std::string_view name;
    std::string_view key;
    form as = form::text;
    std::string_view unit; // of a number that has none
    bool zero_too = true;  // 0 is said, not left out
};
constexpr std::array direct_parameters{
    direct_parameter{"listen_addresses", "listen_address", form::list, {}},
    direct_parameter{"port", "port", form::number, {}},
    direct_parameter{"unix_socket_permissions", "unix_socket_permissions", form::text, {}},
    direct_parameter{"connect_timeout", "connect_timeout", form::text, "ms", false},
    direct_parameter{"authentication_timeout", "client_login_timeout", form::text, "s"},
    direct_parameter{"client_idle_limit", "client_idle_timeout", form::text, "s", false},
    direct_parameter{"connection_life_time", "server_idle_timeout", form::text, "s", false},
    direct_parameter{"health_check_timeout", "check_timeout", form::text, "s", false},
    direct_parameter{"load_balance_mode", "splitting", form::on_off, {}},
    direct_parameter{
        "statement_level_load_balance", "statement_level_load_balance", form::on_off, {}},
    direct_parameter{"log_connections", "log_connections", form::on_off, {}},
    direct_parameter{"log_disconnections", "log_disconnections", form::on_off, {}},
    direct_parameter{"read_only_function_list", "read_only_function_list", form::list, {}},
    direct_parameter{"write_function_list", "write_function_list", form::list, {}},
    direct_parameter{"primary_routing_query_pattern_list",
                     "primary_routing_query_pattern_list",
                     form::patterns,
                     {}},
    direct_parameter{
        "database_redirect_preference_list", "database_redirect_preference_list", form::list, {}},
    direct_parameter{
        "user_redirect_preference_list", "user_redirect_preference_list", form::list, {}},
    direct_parameter{
        "app_name_redirect_preference_list", "app_name_redirect_preference_list", form::list, {}},
};

/// Cut at semicolons that no backslash stands before.
std::vector<std::string> split_patterns(std::string_view text) {
    std::vector<std::string> patterns{""};
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text.substr(i, 2) == "\\;") {
            patterns.back() += ';';
            ++i;
        } else if (text[i] == ';') {
            patterns.emplace_back();
        } else {
            patterns.back() += text[i];
        }
    }
    std::erase_if(patterns, [](const auto& one) { return trimmed(one).empty(); });
    return patterns;
}

struct backend_lines {
    std::optional<configuration_line> host, port, weight, flag, application_name;
};

class pgpool_translator {
public:
    pgpool_translator(const pgpool_conf& conf, const pgpool_context& context) : context_{context} {
        for (const auto& line : conf.lines) {
            auto known = line;
            known.name = present_pgpool_name(line.name);
            known.value = trimmed(line.value);
            lines_.insert_or_assign(known.name, std::move(known));
        }
    }

    translation run() {
        read_clustering();
        read_direct();
        read_socket();
        read_nodes();
        read_monitor();
        read_sizes();
        read_limits();
        read_reset();
        read_balancing();
        read_access();
        read_tls();
        read_log_level();
        add_defaults();
        read_rest();
        return std::move(made_);
    }

private:
    /// The line of that name; it counts as understood from then on.
    std::optional<configuration_line> take(std::string_view name) {
        const auto found = lines_.find(name);
        if (found == lines_.end()) return {};
        auto line = std::move(found->second);
        lines_.erase(found);
        return line;
    }
    std::optional<bool> take_switch(std::string_view name, configuration_line& from) {
        auto line = take(name);
        if (!line) return {};
        const auto on = parse_switch(line->value);
        if (!on) made_.wrong(*line, "must be on or off");
        from = std::move(*line);
        return on;
    }
    std::optional<std::uint64_t> take_number(std::string_view name, configuration_line& from) {
        auto line = take(name);
        if (!line) return {};
        const auto number = parse_number(line->value);
        if (!number) made_.wrong(*line, "must be a whole number from 0");
        from = std::move(*line);
        return number;
    }

    void read_clustering();
    void read_direct();
    void read_socket();
    void read_nodes();
    void read_monitor();
    void read_sizes();
    void read_limits();
    void read_reset();
    void read_balancing();
    void read_access();
    void read_tls();
    void read_log_level();
    void add_defaults();
    void read_rest();

    [[nodiscard]] std::map<std::uint64_t, backend_lines> take_backends();
    void add_node(const backend_lines& from, std::vector<std::string>& nodes);
    void note_unused(const configuration_line& line);

    const pgpool_context& context_;
    std::map<std::string, configuration_line, std::less<>> lines_;
    translation made_;
};

void pgpool_translator::read_clustering() {
    configuration_line from;
    if (take_switch("replication_mode", from).value_or(false)) {
        made_.wrong(from, "asks for native replication, which pgweir does not do: the servers must "
                          "replicate by themselves (streaming replication)");
    }
    static_cast<void>(take_switch("master_slave_mode", from));
    for (const auto* name : {"master_slave_sub_mode", "backend_clustering_mode"}) {
        const auto line = take(name);
        if (!line) continue;
        const auto& mode = line->value;
        if (mode == "native_replication" || mode == "snapshot_isolation") {
            made_.wrong(*line, "is " + mode +
                                   ", which pgweir does not do: the servers must replicate by "
                                   "themselves (streaming replication)");
        } else if (mode != "streaming_replication" && mode != "stream" && mode != "raw") {
            made_.missing(*line, "is " + mode +
                                     "; pgweir looks for one primary and the standbys that "
                                     "stream from it");
        } else {
            made_.ignored(*line, "what the servers are is asked from them");
        }
    }
}

void pgpool_translator::read_direct() {
    for (const auto& row : direct_parameters) {
        const auto line = take(row.name);
        if (!line) continue;
        if (!row.zero_too && parse_number(line->value) == 0U) {
            made_.ignored(*line, "0 is left to the default of " + std::string{row.key});
            continue;
        }
        if (row.as == form::list) {
            made_.set_list(row.key, split_list(line->value, ','), *line);
        } else if (row.as == form::patterns) {
            made_.set_list(row.key, split_patterns(line->value), *line);
        } else if (row.as == form::on_off) {
            if (const auto on = parse_switch(line->value))
                made_.set_switch(row.key, *on, *line);
            else
                made_.wrong(*line, "must be on or off");
        } else if (const auto number = parse_number(line->value);
                   row.as == form::number && number) {
            made_.set_number(row.key, *number, *line);
        } else {
            made_.set_text(row.key, with_default_unit(line->value, row.unit), *line);
        }
    }
}

void pgpool_translator::read_socket() {
    const auto line = take("unix_socket_directories");
    if (!line) return;
    const auto directories = split_list(line->value, ',');
    made_.set_text("unix_socket_dir", directories.empty() ? "" : directories.front(), *line);
    if (directories.size() > 1)
        made_.missing(*line, "names several directories; there is one socket, in the first");
}

std::map<std::uint64_t, backend_lines> pgpool_translator::take_backends() {
    std::map<std::uint64_t, backend_lines> backends;
    const std::array<
        std::pair<std::string_view, std::optional<configuration_line> backend_lines::*>, 5>
        fields{{{"backend_hostnameN", &backend_lines::host},
                {"backend_portN", &backend_lines::port},
                {"backend_weightN", &backend_lines::weight},
                {"backend_flagN", &backend_lines::flag},
                {"backend_application_nameN", &backend_lines::application_name}}};
    for (const auto& [pattern, field] : fields) {
        std::vector<std::string> names;
        for (const auto& [name, line] : lines_)
            if (pgpool_name_pattern(name) == pattern) names.push_back(name);
        for (const auto& name : names) {
            const auto number = parse_number(std::string_view{name}.substr(pattern.size() - 1));
            if (number) backends[*number].*field = take(name);
        }
    }
    return backends;
}

void pgpool_translator::add_node(const backend_lines& from, std::vector<std::string>& nodes) {
    node_setting node;
    node.host = from.host->value.empty() ? "/tmp" : from.host->value;
    std::string text = node.host.find(':') != std::string::npos && node.host.front() != '['
                           ? "[" + node.host + "]"
                           : node.host;
    const bool has_weight = from.weight && !from.weight->value.empty();
    text += ":" + (from.port ? from.port->value : "5432");
    if (has_weight) text += ":" + from.weight->value;
    std::vector<node_setting> parsed;
    if (!parse_value({raw_value::kind::list, {}, {text}}, {}, parsed).empty() ||
        parsed.size() != 1) {
        made_.wrong(*from.host, "with its port and weight is no node: " + text);
        return;
    }
    nodes.push_back(format_value(parsed));
    if (!from.flag) return;
    for (const auto& flag : split_list(from.flag->value, '|')) {
        if (flag == "ALLOW_TO_FAILOVER") continue;
        made_.missing(*from.flag, flag + " has no effect: roles are what the servers say");
    }
}

void pgpool_translator::read_nodes() {
    std::vector<std::string> nodes;
    std::vector<std::string> names;
    std::optional<configuration_line> first;
    for (const auto& [number, backend] : take_backends()) {
        if (!backend.host) {
            for (const auto* part :
                 {&backend.port, &backend.weight, &backend.flag, &backend.application_name})
                if (*part) made_.ignored(**part, "there is no backend_hostname of that number");
            continue;
        }
        if (number != nodes.size())
            made_.ignored(*backend.host, "node " + std::to_string(number) + " is number " +
                                             std::to_string(nodes.size()) + " here");
        if (!first) first = backend.host;
        add_node(backend, nodes);
        if (backend.application_name) names.push_back(backend.application_name->value);
    }
    if (!first) return;
    const auto count = nodes.size();
    made_.set_list("nodes", std::move(nodes), *first);
    if (names.size() == count)
        made_.set_list("node_application_names", std::move(names), *first);
    else if (!names.empty())
        made_.ignored({"backend_application_name", "", first->where}, "not every node has one");
}

void pgpool_translator::read_monitor() {
    auto user = take("sr_check_user");
    const auto other = take("health_check_user");
    if (user && other && !user->value.empty() && !other->value.empty() &&
        user->value != other->value)
        made_.ignored(*other, "one role does all checks, that of sr_check_user");
    if (!user || user->value.empty()) user = other;
    if (user && !user->value.empty()) made_.set_text("monitor_user", user->value, *user);

    auto password = take("sr_check_password");
    const auto other_password = take("health_check_password");
    if (!password || password->value.empty()) password = other_password;
    if (password && password->value.starts_with("AES")) {
        made_.missing(*password, "is encrypted, which is not provided; set monitor_password or "
                                 "monitor_password_file");
    } else if (password && !password->value.empty()) {
        if (password->value.starts_with("TEXT")) password->value.erase(0, 4);
        made_.set_text("monitor_password", password->value, *password);
    }
    auto database = take("sr_check_database");
    const auto other_database = take("health_check_database");
    if (!database || database->value.empty()) database = other_database;
    if (database && !database->value.empty())
        made_.set_text("monitor_database", database->value, *database);
}

void pgpool_translator::read_sizes() {
    configuration_line children_line;
    configuration_line pool_line;
    configuration_line reserved_line;
    configuration_line backlog_line;
    constexpr std::uint64_t default_children = 32;
    const auto children = take_number("num_init_children", children_line);
    const auto per_child = take_number("max_pool", pool_line);
    const auto reserved = take_number("reserved_connections", reserved_line);
    if (take_number("listen_backlog_multiplier", backlog_line))
        made_.ignored(backlog_line, "listen_backlog is long enough");
    if (!children || *children == 0 || (context_.complete && *children == default_children)) {
        if (children)
            made_.ignored(children_line, "a client takes no process, so pgpool's default is no "
                                         "limit to keep");
        if (per_child) made_.ignored(pool_line, "pool_size limits server connections");
        if (reserved)
            made_.ignored(reserved_line, "nobody is refused before "
                                         "max_client_connections");
        return;
    }
    if (reserved.value_or(0) >= *children) {
        made_.wrong(reserved_line, "must be below num_init_children");
        return;
    }
    made_.set_number("max_client_connections", *children - reserved.value_or(0), children_line);
    if (per_child && *per_child != 0) {
        constexpr std::uint64_t most = 262'143; // PostgreSQL's own limit of max_connections
        made_.set_number("max_server_connections",
                         *per_child > most / *children ? most : *children * *per_child, pool_line);
    }
}

void pgpool_translator::read_limits() {
    if (const auto line = take("search_primary_node_timeout")) {
        const bool for_ever = parse_number(line->value) == 0U;
        made_.set_text("failover_timeout", for_ever ? "24h" : with_default_unit(line->value, "s"),
                       *line);
    }
    const auto bytes = take("delay_threshold");
    const auto time = take("delay_threshold_by_time");
    const bool by_time = time && parse_number(time->value) != 0U;
    if (by_time)
        made_.set_text("max_standby_lag_time", with_default_unit(time->value, "ms"), *time);
    else if (time)
        made_.ignored(*time, "0 means no limit, which is the default");
    if (bytes && by_time)
        made_.ignored(*bytes, "delay_threshold_by_time wins");
    else if (bytes)
        made_.set_text("max_standby_lag_bytes", with_default_unit(bytes->value, "B"), *bytes);
}

void pgpool_translator::read_reset() {
    if (const auto line = take("reset_query_list")) {
        std::string query;
        for (const auto& one : split_list(line->value, ';')) {
            // Connections are reset between transactions: there is nothing to abort.
            if (one == "ABORT" || one == "abort") continue;
            query += (query.empty() ? "" : "; ") + one;
        }
        made_.set_text("server_reset_query", query, *line);
    }
    configuration_line from;
    const auto cache = take_switch("connection_cache", from);
    if (cache && *cache) made_.ignored(from, "server connections are always used again");
    if (cache && !*cache) {
        made_.set_text("pool_mode", "session", from);
        made_.set_text("server_reset_query", "", from);
    }
}

void pgpool_translator::read_balancing() {
    const auto line = take("disable_load_balance_on_write");
    if (line) made_.ignored(*line, "reads see the session's own writes in any case (consistency)");
}

void pgpool_translator::read_access() {
    configuration_line from;
    const bool has_rules = take_switch("enable_pool_hba", from).value_or(false);
    if (has_rules && context_.complete)
        made_.missing(from, "set hba_file to the path of pool_hba.conf: until then auth_method "
                            "holds for everybody who reaches the port");
    const auto list = take("pool_passwd");
    if (!context_.complete) {
        if (list) made_.ignored(*list, "users come from the variables");
        return;
    }
    const configuration_line by_default{"pool_passwd", "pool_passwd", "pgpool's default"};
    const auto& named = list ? *list : by_default;
    if (named.value.empty()) {
        made_.ignored(named, "without a list of users set users_file or auth_user");
        return;
    }
    const auto text = context_.read_file ? context_.read_file(named.value) : std::nullopt;
    if (text)
        translate_pool_passwd(*text, named.value, made_);
    else
        made_.missing(named, "names " + named.value +
                                 ", which cannot be read; set users_file or auth_user");
}

void pgpool_translator::read_tls() {
    configuration_line from;
    const auto on = take_switch("ssl", from);
    const std::array<std::pair<std::string_view, std::string_view>, 9> texts{
        {{"ssl_cert", "client_tls_cert_file"},
         {"ssl_key", "client_tls_key_file"},
         {"ssl_ca_cert", "client_tls_ca_file"},
         {"ssl_crl_file", "client_tls_crl_file"},
         {"ssl_passphrase_command", "client_tls_passphrase_command"},
         {"ssl_ciphers", "client_tls_ciphers"},
         {"ssl_ecdh_curve", "client_tls_ecdhcurve"},
         {"ssl_dh_params_file", "client_tls_dh_params_file"},
         {"ssl_prefer_server_ciphers", "client_tls_prefer_server_ciphers"}}};
    if (on.value_or(false))
        made_.set_text("client_tls_sslmode", "prefer", from);
    else if (on)
        made_.ignored(from, "off is the default (client_tls_sslmode)");
    for (const auto& [name, key] : texts) {
        const auto line = take(name);
        if (!line) continue;
        const auto is_switch = key == "client_tls_prefer_server_ciphers";
        if (!on.value_or(false))
            made_.ignored(*line, "ssl is off");
        else if (is_switch)
            made_.set_switch(key, parse_switch(line->value).value_or(false), *line);
        else
            made_.set_text(key, line->value, *line);
    }
}

void pgpool_translator::read_log_level() {
    const auto line = take("log_min_messages");
    if (!line) return;
    const std::string_view word = line->value;
    const bool errors = word == "error" || word == "fatal" || word == "panic";
    const auto* const level = word.starts_with("debug") ? "debug"
                              : word == "warning"       ? "warning"
                              : errors                  ? "error"
                                                        : "info";
    // pgpool's default is chattier about trouble than its word says.
    if (word == "warning")
        made_.ignored(*line, "log_level stays info, which has one line for each event");
    else
        made_.set_text("log_level", level, *line);
}

/// Where clients look for pgpool must not change because the file says nothing of it.
void pgpool_translator::add_defaults() {
    if (!context_.complete) return;
    const configuration_line by_default{"", "", "pgpool's default"};
    if (made_.find("listen_address") == nullptr)
        made_.set_list("listen_address", {"localhost"}, by_default);
    if (made_.find("port") == nullptr) made_.set_number("port", 9999, by_default);
    if (made_.find("unix_socket_dir") == nullptr)
        made_.set_text("unix_socket_dir", "/tmp", by_default);
}

void pgpool_translator::note_unused(const configuration_line& line) {
    const auto pattern = pgpool_name_pattern(line.name);
    for (const auto& group : unused_pgpool_parameter_groups()) {
        const auto names = split_list(group.names, ' ');
        if (std::ranges::find(names, line.name) == names.end() &&
            std::ranges::find(names, pattern) == names.end())
            continue;
        const auto on = parse_switch(line.value);
        const bool asks = (group.asks == asks_by::being_on && on.value_or(line.value != "none")) ||
                          (group.asks == asks_by::being_given && !line.value.empty());
        if (asks)
            made_.missing(line, "has no effect: " + std::string{group.why});
        else
            made_.ignored(line, group.why);
        return;
    }
    made_.missing(line, "is no parameter of pgpool that pgweir knows; it has no effect");
}

void pgpool_translator::read_rest() {
    for (const auto& [name, line] : lines_)
        note_unused(line);
}

} // namespace

translation translate_pgpool(const pgpool_conf& conf, const pgpool_context& context) {
    return pgpool_translator{conf, context}.run();
}

} // namespace pgweir
