// Every setting of pgweir, typed and with its unit. A value of this struct is complete and valid:
// it comes from load_settings() (load.hpp) or, in tests, from its defaults. Immutable once shared;
// a reload makes a new one. What a setting means is written once, in its row of the tables
// (table.hpp), whence README.md is made too.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir {

struct byte_count {
    std::uint64_t value = 0;
    friend auto operator<=>(const byte_count&, const byte_count&) = default;
};

/// A password or the like. Never printed: SHOW CONFIG and messages show `******`.
struct secret {
    std::string value;
    [[nodiscard]] bool empty() const noexcept { return value.empty(); }
    friend bool operator==(const secret&, const secret&) = default;
};

/// Permission bits, written in octal.
struct file_mode {
    std::uint32_t value = 0777;
    friend auto operator<=>(const file_mode&, const file_mode&) = default;
};

enum class pool_mode : std::uint8_t { transaction, session, statement };
enum class auth_method : std::uint8_t { trust, password, md5, scram_sha_256 };
enum class tls_mode : std::uint8_t { disable, allow, prefer, require, verify_ca, verify_full };
/// What is asked of an LDAP server's certificate, in the words of ldap.conf.
enum class ldap_certificates : std::uint8_t { never, allow, try_, demand };
enum class tls_version : std::uint8_t { tls_1_2, tls_1_3 };
/// How a server is told that TLS is wanted: by SSLRequest, or at once (PostgreSQL 17 and later).
enum class tls_negotiation : std::uint8_t { postgres, direct };
/// Whether a login at a server must be bound to the TLS connection, as libpq's channel_binding.
enum class channel_binding_use : std::uint8_t { disable, prefer, require };
enum class log_level : std::uint8_t { debug, info, warning, error };
enum class log_format : std::uint8_t { text, json };
/// `automatic`: as the statement's facts say. The others are what /* pgweir: … */ can ask for.
enum class forced_route : std::uint8_t { automatic, primary, standby };
/// When /readyz says yes: a node answers at all, or the primary is known.
enum class ready_condition : std::uint8_t { any, primary };

/// What the primary answers of the reads that standbys may answer: what no standby may (yet), its
/// share by weight, or nothing.
enum class primary_reads : std::uint8_t { fallback, balanced, never };

enum class consistency_level : std::uint8_t { session, eventual, primary, bounded };
struct consistency_setting {
    consistency_level level = consistency_level::session;
    std::chrono::milliseconds bound{0}; // only with level bounded
    /// Only with level session: it begins at what the primary has committed, by whomever, instead
    /// of what this process has passed.
    bool strict = false;
    friend bool operator==(const consistency_setting&, const consistency_setting&) = default;
};

struct node_setting {
    std::string host; // name, address (without brackets), or a directory for a Unix socket
    std::uint16_t port = 5432;
    double weight = 1.0;        // 0: never read from
    bool is_discovered = false; // dns:host: every address that the name has is a node
    friend bool operator==(const node_setting&, const node_setting&) = default;
};

/// One entry of a redirect preference list: sessions whose name matches read at `target`.
struct redirect_preference {
    std::string pattern; // regular expression, matched whole
    std::string target;  // "primary", "standby", or a node's number
    double ratio = 1.0;  // share of the reads that go there
    friend bool operator==(const redirect_preference&, const redirect_preference&) = default;
};

/// What a database or a user may have of its own. Empty: the general setting holds.
struct override_settings {
    std::optional<std::uint32_t> pool_size;
    std::optional<std::uint32_t> min_pool_size;
    std::optional<std::uint32_t> reserve_pool_size;
    std::optional<std::uint32_t> max_pinned;
    std::optional<std::uint32_t> max_client_connections;
    std::optional<pgweir::pool_mode> pool_mode;
    std::optional<bool> splitting;
    std::optional<bool> split_transactions;
    std::optional<bool> read_only_repeatable_read_on_standby;
    std::optional<consistency_setting> consistency;
    std::optional<forced_route> route;
    std::optional<std::chrono::milliseconds> queue_timeout;
    std::optional<std::chrono::milliseconds> query_timeout;
    std::optional<std::chrono::milliseconds> idle_transaction_timeout;
    std::optional<secret> password;           // users only: plain text, md5… or SCRAM-SHA-256$…
    std::optional<std::string> password_file; // users only: a file whose first line is that
    friend bool operator==(const override_settings&, const override_settings&) = default;
};

// Fields stand by subject, not by size: there are one or two of these.
// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding)
struct settings {
    using milliseconds = std::chrono::milliseconds;
    using strings = std::vector<std::string>;

    // Where pgweir listens.
    strings listen_address{"*"};
    std::uint16_t port = 5432;
    std::string unix_socket_dir;
    file_mode unix_socket_permissions;
    std::uint32_t listen_backlog = 4096;
    strings proxy_protocol_from;
    std::uint32_t workers = 0;
    strings http_address{"*"};
    std::uint16_t http_port = 9719;
    ready_condition ready_requires = ready_condition::any;
    std::vector<node_setting> peers; // weights mean nothing

    // The cluster and how it is watched.
    std::vector<node_setting> nodes;
    strings node_application_names;
    milliseconds discovery_interval{1000};
    std::string zone;
    strings node_zones;
    std::string monitor_user = "postgres";
    secret monitor_password;
    std::string monitor_password_file;
    std::string monitor_database = "postgres";
    milliseconds monitor_interval{200};
    milliseconds monitor_interval_waiting{20};
    milliseconds monitor_interval_idle{1000};
    milliseconds check_timeout{5000};
    milliseconds connect_timeout{10000};
    std::uint64_t system_identifier = 0;
    std::uint32_t write_quorum = 0;
    milliseconds failover_timeout{60000};
    strings switchover_command;
    milliseconds switchover_drain_timeout{10000};
    milliseconds switchover_timeout{60000};

    // Pools, limits, queue.
    pgweir::pool_mode pool_mode = pgweir::pool_mode::transaction;
    std::uint32_t pool_size = 20;
    std::uint32_t min_pool_size = 0;
    std::uint32_t reserve_pool_size = 0;
    milliseconds reserve_pool_timeout{5000};
    std::uint32_t max_pinned = 0;
    std::uint32_t max_server_connections = 0;
    std::uint32_t server_reserve = 5;
    std::uint32_t server_connect_rate = 200;
    std::uint32_t max_client_connections = 10000;
    std::uint32_t queue_size = 10000;
    milliseconds queue_timeout{120000};
    milliseconds queue_notice{5000};
    milliseconds fairness_slack{5};
    std::string server_reset_query = "DISCARD ALL";

    // Other time limits; zero means none.
    milliseconds server_idle_timeout{600000};
    milliseconds server_lifetime{3600000};
    milliseconds client_idle_timeout{0};
    milliseconds client_login_timeout{60000};
    milliseconds idle_transaction_timeout{0};
    milliseconds query_timeout{0};
    milliseconds shutdown_delay{0};
    milliseconds shutdown_timeout{25000};
    bool tcp_keepalive = true;
    milliseconds tcp_keepalive_idle{60000};
    milliseconds tcp_keepalive_interval{10000};
    std::uint32_t tcp_keepalive_count = 6;
    milliseconds tcp_user_timeout{30'000};

    // Routing.
    bool splitting = true;
    bool split_transactions = true;
    bool read_only_repeatable_read_on_standby = false;
    consistency_setting consistency;
    byte_count max_standby_lag_bytes;
    milliseconds max_standby_lag_time{0};
    pgweir::primary_reads primary_reads = pgweir::primary_reads::fallback;
    milliseconds standby_wait_timeout{10000};
    bool statement_level_load_balance = true;
    milliseconds outlier_ejection_time{10000};
    std::uint32_t outlier_failures = 5;
    std::uint32_t outlier_latency_factor = 10;
    milliseconds outlier_latency_floor{50};
    std::uint32_t outlier_max_percent = 50;
    strings read_only_function_list;
    strings write_function_list;
    strings primary_routing_query_pattern_list;
    std::vector<redirect_preference> database_redirect_preference_list;
    std::vector<redirect_preference> user_redirect_preference_list;
    std::vector<redirect_preference> app_name_redirect_preference_list;

    // Memory.
    byte_count max_message_size{1024ULL * 1024 * 1024};
    byte_count max_parse_size{256ULL * 1024};
    byte_count unit_buffer_size{256ULL * 1024};
    byte_count statement_cache_size{16ULL * 1024 * 1024};
    byte_count prepared_statements_size{4ULL * 1024 * 1024};

    // Who may come in.
    pgweir::auth_method auth_method = pgweir::auth_method::scram_sha_256;
    std::string hba_file;
    strings hba_rules;
    std::string ident_file;
    std::string users_file;
    std::string pool_passwd_file;
    secret pool_key;
    std::string pool_key_file;
    std::string auth_user;
    secret auth_password;
    std::string auth_password_file;
    std::string auth_query = "SELECT r.rolname, r.rolpassword FROM pg_catalog.pg_authid AS r "
                             "WHERE r.rolname = $1 AND r.rolcanlogin "
                             "AND (r.rolvaliduntil IS NULL OR r.rolvaliduntil > pg_catalog.now())";
    std::string auth_database = "postgres";
    milliseconds auth_cache_ttl{60000};
    milliseconds ldap_timeout{5000};
    std::string ldap_tls_ca_file;
    pgweir::ldap_certificates ldap_tls_reqcert = pgweir::ldap_certificates::demand;
    secret ldap_bind_password;
    milliseconds pam_timeout{30000};
    std::uint32_t password_check_threads = 8;
    strings admin_users;
    strings stats_users;
    strings admin_from{"local"};
    std::uint32_t max_logins_per_address = 0;
    std::uint32_t max_login_failures_per_address = 0;
    bool application_name_add_host = false;
    bool core_dumps = false;
    tls_mode client_tls_sslmode = tls_mode::disable;
    std::string client_tls_cert_file;
    std::string client_tls_key_file;
    std::string client_tls_ca_file;
    std::string client_tls_crl_file;
    std::string client_tls_crl_dir;
    secret client_tls_passphrase_command;
    tls_version client_tls_min_protocol_version = tls_version::tls_1_2;
    tls_version client_tls_max_protocol_version = tls_version::tls_1_3;
    std::string client_tls_ciphers;
    std::string client_tls13_ciphers;
    std::string client_tls_ecdhcurve;
    std::string client_tls_dh_params_file;
    bool client_tls_prefer_server_ciphers = true;
    bool server_cleartext_passwords = false;
    tls_mode server_tls_sslmode = tls_mode::prefer;
    std::string server_tls_ca_file;
    std::string server_tls_cert_file;
    std::string server_tls_key_file;
    std::string server_tls_crl_file;
    std::string server_tls_crl_dir;
    secret server_tls_passphrase_command;
    tls_version server_tls_min_protocol_version = tls_version::tls_1_2;
    tls_version server_tls_max_protocol_version = tls_version::tls_1_3;
    std::string server_tls_ciphers;
    std::string server_tls13_ciphers;
    tls_negotiation server_tls_sslnegotiation = tls_negotiation::postgres;
    channel_binding_use server_tls_channel_binding = channel_binding_use::prefer;

    // Logs.
    pgweir::log_level log_level = pgweir::log_level::info;
    pgweir::log_format log_format = pgweir::log_format::text;
    bool log_connections = true;
    bool log_disconnections = true;

    /// [databases.NAME] and [users.NAME].
    std::map<std::string, override_settings, std::less<>> databases;
    std::map<std::string, override_settings, std::less<>> users;

    friend bool operator==(const settings&, const settings&) = default;
};

/// What holds for one (database, user): the user's own value, else the database's, else the general
/// one.
struct session_policy {
    std::uint32_t pool_size = 0;
    std::uint32_t min_pool_size = 0;
    std::uint32_t reserve_pool_size = 0;
    std::uint32_t max_pinned =
        0; // already computed: at least 1, below pool_size where that has room
    std::uint32_t database_max_client_connections = 0; // 0: only the general limit
    std::uint32_t user_max_client_connections = 0;
    pgweir::pool_mode pool_mode = pgweir::pool_mode::transaction;
    bool splitting = true;
    bool split_transactions = true;
    bool read_only_repeatable_read_on_standby = false;
    consistency_setting consistency;
    forced_route route = forced_route::automatic;
    std::chrono::milliseconds queue_timeout{0};
    std::chrono::milliseconds query_timeout{0};
    std::chrono::milliseconds idle_transaction_timeout{0};
};
[[nodiscard]] session_policy
policy_for(const settings& all, std::string_view database, std::string_view user);

} // namespace pgweir
