// The other instances of this pgweir, to which cancel requests for their sessions are passed on.
// A process id names its instance by a number that everybody makes from the instance's address, so
// that nobody has to hand out numbers; two instances with the same number both get the request,
// and the key tells whose it is. Pure, but for the directory, which is thread-safe.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pgweir {

struct instance_address {
    std::string address; // numeric
    std::uint16_t port = 0;
    friend auto operator<=>(const instance_address&, const instance_address&) = default;
};

/// 1 to 255.
[[nodiscard]] std::uint8_t instance_number(const instance_address& at);

struct peer_list {
    std::uint8_t own = 0; // the number of this instance; 0: there are no peers
    std::vector<instance_address> others;
    friend bool operator==(const peer_list&, const peer_list&) = default;

    /// Those whose number this is.
    [[nodiscard]] std::vector<instance_address> with_number(std::uint8_t number) const;
    /// Whether another instance is there.
    [[nodiscard]] bool is_at(std::string_view address) const;
};

/// `found`: what the names in `peers` have as addresses, this instance among them or not (a Service
/// leaves out who is not ready). `own_addresses`: of this machine, numeric.
[[nodiscard]] peer_list judge_peers(std::vector<instance_address> found,
                                    std::vector<std::string> own_addresses,
                                    std::uint16_t own_port);

/// A key as it is passed on between instances: marked, so that whoever gets it looks among its own
/// sessions and does not pass it on again.
[[nodiscard]] std::string mark_passed_on(std::string_view key);
/// The key itself, and whether it was marked.
[[nodiscard]] std::pair<std::string_view, bool> read_mark(std::string_view key);

/// The list as it is now, for all workers.
class peer_directory {
public:
    [[nodiscard]] std::shared_ptr<const peer_list> get() const {
        const std::lock_guard guard{mutex_};
        return list_;
    }
    void set(peer_list now) {
        auto made = std::make_shared<const peer_list>(std::move(now));
        const std::lock_guard guard{mutex_};
        list_ = std::move(made);
    }

private:
    mutable std::mutex mutex_;
    std::shared_ptr<const peer_list> list_ = std::make_shared<const peer_list>();
};

} // namespace pgweir
