#include "proxy/access/address_limits.hpp"

#include <algorithm>

namespace pgweir {

namespace {

constexpr std::chrono::nanoseconds minute = std::chrono::minutes{1};
constexpr std::array<std::uint8_t, 12> ipv4_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool is_nobody(const address_limits::key_type& key) {
    return key == address_limits::key_type{};
}

} // namespace

void address_limits::set(std::uint32_t logins, std::uint32_t failures_per_minute) {
    const std::lock_guard guard{mutex_};
    logins_ = logins;
    failures_ = failures_per_minute;
    if (failures_ == 0)
        for (auto& [key, one] : records_)
            one.free_at = {};
}

address_limits::key_type address_limits::key_of(const std::optional<host_address>& address) {
    if (!address) return {};
    auto key = address->bytes;
    if (address->is_v4) {
        std::copy_n(address->bytes.begin(), 4,
                    std::copy(ipv4_prefix.begin(), ipv4_prefix.end(), key.begin()));
        return key;
    }
    // ::1 and its like would be nobody otherwise.
    if (std::any_of(key.begin(), key.begin() + 8, [](auto byte) { return byte != 0; }))
        std::fill(key.begin() + 8, key.end(), std::uint8_t{0});
    return key;
}

bool address_limits::begin(const key_type& from) {
    if (is_nobody(from)) return true;
    const std::lock_guard guard{mutex_};
    auto& one = records_[from];
    if (logins_ != 0 && one.under_way >= logins_) return false;
    ++one.under_way;
    return true;
}

void address_limits::end(const key_type& from) {
    if (is_nobody(from)) return;
    const std::lock_guard guard{mutex_};
    const auto it = records_.find(from);
    if (it == records_.end()) return;
    if (it->second.under_way > 0) --it->second.under_way;
    if (it->second.under_way == 0 && it->second.free_at == clock::time_point{}) records_.erase(it);
}

bool address_limits::may_try(const key_type& from, clock::time_point now) const {
    if (is_nobody(from)) return true;
    const std::lock_guard guard{mutex_};
    if (failures_ == 0) return true;
    const auto it = records_.find(from);
    return it == records_.end() || it->second.free_at - now <= minute - minute / failures_;
}

void address_limits::failed(const key_type& from, clock::time_point now) {
    if (is_nobody(from)) return;
    const std::lock_guard guard{mutex_};
    if (failures_ == 0) return;
    if (records_.size() >= most_addresses && !records_.contains(from)) make_room(now);
    auto& one = records_[from];
    one.free_at = std::min(std::max(one.free_at, now) + minute / failures_, now + minute);
}

/// Those whose failures are over; if there are none, those that have the fewest.
void address_limits::make_room(clock::time_point now) {
    const auto idle = [](const record& one) { return one.under_way == 0; };
    std::erase_if(records_,
                  [&](const auto& it) { return idle(it.second) && it.second.free_at <= now; });
    if (records_.size() < most_addresses) return;
    const auto few = now + minute / failures_;
    std::erase_if(records_,
                  [&](const auto& it) { return idle(it.second) && it.second.free_at <= few; });
}

std::size_t address_limits::remembered() const {
    const std::lock_guard guard{mutex_};
    return records_.size();
}

} // namespace pgweir
