#include "proxy/session/replication.hpp"

#include "protocol/error_response.hpp"
#include "protocol/session_parameters.hpp"
#include "protocol/simple_query.hpp"
#include "proxy/log.hpp"
#include "proxy/net/message_stream.hpp"
#include "proxy/net/socket_options.hpp"
#include "proxy/pool/opener.hpp"
#include "proxy/session/auth_directory.hpp"
#include "proxy/session/backend_login.hpp"
#include "proxy/session/cancel.hpp"
#include "proxy/worker.hpp"

#include <poll.h>
#include <spdlog/spdlog.h>

namespace pgweir {

namespace {

constexpr std::chrono::milliseconds look_for_room{50};

/// A server connection that is not open yet counts from the moment when it may be opened.
class permit {
public:
    explicit permit(connection_budget& budget) : budget_{budget} {}
    ~permit() {
        if (slot_ != nullptr) budget_.closed(*slot_);
    }
    permit(const permit&) = delete;
    permit& operator=(const permit&) = delete;
    [[nodiscard]] bool try_take(connection_budget::pool_slot& from) {
        if (!budget_.try_open(from)) return false;
        slot_ = &from;
        return true;
    }
    [[nodiscard]] connection_budget::pool_slot* release() { return std::exchange(slot_, nullptr); }

private:
    connection_budget& budget_;
    connection_budget::pool_slot* slot_ = nullptr;
};

/// Seen without reading.
bool has_gone(stream& io) {
    if (!io.is_open()) return true;
    pollfd look{io.socket().native_handle(), POLLRDHUP, 0};
    return ::poll(&look, 1, 0) > 0 && (look.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

lease_refusal refusal(std::string_view sqlstate, std::string message) {
    return {std::string{sqlstate}, std::move(message), {}};
}

/// Replication has pools of its own, named so, since such connections stay for as long as their
/// clients do.
pool_key key_of(std::uint16_t node, const replication_client& client) {
    const bool logical = client.mode == replication_mode::logical;
    return {node, (logical ? client.who.database + " " : std::string{}) + "(replication)",
            client.who.user};
}

struct opening {
    worker& owner;
    const replication_client& client;
    replication_server& made;
    node_view node;
    lease_refusal why; // when it failed
};

task<bool> wait_for_primary(opening& o) {
    const auto deadline = worker::clock::now() + o.owner.settings().failover_timeout;
    while (!o.owner.view().primary) {
        if (worker::clock::now() >= deadline || has_gone(*o.client.io)) {
            o.why = refusal(protocol::sqlstate::cannot_connect_now,
                            "pgweir: there is no primary: " + o.owner.view().no_primary_because);
            co_return false;
        }
        co_await o.owner.next_view();
    }
    o.node = o.owner.view().nodes[*o.owner.view().primary];
    co_return true;
}

task<bool> wait_for_room(opening& o, permit& taken) {
    const auto policy = o.owner.policy_of(o.client.who.database, o.client.who.user);
    o.made.key = key_of(o.node.id, o.client);
    auto& slot = o.owner.budget().slot(o.made.key, policy->pool_size);
    const auto limit = policy->queue_timeout;
    const auto deadline =
        limit.count() == 0 ? worker::clock::time_point::max() : worker::clock::now() + limit;
    steady_timer again{o.owner.executor()};
    while (!taken.try_take(slot)) {
        if (worker::clock::now() >= deadline || has_gone(*o.client.io)) {
            o.owner.counters().queue_refusals[queue_refusal::queue_timeout].add();
            o.why =
                refusal(protocol::sqlstate::too_many_connections,
                        "pgweir: no replication connection to " + o.node.name +
                            " became free within queue_timeout (pool_size " +
                            std::to_string(policy->pool_size) + " or the node's limit is reached)");
            co_return false;
        }
        again.expires_after(look_for_room);
        co_await again.async_wait(nothrow);
    }
    co_return true;
}

backend_login_settings login_settings(const opening& o) {
    backend_login_settings s;
    s.user = o.client.who.user;
    s.database = o.client.who.database;
    s.parameters = {{"replication", o.client.who.replication}};
    s.parameters.insert(s.parameters.end(), o.client.who.parameters.begin(),
                        o.client.who.parameters.end());
    s.credentials = o.owner.shared().secrets->credentials(s.user);
    s.scram_nonce = protocol::make_scram_nonce();
    s.may_send_cleartext = o.made.io->is_tls() && o.owner.settings().server_cleartext_passwords;
    s.host_is_loopback = is_loopback(o.node.address);
    return s;
}

task<bool> log_in(opening& o) {
    message_stream in{o.made.io, backend_login::max_message_body + 5};
    backend_login login{login_settings(o)};
    std::string out;
    login.start(out);
    for (;;) {
        const auto write_ec = co_await write_all(*o.made.io, out);
        out.clear();
        message_stream::message m;
        const auto ec = write_ec ? write_ec : co_await in.next(m);
        if (ec) {
            o.why =
                refusal(protocol::sqlstate::connection_failure,
                        "pgweir: the server closed the connection during login: " + ec.message());
            co_return false;
        }
        const auto next = login.on_message(m.type, m.body, out);
        if (next == backend_login::action::done) break;
        if (next == backend_login::action::failed) {
            o.why = refusal(login.sqlstate().empty() ? protocol::sqlstate::connection_failure
                                                     : std::string_view{login.sqlstate()},
                            "pgweir: " + login.failure_text());
            if (login.error_message().size() > 5)
                o.why.server_error = login.error_message().substr(5);
            co_return false;
        }
    }
    for (const auto& [name, value] : login.parameters())
        encode(protocol::parameter_status{name, value}, o.made.welcome);
    o.made.welcome += login.notices();
    o.made.process_id = login.process_id();
    o.made.secret_key = login.secret_key();
    o.made.early = in.take_rest();
    co_return true;
}

task<bool> open_server(opening& o) {
    stream_socket socket{o.owner.executor()};
    o.made.io = std::make_shared<stream>(std::move(socket));
    o.why =
        refusal(protocol::sqlstate::connection_failure, "pgweir: cannot connect to " + o.node.name);
    steady_timer deadline{o.owner.executor()};
    deadline.expires_after(o.owner.settings().connect_timeout);
    deadline.async_wait([io = o.made.io](const error_code& ec) {
        if (!ec) io->close();
    });
    const auto ec = co_await connect_to_node(o.node, o.made.io->socket());
    if (ec) co_return false;
    set_socket_options(o.made.io->socket().native_handle(), o.owner.settings());
    const bool secured = co_await secure(o.owner, o.node, *o.made.io);
    if (!secured) co_return false;
    const bool logged_in = co_await log_in(o);
    deadline.cancel();
    co_return logged_in&& o.made.io->is_open();
}

} // namespace

task<std::optional<lease_refusal>>
start_replication(worker& owner, replication_client client, std::string early) {
    replication_server server;
    opening o{owner, client, server, {}, {}};
    permit taken{owner.budget()};
    bool ok = co_await wait_for_primary(o);
    if (ok) ok = co_await wait_for_room(o, taken);
    if (ok) {
        ok = co_await open_server(o);
        auto& counted = owner.counters().node(o.node.id);
        (ok ? counted.connects : counted.connect_failures).add();
        if (!ok) server.io->close();
    }
    if (!ok) co_return std::move(o.why);
    server.permit = taken.release();
    owner.start_replication_session(std::move(client), std::move(server), early);
    co_return std::nullopt;
}

replication_session::replication_session(worker& owner,
                                         replication_client client,
                                         replication_server server)
    : owner_{owner}, client_{std::move(client)}, server_{std::move(server)} {
    from_client_.to = server_.io.get();
    from_server_.to = client_.io.get();
    from_server_.is_server = true;
    owner_.counters().clients[client_state::replication].add();
    owner_.counters().node(server_.key.node).connections[server_state::pinned].add();
}

replication_session::~replication_session() {
    client_.io->set_listener(nullptr);
    server_.io->set_listener(nullptr);
    owner_.counters().clients[client_state::replication].subtract();
    owner_.counters().node(server_.key.node).connections[server_state::pinned].subtract();
    owner_.budget().closed(*server_.permit);
}

void replication_session::begin(cancel_registry::identity identity, const std::string& early) {
    const auto self = shared_from_this();
    identity_ = std::move(identity);
    // Output to one side that has been written lets the other side be read again.
    client_.io->set_listener(&from_client_);
    server_.io->set_listener(&from_server_);
    auto& out = client_.io->out();
    out += server_.welcome;
    encode(protocol::backend_key_data{identity_.process_id, identity_.secret_key}, out);
    encode(protocol::ready_for_query{protocol::transaction_status::idle}, out);
    client_.io->flush();
    server_.welcome.clear();
    if (!early.empty()) server_.io->send(early);
    if (!server_.early.empty()) from_server_.on_bytes(server_.early);
    const std::shared_ptr<stream::reader> client_reader{self, &from_client_};
    const std::shared_ptr<stream::reader> server_reader{self, &from_server_};
    server_.io->start_reading(server_reader, owner_.scratch());
    client_.io->start_reading(client_reader, owner_.scratch());
}

void replication_session::side::on_bytes(std::string_view chunk) {
    if (of.closed_) return;
    auto& counted = of.owner_.counters();
    auto& node = counted.node(of.server_.key.node);
    if (is_server) {
        of.told_.pass(chunk);
        of.owner_.signals().note_bytes(of.server_.key.node);
        node.bytes_received.add(chunk.size());
        counted.bytes_sent.add(chunk.size());
    } else {
        counted.bytes_received.add(chunk.size());
        node.bytes_sent.add(chunk.size());
    }
    to->send(chunk);
}

void replication_session::fatal(std::string_view sqlstate, std::string_view message) {
    if (closed_) return;
    if (told_.is_here()) {
        encode(protocol::make_error(protocol::error_severity::fatal, sqlstate, message),
               client_.io->out());
        owner_.counters().errors_from_proxy.add(sqlstate);
    }
    finish(message);
}

void replication_session::cancel(cancel_token asked) {
    cancel_address victim{server_.key.node, server_.io->is_tls(), server_.process_id,
                          server_.secret_key};
    owner_.counters().cancels[cancel_result::forwarded].add();
    send_cancel(owner_, std::move(victim), std::move(asked));
}

void replication_session::look_for_end() {
    client_.io->look_for_end();
    if (!closed_) server_.io->look_for_end();
}

/// Both sides end together; what has come from one still goes to the other.
void replication_session::finish(std::string_view why) {
    if (std::exchange(closed_, true)) return;
    const auto self = shared_from_this();
    if (owner_.settings().log_disconnections)
        spdlog::info("replication client disconnected peer={} user={}: {}", client_.peer,
                     log::quoted(client_.who.user), why);
    client_.io->close_after_output();
    server_.io->close_after_output();
    owner_.forget(self);
}

} // namespace pgweir
