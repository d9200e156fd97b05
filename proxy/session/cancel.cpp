#include "proxy/session/cancel.hpp"

#include "protocol/startup.hpp"
#include "proxy/pool/opener.hpp"
#include "proxy/pool/pool.hpp"
#include "proxy/session/cancel_exchange.hpp"
#include "proxy/worker.hpp"

namespace pgweir {

namespace {

/// True if the server itself closed the connection after reading the request.
task<bool> deliver(worker& owner, std::shared_ptr<stream> io, cancel_address victim) {
    if (victim.node >= owner.view().nodes.size()) co_return false;
    const node_view at = owner.view().nodes[victim.node];
    const auto ec = co_await connect_to_node(at, io->socket());
    if (ec) co_return false;
    if (victim.is_tls) {
        const bool secured = co_await secure(owner, at, *io);
        // What travels encrypted has a key that does not travel in clear text.
        if (!secured || !io->is_tls()) co_return false;
    }
    const bool delivered = co_await exchange_cancel(io, victim.process_id, victim.secret_key);
    co_return delivered;
}

/// The same within a limit.
task<bool> deliver_in_time(worker& owner, cancel_address victim) {
    auto io = open_for_cancel(owner);
    steady_timer deadline{owner.executor()};
    close_after(deadline, io, cancel_patience);
    const bool delivered = co_await deliver(owner, io, std::move(victim));
    deadline.cancel();
    io->close();
    if (!delivered) owner.counters().cancels[cancel_result::failed].add();
    co_return delivered;
}

/// Whether there is anything left to cancel when its turn has come.
bool is_due(backend& victim, bool then_close) {
    if (!victim.io().is_open()) return false;
    return then_close ||
           (!victim.conversation().empty() && !victim.conversation().head_is_injected());
}

task<> run_cancel(worker& owner, backend_ptr victim, bool then_close, cancel_token asked) {
    co_await asio::this_coro::throw_if_cancelled(false);
    bool is_safe = true; // no cancel can hit anything later
    const bool entered = co_await owner.server_cancels().enter();
    if (!entered) owner.counters().cancels[cancel_result::overload].add();
    if (entered && is_due(*victim, then_close)) {
        cancel_address at{victim->home().key().node, victim->io().is_tls(),
                          victim->state.process_id, victim->state.secret_key};
        is_safe = co_await deliver_in_time(owner, std::move(at));
    }
    if (entered) owner.server_cancels().leave();
    victim->cancel_ends();
    if (!is_safe || then_close) victim->condemn();
    asked = nullptr;
    if (then_close) {
        victim->close();
        co_return;
    }
    if (auto* const user = victim->user()) user->on_server_progress(*victim);
}

task<> run_plain_cancel(worker& owner, cancel_address victim, cancel_token asked) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const bool entered = co_await owner.server_cancels().enter();
    if (!entered) {
        owner.counters().cancels[cancel_result::overload].add();
        co_return;
    }
    co_await deliver_in_time(owner, std::move(victim));
    owner.server_cancels().leave();
    asked = nullptr;
}

} // namespace

void send_cancel(worker& owner, cancel_address victim, cancel_token asked) {
    if (victim.secret_key.empty()) return;
    spawn(owner.executor(), "cancel request",
          run_plain_cancel(owner, std::move(victim), std::move(asked)));
}

void send_cancel(worker& owner, const backend_ptr& victim, bool then_close, cancel_token asked) {
    if (victim->state.secret_key.empty() || victim->cancels() > 3) {
        if (then_close) victim->close();
        return;
    }
    victim->cancel_begins();
    spawn(owner.executor(), "cancel request",
          run_cancel(owner, victim, then_close, std::move(asked)));
}

} // namespace pgweir
