#include "proxy/config/pgpool_environment.hpp"

#include "proxy/config/file_text.hpp"
#include "proxy/config/import/pgpool_conf.hpp"
#include "proxy/config/pgpool_variables.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <system_error>

namespace pgweir {

namespace {

/// Variables that become one setting as they are, but for their unit.
struct direct_variable {
    std::string_view name;
    std::string_view key;
    std::string_view unit; // appended to a number that has none
};
constexpr std::array<direct_variable, 8> direct_variables{{
    {"PGPOOL_PORT_NUMBER", "port", ""},
    {"PGPOOL_CONNECT_TIMEOUT", "connect_timeout", "ms"},
    {"PGPOOL_HEALTH_CHECK_TIMEOUT", "check_timeout", "s"},
    {"PGPOOL_CLIENT_IDLE_LIMIT", "client_idle_timeout", "s"},
    {"PGPOOL_CONNECTION_LIFE_TIME", "server_idle_timeout", "s"},
    {"PGPOOL_AUTHENTICATION_METHOD", "auth_method", ""},
    {"PGPOOL_SR_CHECK_DATABASE", "monitor_database", ""},
    {"PGPOOL_TMP_DIR", "unix_socket_dir", ""},
}};

constexpr std::array<std::pair<std::string_view, std::string_view>, 3> direct_switches{{
    {"PGPOOL_ENABLE_LOAD_BALANCING", "splitting"},
    {"PGPOOL_ENABLE_STATEMENT_LOAD_BALANCING", "statement_level_load_balance"},
    {"PGPOOL_ENABLE_LOG_CONNECTIONS", "log_connections"},
}};

struct remark {
    std::string_view name;
    std::string_view text;
};
/// Accepted and without effect, each with the reason.
constexpr std::array<remark, 20> obsolete_variables{{
    {"PGPOOL_SR_CHECK_PERIOD", "monitor_interval is shorter than that"},
    {"PGPOOL_HEALTH_CHECK_PERIOD", "monitor_interval is shorter than that"},
    {"PGPOOL_HEALTH_CHECK_MAX_RETRIES",
     "a refused check is repeated once, at once; nodes come back by themselves"},
    {"PGPOOL_HEALTH_CHECK_RETRY_DELAY",
     "a refused check is repeated once, at once; nodes come back by themselves"},
    {"PGPOOL_HEALTH_CHECK_PSQL_TIMEOUT", "only the image's healthcheck.sh looks at it"},
    {"PGPOOL_CHILD_MAX_CONNECTIONS", "there are no child processes"},
    {"PGPOOL_CHILD_LIFE_TIME", "there are no child processes"},
    {"PGPOOL_TLS_PREFER_SERVER_CIPHERS", "the server's order of ciphers holds"},
    {"PGPOOL_ENABLE_LOG_PCP_PROCESSES", "there are no PCP processes"},
    {"PGPOOL_LOG_LINE_PREFIX", "log_format decides"},
    {"PGPOOL_CLIENT_MIN_MESSAGES", "clients get what the servers send"},
    {"PGPOOL_AUTO_FAILBACK", "nodes come back by themselves"},
    {"PGPOOL_FAILOVER_ON_BACKEND_SHUTDOWN", "the monitor follows what the servers are"},
    {"PGPOOL_FAILOVER_ON_BACKEND_ERROR", "the monitor follows what the servers are"},
    {"PGPOOL_DISCARD_STATUS", "no status is kept"},
    {"PGPOOL_EXTRA_FLAGS", "pgpool's flags mean nothing here"},
    {"PGPOOL_TIMEOUT", "nothing waits for it"},
    {"PGPOOL_DAEMON_USER", "the container's user holds"},
    {"PGPOOL_DAEMON_GROUP", "the container's group holds"},
    {"PGPOOL_ENABLE_POOL_PASSWD", "the user list is always used"},
}};

/// Constants of the image that some manifests repeat: not worth a line.
constexpr std::array<std::string_view, 14> silent_variables{
    "PGPOOL_BASE_DIR",         "PGPOOL_BIN_DIR",   "PGPOOL_DATA_DIR",        "PGPOOL_CONF_DIR",
    "PGPOOL_DEFAULT_CONF_DIR", "PGPOOL_ETC_DIR",   "PGPOOL_DEFAULT_ETC_DIR", "PGPOOL_LOG_DIR",
    "PGPOOL_INITSCRIPTS_DIR",  "PGPOOL_CONF_FILE", "PGPOOL_PCP_CONF_FILE",   "PGPOOL_PGHBA_FILE",
    "PGPOOL_LOG_FILE",         "PGPOOL_PID_FILE"};

/// Features that are not there, asked for by a yes.
constexpr std::array<remark, 2> missing_switches{{
    {"PGPOOL_ENABLE_LOG_HOSTNAME", "clients are logged by address, not by host name"},
    {"PGPOOL_ENABLE_LOG_PER_NODE_STATEMENT",
     "statements are not logged; EXPLAIN ROUTE and /metrics show where they go"},
}};

void read_direct(pgpool_variables& from, settings_draft& draft) {
    for (const auto& [name, key, unit] : direct_variables) {
        const auto value = from.take(name);
        if (!value) continue;
        const bool number = value->find_first_not_of("0123456789") == std::string::npos;
        draft.set_text(key, *value + (number ? std::string{unit} : ""), from.where(name));
    }
    for (const auto& [name, key] : direct_switches) {
        if (const auto on = from.take_switch(name))
            draft.set_text(key, *on ? "true" : "false", from.where(name));
    }
}

void read_remarks(pgpool_variables& from, settings_draft& draft) {
    for (const auto& [name, why] : obsolete_variables) {
        if (from.take(name))
            draft.information(from.where(name), "", "has no effect: " + std::string{why});
    }
    for (const auto name : silent_variables)
        static_cast<void>(from.take(name));
    for (const auto& [name, why] : missing_switches) {
        if (from.take_switch(name).value_or(false))
            draft.warning(from.where(name), "", std::string{why});
    }
}

void read_monitor(pgpool_variables& from, settings_draft& draft) {
    const auto read = [&](std::string_view check, std::string_view fallback, std::string_view key) {
        const auto own = from.take(check);
        const auto other = from.take(fallback);
        if (own)
            draft.set_text(key, *own, from.where(check));
        else if (other)
            draft.set_text(key, *other, from.where(fallback));
        return own && other && *own != *other;
    };
    if (read("PGPOOL_SR_CHECK_USER", "PGPOOL_HEALTH_CHECK_USER", "monitor_user")) {
        draft.information(from.where("PGPOOL_HEALTH_CHECK_USER"), "",
                          "has no effect: one role does all checks, that of PGPOOL_SR_CHECK_USER");
    }
    static_cast<void>(
        read("PGPOOL_SR_CHECK_PASSWORD", "PGPOOL_HEALTH_CHECK_PASSWORD", "monitor_password"));
}

void read_sizes(pgpool_variables& from, settings_draft& draft) {
    const auto children = from.take_number("PGPOOL_NUM_INIT_CHILDREN");
    const auto per_child = from.take_number("PGPOOL_MAX_POOL");
    const auto reserved = from.take_number("PGPOOL_RESERVED_CONNECTIONS");
    if (!children) {
        for (const auto name : {"PGPOOL_MAX_POOL", "PGPOOL_RESERVED_CONNECTIONS"}) {
            if (from.take(name)) {
                draft.information(from.where(name), "",
                                  "has no effect without PGPOOL_NUM_INIT_CHILDREN");
            }
        }
        return;
    }
    const auto where = from.where("PGPOOL_NUM_INIT_CHILDREN");
    if (reserved.value_or(0) >= *children) {
        draft.error(from.where("PGPOOL_RESERVED_CONNECTIONS"), "",
                    "must be below PGPOOL_NUM_INIT_CHILDREN");
        return;
    }
    draft.set_text("max_client_connections", std::to_string(*children - reserved.value_or(0)),
                   where);
    if (per_child && *per_child != 0) {
        constexpr std::uint64_t most = 262'143; // PostgreSQL's own limit of max_connections
        const auto product = *per_child > most / *children ? most : *children * *per_child;
        draft.set_text("max_server_connections", std::to_string(product),
                       from.where("PGPOOL_MAX_POOL"));
    }
}

void read_balancing(pgpool_variables& from, settings_draft& draft) {
    constexpr std::string_view on_write = "PGPOOL_DISABLE_LOAD_BALANCE_ON_WRITE";
    constexpr std::array<std::string_view, 5> words{"off", "transaction", "trans_transaction",
                                                    "always", "dml_adaptive"};
    if (const auto word = from.take(on_write)) {
        if (std::ranges::find(words, *word) == words.end()) {
            draft.error(from.where(on_write), "",
                        "must be one of off, transaction, trans_transaction, always, dml_adaptive");
        } else if (*word != "transaction") {
            draft.information(
                from.where(on_write), "",
                "reads see the session's own writes in any case (consistency = session)");
        }
    }
    if (!from.take_switch("PGPOOL_ENABLE_CONNECTION_CACHE").value_or(true)) {
        const auto where = from.where("PGPOOL_ENABLE_CONNECTION_CACHE");
        draft.set_text("pool_mode", "session", where);
        draft.set_text("server_reset_query", "", where);
    }
}

void read_tls(pgpool_variables& from, settings_draft& draft) {
    const auto cert = from.take("PGPOOL_TLS_CERT_FILE");
    const auto key = from.take("PGPOOL_TLS_KEY_FILE");
    const auto authorities = from.take("PGPOOL_TLS_CA_FILE");
    if (!from.take_switch("PGPOOL_ENABLE_TLS").value_or(false)) return;
    const auto where = from.where("PGPOOL_ENABLE_TLS");
    if (!cert || !key) {
        draft.error(where, "", "needs PGPOOL_TLS_CERT_FILE and PGPOOL_TLS_KEY_FILE");
        return;
    }
    draft.set_text("client_tls_sslmode", "prefer", where);
    draft.set_text("client_tls_cert_file", *cert, from.where("PGPOOL_TLS_CERT_FILE"));
    draft.set_text("client_tls_key_file", *key, from.where("PGPOOL_TLS_KEY_FILE"));
    if (!authorities) return;
    draft.set_text("client_tls_ca_file", *authorities, from.where("PGPOOL_TLS_CA_FILE"));
    draft.information(from.where("PGPOOL_TLS_CA_FILE"), "",
                      "whoever comes by TLS needs a certificate that names the user, and no "
                      "password (hba_rules)");
}

/// Variables that a line of the user's file completes rather than replaces, as lines of the file
/// that the image would have written before it.
constexpr std::array<std::pair<std::string_view, std::string_view>, 8> completed_variables{{
    {"PGPOOL_NUM_INIT_CHILDREN", "num_init_children"},
    {"PGPOOL_MAX_POOL", "max_pool"},
    {"PGPOOL_RESERVED_CONNECTIONS", "reserved_connections"},
    {"PGPOOL_SR_CHECK_USER", "sr_check_user"},
    {"PGPOOL_SR_CHECK_PASSWORD", "sr_check_password"},
    {"PGPOOL_SR_CHECK_DATABASE", "sr_check_database"},
    {"PGPOOL_HEALTH_CHECK_USER", "health_check_user"},
    {"PGPOOL_HEALTH_CHECK_PASSWORD", "health_check_password"},
}};

/// What a line is about: lines of one group belong together.
std::string_view group_of(std::string_view name) {
    if (name.starts_with("backend_") && name != "backend_clustering_mode") return "nodes";
    if (name.starts_with("sr_check_") || name.starts_with("health_check_")) return "checks";
    if (name == "num_init_children" || name == "max_pool" || name == "reserved_connections")
        return "sizes";
    return {};
}

std::vector<configuration_line> lines_before(pgpool_variables& from, const pgpool_conf& file) {
    std::vector<configuration_line> lines = pgpool_node_lines(from);
    for (const auto& [name, parameter] : completed_variables) {
        if (auto value = from.take(name))
            lines.push_back({std::string{parameter}, std::move(*value), from.where(name)});
    }
    std::erase_if(lines, [&](const auto& line) {
        return std::ranges::none_of(file.lines, [&](const auto& other) {
            return group_of(other.name) == group_of(line.name);
        });
    });
    return lines;
}

/// The image puts the user's file behind its own, so that it wins over the variables.
void read_user_conf(pgpool_variables& from, settings_draft& draft) {
    constexpr std::string_view name = "PGPOOL_USER_CONF_FILE";
    const auto path = from.take(name);
    if (!path) return;
    const auto text = file_text(*path);
    if (!text) {
        draft.error(from.where(name), "",
                    "names " + *path +
                        ", which cannot be read: " + std::generic_category().message(errno));
        return;
    }
    auto conf = parse_pgpool_conf(*text, *path);
    for (const auto& one : conf.problems)
        draft.error(one.where, one.key, one.text);
    auto lines = lines_before(from, conf);
    conf.lines.insert(conf.lines.begin(), std::make_move_iterator(lines.begin()),
                      std::make_move_iterator(lines.end()));
    apply(translate_pgpool(conf, {.complete = false, .read_file = {}}), draft);
}

} // namespace

void read_pgpool_environment(const environment_variables& environment, settings_draft& draft) {
    pgpool_variables from{environment, draft};
    if (from.none()) return;
    read_pgpool_nodes(from, draft);
    read_pgpool_users(from, draft);
    read_direct(from, draft);
    read_monitor(from, draft);
    read_sizes(from, draft);
    read_balancing(from, draft);
    read_tls(from, draft);
    read_user_conf(from, draft);
    read_pgpool_rules(from, draft);
    read_remarks(from, draft);
    if (const auto unknown = from.not_taken(); !unknown.empty()) {
        draft.warning("environment", "", "variables that mean nothing here: " + unknown);
    }
}

} // namespace pgweir
