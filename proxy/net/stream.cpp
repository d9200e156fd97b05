#include "proxy/net/stream.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <exception>

namespace pgweir {

namespace {

constexpr std::size_t tls_chunk = 16UL * 1024;
// Output buffers above this size are given back when they run empty.
constexpr std::size_t kept_capacity = 1024;

} // namespace

stream::stream(stream_socket socket) : socket_{std::move(socket)} {
    error_code ignored;
    if (!socket_.non_blocking()) socket_.non_blocking(true, ignored);
}

stream::~stream() = default;

stream::tls_stream& stream::start_tls(asio::ssl::context& context) {
    tls_ = std::make_unique<tls_stream>(std::move(socket_), context);
    return *tls_;
}

std::size_t stream::take_arrived(std::span<char> space) {
    error_code ignored;
    const auto n = socket_.read_some(asio::buffer(space.data(), space.size()), ignored);
    drained_ = n < space.size();
    return n;
}

void stream::start_reading(std::shared_ptr<reader> to, std::span<char> scratch) {
    reader_ = std::move(to);
    scratch_ = scratch;
    if (tls_) {
        tls_reading_ = std::make_unique<wake_signal>(executor());
        spawn(executor(), "TLS stream", tls_read_loop(shared_from_this()));
    } else {
        await_bytes();
    }
}

void stream::await_bytes() {
    if (!open_) return end_reading({});
    paused_ = reader_->wants_no_input();
    if (paused_) {
        // What arrives meanwhile goes unnoticed: the next wait must look.
        drained_ = false;
        return;
    }
    unchecked_ = drained_;
    wait_.start(socket_, shared_from_this(),
                drained_ ? read_wait::arming::edge : read_wait::arming::level);
}

void stream::on_readable(const error_code& ec) {
    if (!reader_) return;
    // Cancelled while open: look_for_end wants us to read.
    if (!open_ || (ec && ec != asio::error::operation_aborted)) return end_reading(ec);
    error_code failure;
    const auto n = socket_.read_some(asio::buffer(scratch_.data(), scratch_.size()), failure);
    if (failure && failure != asio::error::would_block) return end_reading(failure);
    drained_ = n < scratch_.size();
    if (n != 0) hand_over({scratch_.data(), n});
    await_bytes();
    if (failure) unchecked_ = false; // there was nothing at all: no end either
}

void stream::hand_over(std::string_view chunk) {
    const auto to = reader_;
    try {
        to->on_bytes(chunk);
    } catch (...) {
        report_escaped("stream", std::current_exception());
        close();
    }
}

void stream::end_reading(const error_code& ec) {
    if (const auto to = std::exchange(reader_, nullptr)) to->on_end(ec);
}

void stream::resume_reading() {
    if (tls_) {
        if (tls_reading_) tls_reading_->wake();
        return;
    }
    if (!std::exchange(paused_, false)) return;
    asio::post(executor(), [self = shared_from_this()] { self->await_bytes(); });
}

void stream::look_for_end() {
    // A cancellation would stop the writer as well: next time, then.
    if (!unchecked_ || writing_ || !open_ || !wait_.is_waiting()) return;
    unchecked_ = false;
    char next = 0;
    const auto n = ::recv(socket_.native_handle(), &next, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    error_code ignored;
    socket_.cancel(ignored);
}

bool stream::is_unheard(std::chrono::steady_clock::time_point now,
                        std::chrono::milliseconds limit) {
    tcp_info info{};
    socklen_t size = sizeof info;
    const bool known = open_ && ::getsockopt(socket().native_handle(), IPPROTO_TCP, TCP_INFO, &info,
                                             &size) == 0; // not on Unix sockets
    if (!known || (info.tcpi_unacked == 0 && info.tcpi_probes == 0)) {
        unheard_since_ = {};
        return false;
    }
    if (unheard_since_ == std::chrono::steady_clock::time_point{}) unheard_since_ = now;
    // The last acknowledgement may be older than the data.
    unheard_since_ =
        std::max(unheard_since_, now - std::chrono::milliseconds{info.tcpi_last_ack_recv});
    return now - unheard_since_ >= limit;
}

task<> stream::tls_read_loop(std::shared_ptr<stream> self) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto space = std::make_unique_for_overwrite<char[]>(tls_chunk);
    error_code failure;
    while (self->is_open()) {
        if (self->reader_->wants_no_input()) {
            co_await self->tls_reading_->wait();
            continue;
        }
        const auto [ec, n] =
            co_await self->tls_->async_read_some(asio::buffer(space.get(), tls_chunk), nothrow);
        failure = ec;
        if (ec) break;
        self->hand_over({space.get(), n});
    }
    self->end_reading(failure);
}

void stream::send(std::string_view bytes) {
    if (!open_) return;
    if (tls_ || writing_ || unsent() != 0) {
        append(bytes);
        flush();
        return;
    }
    error_code ec;
    const auto n = socket_.write_some(asio::buffer(bytes.data(), bytes.size()), ec);
    if (ec && ec != asio::error::would_block) return write_failed();
    bytes_out_ += n;
    if (n < bytes.size()) {
        append(bytes.substr(n));
        start_writer();
    }
}

void stream::flush() {
    if (!open_ || writing_ || unsent() == 0) return;
    if (tls_) return start_writer();
    error_code ec;
    const auto n = socket_.write_some(asio::buffer(out_.data() + out_begin_, unsent()), ec);
    if (ec && ec != asio::error::would_block) return write_failed();
    bytes_out_ += n;
    out_begin_ += n;
    if (unsent() != 0) return start_writer();
    forget_output();
}

void stream::forget_output() {
    out_begin_ = 0;
    out_.clear();
    if (out_.capacity() > kept_capacity) std::string{}.swap(out_);
    if (!sending_.empty()) std::string{}.swap(sending_);
}

void stream::start_writer() {
    writing_ = true;
    if (!tls_) {
        // Until the kernel takes bytes again the buffer may grow and move: it is looked up only
        // then.
        socket_.async_wait(
            stream_socket::wait_write,
            [self = shared_from_this()](const error_code& ec) { self->on_writable(ec); });
        return;
    }
    sending_.assign(out_, out_begin_, tls_chunk);
    tls_->async_write_some(asio::buffer(sending_),
                           [self = shared_from_this()](const error_code& ec, std::size_t n) {
                               self->on_written(ec, n);
                           });
}

void stream::on_writable(const error_code& ec) {
    if (ec || !open_) return on_written(ec, 0);
    error_code failure;
    const auto n = socket_.write_some(asio::buffer(out_.data() + out_begin_, unsent()), failure);
    if (failure == asio::error::would_block) failure.clear();
    on_written(failure, n);
}

void stream::on_written(const error_code& ec, std::size_t n) {
    writing_ = false;
    bytes_out_ += n;
    out_begin_ += n;
    if (!open_) return;
    if (ec) return write_failed();
    if (unsent() != 0) {
        // What was written must not pile up in front of a producer that never lets the buffer run
        // empty.
        if (out_begin_ > high_water) {
            out_.erase(0, out_begin_);
            out_begin_ = 0;
        }
        start_writer();
        if (!congested() && listener_ != nullptr) listener_->on_drained();
        return;
    }
    forget_output();
    if (close_when_written_) return close();
    if (listener_ != nullptr) listener_->on_drained();
}

void stream::write_failed() {
    // The reading loop sees the end and tells the owner; from here on output is dropped.
    close();
}

void stream::close_after_output() {
    flush();
    if (unsent() == 0 && !writing_)
        close();
    else
        close_when_written_ = true;
}

void stream::close() {
    if (!open_) return;
    open_ = false;
    error_code ignored;
    socket().close(ignored);
    resume_reading();
}

void stream::let_go() {
    reader_.reset();
}

int stream::release() {
    error_code ec;
    const auto fd = socket_.release(ec);
    open_ = false;
    return ec ? -1 : fd;
}

} // namespace pgweir
