// What workers and the monitor tell each other without a lock or a message: a few atomics.
// Owned by the server, outlives both. Workers write on their hot path, so each word has a cache
// line of its own.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace pgweir {

struct monitor_signals {
    static constexpr std::size_t max_nodes = 64;

    /// THE LOOK COUNTER (RULES A4). The monitor increments it before it writes a look's query. A
    /// session reads it after it has taken an answer off the socket: only samples with a greater
    /// number bound that answer.
    alignas(64) std::atomic<std::uint64_t> looks_begun{0};
    /// Of these, those without an answer.
    std::atomic<std::uint64_t> looks_failed{0};
    /// How many sessions wait for a position. Use monitor::begin_waiting / end_waiting.
    alignas(64) std::atomic<std::uint32_t> waiting_for_look{0};

    /// Any worker, once per unit: keeps the monitor at its working pace. A load, and rarely a
    /// store.
    void note_unit() noexcept {
        if (!active_.load(std::memory_order_relaxed))
            active_.store(true, std::memory_order_relaxed);
    }

    /// Any worker, whenever bytes came from a node: a node that talks is not down because a check
    /// is slow.
    void note_bytes(std::uint16_t node) noexcept {
        auto& flag = nodes_[node % max_nodes].bytes;
        if (!flag.load(std::memory_order_relaxed)) flag.store(true, std::memory_order_relaxed);
    }

    /// Monitor only: was there a unit since the last call?
    [[nodiscard]] bool take_active() noexcept {
        return active_.exchange(false, std::memory_order_relaxed);
    }
    /// Monitor only: did a byte come from this node since the last call?
    [[nodiscard]] bool take_bytes(std::uint16_t node) noexcept {
        return nodes_[node % max_nodes].bytes.exchange(false, std::memory_order_relaxed);
    }

private:
    struct alignas(64) node_flag {
        std::atomic<bool> bytes{false};
    };
    alignas(64) std::atomic<bool> active_{false};
    std::array<node_flag, max_nodes> nodes_{};
};

} // namespace pgweir
