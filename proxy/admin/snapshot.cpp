#include "proxy/admin/snapshot.hpp"

#include "proxy/net/stream.hpp"
#include "proxy/session/replication.hpp"
#include "proxy/session/session.hpp"
#include "proxy/worker.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <openssl/ssl.h>

#include <cstring>

namespace pgweir {

namespace {

using std::chrono::microseconds;
using std::chrono::steady_clock;
using std::chrono::system_clock;

/// Steady times as times of the day.
class wall_clock {
public:
    [[nodiscard]] system_clock::time_point at(steady_clock::time_point when) const {
        return wall_ - std::chrono::duration_cast<system_clock::duration>(steady_ - when);
    }
    [[nodiscard]] microseconds since(steady_clock::time_point when) const {
        return std::chrono::duration_cast<microseconds>(steady_ - when);
    }
    [[nodiscard]] steady_clock::time_point now() const { return steady_; }

private:
    steady_clock::time_point steady_ = steady_clock::now();
    system_clock::time_point wall_ = system_clock::now();
};

std::string local_address(stream& io) {
    error_code ec;
    const auto at = io.socket().local_endpoint(ec);
    if (ec) return {};
    asio::ip::tcp::endpoint tcp;
    if (at.data()->sa_family == AF_UNIX || at.size() > tcp.capacity()) return "unix";
    std::memcpy(tcp.data(), at.data(), at.size());
    tcp.resize(at.size());
    const auto text = tcp.address().to_string();
    const auto port = ":" + std::to_string(tcp.port());
    return tcp.address().is_v6() ? "[" + text + "]" + port : text + port;
}

std::string tls_of(stream& io) {
    auto* const tls = io.tls();
    if (tls == nullptr) return {};
    return std::string{SSL_get_version(tls->native_handle())} + "/" +
           SSL_get_cipher_name(tls->native_handle());
}

/// Apart from those of pooled connections, which count from 1.
std::uint64_t replication_server_id(std::int32_t process_id) {
    return 0x1000000U | (static_cast<std::uint32_t>(process_id) & 0xffffffU);
}

std::string pins_of(const session& s) {
    std::string text;
    s.pins().each([&](pin_reason why) {
        if (!text.empty()) text += ',';
        text += label(why);
    });
    return text;
}

client_row row_of(session& s, const wall_clock& clock) {
    client_row row;
    row.id = s.process_id();
    row.user = s.user();
    row.database = s.database();
    row.application_name = s.application_name();
    row.peer = s.peer();
    row.local = local_address(s.io());
    row.tls = tls_of(s.io());
    row.pins = pins_of(s);
    row.state = s.state();
    row.in_queue = s.waits();
    row.statements = s.statements();
    row.connected = clock.at(s.connected());
    row.active = clock.at(s.active_since());
    if (row.in_queue) row.waited = clock.since(s.waits_since());
    if (const auto& lease = s.lease()) {
        row.node = lease->home().key().node;
        row.server_id = lease->id;
        row.server_process_id = lease->state.process_id;
    }
    return row;
}

server_row row_of(backend& b, const wall_clock& clock) {
    server_row row;
    row.id = b.id;
    row.pool = b.home().key();
    const auto name = b.state.reported.find("application_name");
    if (name != b.state.reported.end()) row.application_name = name->second;
    row.local = local_address(b.io());
    row.tls = tls_of(b.io());
    row.process_id = b.state.process_id;
    row.is_idle = b.user() == nullptr;
    row.cancel_under_way = b.cancels() != 0;
    row.is_condemned = b.condemned();
    row.statements = b.state.prepared.size();
    row.connected = clock.at(b.state.connected);
    row.active = clock.at(row.is_idle ? b.idle_since : clock.now());
    return row;
}

void add_rows(const replication_session& r, const wall_clock& clock, worker_snapshot& to) {
    const auto& c = r.client();
    const auto& s = r.server();
    const std::string_view kind = c.mode == replication_mode::logical ? "logical" : "physical";
    client_row client;
    client.id = r.process_id();
    client.user = c.who.user;
    client.database = c.who.database;
    client.application_name = c.who.application_name;
    client.peer = c.peer;
    client.local = local_address(*c.io);
    client.tls = tls_of(*c.io);
    client.state = client_state::replication;
    client.replication = kind;
    client.node = s.key.node;
    client.server_id = replication_server_id(r.process_id());
    client.server_process_id = s.process_id;
    client.connected = client.active = clock.at(r.connected());
    server_row server;
    server.id = client.server_id;
    server.pool = s.key;
    server.replication = kind;
    server.application_name = c.who.application_name;
    server.local = local_address(*s.io);
    server.tls = tls_of(*s.io);
    server.process_id = s.process_id;
    server.client_id = client.id;
    server.connected = server.active = client.connected;
    to.clients.push_back(std::move(client));
    to.servers.push_back(std::move(server));
}

} // namespace

worker_snapshot take_snapshot(worker& of) {
    const wall_clock clock;
    worker_snapshot made;
    std::unordered_map<std::uint64_t, std::int32_t> holders;
    for (const auto& s : of.sessions()) {
        made.clients.push_back(row_of(*s, clock));
        holders[made.clients.back().server_id] = made.clients.back().id;
    }
    for (const auto& [pid, r] : of.replications())
        add_rows(*r, clock, made);
    for (const auto& [key, p] : of.pools()) {
        const auto longest = p->longest_wait(clock.now());
        made.pools.push_back({key, p->opening(), static_cast<std::uint32_t>(p->waiting()),
                              std::chrono::duration_cast<microseconds>(longest)});
        for (const auto& b : p->all()) {
            made.servers.push_back(row_of(*b, clock));
            const auto holder = holders.find(b->id);
            if (holder != holders.end()) made.servers.back().client_id = holder->second;
        }
    }
    return made;
}

void add_counters(const worker_counters& of, stats_figures& to) {
    const auto us = [](const duration_histogram& h) {
        return std::chrono::duration_cast<microseconds>(
            std::chrono::nanoseconds{h.sum_nanoseconds()});
    };
    for (std::size_t id = 0; id < of.nodes.size(); ++id)
        to.left_out[id] += of.nodes[id].left_out.value() != 0 ? 1 : 0;
    for (const auto& node : of.nodes) {
        to.assignments += node.leases.value();
        to.transactions += node.transactions.value();
        for (std::size_t g = 0; g < node.statements.size; ++g) {
            const auto& by_reason = node.statements[static_cast<statement_group>(g)];
            for (std::size_t r = 0; r < by_reason.size; ++r)
                to.queries += by_reason[static_cast<route_reason>(r)].value();
        }
    }
    to.bytes_received += of.bytes_received.value();
    to.bytes_sent += of.bytes_sent.value();
    to.transaction_time += us(of.lease_time);
    to.wait_time += us(of.queue_wait);
    to.client_parses += of.prepares_forwarded.value() + of.prepares_avoided.value();
    to.server_parses += of.prepares_forwarded.value() + of.prepares_repeated.value();
    to.logins += of.logins[login_outcome::accepted].value();
}

} // namespace pgweir
