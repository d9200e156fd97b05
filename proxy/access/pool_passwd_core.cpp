#include "protocol/base64.hpp"
#include "protocol/md5.hpp"
#include "protocol/scram.hpp"
#include "protocol/wipe.hpp"
#include "proxy/access/pool_passwd.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <array>
#include <memory>
#include <unordered_set>

namespace pgweir {
namespace {

constexpr std::size_t block_size = 16;
/// Passwords have at most 64 KiB, in base64 a third more.
constexpr std::size_t most_encrypted = 131'072;

struct cipher_key {
    cipher_key() = default;
    ~cipher_key() {
        OPENSSL_cleanse(key.data(), key.size());
        OPENSSL_cleanse(iv.data(), iv.size());
    }
    cipher_key(const cipher_key&) = delete;
    cipher_key& operator=(const cipher_key&) = delete;

    std::array<unsigned char, 32> key{};
    std::array<unsigned char, block_size> iv{};
};

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

bool derive(std::string_view from, cipher_key& to) {
    return EVP_BytesToKey(EVP_aes_256_cbc(), EVP_sha1(), nullptr, bytes_of(from),
                          static_cast<int>(from.size()), 1, to.key.data(),
                          to.iv.data()) == static_cast<int>(to.key.size());
}

/// What the text after the colon stands for; the error text is empty if all is well.
std::string read_secret(std::string_view text, std::string_view key, pool_passwd_user& into) {
    if (text.starts_with("AES")) {
        if (key.empty())
            return "has an encrypted password; set pool_key_file (pgpool's .pgpoolkey) or pool_key";
        auto plain = decrypt_pool_password(text.substr(3), key);
        if (!plain)
            return "has an encrypted password that pool_key_file (or pool_key) does not decrypt";
        into.secret = std::move(*plain);
    } else if (text.starts_with("TEXT")) {
        into.secret = text.substr(4);
    } else {
        into.secret = text;
        into.is_plain = !protocol::is_md5_hash(text) &&
                        !text.starts_with(std::string{protocol::scram_mechanism} + "$");
    }
    return {};
}

} // namespace

std::optional<std::string> decrypt_pool_password(std::string_view encrypted, std::string_view key) {
    if (encrypted.size() > most_encrypted || key.size() > most_encrypted) return std::nullopt;
    const auto bytes = protocol::base64_decode(encrypted);
    if (!bytes || bytes->empty() || bytes->size() % block_size != 0) return std::nullopt;
    cipher_key with;
    const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context{
        EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free};
    if (!context || !derive(key, with)) return std::nullopt;
    std::string plain(bytes->size() + block_size, '\0');
    auto* const out = reinterpret_cast<unsigned char*>(plain.data());
    int done = 0;
    int last = 0;
    const bool ok = EVP_DecryptInit_ex(context.get(), EVP_aes_256_cbc(), nullptr, with.key.data(),
                                       with.iv.data()) == 1 &&
                    EVP_DecryptUpdate(context.get(), out, &done, bytes_of(*bytes),
                                      static_cast<int>(bytes->size())) == 1 &&
                    EVP_DecryptFinal_ex(context.get(), out + done, &last) == 1;
    if (ok) plain.resize(static_cast<std::size_t>(done) + static_cast<std::size_t>(last));
    if (ok && plain.find('\0') == std::string::npos) return plain;
    protocol::wipe(plain);
    return std::nullopt;
}

boost::system::result<std::vector<pool_passwd_user>, pool_passwd_error>
parse_pool_passwd(std::string_view text, std::string_view key) {
    std::vector<pool_passwd_user> users;
    std::unordered_set<std::string_view> seen;
    for (std::size_t number = 1; !text.empty(); ++number) {
        auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(line.size() == text.size() ? line.size() : line.size() + 1);
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.empty() || line.starts_with('#')) continue;
        if (line.find('\0') != std::string_view::npos)
            return pool_passwd_error{number, "zero byte in line"};
        const auto colon = line.find(':');
        if (colon == 0 || colon == std::string_view::npos)
            return pool_passwd_error{number, "must be user:secret"};
        const auto name = line.substr(0, colon);
        if (!seen.insert(name).second) continue;
        pool_passwd_user user{std::string{name}, {}, true};
        if (auto wrong = read_secret(line.substr(colon + 1), key, user); !wrong.empty())
            return pool_passwd_error{number, std::move(wrong)};
        users.push_back(std::move(user));
    }
    return users;
}

} // namespace pgweir
