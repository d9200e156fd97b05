// The rows of POOLS, CLIENTS, SERVERS and NODES.
#include "proxy/admin/admin_tables.hpp"
#include "proxy/config/values.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <map>

namespace pgweir {

namespace {

using std::chrono::microseconds;

std::string text_of(std::integral auto value) {
    return std::to_string(value);
}

std::string name_of(const cluster_view& view, std::uint16_t node) {
    return node < view.nodes.size() && !view.nodes[node].is_vacant ? view.nodes[node].name
                                                                   : "node " + std::to_string(node);
}

void append_wait(admin_row& row, microseconds waited) {
    row.emplace_back(text_of(waited.count() / 1'000'000));
    row.emplace_back(text_of(waited.count() % 1'000'000));
}

void append_address(admin_row& row, std::string_view text) {
    auto parts = split_address(text);
    row.emplace_back(std::move(parts.address));
    row.emplace_back(text_of(parts.port));
}

/// A pool over all workers.
struct pool_sum {
    std::uint32_t cl_active = 0;
    std::uint32_t cl_waiting = 0;
    std::uint32_t sv_active = 0;
    std::uint32_t sv_active_cancel = 0;
    std::uint32_t sv_being_canceled = 0;
    std::uint32_t sv_idle = 0;
    std::uint32_t sv_login = 0;
    microseconds longest{0};
};
using pool_sums = std::map<pool_key, pool_sum>;

void add_servers(pool_sums& sums, const worker_snapshot& of) {
    for (const auto& p : of.pools) {
        auto& sum = sums[p.key];
        sum.sv_login += p.opening;
        sum.cl_waiting += p.waiting;
        sum.longest = std::max(sum.longest, p.longest_wait);
    }
    for (const auto& s : of.servers) {
        auto& sum = sums[s.pool];
        if (s.cancel_under_way)
            ++(s.client_id != 0 ? sum.sv_active_cancel : sum.sv_being_canceled);
        else
            ++(s.is_idle ? sum.sv_idle : sum.sv_active);
    }
}

/// Clients that hold nothing belong to no node: they are counted where they would write.
void add_clients(pool_sums& sums, const worker_snapshot& of, std::uint16_t home) {
    for (const auto& c : of.clients) {
        auto& sum = sums[pool_key{c.node.value_or(home), c.database, c.user}];
        if (c.state != client_state::waiting)
            ++sum.cl_active;
        else if (!c.in_queue)
            ++sum.cl_waiting;
    }
}

/// What CLIENTS and SERVERS have in common, in the order of their columns.
struct socket_text {
    std::string type;
    std::string user;
    std::string database;
    std::string_view replication;
    std::string state;
    std::string remote;
    std::string local;
    std::chrono::system_clock::time_point connected;
    std::chrono::system_clock::time_point active;
    microseconds waited{0};
    bool close_needed = false;
    std::string ptr;
    std::string link;
    std::int32_t remote_pid = 0;
    std::string tls;
    std::string application_name;
    std::size_t statements = 0;
    std::int32_t id = 0;
    std::string last;
};

admin_row row_of(socket_text&& s) {
    admin_row row;
    row.emplace_back(std::move(s.type));
    row.emplace_back(std::move(s.user));
    row.emplace_back(std::move(s.database));
    row.emplace_back(s.replication);
    row.emplace_back(std::move(s.state));
    append_address(row, s.remote);
    append_address(row, s.local);
    row.emplace_back(format_time(s.connected));
    row.emplace_back(format_time(s.active));
    append_wait(row, s.waited);
    row.emplace_back(s.close_needed ? "1" : "0");
    row.emplace_back(std::move(s.ptr));
    row.emplace_back(std::move(s.link));
    row.emplace_back(text_of(s.remote_pid));
    row.emplace_back(std::move(s.tls));
    row.emplace_back(std::move(s.application_name));
    row.emplace_back(text_of(s.statements));
    row.emplace_back(text_of(s.id));
    row.emplace_back(std::move(s.last));
    return row;
}

std::string client_ptr(std::int32_t id) {
    return id == 0 ? "" : "c" + std::to_string(id);
}
/// PgBouncer's ids are four bytes wide: the worker in the upper bits, its own count below.
std::int32_t short_id(std::uint64_t id) {
    return static_cast<std::int32_t>((id >> 48U & 0x3fU) << 25U | (id & 0x1ffffffU));
}
std::string server_ptr(std::uint64_t id) {
    return id == 0 ? "" : "s" + std::to_string(short_id(id));
}

std::string_view word_of(client_state state) {
    constexpr std::array<std::string_view, 6> words{"login",   "idle",   "active",
                                                    "waiting", "active", "active"};
    return words[static_cast<std::size_t>(state)];
}

std::string_view word_of(node_role role) {
    constexpr std::array<std::string_view, 3> words{"unknown", "primary", "standby"};
    return words[static_cast<std::size_t>(role)];
}

std::string_view word_of(node_health health) {
    constexpr std::array<std::string_view, 4> words{"unknown", "up", "busy", "down"};
    return words[static_cast<std::size_t>(health)];
}

std::string weight_of(const node_view& node) {
    auto text = std::to_string(node.weight);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
    return text;
}

admin_row row_of(const node_view& node, std::uint32_t connections, std::uint32_t left_out) {
    const auto replay = node.sample.replay ? node.sample.replay : node.sample.flush;
    admin_row row;
    row.emplace_back(text_of(node.id));
    row.emplace_back(node.name);
    row.emplace_back(node.host);
    row.emplace_back(text_of(node.port));
    row.emplace_back(word_of(node.role));
    row.emplace_back(word_of(node.health));
    row.emplace_back(status_of(node));
    row.emplace_back(weight_of(node));
    row.emplace_back(node.readable ? "t" : "f");
    row.emplace_back(node.not_readable_because);
    row.push_back(node.lag_bytes ? std::optional{text_of(*node.lag_bytes)} : std::nullopt);
    const auto timeline = node.sample.timeline.value;
    row.push_back(timeline != 0 ? std::optional{text_of(timeline)} : std::nullopt);
    row.push_back(replay ? std::optional{to_string(*replay)} : std::nullopt);
    row.emplace_back(node.replication_state);
    row.emplace_back(node.replication_sync_state);
    row.emplace_back(text_of(connections));
    row.emplace_back(node.address);
    row.emplace_back(node.zone);
    row.emplace_back(text_of(left_out));
    return row;
}

} // namespace

address_parts split_address(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return {std::string{text}, 0};
    auto address = text.substr(0, colon);
    if (address.starts_with('[') && address.ends_with(']'))
        address = address.substr(1, address.size() - 2);
    return {std::string{address}, client_id_of(text.substr(colon + 1))};
}

std::string format_time(std::chrono::system_clock::time_point when) {
    const auto seconds = std::chrono::system_clock::to_time_t(when);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 32> text{};
    const auto size = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts);
    return {text.data(), size};
}

std::string_view status_of(const node_view& node) noexcept {
    if (node.order == node_order::detached) return "detached";
    if (node.order == node_order::draining) return "draining";
    return word_of(node.health);
}

std::vector<admin_row> pool_rows(const show_input& from) {
    const auto home = from.view.primary.value_or(0);
    pool_sums sums;
    for (const auto& w : from.workers) {
        add_servers(sums, w);
        add_clients(sums, w, home);
    }
    std::vector<admin_row> rows;
    for (const auto& [key, sum] : sums) {
        admin_row row{key.database, key.user};
        for (const auto count :
             {sum.cl_active, sum.cl_waiting, 0U, 0U, sum.sv_active, sum.sv_active_cancel,
              sum.sv_being_canceled, sum.sv_idle, 0U, 0U, sum.sv_login})
            row.emplace_back(text_of(count));
        append_wait(row, sum.longest);
        row.emplace_back(format_value(policy_for(from.values, key.database, key.user).pool_mode));
        row.emplace_back("");
        row.emplace_back(name_of(from.view, key.node));
        rows.push_back(std::move(row));
    }
    return rows;
}

std::vector<admin_row> client_rows(const show_input& from) {
    std::vector<admin_row> rows;
    for (const auto& w : from.workers)
        for (const auto& c : w.clients)
            rows.push_back(
                row_of({"C", c.user, c.database, c.replication, std::string{word_of(c.state)},
                        c.peer, c.local, c.connected, c.active, c.waited, false, client_ptr(c.id),
                        server_ptr(c.server_id), c.server_process_id, c.tls, c.application_name,
                        c.statements, c.id, c.pins}));
    return rows;
}

std::vector<admin_row> server_rows(const show_input& from) {
    std::vector<admin_row> rows;
    for (const auto& w : from.workers) {
        for (const auto& s : w.servers) {
            const auto node = name_of(from.view, s.pool.node);
            rows.push_back(row_of({"S", s.pool.user, s.pool.database, s.replication,
                                   s.is_idle ? "idle" : "active", node, s.local, s.connected,
                                   s.active, microseconds{0}, s.is_condemned, server_ptr(s.id),
                                   client_ptr(s.client_id), s.process_id, s.tls, s.application_name,
                                   s.statements, short_id(s.id), node}));
        }
    }
    return rows;
}

std::vector<admin_row> node_rows(const show_input& from) {
    std::map<std::uint16_t, std::uint32_t> connections;
    for (const auto& p : from.pools)
        connections[p.key.node] += p.open;
    std::vector<admin_row> rows;
    for (const auto& node : from.view.nodes)
        if (!node.is_vacant)
            rows.push_back(row_of(node, connections[node.id],
                                  node.id < max_counted_nodes ? from.stats.left_out[node.id] : 0));
    return rows;
}

} // namespace pgweir
