#include "proxy/net/tls.hpp"

#include <openssl/ssl.h>

#include <array>
#include <stdexcept>

namespace pgweir {

namespace {

namespace ssl = boost::asio::ssl;

void harden(ssl::context& context) {
    SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
    context.set_options(ssl::context::default_workarounds | ssl::context::no_compression |
                        SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(context.native_handle(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context.native_handle(), SSL_MODE_RELEASE_BUFFERS);
}

void use(const std::string& what, const std::string& file, const boost::system::error_code& ec) {
    if (ec) throw std::runtime_error{what + " " + file + ": " + ec.message()};
}

void load_pair(ssl::context& context, const std::string& certificate, const std::string& key) {
    boost::system::error_code ec;
    context.use_certificate_chain_file(certificate, ec);
    use("cannot use certificate", certificate, ec);
    context.use_private_key_file(key, ssl::context::pem, ec);
    use("cannot use private key", key, ec);
    if (SSL_CTX_check_private_key(context.native_handle()) != 1)
        throw std::runtime_error{"private key " + key + " does not belong to certificate " +
                                 certificate};
}

/// Direct TLS (PostgreSQL 17) must name the protocol; what asks for it after SSLRequest may.
int choose_protocol(SSL*,
                    const unsigned char** out,
                    unsigned char* out_size,
                    const unsigned char* in,
                    unsigned in_size,
                    void*) {
    static constexpr std::array<unsigned char, 11> ours{10,  'p', 'o', 's', 't', 'g',
                                                        'r', 'e', 's', 'q', 'l'};
    unsigned char* chosen = nullptr;
    if (SSL_select_next_proto(&chosen, out_size, ours.data(), ours.size(), in, in_size) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

} // namespace

std::shared_ptr<client_tls> make_client_tls(const settings& values) {
    if (values.client_tls_sslmode == tls_mode::disable) return nullptr;
    auto made = std::make_shared<client_tls>();
    made->mode = values.client_tls_sslmode;
    harden(made->context);
    load_pair(made->context, values.client_tls_cert_file, values.client_tls_key_file);
    SSL_CTX_set_alpn_select_cb(made->context.native_handle(), choose_protocol, nullptr);
    if (!values.client_tls_ca_file.empty()) {
        boost::system::error_code ec;
        made->context.load_verify_file(values.client_tls_ca_file, ec);
        use("cannot use CA file", values.client_tls_ca_file, ec);
    }
    const bool must_show = made->mode == tls_mode::verify_ca || made->mode == tls_mode::verify_full;
    made->context.set_verify_mode(must_show ? ssl::verify_peer | ssl::verify_fail_if_no_peer_cert
                                            : ssl::verify_none);
    return made;
}

std::shared_ptr<server_tls> make_server_tls(const settings& values) {
    if (values.server_tls_sslmode == tls_mode::disable) return nullptr;
    auto made = std::make_shared<server_tls>();
    made->mode = values.server_tls_sslmode;
    harden(made->context);
    if (!values.server_tls_cert_file.empty())
        load_pair(made->context, values.server_tls_cert_file, values.server_tls_key_file);
    const bool verifies = made->mode == tls_mode::verify_ca || made->mode == tls_mode::verify_full;
    boost::system::error_code ec;
    if (!values.server_tls_ca_file.empty()) {
        made->context.load_verify_file(values.server_tls_ca_file, ec);
        use("cannot use CA file", values.server_tls_ca_file, ec);
    } else if (verifies) {
        made->context.set_default_verify_paths(ec);
        use("cannot use the system's CA certificates", "", ec);
    }
    made->context.set_verify_mode(verifies ? ssl::verify_peer : ssl::verify_none);
    return made;
}

} // namespace pgweir
