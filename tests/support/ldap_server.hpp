// A real LDAP server (slapd) for tests, with a few people in it, on free ports of this machine.
#pragma once

#include "tests/support/child_process.hpp"

#include <filesystem>
#include <string>

namespace pgweir::test {

/// Below dc=example,dc=net: ou=people with uid=ann (mail ann@example.net, password ann-secret),
/// uid=app_plain (plain-secret, as the servers of test clusters know it), uid=bob and uid=bert
/// (both mail b@example.net, bob-secret, bert-secret); cn=reader (reader-secret). Anonymous users
/// may bind, and only the reader search.
class ldap_server {
public:
    /// Throws std::runtime_error if it does not start, or is not installed.
    ldap_server();

    [[nodiscard]] int port() const { return port_; }
    /// TLS from the first byte, on 127.0.0.1 and on 127.0.0.2, which its certificate does not name.
    [[nodiscard]] int tls_port() const { return tls_port_; }
    [[nodiscard]] std::filesystem::path ca_file() const;

    [[nodiscard]] static bool is_installed();
    static constexpr const char* people = "ou=people,dc=example,dc=net";
    static constexpr const char* reader = "cn=reader,dc=example,dc=net";

private:
    void write_configuration() const;
    void add_people() const;

    temp_directory directory_;
    int port_ = 0;
    int tls_port_ = 0;
    child_process process_;
};

} // namespace pgweir::test
