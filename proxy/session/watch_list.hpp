// Sessions that wait for the same news, in the order in which they began to: who came first is
// told first, and is in front where the waiting goes on. One worker's, on its thread.
#pragma once

#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

namespace pgweir {

template <class Session> class watch_list {
public:
    void insert(Session* who) {
        if (places_.try_emplace(who, next_).second) order_.emplace(next_++, who);
    }
    void erase(Session* who) {
        const auto found = places_.find(who);
        if (found == places_.end()) return;
        order_.erase(found->second);
        places_.erase(found);
    }
    [[nodiscard]] bool contains(Session* who) const { return places_.contains(who); }
    [[nodiscard]] std::vector<Session*> in_order() const {
        std::vector<Session*> all;
        all.reserve(order_.size());
        for (const auto& [place, who] : order_)
            all.push_back(who);
        return all;
    }
    void clear() {
        places_.clear();
        order_.clear();
    }

private:
    std::uint64_t next_ = 0;
    std::map<std::uint64_t, Session*> order_;
    std::unordered_map<Session*, std::uint64_t> places_;
};

} // namespace pgweir
