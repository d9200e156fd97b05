#include "proxy/net/peer_certificate.hpp"

#include "proxy/net/pem.hpp"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>

namespace pgweir {

namespace {

std::string common_name_of(const X509_NAME* subject) {
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0) return {};
    const auto* const value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
    unsigned char* utf8 = nullptr;
    const int size = ASN1_STRING_to_UTF8(&utf8, value);
    if (size < 0) return {};
    std::string name{reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size)};
    OPENSSL_free(utf8);
    // "admin\0.example.com" must not be taken for admin by whoever compares as C does.
    if (name.find('\0') != std::string::npos) return {};
    return name;
}

std::string distinguished_name_of(const X509_NAME* subject) {
    const bio_ptr out{BIO_new(BIO_s_mem())};
    if (!out || X509_NAME_print_ex(out.get(), subject, 0, XN_FLAG_RFC2253) < 0) return {};
    const char* text = nullptr;
    const auto size = BIO_ctrl(out.get(), BIO_CTRL_INFO, 0, &text); // BIO_get_mem_data
    return size > 0 ? std::string{text, static_cast<std::size_t>(size)} : std::string{};
}

} // namespace

std::optional<certificate_identity> verified_identity(stream& io) {
    auto* const tls = io.tls();
    if (tls == nullptr || SSL_get_verify_result(tls->native_handle()) != X509_V_OK)
        return std::nullopt;
    const certificate_ptr shown{SSL_get1_peer_certificate(tls->native_handle())};
    if (!shown) return std::nullopt; // "verified" is also what is said where there was nothing
    const auto* const subject = X509_get_subject_name(shown.get());
    return certificate_identity{common_name_of(subject), distinguished_name_of(subject)};
}

// Source: RFC 5929, section 4.1: the hash of the certificate's signature, but SHA-256 for MD5 and
// SHA-1.
std::string server_end_point(stream& io) {
    auto* const tls = io.tls();
    if (tls == nullptr) return {};
    auto* const handle = tls->native_handle();
    certificate_ptr shown;
    X509* certificate = nullptr;
    if (SSL_is_server(handle) == 1) {
        certificate = SSL_get_certificate(handle);
    } else {
        shown.reset(SSL_get1_peer_certificate(handle));
        certificate = shown.get();
    }
    int hash = NID_undef;
    if (certificate == nullptr ||
        X509_get_signature_info(certificate, &hash, nullptr, nullptr, nullptr) != 1)
        return {};
    if (hash == NID_md5 || hash == NID_sha1) hash = NID_sha256;
    const auto* const function = EVP_get_digestbynid(hash);
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    if (function == nullptr || X509_digest(certificate, function, digest.data(), &size) != 1)
        return {};
    return {reinterpret_cast<const char*>(digest.data()), size};
}

} // namespace pgweir
