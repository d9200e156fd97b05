// Threads for checks of passwords that block (LDAP, PAM): a few for each place that is asked, so
// that one that hangs keeps nobody waiting but those who ask it, and never a worker. Owned by the
// server; used from any worker.
#pragma once

#include "proxy/access/password_verdict.hpp"
#include "proxy/asio.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace pgweir {

class check_threads {
public:
    /// Threads at most, and checks that may wait for one, for each place.
    check_threads(std::size_t threads, std::size_t waiting);
    /// Waits a moment for checks under way; what hangs longer is left to itself.
    ~check_threads();
    check_threads(const check_threads&) = delete;
    check_threads& operator=(const check_threads&) = delete;

    /// Runs `check` on a thread of `place` and comes back on `back`. After `patience` nobody waits
    /// for it any more: unavailable; so too if too many checks wait for that place already.
    task<password_verdict> run(io_executor back,
                               std::string place,
                               std::chrono::milliseconds patience,
                               std::function<password_verdict()> check);

    /// No check starts, and nothing is posted to a worker, from here on. Before workers end.
    void stop();

private:
    struct shared_state;
    std::shared_ptr<shared_state> state_;
};

} // namespace pgweir
