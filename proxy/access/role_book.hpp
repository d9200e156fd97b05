// Which roles users are members of, as the servers have said, for a while. Shared by all workers
// behind a mutex that logins alone take.
#pragma once

#include "proxy/access/hba_name.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

namespace pgweir {

using role_names_ptr = std::shared_ptr<const role_names>;

class role_book {
public:
    using clock = std::chrono::steady_clock;

    /// Null: not known, or not any more.
    [[nodiscard]] role_names_ptr find(const std::string& user, clock::time_point now) const {
        const std::lock_guard guard{mutex_};
        const auto found = known_.find(user);
        return found == known_.end() || now >= found->second.until ? nullptr : found->second.roles;
    }
    /// At most `most_remembered` are kept: names can be made up before a login.
    static constexpr std::size_t most_remembered = 10'000;
    void remember(const std::string& user, role_names_ptr roles, clock::time_point until) {
        const std::lock_guard guard{mutex_};
        if (known_.size() >= most_remembered && !known_.contains(user)) known_.clear();
        known_[user] = {std::move(roles), until};
    }
    /// It was not let in: the next login asks anew.
    void forget(const std::string& user) {
        const std::lock_guard guard{mutex_};
        known_.erase(user);
    }
    void clear() {
        const std::lock_guard guard{mutex_};
        known_.clear();
    }

private:
    struct entry {
        role_names_ptr roles;
        clock::time_point until;
    };
    mutable std::mutex mutex_;
    std::unordered_map<std::string, entry> known_;
};

} // namespace pgweir
