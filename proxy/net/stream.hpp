// Bytes to and from one peer, plain or TLS: buffered output with back-pressure, and a reading loop
// that hands out each chunk. Owned by shared_ptr (operations under way keep it alive); used by the
// thread of its executor only.
#pragma once

#include "proxy/asio.hpp"
#include "proxy/net/read_wait.hpp"

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace pgweir {

class stream final : public read_wait::waiter, public std::enable_shared_from_this<stream> {
public:
    using tls_stream = asio::ssl::stream<stream_socket>;

    /// What the owner of a stream hears. Called on the stream's thread.
    class listener {
    public:
        virtual void on_drained() = 0; // output that had piled up is written

    protected:
        ~listener() = default;
    };

    /// Who takes what is read. Kept alive by the stream until `on_end`.
    class reader {
    public:
        /// True: nothing is read until `resume_reading`.
        [[nodiscard]] virtual bool wants_no_input() const = 0;
        /// Valid during the call only.
        virtual void on_bytes(std::string_view chunk) = 0;
        /// The last call. No error: the stream was closed on this side.
        virtual void on_end(const error_code& ec) = 0;

    protected:
        ~reader() = default;
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

    /// What has arrived already, for the first words of a peer that speaks first; nothing after an
    /// error, which the next reader meets. Not for TLS.
    [[nodiscard]] std::size_t take_arrived(std::span<char> space);
    /// The poller goes on: unless the stream is being read by now, what came since `take_arrived`
    /// may have gone unnoticed.
    void end_turn() {
        if (!reader_) drained_ = false;
    }

    /// Reads until the end. `scratch` is shared by all streams of a thread, which is why a chunk
    /// must be used up or copied within the call.
    void start_reading(std::shared_ptr<reader> to, std::span<char> scratch);
    /// The reader may want input again; harmless if it always did.
    void resume_reading();
    /// The next wait asks the kernel again: after a server's error its end may have come in the
    /// same breath, and nothing would tell of it later.
    void expect_end() { drained_ = false; }
    /// Looks for an end that came together with the last bytes; call now and then.
    void look_for_end();
    /// Whether sent data has been unacknowledged for that long, as seen by calls now and then. A
    /// peer that acknowledges without reading is alive (TCP_USER_TIMEOUT would end it too). Source:
    /// tcp(7), TCP_INFO.
    [[nodiscard]] bool is_unheard(std::chrono::steady_clock::time_point now,
                                  std::chrono::milliseconds limit);

    [[nodiscard]] bool is_tls() const { return tls_ != nullptr; }
    [[nodiscard]] stream_socket& socket() { return tls_ ? tls_->next_layer() : socket_; }
    [[nodiscard]] tls_stream* tls() { return tls_.get(); }
    /// Continues as TLS; nothing may be buffered in either direction. The handshake is the
    /// caller's.
    tls_stream& start_tls(asio::ssl::context& context);

    [[nodiscard]] std::uint64_t bytes_out() const { return bytes_out_; }
    /// The reader hears of nothing any more, and is not kept alive: its executor has stopped.
    void let_go();
    /// Gives the file descriptor away (plain streams with empty output only), for another thread to
    /// go on with.
    [[nodiscard]] int release();
    [[nodiscard]] io_executor executor() { return socket().get_executor(); }

    // read_wait::waiter
    void on_readable(const error_code& ec) override;

    static constexpr std::size_t high_water = 256UL * 1024;

private:
    void await_bytes();
    void hand_over(std::string_view chunk);
    void end_reading(const error_code& ec);
    task<> tls_read_loop(std::shared_ptr<stream> self);
    void start_writer();
    void on_writable(const error_code& ec);
    void on_written(const error_code& ec, std::size_t n);
    void write_failed();
    void forget_output();

    stream_socket socket_;
    std::unique_ptr<tls_stream> tls_;
    std::string out_;
    std::size_t out_begin_ = 0;
    std::string sending_; // what TLS is working on: must stay where it is
    read_wait wait_;
    std::shared_ptr<reader> reader_;
    std::span<char> scratch_;
    std::unique_ptr<wake_signal> tls_reading_;
    listener* listener_ = nullptr;
    std::uint64_t bytes_out_ = 0;
    std::chrono::steady_clock::time_point unheard_since_{}; // zero: nothing is unacknowledged
    bool open_ = true;
    bool writing_ = false;
    bool close_when_written_ = false;
    bool paused_ = false;    // the reader wants no input
    bool drained_ = false;   // the last read took all there was
    bool unchecked_ = false; // … but an end behind it would have gone unnoticed
};

} // namespace pgweir
