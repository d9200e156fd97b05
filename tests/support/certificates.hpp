// Certificates for TLS tests, made by the openssl program.
#pragma once

#include <filesystem>

namespace pgweir::test {

/// Writes ca.crt, ca.key, other_ca.crt (which signed nothing), server.crt and server.key (for
/// localhost and 127.0.0.1), client.crt and client.key (CN app) into `directory`; keys have mode
/// 0600 and belong to postgres. Throws std::runtime_error.
void make_certificates(const std::filesystem::path& directory);

/// Replaces server.crt and server.key by new ones of the same CA.
void renew_server_certificate(const std::filesystem::path& directory);

} // namespace pgweir::test
