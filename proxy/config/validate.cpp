// What no single value can show: contradictions between settings, and files that are not there.
#include "proxy/config/address_range.hpp"
#include "proxy/config/draft.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <system_error>

namespace pgweir {

namespace {

/// Notes an error at the place where `key` was set.
void wrong(settings_draft& draft, std::string_view key, std::string text) {
    draft.error(draft.origin(key), key, std::move(text));
}

void check_listening(settings_draft& draft) {
    const auto& all = draft.values;
    if (all.listen_address.empty() && all.unix_socket_dir.empty()) {
        wrong(draft, "listen_address",
              "is empty and so is unix_socket_dir: nobody could connect; set one of them");
    }
    if (!all.http_address.empty() && !all.listen_address.empty() && all.port != 0 &&
        all.port == all.http_port) {
        wrong(draft, "http_port",
              "is the same as port (" + draft.origin("port") + "); they must differ");
    }
    for (const auto& range : all.proxy_protocol_from) {
        if (range == "all" || parse_address_range(range)) continue;
        wrong(draft, "proxy_protocol_from",
              "has the entry \"" + range +
                  "\"; each must be all, or a network such as 10.0.0.0/8 or fd00::/8");
    }
    for (const auto& range : all.admin_from) {
        if (range == "local" || range == "all" || parse_address_range(range)) continue;
        wrong(draft, "admin_from",
              "has the entry \"" + range +
                  "\"; each must be local, all, or a network such as 10.0.0.0/8 or fd00::/8");
    }
}

void check_redirects(settings_draft& draft,
                     std::string_view key,
                     const std::vector<redirect_preference>& all) {
    for (const auto& one : all) {
        if (one.target == "primary" || one.target == "standby") continue;
        const auto number = one.target.size() > 4 ? 9999UL : std::stoul(one.target);
        if (number < draft.values.nodes.size()) continue;
        wrong(draft, key,
              "names node " + one.target + ", but nodes has " +
                  std::to_string(draft.values.nodes.size()) + " (the first is 0)");
    }
}

void check_cluster(settings_draft& draft) {
    const auto& all = draft.values;
    if (all.nodes.empty()) {
        wrong(draft, "nodes",
              "must be set: the PostgreSQL servers, as host[:port[:weight]], separated by commas");
    }
    std::set<std::string> names;
    for (const auto& node : all.nodes) {
        if (!names.insert(node_name(node)).second)
            wrong(draft, "nodes", "has " + node_name(node) + " twice");
    }
    const auto named = all.node_application_names.size();
    if (named != 0 && named != all.nodes.size()) {
        wrong(draft, "node_application_names",
              "must name as many as nodes has (" + std::to_string(all.nodes.size()) + "), not " +
                  std::to_string(named));
    }
    if (all.monitor_interval_waiting > all.monitor_interval) {
        wrong(draft, "monitor_interval_waiting", "must not be longer than monitor_interval");
    }
    if (all.monitor_interval > all.monitor_interval_idle) {
        wrong(draft, "monitor_interval_idle", "must not be shorter than monitor_interval");
    }
    check_redirects(draft, "database_redirect_preference_list",
                    all.database_redirect_preference_list);
    check_redirects(draft, "user_redirect_preference_list", all.user_redirect_preference_list);
    check_redirects(draft, "app_name_redirect_preference_list",
                    all.app_name_redirect_preference_list);
}

void check_pool(settings_draft& draft,
                const std::string& owner,
                std::uint32_t size,
                std::uint32_t min,
                std::uint32_t pinned) {
    if (min > size)
        wrong(draft, owner + "min_pool_size",
              "must not exceed pool_size (" + std::to_string(size) + ")");
    if (pinned >= size && pinned != 0 && !(size == 1 && pinned == 1)) {
        wrong(draft, owner + "max_pinned",
              "must be below pool_size (" + std::to_string(size) + ")");
    }
}

void check_pools(settings_draft& draft) {
    const auto& all = draft.values;
    check_pool(draft, "", all.pool_size, all.min_pool_size, all.max_pinned);
    const auto check_overrides = [&](const auto& overrides, const std::string& kind) {
        for (const auto& [name, own] : overrides) {
            // Only what is written here can contradict; general values are cut to fit (policy_for).
            check_pool(draft, kind + name + ".", own.pool_size.value_or(all.pool_size),
                       own.min_pool_size.value_or(0), own.max_pinned.value_or(0));
        }
    };
    check_overrides(all.databases, "databases.");
    check_overrides(all.users, "users.");
    if (all.max_server_connections != 0 && all.min_pool_size > all.max_server_connections) {
        wrong(draft, "min_pool_size", "must not exceed max_server_connections");
    }
}

void check_patterns(settings_draft& draft,
                    std::string_view key,
                    const std::vector<std::string>& patterns) {
    for (const auto& pattern : patterns) {
        try {
            const std::regex compiled{pattern, std::regex::extended | std::regex::nosubs};
        } catch (const std::regex_error&) {
            wrong(draft, key,
                  "has \"" + pattern + "\", which is not a POSIX extended regular expression");
        }
    }
}

void check_all_patterns(settings_draft& draft) {
    const auto& all = draft.values;
    check_patterns(draft, "read_only_function_list", all.read_only_function_list);
    check_patterns(draft, "write_function_list", all.write_function_list);
    check_patterns(draft, "primary_routing_query_pattern_list",
                   all.primary_routing_query_pattern_list);
    const auto check = [&](std::string_view key,
                           const std::vector<redirect_preference>& preferences) {
        std::vector<std::string> patterns;
        for (const auto& one : preferences)
            patterns.push_back(one.pattern);
        check_patterns(draft, key, patterns);
    };
    check("database_redirect_preference_list", all.database_redirect_preference_list);
    check("user_redirect_preference_list", all.user_redirect_preference_list);
    check("app_name_redirect_preference_list", all.app_name_redirect_preference_list);
}

void check_access(settings_draft& draft) {
    const auto& all = draft.values;
    const bool any_secret = std::ranges::any_of(
        all.users, [](const auto& user) { return user.second.password.has_value(); });
    const bool has_rules = !all.hba_file.empty() || !all.hba_rules.empty();
    if (!all.ident_file.empty() && !has_rules) {
        draft.warning(draft.origin("ident_file"), "ident_file",
                      "has no effect without hba_file or hba_rules");
    }
    // Which secrets the methods of rules need, and of whom, they alone know.
    const bool needs_secrets = !has_rules && all.auth_method != auth_method::trust;
    if (!has_rules && all.auth_method == auth_method::trust) {
        draft.warning(draft.origin("auth_method"), "auth_method",
                      "is trust: whoever reaches the port is believed");
    } else if (needs_secrets && all.users_file.empty() && all.pool_passwd_file.empty() &&
               all.auth_user.empty() && !any_secret) {
        wrong(
            draft, "auth_method",
            "is " + format_value(all.auth_method) +
                ", but no secrets are known, so nobody could log in; set users_file, a password in "
                "[users.NAME], pool_passwd_file, or auth_user");
    }
    if (!all.auth_user.empty() && all.auth_query.find("$1") == std::string::npos) {
        wrong(draft, "auth_query", "must contain $1, the name of the user who logs in");
    }
}

/// One side's TLS settings, with the beginning of their names.
struct tls_side {
    std::string prefix;
    tls_mode mode;
    const std::string& cert;
    const std::string& key;
    const std::string& ca;
    const std::string& crl_file;
    const std::string& crl_dir;
    tls_version oldest;
    tls_version newest;
};

/// Certificate and key come together; checking a peer needs authorities.
void check_tls_side(settings_draft& draft, const tls_side& side) {
    const auto name = [&](const char* rest) { return side.prefix + rest; };
    if (side.cert.empty() && !side.key.empty())
        wrong(draft, name("cert_file"), "must be set, since " + name("key_file") + " is");
    if (!side.cert.empty() && side.key.empty())
        wrong(draft, name("key_file"), "must be set, since " + name("cert_file") + " is");
    if (side.mode >= tls_mode::verify_ca && side.ca.empty()) {
        wrong(draft, name("ca_file"),
              "must be set, since " + name("sslmode") + " is " + format_value(side.mode));
    }
    if (side.ca.empty() && !(side.crl_file.empty() && side.crl_dir.empty())) {
        const auto* const given = side.crl_file.empty() ? "crl_dir" : "crl_file";
        wrong(draft, name("ca_file"), "must be set, since " + name(given) + " is");
    }
    if (side.oldest > side.newest) {
        wrong(draft, name("min_protocol_version"),
              "must not be newer than " + name("max_protocol_version"));
    }
}

void check_server_logins(settings_draft& draft) {
    const auto& all = draft.values;
    if (all.server_tls_sslmode >= tls_mode::require) return;
    const auto mode = ", which needs server_tls_sslmode require, verify-ca or verify-full";
    if (all.server_tls_sslnegotiation == tls_negotiation::direct)
        wrong(draft, "server_tls_sslnegotiation", std::string{"is direct"} + mode);
    if (all.server_tls_channel_binding == channel_binding_use::require)
        wrong(draft, "server_tls_channel_binding", std::string{"is require"} + mode);
}

void check_tls(settings_draft& draft) {
    const auto& all = draft.values;
    check_tls_side(draft, {"client_tls_", all.client_tls_sslmode, all.client_tls_cert_file,
                           all.client_tls_key_file, all.client_tls_ca_file, all.client_tls_crl_file,
                           all.client_tls_crl_dir, all.client_tls_min_protocol_version,
                           all.client_tls_max_protocol_version});
    check_tls_side(draft, {"server_tls_", all.server_tls_sslmode, all.server_tls_cert_file,
                           all.server_tls_key_file, all.server_tls_ca_file, all.server_tls_crl_file,
                           all.server_tls_crl_dir, all.server_tls_min_protocol_version,
                           all.server_tls_max_protocol_version});
    check_server_logins(draft);
    const bool has_certificate =
        !all.client_tls_cert_file.empty() || !all.client_tls_key_file.empty();
    if (all.client_tls_sslmode != tls_mode::disable && !has_certificate) {
        wrong(draft, "client_tls_cert_file",
              "must be set, since client_tls_sslmode is " + format_value(all.client_tls_sslmode));
    }
    if (all.client_tls_sslmode == tls_mode::disable && has_certificate) {
        draft.warning(draft.origin("client_tls_cert_file"), "client_tls_cert_file",
                      "has no effect while client_tls_sslmode is disable");
    }
}

void check_readable(settings_draft& draft, std::string_view key, const std::string& path) {
    if (path.empty()) return;
    std::error_code ec;
    errno = 0;
    if (std::filesystem::is_directory(path, ec)) {
        wrong(draft, key, "names " + path + ", which is a directory");
    } else if (!std::ifstream{path}) {
        wrong(draft, key,
              "names " + path +
                  ", which cannot be read: " + std::generic_category().message(errno));
    }
}

void check_directory(settings_draft& draft, std::string_view key, const std::string& path) {
    std::error_code ec;
    if (path.empty() || std::filesystem::is_directory(path, ec)) return;
    wrong(draft, key, "names " + path + ", which is not a directory");
}

} // namespace

void validate(settings_draft& draft) {
    check_listening(draft);
    check_cluster(draft);
    check_pools(draft);
    check_all_patterns(draft);
    check_access(draft);
    check_tls(draft);
}

void check_files(settings_draft& draft) {
    const auto& all = draft.values;
    check_readable(draft, "users_file", all.users_file);
    check_readable(draft, "pool_passwd_file", all.pool_passwd_file);
    check_readable(draft, "ldap_tls_ca_file", all.ldap_tls_ca_file);
    check_readable(draft, "hba_file", all.hba_file);
    check_readable(draft, "ident_file", all.ident_file);
    check_readable(draft, "client_tls_cert_file", all.client_tls_cert_file);
    check_readable(draft, "client_tls_key_file", all.client_tls_key_file);
    check_readable(draft, "client_tls_ca_file", all.client_tls_ca_file);
    check_readable(draft, "server_tls_ca_file", all.server_tls_ca_file);
    check_readable(draft, "server_tls_cert_file", all.server_tls_cert_file);
    check_readable(draft, "server_tls_key_file", all.server_tls_key_file);
    check_readable(draft, "client_tls_crl_file", all.client_tls_crl_file);
    check_readable(draft, "client_tls_dh_params_file", all.client_tls_dh_params_file);
    check_readable(draft, "server_tls_crl_file", all.server_tls_crl_file);
    check_directory(draft, "client_tls_crl_dir", all.client_tls_crl_dir);
    check_directory(draft, "server_tls_crl_dir", all.server_tls_crl_dir);
    check_directory(draft, "unix_socket_dir", all.unix_socket_dir);
}

} // namespace pgweir
