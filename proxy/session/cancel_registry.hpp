// Which client a cancel request means: virtual process ids and keys of all sessions of this
// process, on whatever worker. Thread-safe; touched at login, at logout and by cancel requests
// only.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace pgweir {

/// What a process id says, from its high bits to its low ones: the instance that gave it out (0:
/// it has no peers), the worker, and a number of the worker's own. All of it is public: only the
/// key is a secret.
struct cancel_id {
    static constexpr unsigned worker_bits = 6;
    static constexpr unsigned slot_bits = 17;
    static constexpr unsigned max_workers = 1U << worker_bits;
    static constexpr unsigned slots = 1U << slot_bits;

    std::uint8_t instance = 0;
    unsigned worker = 0;
    unsigned slot = 1;

    [[nodiscard]] constexpr std::int32_t process_id() const noexcept {
        return static_cast<std::int32_t>(((instance * max_workers) + worker % max_workers) * slots +
                                         slot % slots);
    }
    /// Which instance gave out a process id; 0 also for what nobody gives out.
    [[nodiscard]] static constexpr std::uint8_t instance_of(std::int32_t process_id) noexcept {
        return process_id < 0 ? std::uint8_t{0}
                              : static_cast<std::uint8_t>(process_id >> (worker_bits + slot_bits));
    }
};

class cancel_registry {
public:
    struct identity {
        std::int32_t process_id = 0; // what the client takes for its backend's pid
        std::string secret_key;      // random
    };
    struct target {
        unsigned worker = 0;
        std::int32_t process_id = 0;
    };

    /// Bytes of a key: all that protocol 3.0 has room for, and what later versions get.
    static constexpr std::size_t short_key = 4;
    static constexpr std::size_t long_key = 32;

    /// For process ids from now on; those given out stay.
    void set_instance(std::uint8_t instance) { instance_.store(instance); }
    [[nodiscard]] std::uint8_t instance() const { return instance_.load(); }

    /// A new identity for a session of `worker`. Give it back with `remove`.
    [[nodiscard]] identity add(unsigned worker, std::size_t key_size = short_key);
    void remove(std::int32_t process_id);
    /// Empty: no such session, or a wrong key; which of them, the time that it takes does not tell.
    [[nodiscard]] std::optional<target> find(std::int32_t process_id,
                                             std::string_view secret_key) const;

private:
    /// A key of any length in a place of one size, so that comparing takes as long for each.
    struct padded_key {
        std::array<unsigned char, long_key + 1> bytes{};
        explicit padded_key(std::string_view key);
    };
    struct entry {
        padded_key key;
        unsigned worker;
    };
    mutable std::mutex mutex_;
    std::unordered_map<std::int32_t, entry> entries_;
    std::array<unsigned, cancel_id::max_workers> last_slot_{};
    std::atomic<std::uint8_t> instance_{0};
};

} // namespace pgweir
