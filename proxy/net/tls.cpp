#include "proxy/net/tls.hpp"

#include "proxy/net/pem.hpp"
#include "proxy/net/tls_files.hpp"

#include <openssl/crypto.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string_view>

namespace pgweir {

namespace {

namespace ssl = boost::asio::ssl;

constexpr std::array<unsigned char, 11> protocol_name{10,  'p', 'o', 's', 't', 'g',
                                                      'r', 'e', 's', 'q', 'l'};

/// The settings that both sides have, under the beginning of their names.
struct tls_choices {
    std::string prefix;
    tls_version oldest;
    tls_version newest;
    std::string ciphers;
    std::string suites;
    std::string passphrase_command;
};

int number_of(tls_version version) {
    return version == tls_version::tls_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

/// For what OpenSSL refuses of a setting.
void demand(bool done, const std::string& setting, const std::string& value) {
    if (!done) throw std::runtime_error{setting + " = \"" + value + "\": " + take_openssl_error()};
}

void harden(SSL_CTX* context) {
    SSL_CTX_set_options(context, SSL_OP_ALL | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                     SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context, 0); // TLS 1.3 would send them though nobody takes them back
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
}

void choose(SSL_CTX* context, const tls_choices& choices) {
    SSL_CTX_set_min_proto_version(context, number_of(choices.oldest));
    SSL_CTX_set_max_proto_version(context, number_of(choices.newest));
    if (!choices.ciphers.empty()) {
        demand(SSL_CTX_set_cipher_list(context, choices.ciphers.c_str()) == 1,
               choices.prefix + "_ciphers", choices.ciphers);
    }
    if (!choices.suites.empty()) {
        demand(SSL_CTX_set_ciphersuites(context, choices.suites.c_str()) == 1,
               choices.prefix + "13_ciphers", choices.suites);
    }
}

/// Certificate chain and key. Gives the first end of a certificate, and the passphrase if one was
/// needed.
std::pair<std::int64_t, std::string> load_pair(SSL_CTX* context,
                                               const tls_file_names& names,
                                               const tls_files& files,
                                               const tls_choices& choices) {
    const auto chain = read_certificates(names.certificate, files.certificate);
    std::string passphrase;
    auto key = read_private_key(files.key, passphrase);
    if (!key && key_needs_passphrase(files.key)) {
        if (choices.passphrase_command.empty())
            throw std::runtime_error{"private key " + names.key + " is encrypted; set " +
                                     choices.prefix + "_passphrase_command"};
        passphrase = ask_passphrase(choices.passphrase_command, "Enter PEM pass phrase:");
        key = read_private_key(files.key, passphrase);
    }
    if (!key)
        throw std::runtime_error{"cannot use private key " + names.key + ": " +
                                 take_openssl_error()};
    if (SSL_CTX_use_certificate(context, chain.front().get()) != 1)
        throw std::runtime_error{"cannot use certificate " + names.certificate + ": " +
                                 take_openssl_error()};
    for (std::size_t i = 1; i < chain.size(); ++i)
        SSL_CTX_ctrl(context, SSL_CTRL_CHAIN_CERT, 1, chain[i].get()); // SSL_CTX_add1_chain_cert
    if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 ||
        SSL_CTX_check_private_key(context) != 1) {
        (void)take_openssl_error();
        throw std::runtime_error{"private key " + names.key + " does not belong to certificate " +
                                 names.certificate};
    }
    auto first_end = expiry_of(*chain.front());
    for (const auto& certificate : chain)
        first_end = std::min(first_end, expiry_of(*certificate));
    return {first_end, std::move(passphrase)};
}

/// Whom to believe, and whom no more.
void load_authorities(SSL_CTX* context, const tls_file_names& names, const tls_files& files) {
    auto* const store = SSL_CTX_get_cert_store(context);
    if (!names.authorities.empty()) {
        for (const auto& authority : read_certificates(names.authorities, files.authorities)) {
            X509_STORE_add_cert(store, authority.get());
            SSL_CTX_add_client_CA(context,
                                  authority.get()); // what servers tell clients to choose by
        }
    }
    if (names.revocations.empty() && names.revocations_directory.empty()) return;
    for (const auto& [file, text] : files.revocations) {
        const auto lists = read_revocation_lists(file, text);
        if (lists.empty() && file == names.revocations)
            throw std::runtime_error{file + " holds no revocation list"};
        for (const auto& list : lists)
            X509_STORE_add_crl(store, list.get());
    }
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
}

/// Direct TLS (PostgreSQL 17) must name the protocol; what asks for it after SSLRequest may.
int choose_protocol(SSL*,
                    const unsigned char** out,
                    unsigned char* out_size,
                    const unsigned char* in,
                    unsigned in_size,
                    void*) {
    unsigned char* chosen = nullptr;
    if (SSL_select_next_proto(&chosen, out_size, protocol_name.data(), protocol_name.size(), in,
                              in_size) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/// What only a server chooses.
void choose_key_exchange(SSL_CTX* context, const settings& values, const tls_files& files) {
    if (values.client_tls_prefer_server_ciphers)
        SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
    if (auto groups = values.client_tls_ecdhcurve; !groups.empty()) {
        // SSL_CTX_set1_groups_list, whose C cast is a warning.
        demand(SSL_CTX_ctrl(context, SSL_CTRL_SET_GROUPS_LIST, 0, groups.data()) == 1,
               "client_tls_ecdhcurve", groups);
    }
    if (values.client_tls_dh_params_file.empty()) {
        SSL_CTX_set_dh_auto(context, 1);
        return;
    }
    auto parameters = read_parameters(files.dh_parameters);
    if (!parameters || SSL_CTX_set0_tmp_dh_pkey(context, parameters.get()) != 1)
        throw std::runtime_error{"cannot use " + values.client_tls_dh_params_file + ": " +
                                 take_openssl_error()};
    (void)parameters.release(); // the context's now
}

bool verifies(tls_mode mode) {
    return mode == tls_mode::verify_ca || mode == tls_mode::verify_full;
}

} // namespace

client_tls_ptr make_client_tls(const settings& values, const client_tls_ptr& before) {
    if (values.client_tls_sslmode == tls_mode::disable) return nullptr;
    const auto names = client_tls_files(values);
    const tls_files files{names};
    if (before && before->fingerprint == files.fingerprint) return before;
    auto made = std::make_shared<client_tls>();
    made->mode = values.client_tls_sslmode;
    made->fingerprint = files.fingerprint;
    auto* const context = made->context.native_handle();
    const tls_choices choices{"client_tls",
                              values.client_tls_min_protocol_version,
                              values.client_tls_max_protocol_version,
                              values.client_tls_ciphers,
                              values.client_tls13_ciphers,
                              values.client_tls_passphrase_command.value};
    harden(context);
    choose(context, choices);
    choose_key_exchange(context, values, files);
    auto [first_end, passphrase] = load_pair(context, names, files, choices);
    OPENSSL_cleanse(passphrase.data(), passphrase.size());
    made->first_expiry = first_end;
    load_authorities(context, names, files);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
    const auto must_show = verifies(made->mode) ? ssl::verify_fail_if_no_peer_cert : 0;
    made->context.set_verify_mode(names.authorities.empty() ? ssl::verify_none
                                                            : ssl::verify_peer | must_show);
    return made;
}

server_tls_ptr make_server_tls(const settings& values, const server_tls_ptr& before) {
    if (values.server_tls_sslmode == tls_mode::disable) return nullptr;
    const auto names = server_tls_files(values);
    const tls_files files{names};
    if (before && before->fingerprint == files.fingerprint) return before;
    auto made = std::make_shared<server_tls>();
    made->mode = values.server_tls_sslmode;
    made->negotiation = values.server_tls_sslnegotiation;
    made->channel_binding = values.server_tls_channel_binding;
    made->fingerprint = files.fingerprint;
    auto* const context = made->context.native_handle();
    const tls_choices choices{"server_tls",
                              values.server_tls_min_protocol_version,
                              values.server_tls_max_protocol_version,
                              values.server_tls_ciphers,
                              values.server_tls13_ciphers,
                              values.server_tls_passphrase_command.value};
    harden(context);
    choose(context, choices);
    if (!names.certificate.empty())
        std::tie(made->first_expiry, made->passphrase.value) =
            load_pair(context, names, files, choices);
    load_authorities(context, names, files);
    SSL_CTX_set_alpn_protos(context, protocol_name.data(), protocol_name.size());
    // As libpq does: a list of authorities is there to be used.
    const bool checks =
        verifies(made->mode) || (made->mode == tls_mode::require && !names.authorities.empty());
    made->context.set_verify_mode(checks ? ssl::verify_peer : ssl::verify_none);
    return made;
}

bool has_agreed_on_protocol(const SSL* connection) {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(connection, &name, &size);
    return std::string_view{reinterpret_cast<const char*>(name), size} ==
           std::string_view{reinterpret_cast<const char*>(&protocol_name[1]), protocol_name[0]};
}

} // namespace pgweir
