#include "proxy/session/auth_directory.hpp"

#include "protocol/wipe.hpp"
#include "proxy/access/pool_passwd.hpp"

#include <cstddef>
#include <utility>

namespace pgweir {
namespace {

std::string at_line(const std::string& file, std::size_t line, const std::string& what) {
    return file + ":" + std::to_string(line) + ": " + what;
}

/// No name holds a zero byte.
std::string key_of(std::string_view user, std::string_view database) {
    std::string key{user};
    key += '\0';
    return key.append(database);
}

/// Whom pool_passwd_file knows and users_file does not.
std::string add_pool_passwd(const settings& values, std::string_view text, user_list& into) {
    auto users = parse_pool_passwd(text, values.pool_key.value);
    if (!users) return at_line(values.pool_passwd_file, users.error().line, users.error().what);
    for (auto& user : *users) {
        const auto secret = user.is_plain
                                ? protocol::result<stored_secret>{stored_secret::plain(user.secret)}
                                : stored_secret::parse(user.secret);
        protocol::wipe(user.secret);
        if (!secret)
            return values.pool_passwd_file + ": the SCRAM secret of " + user.name + " is broken";
        into.add(std::move(user.name), *secret);
    }
    return {};
}

} // namespace

std::string auth_directory::load(const settings& values,
                                 std::string_view users_text,
                                 std::string_view pool_passwd_text) {
    auto listed = user_list::parse(users_text);
    if (!listed) return at_line(values.users_file, listed.error().line, listed.error().what);
    if (auto wrong = add_pool_passwd(values, pool_passwd_text, *listed); !wrong.empty())
        return wrong;
    std::unordered_map<std::string, stored_secret> own;
    for (const auto& [user, overrides] : values.users) {
        if (!overrides.password) continue;
        auto secret = stored_secret::parse(overrides.password->value);
        if (!secret) return "users." + user + ".password is a broken SCRAM secret";
        own.emplace(user, *secret);
    }
    if (!values.auth_user.empty() && !values.auth_password.empty())
        if (auto secret = stored_secret::parse(values.auth_password.value))
            own.try_emplace(values.auth_user, *secret);
    const std::lock_guard guard{mutex_};
    listed_ = std::move(*listed);
    from_settings_ = std::move(own);
    asked_.clear();
    return {};
}

auth_directory::answer auth_directory::find(std::string_view user,
                                            clock::time_point now,
                                            std::string_view asked_database) const {
    const std::lock_guard guard{mutex_};
    if (const auto it = from_settings_.find(std::string{user}); it != from_settings_.end())
        return {true, it->second};
    if (const auto* const secret = listed_.find(user)) return {true, *secret};
    const auto it = asked_.find(key_of(user, asked_database));
    if (it != asked_.end() && now < it->second.until) return {true, it->second.secret};
    return {};
}

void auth_directory::remember(std::string_view user,
                              std::optional<stored_secret> secret,
                              clock::time_point until,
                              std::string_view asked_database) {
    const std::lock_guard guard{mutex_};
    auto key = key_of(user, asked_database);
    // Anybody can make up names before a login: beyond this all of them are asked anew.
    if (asked_.size() >= most_remembered && !asked_.contains(key)) asked_.clear();
    asked_[std::move(key)] = {std::move(secret), until};
}

void auth_directory::forget(std::string_view user, std::string_view asked_database) {
    const std::lock_guard guard{mutex_};
    asked_.erase(key_of(user, asked_database));
}

void auth_directory::remember_credentials(const std::string& user,
                                          const server_credentials& credentials) {
    if (!credentials.password && !credentials.keys && credentials.md5_hash.empty()) return;
    const std::lock_guard guard{mutex_};
    auto& known = credentials_[user];
    known.learned = ++lessons_;
    if (credentials.password) {
        known.password = credentials.password;
    } else if (credentials.keys) {
        // The password has changed since it was seen, or may have: the keys are what the user has
        // just proved itself with.
        if (known.password) protocol::wipe(*known.password);
        known.password.reset();
    }
    if (credentials.keys) known.keys = credentials.keys;
    if (!credentials.md5_hash.empty()) known.md5_hash = credentials.md5_hash;
}

void auth_directory::forget_credentials(const std::string& user, std::uint64_t learned) {
    const std::lock_guard guard{mutex_};
    const auto known = credentials_.find(user);
    if (known != credentials_.end() && known->second.learned == learned) credentials_.erase(known);
}

server_credentials auth_directory::credentials(const std::string& user) const {
    const std::lock_guard guard{mutex_};
    server_credentials all;
    const stored_secret* secret = nullptr;
    if (const auto it = from_settings_.find(user); it != from_settings_.end())
        secret = &it->second;
    else
        secret = listed_.find(user);
    if (secret != nullptr) all = credentials_from(*secret);
    if (const auto it = credentials_.find(user); it != credentials_.end()) {
        all.learned = it->second.learned;
        if (!all.password) all.password = it->second.password;
        if (!all.keys) all.keys = it->second.keys;
        if (all.md5_hash.empty()) all.md5_hash = it->second.md5_hash;
    }
    return all;
}

} // namespace pgweir
