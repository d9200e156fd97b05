// Certificates for TLS tests, made by the openssl program.
#pragma once

#include <filesystem>
#include <string>

namespace pgweir::test {

/// Writes ca.crt, ca.key, other_ca.crt (which signed nothing), server.crt and server.key (for
/// localhost and 127.0.0.1), client.crt and client.key (CN app) into `directory`; keys have mode
/// 0600 and belong to postgres. Throws std::runtime_error.
void make_certificates(const std::filesystem::path& directory);

/// Adds NAME.crt and NAME.key of this common name, signed by ca or by another authority there.
void make_client_certificate(const std::filesystem::path& directory,
                             const std::string& name,
                             const std::string& common_name,
                             const std::string& authority = "ca");

/// Writes ca.crl, in which the certificate NAME.crt is revoked.
void revoke_certificate(const std::filesystem::path& directory, const std::string& name);

/// Writes NAME.key: the key FROM.key encrypted with a passphrase.
void encrypt_key(const std::filesystem::path& directory,
                 const std::string& from,
                 const std::string& name,
                 const std::string& passphrase);

/// Replaces server.crt and server.key by new ones of the same CA.
void renew_server_certificate(const std::filesystem::path& directory);

} // namespace pgweir::test
