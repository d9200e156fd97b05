// The client's half of SCRAM-SHA-256 (RFC 5802, 7677) for wire_client, apart from protocol/'s own.
#pragma once

#include <string>
#include <string_view>

namespace pgweir::test {

class scram_exchange {
public:
    scram_exchange(std::string_view password, std::string_view nonce);

    [[nodiscard]] std::string client_first() const;
    /// Throws std::runtime_error if the server's nonce does not begin with ours.
    std::string client_final(std::string_view server_first);
    /// Whether the server has proved that it knows the verifier.
    [[nodiscard]] bool verify(std::string_view server_final) const;

private:
    std::string password_;
    std::string nonce_;
    std::string server_signature_;
};

std::string md5_password(std::string_view user, std::string_view password, std::string_view salt);

} // namespace pgweir::test
