#include "proxy/session/cancel_exchange.hpp"

#include "protocol/startup.hpp"
#include "proxy/pool/opener.hpp"
#include "proxy/worker.hpp"

namespace pgweir {

std::shared_ptr<stream> open_for_cancel(worker& owner) {
    stream_socket socket{owner.executor()};
    return std::make_shared<stream>(std::move(socket));
}

void close_after(steady_timer& deadline,
                 const std::shared_ptr<stream>& io,
                 std::chrono::milliseconds limit) {
    deadline.expires_after(limit);
    deadline.async_wait([io](const error_code& ec) {
        if (!ec) io->close();
    });
}

task<bool>
exchange_cancel(std::shared_ptr<stream> io, std::int32_t process_id, std::string secret_key) {
    std::string request;
    encode(protocol::cancel_request{process_id, secret_key}, request);
    const auto ec = co_await write_all(*io, request);
    if (ec) co_return false;
    char byte = 0;
    if (auto* const tls = io->tls()) {
        const auto [end, n] = co_await tls->async_read_some(asio::buffer(&byte, 1), nothrow);
        co_return end == asio::error::eof || end == asio::ssl::error::stream_truncated;
    }
    const auto [end, n] = co_await io->socket().async_read_some(asio::buffer(&byte, 1), nothrow);
    co_return end == asio::error::eof;
}

} // namespace pgweir
