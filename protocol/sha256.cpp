#include "protocol/sha256.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <cstdlib>
#include <memory>

namespace pgweir::protocol {
namespace {

constexpr std::size_t block_size = 64;
using block = std::array<unsigned char, block_size>;

struct free_context {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

const EVP_MD* algorithm() noexcept {
    // For as long as the program runs: threads that end late still use it.
    static const EVP_MD* const fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    return fetched;
}

template <class Bytes> std::string_view view(const Bytes& bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Of `head` and `tail`, one behind the other.
sha256_digest digest_of(std::string_view head, std::string_view tail) noexcept {
    static thread_local const std::unique_ptr<EVP_MD_CTX, free_context> context{EVP_MD_CTX_new()};
    sha256_digest digest{};
    unsigned size = 0;
    auto* const c = context.get();
    const bool done = c != nullptr && algorithm() != nullptr &&
                      EVP_DigestInit_ex2(c, algorithm(), nullptr) == 1 &&
                      EVP_DigestUpdate(c, head.data(), head.size()) == 1 &&
                      EVP_DigestUpdate(c, tail.data(), tail.size()) == 1 &&
                      EVP_DigestFinal_ex(c, digest.data(), &size) == 1 && size == digest.size();
    if (!done) std::abort();
    return digest;
}

} // namespace

sha256_digest sha256(std::string_view data) noexcept {
    return digest_of(data, {});
}

sha256_digest hmac_sha256(std::string_view key, std::string_view data) noexcept {
    sha256_digest shortened{};
    if (key.size() > block_size) {
        shortened = sha256(key);
        key = view(shortened);
    }
    block inner;
    block outer;
    for (std::size_t i = 0; i < block_size; ++i) {
        const auto byte = i < key.size() ? static_cast<unsigned char>(key[i]) : 0U;
        inner[i] = static_cast<unsigned char>(byte ^ 0x36U);
        outer[i] = static_cast<unsigned char>(byte ^ 0x5cU);
    }
    const auto within = digest_of(view(inner), data);
    const auto made = digest_of(view(outer), view(within));
    OPENSSL_cleanse(inner.data(), inner.size());
    OPENSSL_cleanse(outer.data(), outer.size());
    OPENSSL_cleanse(shortened.data(), shortened.size());
    return made;
}

} // namespace pgweir::protocol
