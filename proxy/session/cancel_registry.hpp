// Which client a cancel request means: virtual process ids and keys of all sessions of this
// process, on whatever worker. Thread-safe; touched at login, at logout and by cancel requests
// only.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace pgweir {

class cancel_registry {
public:
    struct identity {
        std::int32_t process_id = 0; // what the client takes for its backend's pid
        std::string secret_key;      // four random bytes (protocol 3.0)
    };
    struct target {
        unsigned worker = 0;
        std::int32_t process_id = 0;
    };

    /// A new identity for a session of `worker`. Give it back with `remove`.
    [[nodiscard]] identity add(unsigned worker);
    void remove(std::int32_t process_id);
    /// Compares in constant time. Empty: no such session, or a wrong key.
    [[nodiscard]] std::optional<target> find(std::int32_t process_id,
                                             std::string_view secret_key) const;

private:
    struct entry {
        std::string key;
        unsigned worker;
    };
    mutable std::mutex mutex_;
    std::unordered_map<std::int32_t, entry> entries_;
    std::int32_t last_ = 0;
};

} // namespace pgweir
