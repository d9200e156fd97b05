// What clients of one database and user are told at login, as a real server said it, kept in the
// form that a login needs: made once, sent to many.
#pragma once

#include "proxy/pool/backend_state.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

namespace pgweir {

class welcome {
public:
    using clock = std::chrono::steady_clock;
    /// Asked anew after this, whether or not a change was noticed.
    static constexpr std::chrono::seconds lifetime{60};

    /// `parameters`: names as spelt by the server, with values, in its order.
    welcome(const std::vector<std::pair<std::string, std::string>>& parameters,
            clock::time_point learned,
            bool read_committed_default);

    /// Appends a ParameterStatus for each parameter. What the client itself asks for at start-up
    /// (`own`, by lower-case name) goes before the server's value.
    void tell(const parameter_map& own, std::string& out) const;
    /// By lower-case name; nothing if the server does not report it.
    [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;

    /// Not older than its lifetime.
    [[nodiscard]] bool is_fresh() const { return clock::now() - learned_ < lifetime; }
    [[nodiscard]] bool read_committed_default() const { return read_committed_default_; }

private:
    struct parameter {
        std::string name; // as spelt
        std::string key;  // in lower case
        std::string value;
        std::string message;
    };
    std::vector<parameter> parameters_;
    std::string messages_; // of all, in order
    clock::time_point learned_;
    bool read_committed_default_;
};

using welcome_ptr = std::shared_ptr<const welcome>;

/// Orders by database, then user, and looks up without copies of them.
struct database_and_user_less {
    using is_transparent = void;
    template <class A, class B> bool operator()(const A& a, const B& b) const {
        const auto first = std::string_view{a.first}.compare(b.first);
        return first != 0 ? first < 0 : std::string_view{a.second} < std::string_view{b.second};
    }
};

/// The welcomes that any worker has learnt. Thread-safe; used at logins only.
class welcome_book {
public:
    using key_type = std::pair<std::string, std::string>; // database, user

    /// Null: not known. It may be older than its lifetime.
    [[nodiscard]] welcome_ptr find(std::string_view database, std::string_view user) const {
        const std::lock_guard guard{mutex_};
        const auto it = known_.find(std::pair{database, user});
        return it == known_.end() ? nullptr : it->second;
    }
    /// `generation` is the pool's, which was `seen` when the connection that told of it was opened:
    /// null if it has risen, since what is told may be another thing now.
    welcome_ptr remember(const key_type& key,
                         welcome learned,
                         const std::atomic<std::uint32_t>& generation,
                         std::uint32_t seen) {
        auto made = std::make_shared<const welcome>(std::move(learned));
        const std::lock_guard guard{mutex_};
        if (generation.load() != seen) return nullptr;
        known_[key] = made;
        return made;
    }
    /// After the pools' generations have risen.
    template <class Which> void forget(Which which) {
        const std::lock_guard guard{mutex_};
        std::erase_if(known_,
                      [&](const auto& one) { return which(one.first.first, one.first.second); });
    }

    /// Start-up parameters (in one text, with whose they are) that a server has taken once.
    [[nodiscard]] bool is_accepted(const std::string& parameters) const {
        const std::lock_guard guard{mutex_};
        return accepted_.contains(parameters);
    }
    void accept(const std::string& parameters) {
        const std::lock_guard guard{mutex_};
        if (accepted_.size() >= most_accepted) accepted_.clear();
        accepted_.insert(parameters);
    }

private:
    static constexpr std::size_t most_accepted = 10'000;
    mutable std::mutex mutex_;
    std::map<key_type, welcome_ptr, database_and_user_less> known_;
    std::unordered_set<std::string> accepted_;
};

} // namespace pgweir
