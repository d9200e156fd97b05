// Why a session must keep its server connection: state that cannot be replayed elsewhere (RULES F).
// Text starts a pin; the probe (session_probe.hpp) ends it, or begins one that no text showed. What
// no question can show, such as the random seed, stays until the session's end and the
// connection's.
#pragma once

#include "proxy/metrics/counters.hpp"

#include <bitset>
#include <string>
#include <string_view>

namespace pgweir {

class pin_set {
public:
    [[nodiscard]] bool any() const { return bits_.any(); }
    void add(pin_reason why) { bits_.set(static_cast<std::size_t>(why)); }
    [[nodiscard]] bool has(pin_reason why) const {
        return bits_.test(static_cast<std::size_t>(why));
    }
    void add(const pin_set& others) { bits_ |= others.bits_; }
    void clear() { bits_.reset(); }
    /// Those in this set and not in `others`.
    [[nodiscard]] pin_set without(const pin_set& others) const {
        pin_set left;
        left.bits_ = bits_ & ~others.bits_;
        return left;
    }
    template <class Visit> void each(Visit visit) const {
        for (std::size_t i = 0; i < bits_.size(); ++i)
            if (bits_.test(i)) visit(static_cast<pin_reason>(i));
    }

private:
    std::bitset<static_cast<std::size_t>(pin_reason::opaque) + 1> bits_;
};

/// DISCARD ALL clears everything that these pins stand for.
[[nodiscard]] bool is_washable(const pin_set& pins);

[[nodiscard]] std::string_view label(pin_reason why);

} // namespace pgweir
