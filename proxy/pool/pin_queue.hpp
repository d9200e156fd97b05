// How many sessions may keep a server connection of one pool for themselves, and who may be the
// next: shared by all workers. A pin is asked for by a session that has the connection already; one
// that must wait gives it back, unless a transaction keeps it there. No lock is taken by sessions
// that pin nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

namespace pgweir {

class pin_queue {
public:
    /// `call(worker, session)`: that session waits and should ask again. Called from any thread,
    /// without a lock held.
    using caller = std::function<void(unsigned worker, std::uint64_t session)>;
    explicit pin_queue(caller call) : call_{std::move(call)} {}

    struct applicant {
        std::uint64_t session = 0; // its number, unique in the process
        unsigned worker = 0;
        std::uint32_t limit = 0; // most pins of the pool
        // A transaction keeps it on a server connection that others wait for: such applicants come
        // first among themselves.
        bool holds_connection = false;
    };
    /// One pin more, unless the limit is reached or others come first; the place that `who` may
    /// have had in the queue is gone then.
    [[nodiscard]] bool try_pin(const applicant& who);
    /// The same; if refused, `who` has a place in the queue, or keeps the one that it had.
    [[nodiscard]] bool pin_or_wait(const applicant& who);
    /// Gives the place up; harmless without one.
    void leave(std::uint64_t session);
    /// A pin that nobody could refuse: it is there already.
    void pin();
    /// A pin ends; whoever is next is called.
    void unpin();

    [[nodiscard]] std::uint32_t pinned() const;
    [[nodiscard]] std::uint32_t waiting() const;

private:
    struct place {
        applicant who;
        bool called = false; // and has not answered yet
    };
    [[nodiscard]] bool take(const applicant& who);
    [[nodiscard]] std::vector<applicant> next_called();
    void call(const std::vector<applicant>& called) const;

    caller call_;
    mutable std::mutex mutex_;
    std::uint32_t pinned_ = 0;
    std::vector<place> queue_; // those that hold a connection first, each kind by arrival
};

} // namespace pgweir
