#include "tests/support/scram_exchange.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <stdexcept>

namespace pgweir::test {

namespace {

const unsigned char* bytes(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

std::string digest(const EVP_MD* kind, std::string_view input) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
    unsigned length = 0;
    EVP_Digest(input.data(), input.size(), out.data(), &length, kind, nullptr);
    return {out.begin(), out.begin() + length};
}

std::string hmac(std::string_view key, std::string_view input) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
    unsigned length = 0;
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes(input), input.size(),
         out.data(), &length);
    return {out.begin(), out.begin() + length};
}

std::string to_base64(std::string_view input) {
    std::string out(4 * ((input.size() + 2) / 3) + 1, '\0');
    const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes(input),
                                       static_cast<int>(input.size()));
    out.resize(static_cast<std::size_t>(length));
    return out;
}

std::string from_base64(std::string_view input) {
    std::string out(input.size(), '\0');
    const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes(input),
                                       static_cast<int>(input.size()));
    if (length < 0) throw std::runtime_error("bad base64 from the server");
    std::size_t size = static_cast<std::size_t>(length);
    for (auto at = input.size(); at > 0 && input[at - 1] == '='; --at)
        --size;
    out.resize(size);
    return out;
}

std::string attribute(std::string_view message, char name) {
    std::size_t at = 0;
    while (at < message.size()) {
        const auto end = std::min(message.find(',', at), message.size());
        if (message.substr(at, 2) == std::string{name, '='})
            return std::string{message.substr(at + 2, end - at - 2)};
        at = end + 1;
    }
    return "";
}

std::string hex(std::string_view input) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (const char letter : input) {
        out += digits[static_cast<unsigned char>(letter) >> 4];
        out += digits[static_cast<unsigned char>(letter) & 15];
    }
    return out;
}

} // namespace

scram_exchange::scram_exchange(std::string_view password, std::string_view nonce)
    : password_{password}, nonce_{nonce} {}

std::string scram_exchange::client_first() const {
    return "n,,n=,r=" + nonce_;
}

std::string scram_exchange::client_final(std::string_view server_first) {
    const auto nonce = attribute(server_first, 'r');
    const auto salt = from_base64(attribute(server_first, 's'));
    const int iterations = std::stoi(attribute(server_first, 'i'));
    if (!nonce.starts_with(nonce_)) throw std::runtime_error("foreign nonce");
    std::string salted(32, '\0');
    PKCS5_PBKDF2_HMAC(password_.data(), static_cast<int>(password_.size()), bytes(salt),
                      static_cast<int>(salt.size()), iterations, EVP_sha256(), 32,
                      reinterpret_cast<unsigned char*>(salted.data()));
    const auto client_key = hmac(salted, "Client Key");
    const auto without_proof = "c=biws,r=" + nonce;
    const auto signed_text =
        "n=,r=" + nonce_ + "," + std::string{server_first} + "," + without_proof;
    auto proof = hmac(digest(EVP_sha256(), client_key), signed_text);
    for (std::size_t index = 0; index < proof.size(); ++index)
        proof[index] = static_cast<char>(proof[index] ^ client_key[index]);
    server_signature_ = to_base64(hmac(hmac(salted, "Server Key"), signed_text));
    return without_proof + ",p=" + to_base64(proof);
}

bool scram_exchange::verify(std::string_view server_final) const {
    return attribute(server_final, 'v') == server_signature_;
}

std::string md5_password(std::string_view user, std::string_view password, std::string_view salt) {
    const auto inner = hex(digest(EVP_md5(), std::string{password} + std::string{user}));
    return "md5" + hex(digest(EVP_md5(), inner + std::string{salt}));
}

} // namespace pgweir::test
