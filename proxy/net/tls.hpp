// TLS contexts made from the settings, for clients (we are the server) and for servers (we are the
// client), with PostgreSQL's sslmode words. Immutable; a change of settings or files makes new
// ones, connections keep the one they began with. Source: PostgreSQL docs, libpq-ssl and ssl-tcp.
#pragma once

#include "proxy/config/settings.hpp"

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace pgweir {

struct client_tls {
    tls_mode mode = tls_mode::disable;
    boost::asio::ssl::context context{boost::asio::ssl::context::tls_server};
    std::string fingerprint; // of the settings and the contents of the files
    std::int64_t first_expiry =
        0; // seconds since 1970: the first end of a certificate in the chain
};

struct server_tls {
    tls_mode mode = tls_mode::prefer;
    tls_negotiation negotiation = tls_negotiation::postgres;
    channel_binding_use channel_binding = channel_binding_use::prefer;
    boost::asio::ssl::context context{boost::asio::ssl::context::tls_client};
    std::string fingerprint;
    std::int64_t first_expiry = 0; // 0: there is no certificate of ours
    secret passphrase;             // of our key; for libpq, which reads it by itself
};

using client_tls_ptr = std::shared_ptr<client_tls>;
using server_tls_ptr = std::shared_ptr<server_tls>;

/// Null when the mode is `disable`; `before` again where settings and files have the same contents.
/// Reads files and may run a command: for a thread that may wait. Throws std::runtime_error naming
/// the file and what is wrong with it.
[[nodiscard]] client_tls_ptr make_client_tls(const settings& values, const client_tls_ptr& before);
[[nodiscard]] server_tls_ptr make_server_tls(const settings& values, const server_tls_ptr& before);

/// Whether both sides have agreed on PostgreSQL's protocol (ALPN), as direct TLS demands.
[[nodiscard]] bool has_agreed_on_protocol(const SSL* connection);

} // namespace pgweir
