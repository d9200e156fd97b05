// What one network address may ask for before anybody has proved who he is: logins at a time, and
// failures a minute. Pure; thread-safe, because every worker lets clients in.
#pragma once

#include "proxy/access/hba_address.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

namespace pgweir {

class address_limits {
public:
    using clock = std::chrono::steady_clock;
    /// An IPv6 address stands for its /64, which one host may have to itself.
    using key_type = std::array<std::uint8_t, 16>;

    /// As many addresses are remembered; beyond that, those that have the least to remember are
    /// forgotten.
    static constexpr std::size_t most_addresses = 65'536;

    /// 0: no limit.
    void set(std::uint32_t logins, std::uint32_t failures_per_minute);

    /// Nothing (a Unix socket) has the key of zeros, which has no limits.
    [[nodiscard]] static key_type key_of(const std::optional<host_address>& address);

    /// One more login under way, if there is room for it: then `end` ends it.
    [[nodiscard]] bool begin(const key_type& from);
    void end(const key_type& from);

    /// Whether a try is allowed now: at most `failures_per_minute` failures have been made within
    /// the last minute or so.
    [[nodiscard]] bool may_try(const key_type& from, clock::time_point now) const;
    void failed(const key_type& from, clock::time_point now);

    [[nodiscard]] std::size_t remembered() const;

private:
    struct record {
        std::uint32_t under_way = 0;
        clock::time_point
            free_at{}; // failures move it into the future, a minute at most is allowed
    };
    void make_room(clock::time_point now);

    mutable std::mutex mutex_;
    std::uint32_t logins_ = 0;
    std::uint32_t failures_ = 0;
    std::map<key_type, record> records_;
};

} // namespace pgweir
