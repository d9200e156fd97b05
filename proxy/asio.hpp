// The few Asio names that the proxy uses, with concrete executors, and `spawn`, the only way a
// coroutine is started.
#pragma once

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <utility>

namespace pgweir {

namespace asio = boost::asio;
using boost::system::error_code;

using io_executor = asio::io_context::executor_type;

template <class T = void> using task = asio::awaitable<T, io_executor>;

/// TCP and Unix-domain sockets behind one type.
using stream_socket = asio::basic_stream_socket<asio::generic::stream_protocol, io_executor>;
using steady_timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                                asio::wait_traits<std::chrono::steady_clock>,
                                                io_executor>;

/// Errors as values, no allocation: `const auto [ec, n] = co_await s.async_read_some(b, nothrow);`
inline constexpr auto nothrow = asio::as_tuple(asio::deferred);

/// Called with what escaped a coroutine. Set once at start-up, before any coroutine runs.
void report_escaped(const char* name, const std::exception_ptr& what) noexcept;
/// How often that was, from any thread.
[[nodiscard]] std::uint64_t internal_errors() noexcept;

/// Starts `body` on `executor`. What escapes it is reported under `name`; nothing is swallowed. The
/// body keeps what it uses alive by parameters of its own (shared_ptr by value).
inline void spawn(const io_executor& executor, const char* name, task<> body) {
    asio::co_spawn(executor, std::move(body), [name](const std::exception_ptr& escaped) {
        if (escaped) report_escaped(name, escaped);
    });
}

/// One coroutine waits, others on the same thread wake it. A wake without a waiter is remembered
/// once.
class wake_signal {
public:
    explicit wake_signal(io_executor executor) : executor_{std::move(executor)} {}

    auto wait() {
        return asio::async_initiate<const asio::deferred_t, void()>(
            [this](auto handler) { arm(asio::any_completion_handler<void()>{std::move(handler)}); },
            asio::deferred);
    }

    void wake() {
        if (!handler_) {
            raised_ = true;
            return;
        }
        auto handler = std::exchange(handler_, nullptr);
        asio::post(executor_, std::move(handler));
    }

private:
    void arm(asio::any_completion_handler<void()> handler) {
        if (std::exchange(raised_, false))
            asio::post(executor_, std::move(handler));
        else
            handler_.swap(handler); // Boost 1.81: move assignment recurses without end
    }

    io_executor executor_;
    asio::any_completion_handler<void()> handler_;
    bool raised_ = false;
};

} // namespace pgweir
