// One request and its response: what http_server's coroutine needs decided, without the socket.
#pragma once

#include "proxy/asio.hpp"
#include "proxy/http/http_server.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <optional>
#include <string_view>

namespace pgweir {

using http_stream = boost::beast::basic_stream<asio::ip::tcp, io_executor>;

class http_exchange {
public:
    using request_parser = boost::beast::http::request_parser<boost::beast::http::empty_body>;
    using response_message = boost::beast::http::response<boost::beast::http::string_body>;

    /// `header_size`: most bytes of a request's header.
    explicit http_exchange(std::uint32_t header_size);

    [[nodiscard]] request_parser& next_request();
    [[nodiscard]] boost::beast::flat_buffer& buffer() { return buffer_; }

    /// Whether the peer is still there to be told what was wrong with its request.
    [[nodiscard]] bool may_answer(const error_code& ec) const;
    [[nodiscard]] bool is_get() const {
        return parser_->get().method() == boost::beast::http::verb::get;
    }
    [[nodiscard]] std::string_view target() const;

    void reply(http_answer answer);
    void refuse(const error_code& ec);
    void refuse_method();
    [[nodiscard]] response_message& response() { return response_; }
    [[nodiscard]] bool keep_alive() const { return response_.keep_alive(); }

private:
    void make_response(http_answer answer, unsigned version, bool keep_alive);

    std::uint32_t header_size_;
    boost::beast::flat_buffer buffer_;
    std::optional<request_parser> parser_;
    response_message response_;
};

} // namespace pgweir
