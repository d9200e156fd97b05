// A map from text to Value, bounded in bytes, that forgets what was not asked for lately (CLOCK:
// one bit per entry, a hand that goes round). Entries are compared by hash and by text. Nothing is
// moved or rehashed while in use, so no operation has a pause that grows with the number of entries
// beyond one turn of the hand.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pgweir::sql {

template <class Value> class clock_cache {
public:
    explicit clock_cache(std::size_t max_bytes)
        : max_bytes_{max_bytes},
          capacity_{std::clamp<std::size_t>(max_bytes / expected_entry_bytes, 1, 1U << 20)},
          buckets_(std::bit_ceil(capacity_), none) {
        slots_.reserve(capacity_); // address space only: pages come into being with entries
    }

    /// The value of this text, or null; valid until the next insert. A hit protects the entry for a
    /// turn of the hand.
    [[nodiscard]] const Value* find(std::uint64_t hash, std::string_view text) {
        for (std::uint32_t i = bucket(hash); i != none; i = slots_[i].next) {
            slot& entry = slots_[i];
            if (entry.hash == hash && entry.text == text) {
                entry.referenced = true;
                return &entry.value;
            }
        }
        return nullptr;
    }

    /// Adds a text that is not present. `value_bytes` is what the value weighs beyond the text. An
    /// entry that would take more than an eighth of the room is left out. Returns the number of
    /// entries that had to go.
    std::size_t
    insert(std::uint64_t hash, std::string_view text, Value value, std::size_t value_bytes) {
        const std::size_t weight = sizeof(slot) + text.size() + value_bytes;
        if (weight > max_bytes_ / 8) return 0;
        std::size_t evicted = 0;
        while (bytes_ + weight > max_bytes_ || (free_.empty() && slots_.size() == capacity_)) {
            evict_one();
            ++evicted;
        }
        std::uint32_t i = 0;
        if (free_.empty()) {
            i = static_cast<std::uint32_t>(slots_.size());
            slots_.emplace_back();
        } else {
            i = free_.back();
            free_.pop_back();
        }
        // Not referenced yet: what is never asked for again goes at the first turn of the hand.
        slots_[i] = {.hash = hash,
                     .text = std::string{text},
                     .value = std::move(value),
                     .weight = weight,
                     .next = bucket(hash),
                     .referenced = false};
        bucket(hash) = i;
        bytes_ += weight;
        return evicted;
    }

    [[nodiscard]] std::size_t bytes() const { return bytes_; }
    [[nodiscard]] std::size_t size() const { return slots_.size() - free_.size(); }

private:
    static constexpr std::uint32_t none = UINT32_MAX;
    static constexpr std::size_t expected_entry_bytes = 512;

    struct slot {
        std::uint64_t hash = 0;
        std::string text{};
        Value value{};
        std::size_t weight = 0; // 0: free
        std::uint32_t next = none;
        bool referenced = false;
    };

    std::uint32_t& bucket(std::uint64_t hash) {
        return buckets_[static_cast<std::size_t>(hash) & (buckets_.size() - 1)];
    }

    void evict_one() {
        for (;;) {
            hand_ = hand_ + 1 < slots_.size() ? hand_ + 1 : 0;
            slot& entry = slots_[hand_];
            if (entry.weight == 0) continue;
            if (!std::exchange(entry.referenced, false)) break;
        }
        const auto victim = static_cast<std::uint32_t>(hand_);
        std::uint32_t* link = &bucket(slots_[victim].hash);
        while (*link != victim)
            link = &slots_[*link].next;
        *link = slots_[victim].next;
        bytes_ -= slots_[victim].weight;
        slots_[victim] = {};
        free_.push_back(victim);
    }

    std::size_t max_bytes_;
    std::size_t capacity_;
    std::vector<std::uint32_t> buckets_;
    std::vector<slot> slots_;
    std::vector<std::uint32_t> free_;
    std::size_t hand_ = 0;
    std::size_t bytes_ = 0;
};

} // namespace pgweir::sql
