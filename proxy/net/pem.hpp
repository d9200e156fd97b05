// PEM texts into OpenSSL's objects, owned. Errors name the file; take_openssl_error() says why.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace pgweir {

struct openssl_free {
    void operator()(X509* object) const { X509_free(object); }
    void operator()(X509_CRL* object) const { X509_CRL_free(object); }
    void operator()(EVP_PKEY* object) const { EVP_PKEY_free(object); }
    void operator()(BIO* object) const { BIO_free(object); }
};
using certificate_ptr = std::unique_ptr<X509, openssl_free>;
using revocation_list_ptr = std::unique_ptr<X509_CRL, openssl_free>;
using key_ptr = std::unique_ptr<EVP_PKEY, openssl_free>;
using bio_ptr = std::unique_ptr<BIO, openssl_free>;

/// At least one, in the order of the file. Throws std::runtime_error.
[[nodiscard]] std::vector<certificate_ptr> read_certificates(const std::string& file,
                                                             const std::string& text);
/// May be none. Throws std::runtime_error for a broken one.
[[nodiscard]] std::vector<revocation_list_ptr> read_revocation_lists(const std::string& file,
                                                                     const std::string& text);
/// Null: not a key, or another passphrase. Never asks at a terminal.
[[nodiscard]] key_ptr read_private_key(const std::string& text, const std::string& passphrase);
/// Whether the first key of the text is encrypted.
[[nodiscard]] bool key_needs_passphrase(const std::string& text);
/// Diffie-Hellman parameters; null: it has none.
[[nodiscard]] key_ptr read_parameters(const std::string& text);

/// notAfter in seconds since 1970.
[[nodiscard]] std::int64_t expiry_of(const X509& certificate);

/// This thread's first error in OpenSSL's words; the others are dropped.
[[nodiscard]] std::string take_openssl_error();

} // namespace pgweir
