#include "proxy/session/cancel_request.hpp"

#include "protocol/startup.hpp"
#include "proxy/cluster/cluster_view.hpp"
#include "proxy/pool/opener.hpp"
#include "proxy/session/cancel.hpp"
#include "proxy/session/cancel_exchange.hpp"
#include "proxy/worker.hpp"

namespace pgweir {

namespace {

/// Wakes its coroutine, from any thread, when the last token made of it is gone.
class cancel_wait : public std::enable_shared_from_this<cancel_wait> {
public:
    explicit cancel_wait(io_executor executor) : executor_{executor}, woken_{executor} {}

    [[nodiscard]] cancel_token token() {
        // The coroutine owns this; if it is gone, with its worker, nobody is to be told.
        return cancel_token{static_cast<void*>(this),
                            [weak = weak_from_this()](const void*) { tell(weak); }};
    }
    void wake() { woken_.wake(); }
    auto wait() { return woken_.wait(); }

private:
    static void tell(const std::weak_ptr<cancel_wait>& weak) {
        auto waiting = weak.lock();
        if (!waiting) return;
        const auto executor = waiting->executor_;
        asio::post(executor, [waiting = std::move(waiting)] { waiting->wake(); });
    }

    io_executor executor_;
    wake_signal woken_;
};

/// On the worker that has the session; back when that is done, or takes too long.
task<> cancel_here(worker& owner, cancel_registry::target target) {
    const auto waiting = std::make_shared<cancel_wait>(owner.executor());
    auto& to = *(*owner.shared().peers)[target.worker];
    to.post([&to, pid = target.process_id, asked = waiting->token()]() mutable {
        to.cancel_session(pid, std::move(asked));
    });
    steady_timer limit{owner.executor()};
    limit.expires_after(2 * cancel_patience);
    limit.async_wait([waiting](const error_code& ec) {
        if (!ec) waiting->wake();
    });
    co_await waiting->wait();
    limit.cancel();
}

/// Encrypted where clients of this instance may be: the other one has the same settings. Whose
/// certificate it shows does not matter: without TLS the request would go to the same address.
task<bool> encrypt(std::shared_ptr<stream> io) {
    std::string request;
    encode(protocol::ssl_request{}, request);
    const auto ec = co_await write_all(*io, request);
    char answer = 0;
    if (ec) co_return false;
    const auto [read_ec, n] =
        co_await io->socket().async_read_some(asio::buffer(&answer, 1), nothrow);
    if (read_ec || answer != 'S') co_return !read_ec && answer == 'N';
    static asio::ssl::context any_certificate{asio::ssl::context::tls_client};
    auto& tls = io->start_tls(any_certificate);
    const auto [tls_ec] = co_await tls.async_handshake(stream::tls_stream::client, nothrow);
    co_return !tls_ec;
}

task<bool> deliver_to(worker& owner,
                      std::shared_ptr<stream> io,
                      instance_address to,
                      cancel_registry::identity whose) {
    node_view at;
    at.address = to.address;
    at.port = to.port;
    const auto ec = co_await connect_to_node(at, io->socket());
    if (ec) co_return false;
    if (owner.live()->client_side_tls) {
        const bool ready = co_await encrypt(io);
        if (!ready) co_return false;
    }
    const bool delivered = co_await exchange_cancel(io, whose.process_id, whose.secret_key);
    co_return delivered;
}

/// To another instance, in turn and no faster than the pace.
task<> pass_on(worker& owner, instance_address to, cancel_registry::identity whose) {
    auto& counted = owner.counters().cancels;
    auto& lane = owner.peer_cancels();
    const bool entered = co_await lane.enter();
    if (!entered) {
        counted[cancel_result::overload].add();
        co_return;
    }
    steady_timer timer{owner.executor()};
    while (!owner.peer_cancel_pace().try_take(worker::clock::now())) {
        timer.expires_after(std::chrono::milliseconds{5});
        co_await timer.async_wait(nothrow);
    }
    auto io = open_for_cancel(owner);
    close_after(timer, io, cancel_patience);
    const bool delivered = co_await deliver_to(owner, io, std::move(to), std::move(whose));
    timer.cancel();
    io->close();
    lane.leave();
    counted[delivered ? cancel_result::passed_on : cancel_result::failed].add();
}

} // namespace

task<bool> take_cancel_request(worker& owner, std::int32_t process_id, std::string secret_key) {
    const auto [key, was_passed_on] = read_mark(secret_key);
    const auto& registry = *owner.shared().cancels;
    if (const auto target = registry.find(process_id, key)) {
        co_await cancel_here(owner, *target);
        co_return true;
    }
    std::vector<instance_address> others;
    if (!was_passed_on && process_id > 0 && key.size() <= cancel_registry::long_key)
        others = owner.shared().instances.get()->with_number(cancel_id::instance_of(process_id));
    if (others.empty()) {
        owner.counters().cancels[cancel_result::unknown_key].add();
        // What was passed on is that address's own fault, and not its peer's.
        co_return was_passed_on;
    }
    cancel_registry::identity whose{process_id, mark_passed_on(key)};
    for (const auto& one : others) {
        instance_address to = one;
        cancel_registry::identity copy = whose;
        co_await pass_on(owner, std::move(to), std::move(copy));
    }
    co_return true;
}

} // namespace pgweir
