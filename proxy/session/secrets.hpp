// Secrets of users: one stored secret in any of PostgreSQL's forms, the user list (PgBouncer's
// userlist.txt), and what a login leaves behind for logging in to a node. Pure; nothing here is
// ever logged.
#pragma once

#include "protocol/scram.hpp"
#include "protocol/wipe.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace pgweir {

/// What is known about a user's password. Copies are cheap enough and share a verifier derived
/// once.
class stored_secret {
public:
    enum class kind : std::uint8_t { none, plain, md5, scram };

    /// No password will ever match.
    stored_secret() = default;
    /// One secret as pg_authid or a user list has it: "SCRAM-SHA-256$...", "md5" and 32 hex digits,
    /// else plain; empty is none. Errors: scram_errc::bad_verifier for a broken SCRAM secret, which
    /// is no password.
    [[nodiscard]] static protocol::result<stored_secret> parse(std::string_view text);
    /// A plain password, whatever it looks like; empty is none.
    [[nodiscard]] static stored_secret plain(std::string_view password);

    [[nodiscard]] kind what() const noexcept { return kind_; }
    /// The password (plain) or the hash (md5), else empty.
    [[nodiscard]] const std::string& text() const noexcept { return text_.text(); }
    /// The verifier of a SCRAM secret, or one derived from a plain password by the first call (some
    /// milliseconds; later calls and copies share it, from any thread) with the salt that
    /// scram_salt_for gives. Empty for none and md5. `user` and `salt_secret` must be the same in
    /// every call.
    [[nodiscard]] std::optional<protocol::scram_verifier>
    scram_verifier(std::string_view user, std::string_view salt_secret) const;
    /// True if `password` is the right one for `user`. Costs one SCRAM derivation whatever the
    /// kind.
    [[nodiscard]] bool
    matches(std::string_view user, std::string_view password, std::string_view salt_secret) const;

private:
    struct derived_verifier;

    kind kind_ = kind::none;
    protocol::wiped_text text_;
    std::optional<protocol::scram_verifier> verifier_;
    std::shared_ptr<derived_verifier> derived_;
};

/// What pgweir can log in to a node with, as one user. A password serves every method; keys serve
/// SCRAM where the node's verifier is the one that the frontend proved itself with; a hash serves
/// MD5.
struct server_credentials {
    server_credentials() = default;
    ~server_credentials(); ///< wipes them
    server_credentials(const server_credentials&) = default;
    server_credentials& operator=(const server_credentials&) = default;
    server_credentials(server_credentials&&) = default;
    server_credentials& operator=(server_credentials&&) = default;

    std::optional<std::string> password;
    std::optional<protocol::scram_keys> keys;
    std::string md5_hash;
    /// Which of the directory's lessons they are (auth_directory); 0: not from a login.
    std::uint64_t learned = 0;
};
/// The credentials that a stored secret gives by itself: none from a SCRAM verifier.
[[nodiscard]] server_credentials credentials_from(const stored_secret& secret);

struct user_list_error {
    std::size_t line = 0; ///< 1-based
    std::string what;
};

/// Users and their secrets from a file. Immutable once parsed, so that threads may share it.
class user_list {
public:
    /// The text of a userlist.txt: one `"user" "secret"` a line, quotes inside doubled, what
    /// follows the secret ignored, lines that begin with `;` or `#` are comments. Of two lines for
    /// one user the later one counts.
    [[nodiscard]] static boost::system::result<user_list, user_list_error>
    parse(std::string_view text);

    /// Null: no such user. Valid as long as the list.
    [[nodiscard]] const stored_secret* find(std::string_view user) const;
    /// Does nothing if the user is listed already.
    void add(std::string user, stored_secret secret);
    [[nodiscard]] std::size_t size() const noexcept { return users_.size(); }

private:
    std::unordered_map<std::string, stored_secret> users_;
};

} // namespace pgweir
