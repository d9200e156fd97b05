// What pgbouncer.ini says, in pgweir's settings.
#include "proxy/config/import/pgbouncer_ini.hpp"
#include "proxy/config/import/pgbouncer_tls.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

namespace pgweir {

namespace {

enum class form : unsigned char { text, number, on_off, list };

struct direct_parameter {
    std::string_view name;
    std::string_view key;
    form as = form::text;
    std::string_view unit; // of a number that has none
    bool zero_too = true;  // 0 is said, not left out
};
constexpr std::array direct_parameters{
    direct_parameter{"listen_addr", "listen_address", form::list, {}},
    direct_parameter{"listen_port", "port", form::number, {}},
    direct_parameter{"listen_backlog", "listen_backlog", form::number, {}},
    direct_parameter{"unix_socket_dir", "unix_socket_dir", form::text, {}},
    direct_parameter{"unix_socket_mode", "unix_socket_permissions", form::text, {}},
    direct_parameter{"max_client_conn", "max_client_connections", form::number, {}},
    direct_parameter{"default_pool_size", "pool_size", form::number, {}},
    direct_parameter{"min_pool_size", "min_pool_size", form::number, {}},
    direct_parameter{"reserve_pool_size", "reserve_pool_size", form::number, {}},
    direct_parameter{"reserve_pool_timeout", "reserve_pool_timeout", form::text, "s"},
    direct_parameter{"pool_mode", "pool_mode", form::text, {}},
    direct_parameter{"server_reset_query", "server_reset_query", form::text, {}},
    direct_parameter{"server_idle_timeout", "server_idle_timeout", form::text, "s"},
    direct_parameter{"server_lifetime", "server_lifetime", form::text, "s"},
    direct_parameter{"server_connect_timeout", "connect_timeout", form::text, "s", false},
    direct_parameter{"query_timeout", "query_timeout", form::text, "s"},
    direct_parameter{"query_wait_timeout", "queue_timeout", form::text, "s"},
    direct_parameter{"query_wait_notify", "queue_notice", form::text, "s"},
    direct_parameter{"client_idle_timeout", "client_idle_timeout", form::text, "s"},
    direct_parameter{"client_login_timeout", "client_login_timeout", form::text, "s"},
    direct_parameter{"idle_transaction_timeout", "idle_transaction_timeout", form::text, "s"},
    direct_parameter{"auth_file", "users_file", form::text, {}},
    direct_parameter{"auth_user", "auth_user", form::text, {}},
    direct_parameter{"auth_query", "auth_query", form::text, {}},
    direct_parameter{"auth_dbname", "auth_database", form::text, {}},
    direct_parameter{"admin_users", "admin_users", form::list, {}},
    direct_parameter{"stats_users", "stats_users", form::list, {}},
    direct_parameter{"client_tls_sslmode", "client_tls_sslmode", form::text, {}},
    direct_parameter{"client_tls_cert_file", "client_tls_cert_file", form::text, {}},
    direct_parameter{"client_tls_key_file", "client_tls_key_file", form::text, {}},
    direct_parameter{"client_tls_ca_file", "client_tls_ca_file", form::text, {}},
    direct_parameter{"server_tls_sslmode", "server_tls_sslmode", form::text, {}},
    direct_parameter{"server_tls_cert_file", "server_tls_cert_file", form::text, {}},
    direct_parameter{"server_tls_key_file", "server_tls_key_file", form::text, {}},
    direct_parameter{"server_tls_ca_file", "server_tls_ca_file", form::text, {}},
    direct_parameter{"application_name_add_host", "application_name_add_host", form::on_off, {}},
    direct_parameter{"log_connections", "log_connections", form::on_off, {}},
    direct_parameter{"log_disconnections", "log_disconnections", form::on_off, {}},
    direct_parameter{"tcp_keepalive", "tcp_keepalive", form::on_off, {}},
    direct_parameter{"tcp_keepcnt", "tcp_keepalive_count", form::number, {}, false},
    direct_parameter{"tcp_keepidle", "tcp_keepalive_idle", form::text, "s", false},
    direct_parameter{"tcp_keepintvl", "tcp_keepalive_interval", form::text, "s", false},
    direct_parameter{"tcp_user_timeout", "tcp_user_timeout", form::text, "ms", false},
};

struct unused_parameters {
    std::string_view names; // separated by blanks
    std::string_view asked; // a value other than 0, off and empty takes something away
    std::string_view why;
};
constexpr std::array unused{
    unused_parameters{"logfile syslog syslog_facility syslog_ident", "",
                      "the log goes to standard error; systemd or the container keeps it"},
    unused_parameters{"pidfile user", "",
                      "systemd or the container minds the process and its user"},
    unused_parameters{"service_name job_name conffile", "", "it is about PgBouncer's own process"},
    unused_parameters{"unix_socket_group", "asks",
                      "the socket belongs to the group that pgweir runs in"},
    unused_parameters{"auth_ldap_options", "asks",
                      "they stand in the lines of hba_file with method ldap"},
    unused_parameters{"max_db_connections max_user_connections max_db_client_connections "
                      "max_user_client_connections",
                      "asks",
                      "it is not kept: pool_size limits each node, database and user, "
                      "max_server_connections each node; [databases.NAME] and [users.NAME] take "
                      "max_client_connections"},
    unused_parameters{"max_packet_size", "", "max_message_size is PostgreSQL's own limit"},
    unused_parameters{"server_reset_query_always", "asks",
                      "session state follows the client in transaction mode; nothing is reset "
                      "between transactions"},
    unused_parameters{"ignore_startup_parameters track_extra_parameters", "",
                      "start-up parameters and settings follow the client to every server"},
    unused_parameters{"max_prepared_statements", "",
                      "prepared statements follow the client; prepared_statements_size bounds "
                      "them"},
    unused_parameters{"disable_pqexec", "asks", "simple queries are always allowed"},
    unused_parameters{"server_check_query server_check_delay server_fast_close server_login_retry "
                      "server_round_robin",
                      "", "the monitor tells which server connections can be used"},
    unused_parameters{"stats_period log_stats log_pooler_errors verbose", "",
                      "/metrics and SHOW have the figures, log_level decides about lines"},
    unused_parameters{"autodb_idle_timeout suspend_timeout cancel_wait_timeout "
                      "idle_transaction_log",
                      "", "it is about how PgBouncer works inside"},
    unused_parameters{"pkt_buf sbuf_loopcnt so_reuseport tcp_defer_accept tcp_socket_buffer "
                      "scram_iterations",
                      "", "it is about how PgBouncer works inside"},
    unused_parameters{"dns_max_ttl dns_zone_check_period dns_nxdomain_ttl resolv_conf", "",
                      "names are looked up by the system, every discovery_interval"},
    unused_parameters{"peer_id", "asks",
                      "instances find each other by themselves: set `peers` to the name that "
                      "has all their addresses"},
};

class pgbouncer_translator {
public:
    explicit pgbouncer_translator(const pgbouncer_ini& ini) : ini_{ini} {}

    translation run() {
        for (const auto& one : ini_.includes)
            made_.missing(one, "names " + one.value + ", which is not read: import it too");
        for (const auto& section : ini_.sections) {
            for (const auto& line : section.lines)
                read(section.name, line);
        }
        if (!nodes_.empty()) made_.set_list("nodes", nodes_, {"", "", "[databases]"});
        add_rules();
        add_defaults();
        return std::move(made_);
    }

private:
    void read(std::string_view section, const configuration_line& line) {
        if (section == "databases")
            read_database(line);
        else if (section == "users")
            read_user(line);
        else if (section == "pgbouncer")
            read_general(line);
        else
            made_.missing(line,
                          "stands in [" + std::string{section} + "], which has no meaning here");
    }

    void read_general(const configuration_line& line);
    [[nodiscard]] bool read_direct(const configuration_line& line);
    [[nodiscard]] bool read_unused(const configuration_line& line);
    void read_auth_type(const configuration_line& line);
    void read_database(const configuration_line& line);
    void read_hosts(const configuration_line& line, std::string_view hosts, std::string_view port);
    void read_database_pair(const configuration_line& line,
                            const std::string& key,
                            const std::string& value);
    void read_user(const configuration_line& line);
    void add_defaults();

    void add_rules();

    const pgbouncer_ini& ini_;
    translation made_;
    std::vector<std::string> nodes_;
    std::optional<configuration_line> uses_rules_; // auth_type = hba
    std::optional<configuration_line> rules_;
    std::optional<configuration_line> maps_;
};

bool pgbouncer_translator::read_direct(const configuration_line& line) {
    const auto row =
        std::ranges::find(direct_parameters, std::string_view{line.name}, &direct_parameter::name);
    if (row == direct_parameters.end()) return false;
    if (!row->zero_too && parse_number(line.value) == 0U) {
        made_.ignored(line, "0 is left to the default of " + std::string{row->key});
    } else if (row->as == form::list) {
        made_.set_list(row->key, split_list(line.value, ','), line);
    } else if (row->as == form::on_off) {
        if (const auto on = parse_switch(line.value))
            made_.set_switch(row->key, *on, line);
        else
            made_.wrong(line, "must be 0 or 1");
    } else if (const auto number = parse_number(line.value); row->as == form::number && number) {
        made_.set_number(row->key, *number, line);
    } else {
        made_.set_text(row->key, with_default_unit(line.value, row->unit), line);
    }
    return true;
}

bool pgbouncer_translator::read_unused(const configuration_line& line) {
    for (const auto& group : unused) {
        const auto names = split_list(group.names, ' ');
        if (std::ranges::find(names, line.name) == names.end()) continue;
        const bool off = line.value.empty() || !parse_switch(line.value).value_or(true);
        if (!group.asked.empty() && !off)
            made_.missing(line, "has no effect: " + std::string{group.why});
        else
            made_.ignored(line, group.why);
        return true;
    }
    return false;
}

void pgbouncer_translator::read_auth_type(const configuration_line& line) {
    const auto& type = line.value;
    if (type == "trust" || type == "md5" || type == "scram-sha-256") {
        made_.set_text("auth_method", type, line);
    } else if (type == "plain") {
        made_.set_text("auth_method", "password", line);
    } else if (type == "hba") {
        uses_rules_ = line;
    } else if (type == "cert") {
        made_.set_list("hba_rules", {"hostssl all all all cert"}, line);
    } else if (type == "pam") {
        made_.set_list("hba_rules", {"local all all pam", "host all all all pam"}, line);
    } else {
        // Whatever it let in or kept out, nobody comes in here without a secret.
        made_.set_text("auth_method", "scram-sha-256", line);
        made_.missing(line, "is " + type + ", which is not provided; scram-sha-256 holds");
    }
}

/// The files count only where auth_type says so.
void pgbouncer_translator::add_rules() {
    if (uses_rules_ && rules_) {
        made_.set_text("hba_file", rules_->value, *rules_);
        if (maps_) made_.set_text("ident_file", maps_->value, *maps_);
    } else if (uses_rules_) {
        made_.missing(*uses_rules_, "is hba, but auth_hba_file names no rules; auth_method holds");
    } else {
        for (const auto& one : {rules_, maps_})
            if (one) made_.ignored(*one, "auth_type is not hba");
    }
}

void pgbouncer_translator::read_general(const configuration_line& line) {
    if (line.name == "auth_type") return read_auth_type(line);
    if (line.name == "auth_hba_file" || line.name == "auth_ident_file") {
        (line.name == "auth_hba_file" ? rules_ : maps_) = line;
        return;
    }
    if (read_direct(line) || translate_pgbouncer_tls(line, made_) || read_unused(line)) return;
    made_.missing(line, "is no setting of PgBouncer that pgweir knows; it has no effect");
}

void pgbouncer_translator::read_hosts(const configuration_line& line,
                                      std::string_view hosts,
                                      std::string_view port) {
    for (const auto& host : split_list(hosts, ',')) {
        const bool bare_ipv6 = host.find(':') != std::string::npos && host.front() != '[';
        auto node = (bare_ipv6 ? "[" + host + "]" : host) + ":" + std::string{port};
        if (std::ranges::find(nodes_, node) != nodes_.end()) continue;
        if (nodes_.size() == 1)
            made_.missing(line, "is on another server than the first database: all nodes must be "
                                "one cluster, a primary and its standbys");
        nodes_.push_back(std::move(node));
    }
}

void pgbouncer_translator::read_database_pair(const configuration_line& line,
                                              const std::string& key,
                                              const std::string& value) {
    const std::array<std::pair<std::string_view, std::string_view>, 6> known{
        {{"pool_size", "pool_size"},
         {"min_pool_size", "min_pool_size"},
         {"reserve_pool", "reserve_pool_size"},
         {"reserve_pool_size", "reserve_pool_size"},
         {"pool_mode", "pool_mode"},
         {"max_db_client_connections", "max_client_connections"}}};
    const auto own = std::ranges::find(known, std::string_view{key},
                                       &std::pair<std::string_view, std::string_view>::first);
    configuration_line at = line;
    at.name += " " + key;
    if (own != known.end() && line.name == "*") {
        made_.missing(at, "holds for one database here; set " + std::string{own->second} +
                              " in general");
    } else if (own != known.end()) {
        const auto full = "databases." + line.name + "." + std::string{own->second};
        if (const auto number = parse_number(value))
            made_.set_number(full, *number, at);
        else
            made_.set_text(full, value, at);
    } else if (key == "dbname") {
        if (value != line.name)
            made_.missing(at,
                          "clients must ask for " + value + ": a database has no second name here");
    } else if (key == "user" || key == "password") {
        made_.missing(at, "clients log in to the servers as themselves");
    } else if (key == "auth_user" || key == "auth_query" || key == "auth_dbname") {
        made_.missing(at, "is one for all databases; set " +
                              std::string{key == "auth_dbname" ? "auth_database" : key});
    } else {
        made_.missing(at, "has no meaning for a database here");
    }
}

void pgbouncer_translator::read_database(const configuration_line& line) {
    const auto pairs = parse_connect_string(line.value);
    if (!pairs) return made_.wrong(line, "is not a connect string");
    std::string hosts;
    std::string port = "5432";
    for (const auto& [key, value] : *pairs) {
        if (key == "host")
            hosts = value;
        else if (key == "port")
            port = value;
        else
            read_database_pair(line, key, value);
    }
    if (hosts.empty())
        made_.missing(line, "names no host, which means a Unix socket; add its directory or the "
                            "server's name to nodes");
    else
        read_hosts(line, hosts, port);
}

void pgbouncer_translator::read_user(const configuration_line& line) {
    const auto pairs = parse_connect_string(line.value);
    if (!pairs) return made_.wrong(line, "is not a list of name=value");
    for (const auto& [key, value] : *pairs) {
        configuration_line at = line;
        at.name += " " + key;
        const auto own = key == "max_user_client_connections" ? "max_client_connections" : key;
        if (own != "pool_mode" && own != "pool_size" && own != "reserve_pool_size" &&
            own != "max_client_connections" && own != "query_timeout" &&
            own != "idle_transaction_timeout") {
            made_.missing(at, "has no meaning for a user here");
            continue;
        }
        const auto full = "users." + line.name + "." + own;
        const auto number = parse_number(value);
        if (number && !own.ends_with("timeout"))
            made_.set_number(full, *number, at);
        else
            made_.set_text(full, with_default_unit(value, "s"), at);
    }
}

/// What clients rely on must not change because the file says nothing of it.
void pgbouncer_translator::add_defaults() {
    const configuration_line by_default{"", "", "PgBouncer's default"};
    if (made_.find("listen_address") == nullptr) made_.set_list("listen_address", {}, by_default);
    if (made_.find("port") == nullptr) made_.set_number("port", 6432, by_default);
    if (made_.find("unix_socket_dir") == nullptr)
        made_.set_text("unix_socket_dir", "/tmp", by_default);
    if (made_.find("pool_mode") == nullptr) made_.set_text("pool_mode", "session", by_default);
    if (made_.find("auth_method") == nullptr) made_.set_text("auth_method", "md5", by_default);
}

} // namespace

translation translate_pgbouncer(const pgbouncer_ini& ini) {
    return pgbouncer_translator{ini}.run();
}

} // namespace pgweir
