#include "proxy/session/isolated_query.hpp"

#include "protocol/error_response.hpp"
#include "protocol/extended_query.hpp"
#include "protocol/simple_query.hpp"
#include "proxy/net/message_stream.hpp"
#include "proxy/pool/opener.hpp"
#include "proxy/session/console_service.hpp"
#include "proxy/worker.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace pgweir {

namespace {

using clock = worker::clock;

constexpr std::size_t largest_answer = 1024UL * 1024;
constexpr std::chrono::milliseconds look_for_room{20};
constexpr std::chrono::milliseconds pause_after_failure{200};

/// Where, about whom, what.
struct lookup {
    lookup(worker& w, std::string u, std::string d, std::string n, std::vector<isolated_query> q)
        : owner{w}, user{std::move(u)}, database{std::move(d)}, name{std::move(n)},
          queries{std::move(q)} {}
    worker& owner;
    std::string user;
    std::string database;
    std::string name;
    std::vector<isolated_query> queries;
    isolated_answer answer;
    bool is_final = false; // asking again would change nothing
};

void ask(std::string_view query, const std::string& user, std::string& out) {
    encode(protocol::parse_names{{}, query, std::string_view{"\0\0", 2}}, out);
    protocol::bind bind;
    bind.parameters.emplace_back(user);
    encode(bind, out);
    encode(protocol::execute{}, out);
    encode(protocol::sync{}, out);
}

/// Reads to ReadyForQuery; each row goes to `query` (null: nowhere). An ErrorResponse is noted.
task<bool> read_answer(message_stream& in, lookup& l, const isolated_query* query) {
    for (;;) {
        message_stream::message m;
        const auto ec = co_await in.next(m);
        if (ec) {
            l.answer.why = ec.message();
            co_return false;
        }
        if (m.type == 'D' && query != nullptr) query->take(m.body);
        if (m.type == 'E') {
            l.is_final = true;
            l.answer.why =
                protocol::find_error_field(m.body, 'M').value_or("error without a message");
        }
        if (m.type == 'Z') co_return !l.is_final;
    }
}

task<> converse(lookup& l, raw_connection& made) {
    message_stream in{made.io, largest_answer};
    std::string out;
    encode(protocol::query{"SET search_path = pg_catalog"}, out);
    for (const auto& query : l.queries)
        ask(query.text, l.user, out);
    const auto ec = co_await write_all(*made.io, out);
    bool ok = !ec;
    if (ec) l.answer.why = ec.message();
    if (ok) ok = co_await read_answer(in, l, nullptr);
    for (std::size_t i = 0; ok && i < l.queries.size(); ++i)
        ok = co_await read_answer(in, l, &l.queries[i]);
    l.answer.asked = ok;
    out.clear();
    encode(protocol::terminate{}, out);
    made.io->send(out);
    made.io->close_after_output();
}

/// The primary, else any server that answers.
std::optional<std::uint16_t> choose_node(const worker& owner) {
    auto node = owner.view().primary;
    for (const auto& n : owner.view().nodes)
        if (!node && n.health == node_health::up) node = n.id;
    return node;
}

task<> pause(worker& owner, std::chrono::milliseconds time) {
    steady_timer timer{owner.executor()};
    timer.expires_after(time);
    co_await timer.async_wait(nothrow);
}

/// One try. False: not even begun, for want of a place.
task<bool> try_once(lookup& l, std::uint16_t node) {
    const auto live = l.owner.live();
    const auto& s = live->values;
    auto database = s.auth_database;
    if (database.empty()) {
        const bool is_virtual = l.owner.shared().console->is_admin_database(l.database);
        database = is_virtual ? s.monitor_database : l.database;
    }
    const pool_key key{node, std::move(database), s.auth_user};
    auto& slot = l.owner.pool_for(key.node, key.database, key.user).slot();
    if (!l.owner.budget().try_open(slot, std::nullopt)) {
        l.answer.why = "all server connections are in use";
        co_return false;
    }
    raw_connection made;
    auto name = l.name;
    const bool opened = co_await open_raw(l.owner, key, made, std::move(name));
    if (opened) {
        co_await converse(l, made);
    } else {
        l.answer.why = made.failure.message;
        l.is_final = made.failure.is_final();
    }
    l.owner.budget().closed(slot);
    co_return true;
}

clock::duration at_most(std::chrono::milliseconds limit, std::chrono::milliseconds other) {
    if (limit.count() == 0) return other;
    return other.count() == 0 ? limit : std::min(limit, other);
}

} // namespace

task<isolated_answer> ask_isolated(worker& owner,
                                   std::string user,
                                   std::string database,
                                   std::string name,
                                   std::vector<isolated_query> queries) {
    lookup l{owner, std::move(user), std::move(database), std::move(name), std::move(queries)};
    const auto live = owner.live(); // a reload may replace it meanwhile
    const auto& s = live->values;
    const auto begun = owner.patient(clock::now());
    const auto for_server = begun + at_most(s.failover_timeout, s.client_login_timeout);
    const auto for_room = begun + at_most(s.queue_timeout, s.client_login_timeout);
    while (!l.answer.asked && !l.is_final) {
        const auto now = owner.patient(clock::now());
        const auto node = choose_node(owner);
        if (!node) {
            l.answer.why = "no server is available: " + owner.view().no_primary_because;
            if (now >= for_server) break;
            co_await owner.next_view();
            continue;
        }
        const bool begun_to_ask = co_await try_once(l, *node);
        if (l.answer.asked || l.is_final) break;
        if (now >= (begun_to_ask ? for_server : for_room)) break;
        co_await pause(owner, begun_to_ask ? pause_after_failure : look_for_room);
    }
    co_return std::move(l.answer);
}

} // namespace pgweir
