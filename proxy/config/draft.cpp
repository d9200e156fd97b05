#include "proxy/config/draft.hpp"

#include "proxy/config/table.hpp"

#include <algorithm>
#include <array>

namespace pgweir {

namespace {

/// Words that users of PgBouncer and pgpool know, and ours.
constexpr std::array<std::pair<std::string_view, std::string_view>, 26> other_names{{
    {"listen_addr", "listen_address"},
    {"listen_addresses", "listen_address"},
    {"listen_port", "port"},
    {"unix_socket_mode", "unix_socket_permissions"},
    {"unix_socket_directories", "unix_socket_dir"},
    {"max_client_conn", "max_client_connections"},
    {"num_init_children", "max_client_connections"},
    {"max_db_connections", "max_server_connections"},
    {"default_pool_size", "pool_size"},
    {"max_pool", "pool_size"},
    {"query_wait_timeout", "queue_timeout"},
    {"query_wait_notify", "queue_notice"},
    {"idle_transaction_limit", "idle_transaction_timeout"},
    {"client_idle_limit", "client_idle_timeout"},
    {"authentication_timeout", "client_login_timeout"},
    {"server_connect_timeout", "connect_timeout"},
    {"connection_life_time", "server_lifetime"},
    {"load_balance_mode", "splitting"},
    {"delay_threshold", "max_standby_lag_bytes"},
    {"delay_threshold_by_time", "max_standby_lag_time"},
    {"auth_type", "auth_method"},
    {"auth_file", "users_file"},
    {"pool_passwd", "pool_passwd_file"},
    {"auth_dbname", "auth_database"},
    {"sr_check_user", "monitor_user"},
    {"search_primary_node_timeout", "failover_timeout"},
}};

/// Levenshtein distance.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j)
        row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const auto change = diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U);
            diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, change}));
        }
    }
    return row[b.size()];
}

} // namespace

std::string suggestion_for(std::string_view unknown) {
    for (const auto& [theirs, ours] : other_names) {
        if (theirs == unknown) return "; did you mean " + std::string{ours} + "?";
    }
    std::string_view best;
    std::size_t best_distance = unknown.size() / 3 + 1;
    for (const auto& group : setting_groups()) {
        for (const auto& row : group.rows) {
            const auto d = distance(unknown, row.name);
            if (d < best_distance) {
                best = row.name;
                best_distance = d;
            }
        }
    }
    return best.empty() ? "; see pgweir --help-settings"
                        : "; did you mean " + std::string{best} + "?";
}

void settings_draft::set(std::string_view key, const raw_value& raw, std::string where) {
    for (const auto& [prefix, is_user] :
         {std::pair{"databases.", false}, std::pair{"users.", true}}) {
        const auto dot = key.rfind('.');
        const auto name_at = std::string_view{prefix}.size();
        if (!key.starts_with(prefix) || dot <= name_at) continue;
        const auto name = key.substr(name_at, dot - name_at);
        if (is_user)
            set_user(name, key.substr(dot + 1), raw, std::move(where));
        else
            set_database(name, key.substr(dot + 1), raw, std::move(where));
        return;
    }
    const auto* row = find_setting(key);
    if (row == nullptr) {
        error(std::move(where), key, "is not a setting" + suggestion_for(key));
        return;
    }
    if (const auto wrong = row->parse(raw, row->limits, values); !wrong.empty()) {
        error(std::move(where), key, wrong);
        return;
    }
    origins_.insert_or_assign(std::string{key}, std::move(where));
}

void settings_draft::set_text(std::string_view key, std::string text, std::string where) {
    raw_value raw;
    raw.text = std::move(text);
    set(key, raw, std::move(where));
}

void settings_draft::set_override(override_settings& into,
                                  bool is_user,
                                  std::string_view key,
                                  const raw_value& raw,
                                  std::string where) {
    const auto* row = find_override(key);
    if (row == nullptr || !(is_user ? row->for_users : row->for_databases)) {
        const bool general = find_setting(key) != nullptr;
        error(std::move(where), key,
              std::string{"cannot be set for a "} + (is_user ? "user" : "database") +
                  (general ? ", only in general" : suggestion_for(key)));
    } else if (const auto wrong = row->parse(raw, row->limits, into); !wrong.empty()) {
        error(std::move(where), key, wrong);
    }
}

void settings_draft::set_database(std::string_view name,
                                  std::string_view key,
                                  const raw_value& raw,
                                  std::string where) {
    set_override(values.databases[std::string{name}], false, key, raw, std::move(where));
}

void settings_draft::set_user(std::string_view name,
                              std::string_view key,
                              const raw_value& raw,
                              std::string where) {
    set_override(values.users[std::string{name}], true, key, raw, std::move(where));
}

void settings_draft::error(std::string where, std::string_view key, std::string text) {
    messages_.push_back(
        {settings_message::severity::error, std::move(where), std::string{key}, std::move(text)});
}
void settings_draft::warning(std::string where, std::string_view key, std::string text) {
    messages_.push_back(
        {settings_message::severity::warning, std::move(where), std::string{key}, std::move(text)});
}
void settings_draft::information(std::string where, std::string_view key, std::string text) {
    messages_.push_back({settings_message::severity::information, std::move(where),
                         std::string{key}, std::move(text)});
}

std::string settings_draft::origin(std::string_view key) const {
    const auto found = origins_.find(key);
    return found == origins_.end() ? "default" : found->second;
}

bool settings_draft::has_errors() const {
    return std::ranges::any_of(
        messages_, [](const auto& one) { return one.level == settings_message::severity::error; });
}

} // namespace pgweir
