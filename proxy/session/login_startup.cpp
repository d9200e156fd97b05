#include "proxy/session/login_startup.hpp"

#include "protocol/error_response.hpp"
#include "protocol/startup.hpp"
#include "proxy/access/proxy_header.hpp"
#include "proxy/config/address_range.hpp"
#include "proxy/log.hpp"
#include "proxy/session/cancel_request.hpp"
#include "proxy/worker.hpp"

#include <spdlog/spdlog.h>

#include <utility>

namespace pgweir {

std::string_view host_of(std::string_view peer) {
    peer = peer.substr(0, peer.rfind(':'));
    if (peer.starts_with('[') && peer.ends_with(']')) peer = peer.substr(1, peer.size() - 2);
    return peer;
}

login_attempt::login_attempt(worker& w, std::shared_ptr<stream> s, std::string p, bool l)
    : owner{w}, io{std::move(s)}, in{io, frontend_login::max_message_body + 5}, peer{std::move(p)},
      local{l}, began{w.now()} {
    owner.logins().push_back(*this);
    owner.counters().clients[client_state::login].add();
}

login_attempt::~login_attempt() {
    owner.shared().arrivals.end(from_);
    if (counted_ && !handed_over_) owner.shared().clients.fetch_sub(1);
    owner.counters().clients[client_state::login].subtract();
    if (!handed_over_) io->close_after_output();
}

bool login_attempt::arrive() {
    const auto host = host_of(peer);
    address = parse_host_address(host);
    // Another instance passes on what it has let in.
    const bool is_exempt = local || owner.shared().instances.get()->is_at(host);
    const auto from = is_exempt ? address_limits::key_type{} : address_limits::key_of(address);
    if (!owner.shared().arrivals.begin(from)) {
        refuse(login_outcome::limit, protocol::sqlstate::too_many_connections,
               "pgweir: too many logins under way from this address (max_logins_per_address)");
        return false;
    }
    from_ = from;
    return true;
}

bool login_attempt::may_ask() const {
    return owner.shared().arrivals.may_try(from_, worker::clock::now());
}

bool login_attempt::may_try() {
    if (may_ask()) return true;
    refuse(login_outcome::limit, protocol::sqlstate::too_many_connections,
           "pgweir: too many failed logins from this address, try again in a minute "
           "(max_login_failures_per_address)");
    return false;
}

void login_attempt::note_failure() {
    owner.shared().arrivals.failed(from_, worker::clock::now());
}

void login_attempt::count_in() {
    counted_ = true;
    owner.shared().clients.fetch_add(1);
}

void login_attempt::hand_over() {
    handed_over_ = true;
    unlink();
    owner.shared().arrivals.end(std::exchange(from_, {}));
}

void login_attempt::refuse(login_outcome what,
                           std::string_view sqlstate,
                           std::string_view message) {
    encode(protocol::make_error(protocol::error_severity::fatal, sqlstate, message), io->out());
    owner.counters().errors_from_proxy.add(sqlstate);
    owner.counters().logins[what].add();
    // In the log before the client hears of it: whoever asks why finds it there.
    spdlog::info("login refused peer={} sqlstate={}: {}", peer, sqlstate, log::quoted(message));
    io->close_after_output();
}

void login_attempt::time_out() {
    unlink();
    owner.counters().logins[login_outcome::timed_out].add();
    spdlog::info("login refused peer={}: it took longer than client_login_timeout", peer);
    io->close();
}

namespace {

/// TLS from here on. Bytes that came ahead of it are the handshake's own only for direct TLS.
task<bool> accept_tls(login_attempt& l, std::string early, bool direct) {
    const auto live = l.owner.live();
    if (!live->client_side_tls) { // a reload has turned it off while the client spoke
        l.io->close();
        co_return false;
    }
    auto& tls = l.io->start_tls(live->client_side_tls->context);
    error_code ec;
    if (early.empty()) {
        const auto [plain_ec] = co_await tls.async_handshake(stream::tls_stream::server, nothrow);
        ec = plain_ec;
    } else {
        const auto [early_ec, n] =
            co_await tls.async_handshake(stream::tls_stream::server, asio::buffer(early), nothrow);
        ec = early_ec;
    }
    if (!ec && direct && !has_agreed_on_protocol(tls.native_handle()))
        ec = asio::error::access_denied;
    auto& counted = l.owner.counters();
    if (ec) {
        counted.tls_failures.add();
        spdlog::info("TLS handshake failed peer={}: {}", l.peer, ec.message());
        l.io->close();
        co_return false;
    }
    counted.tls_handshakes.add();
    co_return true;
}

/// Whoever sent it hears nothing, and that only when the request is done with.
task<> take_cancel(login_attempt& l) {
    if (!l.may_ask()) co_return;
    const auto& asked = std::get<protocol::cancel_request>(l.startup);
    std::string key{asked.secret_key};
    const bool is_somebodys =
        co_await take_cancel_request(l.owner, asked.process_id, std::move(key));
    if (!is_somebodys) l.note_failure();
}

} // namespace

bool is_balancer(const login_attempt& l) {
    const auto& balancers = l.owner.settings().proxy_protocol_from;
    return !l.local && !balancers.empty() && is_within(balancers, false, host_of(l.peer));
}

task<bool> read_balancers_word(login_attempt& l) {
    proxy_header header;
    auto found = read_proxy_header(l.in.bytes(), header);
    while (found == proxy_header_state::incomplete) {
        const auto ec = co_await l.in.need(l.in.bytes().size() + 1);
        if (ec) co_return false; // a balancer that looks whether we are there
        found = read_proxy_header(l.in.bytes(), header);
    }
    if (found == proxy_header_state::malformed) {
        // Another instance passes a cancel request on without one.
        if (l.owner.shared().instances.get()->is_at(host_of(l.peer))) co_return true;
        l.refuse(login_outcome::broken, protocol::sqlstate::protocol_violation,
                 "pgweir: a connection from here must begin with a PROXY header "
                 "(proxy_protocol_from)");
        co_return false;
    }
    l.in.consume(header.size);
    if (!header.peer.empty()) l.peer = std::move(header.peer);
    co_return true;
}

startup_step take_startup(login_attempt& l) {
    for (;;) {
        l.wanted = 8; // all that may come first is longer
        if (!l.in.has(l.wanted)) return startup_step::wants_bytes;
        const bool tls_on = l.owner.live()->client_side_tls != nullptr && !l.local;
        if (l.in.bytes().front() == 0x16 && tls_on && !l.io->is_tls())
            return startup_step::begins_tls;
        const auto size = protocol::startup_packet_size(l.in.bytes());
        if (!size) {
            l.refuse(login_outcome::broken, protocol::sqlstate::protocol_violation,
                     "invalid length of startup packet");
            return startup_step::ended;
        }
        l.wanted = *size;
        if (!l.in.has(l.wanted)) return startup_step::wants_bytes;
        l.body = l.in.bytes().substr(4, *size - 4);
        l.in.consume(*size);
        auto packet = protocol::decode_startup_packet(l.body);
        if (!packet) {
            l.refuse(login_outcome::broken, protocol::sqlstate::protocol_violation,
                     "invalid startup packet: " + packet.error().message());
            return startup_step::ended;
        }
        if (auto* const message = std::get_if<protocol::startup_message>(&*packet)) {
            l.startup = std::move(*message);
            return startup_step::begun;
        }
        if (const auto* const request = std::get_if<protocol::cancel_request>(&*packet)) {
            l.startup = *request;
            return startup_step::wants_cancel;
        }
        const bool wants_tls = std::holds_alternative<protocol::ssl_request>(*packet);
        const bool yes = wants_tls && tls_on && !l.asked_tls;
        l.asked_tls = l.asked_tls || wants_tls;
        // What follows a request for encryption before its answer was never meant to be encrypted
        // (CVE-2021-23214).
        if (!l.in.bytes().empty() || l.io->is_tls()) {
            if (!yes && !l.io->is_tls()) l.io->append("N");
            l.refuse(login_outcome::broken, protocol::sqlstate::protocol_violation,
                     "received unencrypted data after a request for encryption");
            return startup_step::ended;
        }
        l.io->send(yes ? "S" : "N");
        if (yes) return startup_step::wants_tls;
    }
}

task<bool> read_startup(login_attempt& l, startup_step from) {
    for (auto step = from; step != startup_step::begun; step = take_startup(l)) {
        bool goes_on = false;
        if (step == startup_step::wants_bytes) {
            const auto ec = co_await l.in.need(l.wanted);
            goes_on = !ec;
        } else if (step == startup_step::wants_tls) {
            goes_on = co_await accept_tls(l, {}, false);
        } else if (step == startup_step::begins_tls) {
            auto early = l.in.take_rest();
            goes_on = co_await accept_tls(l, std::move(early), true);
        } else if (step == startup_step::wants_cancel) {
            co_await take_cancel(l);
        }
        if (!goes_on) co_return false;
    }
    co_return true;
}

} // namespace pgweir
