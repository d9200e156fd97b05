#include "proxy/session/auth_query.hpp"

#include "protocol/error_response.hpp"
#include "protocol/extended_query.hpp"
#include "protocol/rows.hpp"
#include "protocol/simple_query.hpp"
#include "proxy/net/message_stream.hpp"
#include "proxy/pool/opener.hpp"
#include "proxy/worker.hpp"

namespace pgweir {

namespace {

constexpr std::size_t largest_answer = 1024UL * 1024;

std::string question(const std::string& query, const std::string& user) {
    std::string out;
    encode(protocol::parse_names{{}, query, std::string_view{"\0\0", 2}}, out);
    protocol::bind bind;
    bind.parameters.emplace_back(user);
    encode(bind, out);
    encode(protocol::execute{}, out);
    encode(protocol::sync{}, out);
    return out;
}

void take_row(std::string_view body, const std::string& user, auth_answer& answer) {
    const auto row = protocol::decode_data_row(body);
    if (!row || row->values.size() < 2 || !row->values[0] || *row->values[0] != user) return;
    auto secret = stored_secret::parse(row->values[1].value_or(""));
    answer.secret = secret ? *secret : stored_secret{};
}

/// Reads to ReadyForQuery. An ErrorResponse is noted in `why`.
task<bool> read_answer(message_stream& in, const std::string& user, auth_answer& answer) {
    for (;;) {
        message_stream::message m;
        const auto ec = co_await in.next(m);
        if (ec) {
            answer.why = ec.message();
            co_return false;
        }
        if (m.type == 'D') take_row(m.body, user, answer);
        if (m.type == 'E')
            answer.why =
                protocol::find_error_field(m.body, 'M').value_or("error without a message");
        if (m.type == 'Z') co_return answer.why.empty();
    }
}

} // namespace

task<auth_answer> ask_for_secret(worker& owner, std::string user) {
    auth_answer answer;
    const auto& s = owner.settings();
    const auto primary = owner.view().primary;
    auto node = primary;
    for (const auto& n : owner.view().nodes)
        if (!node && n.health == node_health::up) node = n.id;
    if (!node) {
        answer.why = "no server is reachable";
        co_return answer;
    }
    const pool_key key{*node, s.auth_database, s.auth_user};
    auto& slot = owner.pool_for(key.node, key.database, key.user).slot();
    if (!owner.budget().try_open(slot, std::nullopt)) {
        answer.why = "all server connections are in use";
        co_return answer;
    }
    raw_connection made;
    std::string name = "pgweir auth_query";
    const bool opened = co_await open_raw(owner, key, made, std::move(name));
    if (opened) {
        message_stream in{made.io, largest_answer};
        std::string out;
        encode(protocol::query{"SET search_path = pg_catalog"}, out);
        auto ec = co_await write_all(*made.io, out);
        bool ok = false;
        if (!ec) ok = co_await read_answer(in, user, answer);
        if (ok) {
            ec = co_await write_all(*made.io, question(s.auth_query, user));
            if (!ec) ok = co_await read_answer(in, user, answer);
            answer.asked = !ec && ok;
        }
        out.clear();
        encode(protocol::terminate{}, out);
        made.io->send(out);
        made.io->close_after_output();
    } else {
        answer.why = made.failure.message;
    }
    owner.budget().closed(slot);
    if (answer.asked)
        owner.shared().secrets->remember(user, answer.secret,
                                         worker::clock::now() + s.auth_cache_ttl);
    co_return answer;
}

} // namespace pgweir
