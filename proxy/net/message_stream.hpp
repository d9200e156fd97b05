// Whole messages from a stream, one at a time: for logins and short exchanges of our own, where
// speed does not matter.
#pragma once

#include "protocol/frame.hpp"
#include "protocol/wipe.hpp"
#include "proxy/net/stream.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>

namespace pgweir {

class message_stream {
public:
    /// `early`: bytes that were read from it already.
    message_stream(std::shared_ptr<stream> io, std::size_t largest, std::string early = {})
        : io_{std::move(io)}, largest_{largest}, buffer_{std::move(early)} {}
    ~message_stream() {
        buffer_.resize(buffer_.capacity());
        protocol::wipe(buffer_);
    }
    message_stream(const message_stream&) = delete;
    message_stream& operator=(const message_stream&) = delete;

    struct message {
        char type = 0;
        std::string_view body; // valid until the next call
    };

    /// The next message. Errors: the stream's; message_size for one that is longer than allowed or
    /// has no possible length.
    task<error_code> next(message& out) {
        buffer_.erase(0, used_);
        used_ = 0;
        for (;;) {
            protocol::frame_header header;
            const auto found = protocol::read_header(buffer_, header);
            if (found == protocol::frame_status::bad_length) co_return asio::error::message_size;
            if (found == protocol::frame_status::found) {
                if (header.size > largest_) co_return asio::error::message_size;
                if (buffer_.size() >= header.size) {
                    out.type = header.type;
                    out.body = protocol::body_of(buffer_, header);
                    used_ = static_cast<std::size_t>(header.size);
                    co_return error_code{};
                }
            }
            const auto ec = co_await more();
            if (ec) co_return ec;
        }
    }

    /// What has arrived already is taken without waiting for the poller.
    void take_arrived() {
        const auto had = buffer_.size();
        grow_to(had + portion);
        buffer_.resize(had + io_->take_arrived({buffer_.data() + had, portion}));
    }

    [[nodiscard]] bool has(std::size_t count) const { return buffer_.size() - used_ >= count; }
    /// At least `count` bytes are in `bytes()` afterwards.
    task<error_code> need(std::size_t count) {
        while (!has(count)) {
            const auto ec = co_await more();
            if (ec) co_return ec;
        }
        co_return error_code{};
    }
    [[nodiscard]] std::string_view bytes() const { return std::string_view{buffer_}.substr(used_); }
    void consume(std::size_t count) { used_ += count; }
    /// What came behind the messages taken.
    [[nodiscard]] std::string take_rest() {
        buffer_.erase(0, used_);
        used_ = 0;
        return std::move(buffer_);
    }

private:
    // Into the buffer itself: a coroutine whose frame is small costs no allocation. What clients
    // send before they are known may be a password, so nothing of it is left elsewhere.
    task<error_code> more() {
        const auto had = buffer_.size();
        grow_to(had + portion);
        const auto space = asio::buffer(buffer_.data() + had, portion);
        error_code ec;
        std::size_t n = 0;
        if (auto* const tls = io_->tls())
            std::tie(ec, n) = co_await tls->async_read_some(space, nothrow);
        else
            std::tie(ec, n) = co_await io_->socket().async_read_some(space, nothrow);
        buffer_.resize(had + (ec ? 0 : n));
        co_return ec;
    }

    /// The memory that becomes too small is overwritten before it is given back.
    void grow_to(std::size_t size) {
        if (buffer_.capacity() < size) {
            std::string larger;
            larger.reserve(std::max(size, 2 * buffer_.capacity()));
            larger = buffer_;
            buffer_.swap(larger);
            protocol::wipe(larger);
        }
        buffer_.resize(size);
    }

    static constexpr std::size_t portion = 512;

    std::shared_ptr<stream> io_;
    std::size_t largest_;
    std::string buffer_;
    std::size_t used_ = 0;
};

} // namespace pgweir
