// Waiting until a socket can be read, without a system call where the last read has taken all there
// was. Asio's own async_wait arms the poller anew each time (an epoll_ctl per query and side),
// though its registration is edge-triggered and still stands.
#pragma once

#include "proxy/asio.hpp"
#include "proxy/net/socket_internals.hpp"

#include <boost/asio/detail/reactor.hpp>
#include <boost/asio/detail/reactor_op.hpp>

#include <memory>

namespace pgweir {

/// One wait at a time, on one thread. Lives inside what `who` keeps alive.
class read_wait final : private asio::detail::reactor_op {
public:
    class waiter {
    public:
        /// Readable, or at its end, or `ec`: cancelled, closed.
        virtual void on_readable(const error_code& ec) = 0;

    protected:
        ~waiter() = default;
    };

    enum class arming : bool {
        edge, // whatever arrives from now on ends the wait; what is there already does not
        level // what is there already counts
    };

    read_wait() : reactor_op{error_code{}, &perform_it, &complete_it} {}
    read_wait(const read_wait&) = delete;
    read_wait& operator=(const read_wait&) = delete;

    /// `who` is kept alive until it has been called, or the io_context is gone.
    void start(stream_socket& socket, std::shared_ptr<waiter> who, arming how) {
        using asio::detail::reactor;
        if (poller_ == nullptr)
            poller_ = &asio::use_service<reactor>(socket.get_executor().context());
        who_ = std::move(who);
        ec_ = error_code{};
        starting_ = true;
        poller_->start_op(reactor::read_op, socket.native_handle(),
                          socket_internals::reactor_data(socket), this, true, how == arming::edge);
        starting_ = false;
    }
    [[nodiscard]] bool is_waiting() const { return who_ != nullptr; }

private:
    /// Asio asks when the wait begins (edge) and when the poller has reported something.
    static status perform_it(reactor_op* base) {
        return static_cast<read_wait*>(base)->starting_ ? not_done : done;
    }
    /// `context` is null when the io_context is being destroyed.
    static void
    complete_it(void* context, asio::detail::operation* base, const error_code&, std::size_t) {
        auto* const self = static_cast<read_wait*>(base);
        const auto ec = self->ec_;
        const auto who = std::move(self->who_); // it may hold the last reference to us
        if (context != nullptr) who->on_readable(ec);
    }

    asio::detail::reactor* poller_ = nullptr; // of the first socket's context, which is every one's
    std::shared_ptr<waiter> who_;
    bool starting_ = false;
};

} // namespace pgweir
