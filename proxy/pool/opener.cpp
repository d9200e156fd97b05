#include "proxy/pool/opener.hpp"

#include "protocol/error_response.hpp"
#include "protocol/rows.hpp"
#include "protocol/simple_query.hpp"
#include "protocol/startup.hpp"
#include "proxy/net/message_stream.hpp"
#include "proxy/net/peer_certificate.hpp"
#include "proxy/net/socket_options.hpp"
#include "proxy/pool/pool.hpp"
#include "proxy/session/backend_login.hpp"
#include "proxy/worker.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/write.hpp>
#include <openssl/ssl.h>

namespace pgweir {

namespace {

constexpr std::size_t largest_login_message = 1024UL * 1024;

constexpr std::string_view first_question =
    "SELECT pg_catalog.pg_is_in_recovery(), CASE WHEN pg_catalog.pg_is_in_recovery() THEN "
    "pg_catalog.pg_last_wal_replay_lsn()::pg_catalog.text END, "
    "pg_catalog.current_setting('default_transaction_isolation')";

struct opening : raw_connection {
    opening(worker& w, const pool_key& k, std::string name)
        : owner{w}, key{k}, application_name{std::move(name)} {}
    worker& owner;
    const pool_key& key;
    std::string application_name;
    std::uint64_t credentials = 0; // server_credentials::learned of those tried
};

struct secured {
    bool ok = false;
    std::string why;
};

task<secured> handshake(server_tls_ptr how, const node_view& node, stream& io) {
    auto& tls = io.start_tls(how->context);
    if (how->mode == tls_mode::verify_full)
        tls.set_verify_callback(asio::ssl::host_name_verification{node.host});
    error_code not_a_name;
    asio::ip::make_address(node.host, not_a_name);
    if (not_a_name) {
        // SSL_set_tlsext_host_name, whose C cast is a warning.
        auto name = node.host;
        SSL_ctrl(tls.native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                 name.data());
    }
    const auto [ec] = co_await tls.async_handshake(stream::tls_stream::client, nothrow);
    secured result;
    result.ok = !ec;
    if (ec) {
        result.why = "TLS handshake with the server failed: " + ec.message();
    } else if (how->negotiation == tls_negotiation::direct &&
               !has_agreed_on_protocol(tls.native_handle())) {
        // Another service may speak TLS there (ALPACA); PostgreSQL always names its protocol.
        result.ok = false;
        result.why = "the server does not speak PostgreSQL by direct TLS";
    }
    co_return result;
}

/// Asks for TLS as sslmode says. Nothing but one byte is read before the handshake: what somebody
/// in between has put behind it (CVE-2021-23222) is no handshake, and never taken for an answer
/// later.
task<secured> negotiate_tls(worker& owner, const node_view& node, stream& io) {
    secured result;
    const auto how = owner.live()->server_side_tls;
    if (!how || how->mode == tls_mode::allow || node.address.starts_with('/')) {
        result.ok = true;
        co_return result;
    }
    if (how->negotiation == tls_negotiation::direct) {
        result = co_await handshake(how, node, io);
        co_return result;
    }
    std::string request;
    encode(protocol::ssl_request{}, request);
    auto ec = co_await write_all(io, request);
    char answer = 0;
    if (!ec) {
        const auto [read_ec, n] =
            co_await io.socket().async_read_some(asio::buffer(&answer, 1), nothrow);
        ec = read_ec;
    }
    if (ec) {
        result.why = "the server closed the connection during TLS negotiation: " + ec.message();
    } else if (answer == 'S') {
        result = co_await handshake(how, node, io);
    } else if (answer == 'N') {
        result.ok = how->mode == tls_mode::prefer;
        result.why = "the server does not offer TLS, which server_tls_sslmode demands";
    } else {
        result.why = "the server answered the request for TLS with something else";
    }
    co_return result;
}

backend_login_settings login_settings(opening& o) {
    backend_login_settings s;
    s.user = o.key.user;
    s.database = o.key.database;
    s.parameters = {{"client_encoding", "UTF8"}};
    if (!o.application_name.empty())
        s.parameters.emplace_back("application_name", o.application_name);
    s.credentials = o.owner.shared().secrets->credentials(s.user);
    o.credentials = s.credentials.learned;
    s.scram_nonce = protocol::make_scram_nonce();
    s.link_is_encrypted = o.io->is_tls();
    const auto tls = o.owner.live()->server_side_tls;
    const auto binds = tls ? tls->channel_binding : channel_binding_use::disable;
    if (binds != channel_binding_use::disable) s.end_point = server_end_point(*o.io);
    s.must_bind_channel = binds == channel_binding_use::require;
    s.may_send_cleartext = o.io->is_tls() && o.owner.settings().server_cleartext_passwords;
    s.host_is_loopback = is_loopback(o.node.address);
    return s;
}

/// What is known of the user does not let it in: neither waiting for another answer nor trying
/// the same again helps.
void note_refused_login(opening& o, backend_login_failure why) {
    if (o.failure.sqlstate == "28P01")
        o.owner.shared().secrets->forget_credentials(o.key.user, o.credentials);
    if (why != backend_login_failure::no_usable_credentials &&
        why != backend_login_failure::cleartext_refused &&
        why != backend_login_failure::unsupported_authentication &&
        why != backend_login_failure::channel_not_bound)
        return;
    o.failure.hopeless = true;
    o.failure.sqlstate = "28000";
    o.failure.message =
        "pgweir: cannot log in to the server as user \"" + o.key.user + "\": " + o.failure.message;
}

task<bool> log_in(opening& o, message_stream& in) {
    backend_login login{login_settings(o)};
    std::string out;
    login.start(out);
    for (;;) {
        const auto write_ec = co_await write_all(*o.io, out);
        out.clear();
        message_stream::message m;
        const auto ec = write_ec ? write_ec : co_await in.next(m);
        if (ec) {
            o.failure = {
                "the server closed the connection during login: " + ec.message(), {}, "08006"};
            co_return false;
        }
        const auto next = login.on_message(m.type, m.body, out);
        if (next == backend_login::action::done) break;
        if (next == backend_login::action::failed) {
            std::string body;
            if (login.failure() == backend_login_failure::server_error &&
                login.error_message().size() > 5)
                body = login.error_message().substr(5);
            o.failure = {login.failure_text(), body,
                         login.sqlstate().empty() ? "08006" : login.sqlstate()};
            note_refused_login(o, login.failure());
            co_return false;
        }
    }
    for (const auto& [name, value] : login.parameters())
        o.state.reported[to_lower(name)] = value;
    o.state.login_reported = o.state.reported;
    for (const auto& [name, value] : login.parameters())
        o.state.welcome.emplace_back(name, value);
    o.state.process_id = login.process_id();
    o.state.secret_key = login.secret_key();
    co_return true;
}

void take_answer(backend_state& state, std::string_view body) {
    const auto row = protocol::decode_data_row(body);
    if (!row || row->values.size() < 3) return;
    state.standby = row->values[0] == "t";
    if (row->values[1]) state.login_replay = parse_lsn(*row->values[1]);
    state.read_committed_default = row->values[2] == "read committed";
}

/// Role, replay position and default isolation, once, behind the login (RULES A6).
task<bool> ask_first_question(opening& o, message_stream& in) {
    std::string out;
    encode(protocol::query{first_question}, out);
    auto ec = co_await write_all(*o.io, out);
    bool answered = false;
    while (!ec) {
        message_stream::message m;
        ec = co_await in.next(m);
        if (ec) break;
        if (m.type == 'D') {
            take_answer(o.state, m.body);
            answered = true;
        } else if (m.type == 'E') {
            const std::string sqlstate{protocol::find_sqlstate(m.body)};
            o.failure = {"the server refused the first question after login", std::string{m.body},
                         sqlstate};
            co_return false;
        } else if (m.type == 'Z') {
            if (answered && in.bytes().empty()) co_return true;
            break;
        }
    }
    o.failure = {"the server closed the connection after login", {}, "08006"};
    co_return false;
}

task<bool> attempt(opening& o) {
    const auto ec = co_await connect_to_node(o.node, o.io->socket());
    if (ec) {
        o.failure = {"cannot connect to " + o.node.name + ": " + ec.message(), {}, "08006"};
        co_return false;
    }
    set_socket_options(o.io->socket().native_handle(), o.owner.settings());
    o.state.family = o.node.address.starts_with('/') ? AF_UNIX : AF_INET;
    const auto tls = co_await negotiate_tls(o.owner, o.node, *o.io);
    if (!tls.ok) {
        o.failure = {tls.why, {}, "08006"};
        co_return false;
    }
    message_stream in{o.io, largest_login_message};
    const bool logged_in = co_await log_in(o, in);
    if (!logged_in) co_return false;
    o.state.login_look = o.owner.signals().looks_begun.load();
    const bool asked = co_await ask_first_question(o, in);
    co_return asked;
}

task<> open_one(worker& owner, pool& home) {
    co_await asio::this_coro::throw_if_cancelled(false);
    auto& connections = owner.counters().node(home.key().node).connections;
    connections[server_state::connecting].add();
    raw_connection made;
    // It has no name of its own: a client without one is told, and shown, what its role's default
    // is.
    std::string no_name;
    const auto generation = home.slot().generation.load(std::memory_order_acquire);
    const bool ok = co_await open_raw(owner, home.key(), made, std::move(no_name));
    made.state.generation = generation;
    connections[server_state::connecting].subtract();
    if (!ok) {
        home.on_open_failed(made.failure);
        co_return;
    }
    const auto now = std::chrono::steady_clock::now();
    made.state.connected = now;
    const auto lifetime = owner.settings().server_lifetime;
    // Up to a tenth early, so that connections opened together do not end together.
    const auto spread =
        std::uniform_int_distribution<std::int64_t>{0, lifetime.count() / 10}(owner.random());
    made.state.retire_at = lifetime.count() == 0
                               ? std::chrono::steady_clock::time_point::max()
                               : now + lifetime - std::chrono::milliseconds{spread};
    home.on_opened(std::move(made.io), std::move(made.state));
}

} // namespace

task<bool>
open_raw(worker& owner, const pool_key& key, raw_connection& made, std::string application_name) {
    opening o{owner, key, std::move(application_name)};
    if (key.node < owner.view().nodes.size()) o.node = owner.view().nodes[key.node];
    stream_socket socket{owner.executor()};
    o.io = std::make_shared<stream>(std::move(socket));
    o.state.role_epoch = o.node.role_epoch;
    steady_timer deadline{owner.executor()};
    deadline.expires_after(owner.settings().connect_timeout);
    const auto late = std::make_shared<bool>(false);
    deadline.async_wait([late, io = o.io](const error_code& ec) {
        if (ec) return;
        *late = true;
        io->close();
    });
    bool ok = co_await attempt(o);
    deadline.cancel();
    if (ok && !o.io->is_open()) ok = false;
    if (!ok) o.io->close();
    if (*late)
        o.failure = {"no answer from " + o.node.name + " within connect_timeout", {}, "08006"};
    made = std::move(static_cast<raw_connection&>(o));
    co_return ok;
}

bool is_loopback(const std::string& address) {
    if (address.starts_with('/')) return true;
    error_code ec;
    const auto parsed = asio::ip::make_address(address, ec);
    return !ec && parsed.is_loopback();
}

task<bool> secure(worker& owner, const node_view& node, stream& io) {
    const auto result = co_await negotiate_tls(owner, node, io);
    co_return result.ok;
}

task<error_code> write_all(stream& io, const std::string& bytes) {
    if (auto* const tls = io.tls()) {
        const auto [ec, n] = co_await asio::async_write(*tls, asio::buffer(bytes), nothrow);
        co_return ec;
    }
    const auto [ec, n] = co_await asio::async_write(io.socket(), asio::buffer(bytes), nothrow);
    co_return ec;
}

task<error_code> connect_to_node(const node_view& node, stream_socket& socket) {
    if (node.address.empty()) co_return asio::error::host_not_found;
    if (node.address.starts_with('/')) {
        const asio::local::stream_protocol::endpoint at{node.address + "/.s.PGSQL." +
                                                        std::to_string(node.port)};
        const auto [unix_ec] = co_await socket.async_connect(at, nothrow);
        error_code ignored_unix;
        socket.non_blocking(true, ignored_unix);
        co_return unix_ec;
    }
    error_code ec;
    const auto address = asio::ip::make_address(node.address, ec);
    if (ec) co_return ec;
    const asio::ip::tcp::endpoint at{address, node.port};
    const auto [connect_ec] = co_await socket.async_connect(at, nothrow);
    error_code ignored;
    socket.non_blocking(true, ignored);
    co_return connect_ec;
}

void open_backend(worker& owner, pool& home) {
    spawn(owner.executor(), "server login", open_one(owner, home));
}

} // namespace pgweir
