// Where users' secrets come from, in order: the settings (PGPOOL_* variables among them), the lists
// of users (users_file, pool_passwd_file), then the auth query's cached answers. Shared by all
// workers behind a mutex that logins alone take.
#pragma once

#include "proxy/config/settings.hpp"
#include "proxy/session/secrets.hpp"

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace pgweir {

class auth_directory {
public:
    using clock = std::chrono::steady_clock;

    struct answer {
        bool known = false;                  // false: nothing cached, an auth query may tell
        std::optional<stored_secret> secret; // absent although known: there is no such user
    };

    /// Replaces the lists; the texts are the contents of users_file and pool_passwd_file (empty:
    /// none). Returns an error text, or empty.
    [[nodiscard]] std::string load(const settings& values,
                                   std::string_view users_text,
                                   std::string_view pool_passwd_text = {});

    /// Answers hold for those who ask the same database: name it where that is the client's choice
    /// (auth_database is empty), since whoever owns one may have it say anything.
    [[nodiscard]] answer
    find(std::string_view user, clock::time_point now, std::string_view asked_database = {}) const;
    /// At most `most_remembered` are kept.
    static constexpr std::size_t most_remembered = 10'000;
    void remember(std::string_view user,
                  std::optional<stored_secret> secret,
                  clock::time_point until,
                  std::string_view asked_database = {});
    /// A login failed with a cached answer: ask again next time.
    void forget(std::string_view user, std::string_view asked_database = {});

    /// What servers of the cluster accept from this user, learned at its login or from its secret.
    void remember_credentials(const std::string& user, const server_credentials& credentials);
    /// A server has refused what credentials() gave: unless another login has taught something
    /// since, it is not tried again.
    void forget_credentials(const std::string& user, std::uint64_t learned);
    [[nodiscard]] server_credentials credentials(const std::string& user) const;

private:
    struct cached {
        std::optional<stored_secret> secret;
        clock::time_point until;
    };
    mutable std::mutex mutex_;
    user_list listed_;
    std::unordered_map<std::string, stored_secret> from_settings_;
    std::unordered_map<std::string, cached> asked_;
    std::unordered_map<std::string, server_credentials> credentials_;
    std::uint64_t lessons_ = 0;
};

} // namespace pgweir
