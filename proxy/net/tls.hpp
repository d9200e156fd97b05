// TLS contexts made from the settings, for clients (we are the server) and for servers (we are the
// client), with PostgreSQL's sslmode words. Immutable; a reload makes new ones, connections keep
// the one they began with. Source: PostgreSQL docs, libpq-ssl and ssl-tcp.
#pragma once

#include "proxy/config/settings.hpp"

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <memory>
#include <string>

namespace pgweir {

struct client_tls {
    tls_mode mode = tls_mode::disable;
    boost::asio::ssl::context context{boost::asio::ssl::context::tls_server};
};

struct server_tls {
    tls_mode mode = tls_mode::prefer;
    boost::asio::ssl::context context{boost::asio::ssl::context::tls_client};
};

/// Throws std::runtime_error naming the file and what is wrong with it. Null when the mode is
/// `disable`.
[[nodiscard]] std::shared_ptr<client_tls> make_client_tls(const settings& values);
[[nodiscard]] std::shared_ptr<server_tls> make_server_tls(const settings& values);

} // namespace pgweir
