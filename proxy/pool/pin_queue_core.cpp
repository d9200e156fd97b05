#include "proxy/pool/pin_queue.hpp"

#include <algorithm>
#include <utility>

namespace pgweir {

/// With the mutex held: nobody comes before `who` for the pins that are left.
bool pin_queue::take(const applicant& who) {
    std::size_t before = 0;
    for (const auto& p : queue_) {
        if (p.who.session == who.session) break;
        if (who.holds_connection && !p.who.holds_connection) break;
        ++before;
    }
    if (pinned_ + before >= who.limit) return false;
    std::erase_if(queue_, [&](const place& p) { return p.who.session == who.session; });
    ++pinned_;
    return true;
}

bool pin_queue::try_pin(const applicant& who) {
    const std::lock_guard guard{mutex_};
    return take(who);
}

bool pin_queue::pin_or_wait(const applicant& who) {
    const std::lock_guard guard{mutex_};
    if (take(who)) return true;
    for (auto& p : queue_) {
        if (p.who.session != who.session) continue;
        p.called = false;
        return false;
    }
    const auto comes_later = [&](const place& p) {
        return who.holds_connection && !p.who.holds_connection;
    };
    queue_.insert(std::find_if(queue_.begin(), queue_.end(), comes_later), {who, false});
    return false;
}

void pin_queue::leave(std::uint64_t session) {
    std::vector<applicant> called;
    {
        const std::lock_guard guard{mutex_};
        std::erase_if(queue_, [&](const place& p) { return p.who.session == session; });
        called = next_called();
    }
    call(called);
}

void pin_queue::pin() {
    const std::lock_guard guard{mutex_};
    ++pinned_;
}

void pin_queue::unpin() {
    std::vector<applicant> called;
    {
        const std::lock_guard guard{mutex_};
        --pinned_;
        called = next_called();
    }
    call(called);
}

/// With the mutex held: those whose turn it is and who do not know.
std::vector<pin_queue::applicant> pin_queue::next_called() {
    std::vector<applicant> called;
    for (std::size_t i = 0; i < queue_.size(); ++i) {
        auto& p = queue_[i];
        if (pinned_ + i >= p.who.limit) break;
        if (!std::exchange(p.called, true)) called.push_back(p.who);
    }
    return called;
}

void pin_queue::call(const std::vector<applicant>& called) const {
    if (!call_) return;
    for (const auto& who : called)
        call_(who.worker, who.session);
}

std::uint32_t pin_queue::pinned() const {
    const std::lock_guard guard{mutex_};
    return pinned_;
}

std::uint32_t pin_queue::waiting() const {
    const std::lock_guard guard{mutex_};
    return static_cast<std::uint32_t>(queue_.size());
}

} // namespace pgweir
