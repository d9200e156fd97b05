#include "protocol/scram_message.hpp"

#include <algorithm>

namespace pgweir::protocol {
namespace {

// Boost's base class has a protected, non-virtual destructor on purpose; g++ counts it as
// accessible here.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"
class scram_category_type final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "pgweir.scram"; }

    std::string message(int value) const override {
        switch (static_cast<scram_errc>(value)) {
        case scram_errc::malformed:
            return "malformed SCRAM message";
        case scram_errc::channel_binding_requested:
            return "SCRAM channel binding is not supported here, or not of this type";
        case scram_errc::channel_binding_missing:
            return "SCRAM-SHA-256-PLUS without channel binding";
        case scram_errc::channel_binding_downgrade:
            return "SCRAM channel binding negotiation error: the client supports it and thinks "
                   "that "
                   "the server does not, but this server does";
        case scram_errc::channel_binding_mismatch:
            return "SCRAM channel binding check failed";
        case scram_errc::extension_requested:
            return "unsupported SCRAM extension";
        case scram_errc::authzid_requested:
            return "SCRAM authorization identity is not supported";
        case scram_errc::nonce_mismatch:
            return "SCRAM nonce does not match";
        case scram_errc::bad_iterations:
            return "SCRAM iteration count is invalid or above the limit";
        case scram_errc::wrong_password:
            return "SCRAM proof does not match the secret";
        case scram_errc::bad_server_signature:
            return "incorrect SCRAM server signature";
        case scram_errc::rejected:
            return "SCRAM exchange rejected by the server";
        case scram_errc::out_of_order:
            return "SCRAM message out of order";
        case scram_errc::bad_verifier:
            return "invalid SCRAM secret";
        case scram_errc::crypto_failure:
            return "libcrypto refused SCRAM's functions";
        }
        return "unknown SCRAM error";
    }
};
#pragma GCC diagnostic pop

/// Walks over comma-separated `letter=value` attributes.
class attribute_reader {
public:
    explicit attribute_reader(std::string_view message) noexcept : message_{message} {}

    struct attribute {
        char name = '\0'; ///< zero: there is none, or it is malformed
        std::string_view value;
    };

    attribute next() noexcept {
        const auto rest = message_.substr(std::min(at_, message_.size()));
        const auto text = rest.substr(0, rest.find(','));
        at_ += text.size() + 1;
        if (text.size() < 2 || text[1] != '=' || !is_letter(text[0])) return {};
        return {text[0], text.substr(2)};
    }
    [[nodiscard]] bool at_end() const noexcept { return at_ > message_.size(); }
    /// Offset of the next attribute.
    [[nodiscard]] std::size_t position() const noexcept { return at_; }

private:
    static bool is_letter(char c) noexcept {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    }

    std::string_view message_;
    std::size_t at_ = 0;
};

bool is_nonce(std::string_view text) noexcept {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

bool is_acceptable(std::string_view message) noexcept {
    return message.size() <= max_scram_message_size && message.find('\0') == std::string_view::npos;
}

/// What follows may be any number of optional extensions, which are ignored.
bool only_attributes_follow(attribute_reader& in) noexcept {
    while (!in.at_end())
        if (in.next().name == '\0') return false;
    return true;
}

} // namespace

const boost::system::error_category& scram_category() noexcept {
    static const scram_category_type instance;
    return instance;
}

error_code make_error_code(scram_errc value) noexcept {
    return {static_cast<int>(value), scram_category()};
}

result<client_first_message> parse_client_first(std::string_view message) {
    if (!is_acceptable(message)) return scram_errc::malformed;
    const auto flag = message.substr(0, message.find(','));
    const bool binds = flag.starts_with("p=") && flag.size() > 2;
    if (!binds && flag != "n" && flag != "y") return scram_errc::malformed;
    const auto identity = message.substr(flag.size());
    if (identity.starts_with(",a")) return scram_errc::authzid_requested;
    if (!identity.starts_with(",,")) return scram_errc::malformed;
    client_first_message first;
    first.says_y = flag == "y";
    if (binds) first.binding_type = flag.substr(2);
    first.bare = identity.substr(2);
    attribute_reader in{first.bare};
    const auto user = in.next();
    if (user.name == 'm') return scram_errc::extension_requested;
    const auto nonce = in.next();
    if (user.name != 'n' || nonce.name != 'r' || !is_nonce(nonce.value))
        return scram_errc::malformed;
    if (!only_attributes_follow(in)) return scram_errc::malformed;
    first.nonce = nonce.value;
    return first;
}

result<server_first_message> parse_server_first(std::string_view message) {
    if (!is_acceptable(message)) return scram_errc::malformed;
    attribute_reader in{message};
    const auto nonce = in.next();
    if (nonce.name == 'm') return scram_errc::extension_requested;
    const auto salt = in.next();
    const auto iterations = in.next();
    if (nonce.name != 'r' || !is_nonce(nonce.value) || salt.name != 's' || iterations.name != 'i')
        return scram_errc::malformed;
    if (!only_attributes_follow(in)) return scram_errc::malformed;
    return server_first_message{nonce.value, salt.value, iterations.value};
}

result<client_final_message> parse_client_final(std::string_view message) {
    if (!is_acceptable(message)) return scram_errc::malformed;
    attribute_reader in{message};
    const auto channel_binding = in.next();
    const auto nonce = in.next();
    if (channel_binding.name != 'c' || nonce.name != 'r') return scram_errc::malformed;
    while (!in.at_end()) {
        const auto start = in.position();
        const auto attribute = in.next();
        if (attribute.name == '\0') return scram_errc::malformed;
        if (attribute.name != 'p') continue;
        if (!in.at_end()) return scram_errc::malformed;
        return client_final_message{channel_binding.value, nonce.value, attribute.value,
                                    message.substr(0, start - 1)};
    }
    return scram_errc::malformed;
}

result<server_final_message> parse_server_final(std::string_view message) {
    if (!is_acceptable(message)) return scram_errc::malformed;
    attribute_reader in{message};
    const auto answer = in.next();
    if (answer.name != 'v' && answer.name != 'e') return scram_errc::malformed;
    if (!only_attributes_follow(in)) return scram_errc::malformed;
    return server_final_message{answer.name == 'e', answer.value};
}

} // namespace pgweir::protocol
