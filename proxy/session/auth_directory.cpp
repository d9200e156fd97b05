#include "proxy/session/auth_directory.hpp"

namespace pgweir {

std::string auth_directory::load(const settings& values, std::string_view file_text) {
    auto listed = user_list::parse(file_text);
    if (!listed) {
        const auto& e = listed.error();
        return values.users_file + ":" + std::to_string(e.line) + ": " + e.what;
    }
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

auth_directory::answer auth_directory::find(std::string_view user, clock::time_point now) const {
    const std::lock_guard guard{mutex_};
    const std::string name{user};
    if (const auto it = from_settings_.find(name); it != from_settings_.end())
        return {true, it->second};
    if (const auto* const secret = listed_.find(user)) return {true, *secret};
    if (const auto it = asked_.find(name); it != asked_.end() && now < it->second.until)
        return {true, it->second.secret};
    return {};
}

void auth_directory::remember(const std::string& user,
                              std::optional<stored_secret> secret,
                              clock::time_point until) {
    const std::lock_guard guard{mutex_};
    // Anybody can make up names before a login: beyond this all of them are asked anew.
    if (asked_.size() >= most_remembered && !asked_.contains(user)) asked_.clear();
    asked_[user] = {std::move(secret), until};
}

void auth_directory::forget(const std::string& user) {
    const std::lock_guard guard{mutex_};
    asked_.erase(user);
}

void auth_directory::remember_credentials(const std::string& user,
                                          const server_credentials& credentials) {
    const std::lock_guard guard{mutex_};
    auto& known = credentials_[user];
    if (credentials.password) {
        known.password = credentials.password;
    } else if (credentials.keys) {
        // The password has changed since it was seen, or may have: the keys are what the user has
        // just proved itself with.
        known.password.reset();
    }
    if (credentials.keys) known.keys = credentials.keys;
    if (!credentials.md5_hash.empty()) known.md5_hash = credentials.md5_hash;
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
        if (!all.password) all.password = it->second.password;
        if (!all.keys) all.keys = it->second.keys;
        if (all.md5_hash.empty()) all.md5_hash = it->second.md5_hash;
    }
    return all;
}

} // namespace pgweir
