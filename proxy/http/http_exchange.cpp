#include "proxy/http/http_exchange.hpp"

#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>

namespace pgweir {

namespace http = boost::beast::http;

http_exchange::http_exchange(std::uint32_t header_size)
    : header_size_{header_size}, buffer_{header_size + 1024UL} {}

http_exchange::request_parser& http_exchange::next_request() {
    parser_.emplace();
    parser_->header_limit(header_size_);
    parser_->body_limit(0);
    return *parser_;
}

bool http_exchange::may_answer(const error_code& ec) const {
    if (ec == http::error::end_of_stream || ec == http::error::partial_message) return false;
    return ec.category() == http::make_error_code(http::error::bad_method).category();
}

std::string_view http_exchange::target() const {
    const auto text = parser_->get().target();
    return {text.data(), text.size()};
}

void http_exchange::make_response(http_answer answer, unsigned version, bool keep_alive) {
    response_ = {};
    response_.version(version);
    response_.result(answer.status);
    response_.set(http::field::content_type, answer.content_type);
    response_.set(http::field::cache_control, "no-store");
    response_.keep_alive(keep_alive);
    response_.body() = std::move(answer.body);
    response_.prepare_payload();
}

void http_exchange::reply(http_answer answer) {
    make_response(std::move(answer), parser_->get().version(), parser_->get().keep_alive());
}

void http_exchange::refuse(const error_code& ec) {
    http_answer answer{400, "bad request\n"};
    if (ec == http::error::header_limit || ec == http::error::buffer_overflow)
        answer = {431, "header too large\n"};
    if (ec == http::error::body_limit || ec == http::error::unexpected_body)
        answer = {413, "no body expected\n"};
    // The rest of a broken request cannot be told from the next one.
    make_response(std::move(answer), 11, false);
}

void http_exchange::refuse_method() {
    reply({405, "only GET\n"});
    response_.set(http::field::allow, "GET");
}

} // namespace pgweir
