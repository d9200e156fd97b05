#include "proxy/session/cancel.hpp"

#include "protocol/startup.hpp"
#include "proxy/pool/opener.hpp"
#include "proxy/pool/pool.hpp"
#include "proxy/worker.hpp"

namespace pgweir {

namespace {

constexpr std::chrono::seconds patience{5};

/// True if the server itself closed the connection after reading the request.
task<bool> deliver(worker& owner, std::shared_ptr<stream> io, cancel_address victim) {
    if (victim.node >= owner.view().nodes.size()) co_return false;
    const node_view at = owner.view().nodes[victim.node];
    auto ec = co_await connect_to_node(at, io->socket());
    if (ec) co_return false;
    if (victim.is_tls) {
        const bool secured = co_await secure(owner, at, *io);
        if (!secured) co_return false;
    }
    std::string request;
    encode(protocol::cancel_request{victim.process_id, victim.secret_key}, request);
    ec = co_await write_all(*io, request);
    if (ec) co_return false;
    char byte = 0;
    if (auto* const tls = io->tls()) {
        const auto [end, n] = co_await tls->async_read_some(asio::buffer(&byte, 1), nothrow);
        co_return end == asio::error::eof || end == asio::ssl::error::stream_truncated;
    }
    const auto [end, n] = co_await io->socket().async_read_some(asio::buffer(&byte, 1), nothrow);
    co_return end == asio::error::eof;
}

/// The same within `patience`.
task<bool> deliver_in_time(worker& owner, cancel_address victim) {
    stream_socket socket{owner.executor()};
    auto io = std::make_shared<stream>(std::move(socket));
    steady_timer deadline{owner.executor()};
    deadline.expires_after(patience);
    deadline.async_wait([io](const error_code& ec) {
        if (!ec) io->close();
    });
    const bool delivered = co_await deliver(owner, io, std::move(victim));
    deadline.cancel();
    io->close();
    if (!delivered) owner.counters().cancels[cancel_result::failed].add();
    co_return delivered;
}

task<> run_cancel(worker& owner, backend_ptr victim, bool then_close) {
    co_await asio::this_coro::throw_if_cancelled(false);
    cancel_address at{victim->home().key().node, victim->io().is_tls(), victim->state.process_id,
                      victim->state.secret_key};
    const bool delivered = co_await deliver_in_time(owner, std::move(at));
    victim->cancel_ends();
    if (!delivered || then_close) victim->condemn();
    if (then_close) {
        victim->close();
        co_return;
    }
    if (auto* const user = victim->user()) user->on_server_progress(*victim);
}

task<> run_plain_cancel(worker& owner, cancel_address victim) {
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await deliver_in_time(owner, std::move(victim));
}

} // namespace

void send_cancel(worker& owner, cancel_address victim) {
    if (victim.secret_key.empty()) return;
    spawn(owner.executor(), "cancel request", run_plain_cancel(owner, std::move(victim)));
}

void send_cancel(worker& owner, const backend_ptr& victim, bool then_close) {
    if (victim->state.secret_key.empty() || victim->cancels() > 3) {
        if (then_close) victim->close();
        return;
    }
    victim->cancel_begins();
    spawn(owner.executor(), "cancel request", run_cancel(owner, victim, then_close));
}

} // namespace pgweir
