// Bytes to and from one peer, plain or TLS: buffered output with back-pressure, and a reading loop
// that hands out each chunk. Owned by shared_ptr (operations under way keep it alive); used by the
// thread of its executor only.
#pragma once

#include "proxy/asio.hpp"

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace pgweir {

class stream : public std::enable_shared_from_this<stream> {
public:
    using tls_stream = asio::ssl::stream<stream_socket>;

    /// What the owner of a stream hears. Called on the stream's thread.
    class listener {
    public:
        virtual void on_drained() = 0; // output that had piled up is written

    protected:
        ~listener() = default;
    };

    explicit stream(stream_socket socket);
    stream(const stream&) = delete;
    stream& operator=(const stream&) = delete;
    ~stream();

    /// `owner` may be null; it must be taken off before it dies.
    void set_listener(listener* owner) { listener_ = owner; }

    /// Adds to the output without writing yet.
    void append(std::string_view bytes) { out_.append(bytes); }
    /// The output buffer itself, for encoders; follow with `flush`.
    [[nodiscard]] std::string& out() { return out_; }
    /// Writes what there is as far as the kernel takes it; the rest follows when it can. Never
    /// blocks.
    void flush();
    /// append + flush, without a copy where the kernel takes all at once.
    void send(std::string_view bytes);
    /// Bytes accepted but not yet handed to the kernel.
    [[nodiscard]] std::size_t unsent() const { return out_.size() - out_begin_; }
    [[nodiscard]] bool congested() const { return unsent() > high_water; }

    /// Closes at once; the reading loop ends. Unsent output is lost.
    void close();
    /// Closes when the output is written, or on the first error.
    void close_after_output();
    [[nodiscard]] bool is_open() const { return open_; }
    /// The loop that reads may stop taking more until `resume`.
    wake_signal& reading() { return reading_; }

    [[nodiscard]] bool is_tls() const { return tls_ != nullptr; }
    [[nodiscard]] stream_socket& socket() { return tls_ ? tls_->next_layer() : socket_; }
    [[nodiscard]] tls_stream* tls() { return tls_.get(); }
    /// Continues as TLS; nothing may be buffered in either direction. The handshake is the
    /// caller's.
    tls_stream& start_tls(asio::ssl::context& context);
    [[nodiscard]] std::span<char> tls_input();

    [[nodiscard]] std::uint64_t bytes_out() const { return bytes_out_; }
    /// Gives the file descriptor away (plain streams with empty output only), for another thread to
    /// go on with.
    [[nodiscard]] int release();
    [[nodiscard]] io_executor executor() { return socket().get_executor(); }

    static constexpr std::size_t high_water = 256UL * 1024;

private:
    void start_writer();
    void on_writable(const error_code& ec);
    void on_written(const error_code& ec, std::size_t n);
    void write_failed();
    void forget_output();

    stream_socket socket_;
    std::unique_ptr<tls_stream> tls_;
    std::unique_ptr<char[]> tls_in_;
    std::string out_;
    std::size_t out_begin_ = 0;
    std::string sending_; // what TLS is working on: must stay where it is
    wake_signal reading_;
    listener* listener_ = nullptr;
    std::uint64_t bytes_out_ = 0;
    bool open_ = true;
    bool writing_ = false;
    bool close_when_written_ = false;
};

/// Reads from `from` until its end and gives each chunk to `sink->on_bytes(string_view)`, valid
/// during that call only; then `sink->on_end(error_code)`. While `sink->wants_no_input()` nothing
/// is read; `from->reading().wake()` makes it look again. `scratch` is shared by all loops of a
/// thread, which is why a chunk must be used up or copied within the call.
template <class Sink>
task<>
read_loop(std::shared_ptr<stream> from, std::span<char> scratch, std::shared_ptr<Sink> sink) {
    co_await asio::this_coro::throw_if_cancelled(false);
    error_code failure;
    while (from->is_open()) {
        if (sink->wants_no_input()) {
            co_await from->reading().wait();
            continue;
        }
        if (auto* const tls = from->tls()) {
            const auto space = from->tls_input();
            const auto [ec, n] =
                co_await tls->async_read_some(asio::buffer(space.data(), space.size()), nothrow);
            failure = ec;
            if (ec) break;
            sink->on_bytes(std::string_view{space.data(), n});
        } else {
            const auto [ec] = co_await from->socket().async_wait(stream_socket::wait_read, nothrow);
            failure = ec;
            if (ec || !from->is_open()) break;
            const auto n =
                from->socket().read_some(asio::buffer(scratch.data(), scratch.size()), failure);
            if (failure == asio::error::would_block) continue;
            if (failure) break;
            sink->on_bytes(std::string_view{scratch.data(), n});
        }
    }
    sink->on_end(failure);
}

} // namespace pgweir
