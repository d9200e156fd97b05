#include "proxy/session/secrets.hpp"

#include "protocol/md5.hpp"

#include <openssl/crypto.h>

#include <mutex>
#include <utility>

namespace pgweir {
namespace {

bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

/// Reads the fields of one line of a user list.
class line_reader {
public:
    explicit line_reader(std::string_view line) noexcept : rest_{line} {}

    /// A quoted field with its doubled quotes undone; empty optional if there is none.
    std::optional<std::string> quoted() {
        skip_blanks();
        if (rest_.empty() || rest_[0] != '"') return std::nullopt;
        std::string value;
        for (std::size_t i = 1; i < rest_.size(); ++i) {
            if (rest_[i] != '"') {
                value.push_back(rest_[i]);
            } else if (i + 1 < rest_.size() && rest_[i + 1] == '"') {
                value.push_back('"');
                ++i;
            } else {
                rest_.remove_prefix(i + 1);
                return value;
            }
        }
        return std::nullopt;
    }

    bool is_blank_or_comment() {
        skip_blanks();
        return rest_.empty() || rest_[0] == ';' || rest_[0] == '#';
    }

private:
    void skip_blanks() {
        const auto at = rest_.find_first_not_of(" \t\r\f\v");
        rest_.remove_prefix(at == std::string_view::npos ? rest_.size() : at);
    }

    std::string_view rest_;
};

} // namespace

struct stored_secret::derived_verifier {
    std::once_flag once;
    std::optional<protocol::scram_verifier> verifier;
};

protocol::result<stored_secret> stored_secret::parse(std::string_view text) {
    stored_secret secret;
    if (text.empty()) return secret;
    if (text.starts_with(std::string{protocol::scram_mechanism} + "$")) {
        auto verifier = protocol::parse_scram_verifier(text);
        if (!verifier) return verifier.error();
        secret.kind_ = kind::scram;
        secret.verifier_ = std::move(*verifier);
        return secret;
    }
    if (!protocol::is_md5_hash(text)) return plain(text);
    secret.text_ = protocol::wiped_text{std::string{text}};
    secret.kind_ = kind::md5;
    return secret;
}

stored_secret stored_secret::plain(std::string_view password) {
    stored_secret secret;
    if (password.empty()) return secret;
    secret.text_ = protocol::wiped_text{std::string{password}};
    secret.kind_ = kind::plain;
    secret.derived_ = std::make_shared<derived_verifier>();
    return secret;
}

std::optional<protocol::scram_verifier>
stored_secret::scram_verifier(std::string_view user, std::string_view salt_secret) const {
    if (kind_ == kind::scram) return verifier_;
    if (kind_ != kind::plain) return std::nullopt;
    std::call_once(derived_->once, [&] {
        const auto verifier =
            protocol::derive_scram_verifier(text(), protocol::scram_salt_for(user, salt_secret),
                                            protocol::default_scram_iterations);
        if (verifier) derived_->verifier = *verifier;
    });
    return derived_->verifier;
}

bool stored_secret::matches(std::string_view user,
                            std::string_view password,
                            std::string_view salt_secret) const {
    if (kind_ == kind::scram) return protocol::matches(*verifier_, password);
    // The same work for the other kinds, so that time does not tell a user's kind or existence.
    const bool is_mock =
        protocol::matches(protocol::mock_scram_verifier(user, salt_secret), password);
    if (is_mock || kind_ == kind::none) return false;
    if (kind_ == kind::plain) return equal_in_constant_time(text(), password);
    const auto hash = protocol::md5_hash(user, password);
    return hash && equal_in_constant_time(text(), *hash);
}

server_credentials::~server_credentials() {
    if (password) protocol::wipe(*password);
    if (keys) OPENSSL_cleanse(&*keys, sizeof *keys);
    protocol::wipe(md5_hash);
}

server_credentials credentials_from(const stored_secret& secret) {
    server_credentials credentials;
    if (secret.what() == stored_secret::kind::plain) credentials.password = secret.text();
    if (secret.what() == stored_secret::kind::md5) credentials.md5_hash = secret.text();
    return credentials;
}

boost::system::result<user_list, user_list_error> user_list::parse(std::string_view text) {
    user_list list;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(line.size() == text.size() ? line.size() : line.size() + 1);
        if (line.find('\0') != std::string_view::npos)
            return user_list_error{number, "zero byte in line"};
        line_reader in{line};
        if (in.is_blank_or_comment()) continue;
        auto user = in.quoted();
        if (!user) return user_list_error{number, "expected a user name in double quotes"};
        if (user->empty()) return user_list_error{number, "empty user name"};
        const auto secret = in.quoted();
        if (!secret) return user_list_error{number, "expected a secret in double quotes"};
        auto parsed = stored_secret::parse(*secret);
        if (!parsed) return user_list_error{number, parsed.error().message()};
        list.users_.insert_or_assign(std::move(*user), std::move(*parsed));
    }
    return list;
}

void user_list::add(std::string user, stored_secret secret) {
    users_.try_emplace(std::move(user), std::move(secret));
}

const stored_secret* user_list::find(std::string_view user) const {
    const auto found = users_.find(std::string{user});
    return found == users_.end() ? nullptr : &found->second;
}

} // namespace pgweir
