#include "proxy/session/auth_query.hpp"

#include "protocol/error_response.hpp"
#include "protocol/extended_query.hpp"
#include "protocol/rows.hpp"
#include "protocol/simple_query.hpp"
#include "proxy/net/message_stream.hpp"
#include "proxy/pool/opener.hpp"
#include "proxy/session/auth_rows.hpp"
#include "proxy/session/console_service.hpp"
#include "proxy/worker.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace pgweir {

struct auth_questions::question {
    auth_answer answer;
    std::vector<std::shared_ptr<wake_signal>> listeners;
};

std::shared_ptr<auth_questions::question> auth_questions::find(const key_type& key) const {
    const auto found = open_.find(key);
    return found == open_.end() ? nullptr : found->second;
}

void auth_questions::add(key_type key, std::shared_ptr<question> asked) {
    open_.emplace(std::move(key), std::move(asked));
}

namespace {

using clock = worker::clock;

constexpr std::size_t largest_answer = 1024UL * 1024;
constexpr std::chrono::milliseconds look_for_room{20};
constexpr std::chrono::milliseconds pause_after_failure{200};

/// One lookup: where, whom, until when.
struct lookup {
    lookup(worker& w, std::string u, std::string d)
        : owner{w}, user{std::move(u)}, database{std::move(d)} {}
    worker& owner;
    std::string user;
    std::string database;
    auth_answer answer;
    role_validity validity;
    bool is_final = false; // asking again would change nothing
};

std::string query_message(std::string_view query, const std::string& user) {
    std::string out;
    encode(protocol::parse_names{{}, query, std::string_view{"\0\0", 2}}, out);
    protocol::bind bind;
    bind.parameters.emplace_back(user);
    encode(bind, out);
    encode(protocol::execute{}, out);
    encode(protocol::sync{}, out);
    return out;
}

/// Reads to ReadyForQuery; each row goes to `take`. An ErrorResponse is noted.
template <class Take> task<bool> read_answer(message_stream& in, lookup& l, Take take) {
    for (;;) {
        message_stream::message m;
        const auto ec = co_await in.next(m);
        if (ec) {
            l.answer.why = ec.message();
            co_return false;
        }
        if (m.type == 'D') take(l, m.body);
        if (m.type == 'E') {
            l.is_final = true;
            l.answer.why =
                protocol::find_error_field(m.body, 'M').value_or("error without a message");
        }
        if (m.type == 'Z') co_return !l.is_final;
    }
}

void take_nothing(lookup&, std::string_view) {}
void take_secret(lookup& l, std::string_view body) {
    if (auto secret = secret_in_row(body, l.user)) l.answer.secret = std::move(secret);
}
void take_validity(lookup& l, std::string_view body) {
    l.validity = validity_in_row(body);
}

/// Puts the questions on a connection that nobody else ever uses.
task<> converse(lookup& l, raw_connection& made) {
    message_stream in{made.io, largest_answer};
    std::string out;
    encode(protocol::query{"SET search_path = pg_catalog"}, out);
    out += query_message(role_validity_query, l.user);
    out += query_message(l.owner.settings().auth_query, l.user);
    const auto ec = co_await write_all(*made.io, out);
    bool ok = !ec;
    if (ec) l.answer.why = ec.message();
    if (ok) ok = co_await read_answer(in, l, take_nothing);
    if (ok) ok = co_await read_answer(in, l, take_validity);
    if (ok) ok = co_await read_answer(in, l, take_secret);
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
    const auto& s = l.owner.settings();
    auto database = s.auth_database;
    if (database.empty()) {
        const bool virtual_one = l.owner.shared().console->is_admin_database(l.database);
        database = virtual_one ? s.monitor_database : l.database;
    }
    const pool_key key{node, std::move(database), s.auth_user};
    auto& slot = l.owner.pool_for(key.node, key.database, key.user).slot();
    if (!l.owner.budget().try_open(slot, std::nullopt)) {
        l.answer.why = "all server connections are in use";
        co_return false;
    }
    raw_connection made;
    std::string name = "pgweir auth_query";
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

task<> look_up(lookup& l) {
    const auto& s = l.owner.settings();
    const auto begun = l.owner.patient(clock::now());
    const auto for_server = begun + at_most(s.failover_timeout, s.client_login_timeout);
    const auto for_room = begun + at_most(s.queue_timeout, s.client_login_timeout);
    while (!l.answer.asked && !l.is_final) {
        const auto now = l.owner.patient(clock::now());
        const auto node = choose_node(l.owner);
        if (!node) {
            l.answer.why = "no server is available: " + l.owner.view().no_primary_because;
            if (now >= for_server) co_return;
            co_await l.owner.next_view();
            continue;
        }
        const bool begun_to_ask = co_await try_once(l, *node);
        if (l.answer.asked || l.is_final) break;
        if (now >= (begun_to_ask ? for_server : for_room)) co_return;
        co_await pause(l.owner, begun_to_ask ? pause_after_failure : look_for_room);
    }
    if (!l.answer.asked) co_return;
    if (!l.validity.may_log_in) l.answer.secret.reset();
    auto kept = std::chrono::duration_cast<std::chrono::milliseconds>(s.auth_cache_ttl);
    if (l.validity.remaining) kept = std::min(kept, *l.validity.remaining);
    l.owner.shared().secrets->remember(l.user, l.answer.secret, clock::now() + kept,
                                       s.auth_database.empty() ? l.database : std::string{});
}

} // namespace

task<auth_answer> ask_for_secret(worker& owner, std::string user, std::string database) {
    auto& open = owner.auth_questions();
    const auth_questions::key_type key{user, database};
    if (const auto same = open.find(key)) {
        const auto mine = std::make_shared<wake_signal>(owner.executor());
        same->listeners.push_back(mine);
        co_await mine->wait();
        co_return same->answer;
    }
    const auto asked = std::make_shared<auth_questions::question>();
    open.add(key, asked);
    lookup l{owner, std::move(user), std::move(database)};
    co_await look_up(l);
    owner.counters().auth_queries.add();
    if (!l.answer.asked) owner.counters().auth_query_failures.add();
    asked->answer = std::move(l.answer);
    open.remove(key);
    for (const auto& listener : asked->listeners)
        listener->wake();
    co_return asked->answer;
}

} // namespace pgweir
