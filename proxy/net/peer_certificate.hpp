// What the certificate of the other end of a TLS stream tells: who a client is, once its
// certificate has been verified, and what a login can be bound to so that nobody can relay it (RFC
// 5929, tls-server-end-point). Used by the stream's thread.
#pragma once

#include "proxy/net/stream.hpp"

#include <optional>
#include <string>

namespace pgweir {

/// The subject of a verified client certificate, in PostgreSQL's two forms (`clientname=`).
struct certificate_identity {
    /// The first common name, in UTF-8. Empty: there is none, or it holds a NUL byte. It names
    /// nobody then, and must not be admitted whatever a map says.
    std::string common_name;
    /// As of RFC 2253: "CN=app,OU=payments,O=Example", the innermost first; special and control
    /// characters are escaped.
    std::string distinguished_name;
};

/// Nothing: the stream is not TLS, its client has shown no certificate, or none that
/// `client_tls_ca_file` has verified. For the streams of clients, after their handshake.
[[nodiscard]] std::optional<certificate_identity> verified_identity(stream& io);

/// The hash that SCRAM-SHA-256-PLUS is bound to: of our own certificate on a client's stream, of
/// the server's on a server's. Raw bytes; empty if the stream is not TLS, or for a certificate
/// whose signature names no hash function (Ed25519). Valid after the handshake.
[[nodiscard]] std::string server_end_point(stream& io);

} // namespace pgweir
