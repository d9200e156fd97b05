// Statements that a standby has refused though they were judged to be reads, by fingerprint: from
// then on the primary answers them. One per database and worker; bounded; no clock of its own.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <unordered_map>

namespace pgweir {

/// What the refusal says about the statement.
enum class refusal_kind : std::uint8_t {
    /// It is no read at all (25006), or asks for what no standby has (0A000): true of it until
    /// somebody changes a definition, and an hour is long enough to cost nothing.
    never_possible,
    /// Recovery took away what it was reading (40001). That depends on how long it runs, what is
    /// vacuumed meanwhile, and how far the standby is behind, all of which passes: a minute the
    /// first time, twice as long each time that it happens again soon after.
    recovery_conflict,
};

class refused_statements {
public:
    using time_point = std::chrono::steady_clock::time_point;

    /// More than this are not remembered: the one whose time is over first makes room.
    static constexpr std::size_t most = 1024;
    static constexpr std::chrono::minutes first_time{1};
    static constexpr std::chrono::minutes longest_time{60};

    /// What stays empty costs a comparison.
    [[nodiscard]] bool empty() const { return known_.empty(); }
    [[nodiscard]] std::size_t size() const { return known_.size(); }
    /// `fingerprint`: query_facts::fingerprint; 0 stands for no statement and is never remembered.
    void remember(std::uint64_t fingerprint, refusal_kind why, time_point now);
    [[nodiscard]] bool contains(std::uint64_t fingerprint, time_point now) const;

private:
    struct entry {
        time_point until;
        std::chrono::minutes time{};
    };
    void make_room();

    std::unordered_map<std::uint64_t, entry> known_;
};

} // namespace pgweir
