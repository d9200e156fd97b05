// The rows of DATABASES, USERS, STATS, LISTS, CONFIG, VERSION and STATE.
#include "proxy/admin/admin_tables.hpp"
#include "proxy/config/describe.hpp"
#include "proxy/config/values.hpp"

#include <algorithm>
#include <map>

namespace pgweir {

namespace {

using std::chrono::microseconds;

std::string text_of(std::integral auto value) {
    return std::to_string(value);
}

/// Server connections and clients of one database, or of one user.
struct use {
    std::uint32_t servers = 0;
    std::uint32_t clients = 0;
};
using uses = std::map<std::string, use, std::less<>>;

uses databases_in_use(const show_input& from) {
    uses known;
    for (const auto& [name, own] : from.values.databases)
        known[name];
    for (const auto& p : from.pools)
        known[p.key.database].servers += p.open;
    for (const auto& w : from.workers)
        for (const auto& c : w.clients)
            ++known[c.database].clients;
    return known;
}

uses users_in_use(const show_input& from) {
    uses known;
    for (const auto& [name, own] : from.values.users)
        known[name];
    for (const auto& p : from.pools)
        known[p.key.user].servers += p.open;
    for (const auto& w : from.workers)
        for (const auto& c : w.clients)
            ++known[c.user].clients;
    return known;
}

template <class T> std::string own_value(const std::optional<T>& value) {
    return value ? format_value(*value) : std::string{};
}

std::uint64_t per_second(std::uint64_t total, microseconds running) {
    const auto us = static_cast<std::uint64_t>(std::max<std::int64_t>(running.count(), 1));
    return static_cast<std::uint64_t>(static_cast<long double>(total) * 1e6L / us);
}

std::uint64_t per_item(microseconds total, std::uint64_t items) {
    return items == 0 ? 0 : static_cast<std::uint64_t>(total.count()) / items;
}

std::vector<admin_row> config_rows(const settings& values) {
    std::vector<admin_row> rows;
    for (auto& one : show_config(values))
        rows.push_back({std::move(one.key), std::move(one.value), std::move(one.default_value),
                        std::move(one.changeable)});
    return rows;
}

std::vector<admin_row> state_rows(const show_input& from) {
    return {{"active", from.all_paused ? "no" : "yes"},
            {"paused", from.all_paused ? "yes" : "no"},
            {"suspended", "no"}};
}

} // namespace

std::vector<admin_row> database_rows(const show_input& from) {
    std::string host;
    std::uint16_t port = from.values.port;
    if (from.view.primary) {
        host = from.view.nodes[*from.view.primary].host;
        port = from.view.nodes[*from.view.primary].port;
    }
    std::vector<admin_row> rows;
    for (const auto& [name, used] : databases_in_use(from)) {
        const auto policy = policy_for(from.values, name, "");
        const auto lifetime =
            std::chrono::duration_cast<std::chrono::seconds>(from.values.server_lifetime);
        const bool is_paused = from.all_paused || from.paused.contains(name);
        rows.push_back({name, host, text_of(port), name, std::nullopt, text_of(policy.pool_size),
                        text_of(policy.min_pool_size), text_of(policy.reserve_pool_size),
                        text_of(lifetime.count()), format_value(policy.pool_mode), "",
                        text_of(from.values.max_server_connections), text_of(used.servers),
                        text_of(policy.database_max_client_connections), text_of(used.clients),
                        is_paused ? "1" : "0", "0"});
    }
    return rows;
}

std::vector<admin_row> user_rows(const show_input& from) {
    static const override_settings none;
    std::vector<admin_row> rows;
    for (const auto& [name, used] : users_in_use(from)) {
        const auto found = from.values.users.find(name);
        const auto& own = found == from.values.users.end() ? none : found->second;
        rows.push_back({name, own_value(own.pool_size), own_value(own.reserve_pool_size),
                        own_value(own.pool_mode), "0", text_of(used.servers),
                        text_of(own.max_client_connections.value_or(0)), text_of(used.clients)});
    }
    return rows;
}

/// One row for all databases: counters are kept by node, not by database. Averages are those since
/// the start.
std::vector<admin_row> stats_rows(const show_input& from) {
    const auto& s = from.stats;
    const auto waited = static_cast<std::uint64_t>(s.wait_time.count());
    const auto held = static_cast<std::uint64_t>(s.transaction_time.count());
    admin_row row{"*"};
    for (const auto total :
         {s.assignments, s.transactions, s.queries, s.bytes_received, s.bytes_sent, held,
          std::uint64_t{0}, waited, s.client_parses, s.server_parses, std::uint64_t{0}, s.logins})
        row.emplace_back(text_of(total));
    const auto rate = [&](std::uint64_t total) { return per_second(total, from.running); };
    for (const auto average :
         {rate(s.assignments), rate(s.transactions), rate(s.queries), rate(s.bytes_received),
          rate(s.bytes_sent), per_item(s.transaction_time, s.transactions), std::uint64_t{0},
          rate(waited), rate(s.client_parses), rate(s.server_parses), std::uint64_t{0},
          rate(s.logins)})
        row.emplace_back(text_of(average));
    return {row};
}

std::vector<admin_row> list_rows(const show_input& from) {
    std::size_t idle = 0;
    std::size_t used = 0;
    std::size_t logged_in = 0;
    for (const auto& w : from.workers) {
        logged_in += w.clients.size();
        for (const auto& s : w.servers)
            ++(s.is_idle ? idle : used);
    }
    const auto login = from.clients > logged_in ? from.clients - logged_in : 0;
    const auto row = [](const char* name, std::size_t items) {
        return admin_row{name, text_of(items)};
    };
    return {row("databases", databases_in_use(from).size()),
            row("users", users_in_use(from).size()),
            row("peers", 0),
            row("pools", from.pools.size()),
            row("peer_pools", 0),
            row("free_clients", 0),
            row("used_clients", logged_in),
            row("login_clients", login),
            row("free_servers", idle),
            row("used_servers", used),
            row("dns_names", 0),
            row("dns_zones", 0),
            row("dns_queries", 0),
            row("dns_pending", 0)};
}

std::vector<admin_row> rows_of(show_topic topic, const show_input& from) {
    switch (topic) {
    case show_topic::pools:
        return pool_rows(from);
    case show_topic::clients:
        return client_rows(from);
    case show_topic::servers:
        return server_rows(from);
    case show_topic::nodes:
        return node_rows(from);
    case show_topic::config:
        return config_rows(from.values);
    case show_topic::databases:
        return database_rows(from);
    case show_topic::users:
        return user_rows(from);
    case show_topic::stats:
        return stats_rows(from);
    case show_topic::lists:
        return list_rows(from);
    case show_topic::version:
        return {{std::string{from.version}}};
    case show_topic::state:
        return state_rows(from);
    case show_topic::help:
    case show_topic::parameter:
        break;
    }
    return {};
}

} // namespace pgweir
