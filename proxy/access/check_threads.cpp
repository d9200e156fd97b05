#include "proxy/access/check_threads.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

namespace pgweir {
namespace {

using clock = std::chrono::steady_clock;

/// A thread without work ends after this.
constexpr std::chrono::seconds idle_life{30};
/// How long the end of the process waits for checks under way.
constexpr std::chrono::seconds last_wait{2};

struct job {
    std::function<password_verdict()> check;
    io_executor back;
    /// Cancelled on the worker's thread when the verdict is there.
    std::weak_ptr<steady_timer> waiter;
    std::optional<password_verdict> verdict;
};

/// One place that is asked.
struct lane {
    std::deque<std::shared_ptr<job>> waiting;
    std::condition_variable work;
    std::size_t threads = 0;
    std::size_t idle = 0;
};

password_verdict carry_out(const std::function<password_verdict()>& check) noexcept {
    password_verdict verdict;
    try {
        verdict = check();
    } catch (const std::exception& e) {
        verdict.what = password_verdict::outcome::unavailable;
        verdict.why = e.what();
    }
    return verdict;
}

} // namespace

struct check_threads::shared_state {
    shared_state(std::size_t threads, std::size_t waiting)
        : most_threads{threads}, most_waiting{waiting} {}

    const std::size_t most_threads;
    const std::size_t most_waiting;
    std::mutex mutex;
    std::map<std::string, lane> lanes;
    std::condition_variable ended;
    std::size_t threads = 0;
    bool stopped = false;

    /// Empty: the check waits or runs. Else why not.
    static std::string submit(const std::shared_ptr<shared_state>& self,
                              const std::string& place,
                              std::shared_ptr<job> one);
    /// Takes back what nobody waits for any more.
    void withdraw(const std::string& place, const std::shared_ptr<job>& one);
    static void work(const std::shared_ptr<shared_state>& self, const std::string& place);
    /// False: the thread has nothing to do and ends.
    bool next(std::unique_lock<std::mutex>& lock, lane& at, std::shared_ptr<job>& one);
};

std::string check_threads::shared_state::submit(const std::shared_ptr<shared_state>& self,
                                                const std::string& place,
                                                std::shared_ptr<job> one) {
    const std::lock_guard guard{self->mutex};
    if (self->stopped) return "pgweir is shutting down";
    auto& at = self->lanes[place];
    if (at.waiting.size() >= self->most_waiting) return "too many checks wait for " + place;
    if (at.idle <= at.waiting.size() && at.threads < self->most_threads) {
        try {
            std::thread{[self, place] { work(self, place); }}.detach();
            ++at.threads;
            ++self->threads;
        } catch (const std::system_error& e) {
            if (at.threads == 0) return std::string{"no thread can be started: "} + e.what();
        }
    }
    at.waiting.push_back(std::move(one));
    at.work.notify_one();
    return {};
}

void check_threads::shared_state::withdraw(const std::string& place,
                                           const std::shared_ptr<job>& one) {
    const std::lock_guard guard{mutex};
    const auto at = lanes.find(place);
    if (at != lanes.end()) std::erase(at->second.waiting, one);
}

bool check_threads::shared_state::next(std::unique_lock<std::mutex>& lock,
                                       lane& at,
                                       std::shared_ptr<job>& one) {
    ++at.idle;
    at.work.wait_for(lock, idle_life, [&] { return stopped || !at.waiting.empty(); });
    --at.idle;
    if (stopped || at.waiting.empty()) return false;
    one = std::move(at.waiting.front());
    at.waiting.pop_front();
    return true;
}

void check_threads::shared_state::work(const std::shared_ptr<shared_state>& self,
                                       const std::string& place) {
    std::unique_lock lock{self->mutex};
    auto& at = self->lanes[place];
    std::shared_ptr<job> one;
    while (self->next(lock, at, one)) {
        lock.unlock();
        auto verdict = carry_out(one->check);
        one->check = nullptr; // it knows a password
        lock.lock();
        // Under the lock: nothing is posted to a worker that may be gone.
        if (!self->stopped) {
            one->verdict = std::move(verdict);
            asio::post(one->back, [waiter = one->waiter] {
                if (const auto timer = waiter.lock()) timer->cancel();
            });
        }
        one.reset();
    }
    if (--at.threads == 0 && at.waiting.empty()) self->lanes.erase(place);
    --self->threads;
    self->ended.notify_all();
}

check_threads::check_threads(std::size_t threads, std::size_t waiting)
    : state_{std::make_shared<shared_state>(threads, waiting)} {}

check_threads::~check_threads() {
    stop();
    std::unique_lock lock{state_->mutex};
    state_->ended.wait_for(lock, last_wait, [this] { return state_->threads == 0; });
}

void check_threads::stop() {
    const std::lock_guard guard{state_->mutex};
    state_->stopped = true;
    for (auto& [place, at] : state_->lanes)
        at.work.notify_all();
}

task<password_verdict> check_threads::run(io_executor back,
                                          std::string place,
                                          std::chrono::milliseconds patience,
                                          std::function<password_verdict()> check) {
    const auto state = state_;
    const auto timer = std::make_shared<steady_timer>(back);
    timer->expires_after(patience);
    const auto one = std::make_shared<job>(job{std::move(check), back, timer, {}});
    password_verdict verdict;
    verdict.why = shared_state::submit(state, place, one);
    if (!verdict.why.empty()) co_return verdict;
    co_await timer->async_wait(nothrow);
    state->withdraw(place, one);
    const std::lock_guard guard{state->mutex};
    if (one->verdict)
        verdict = std::move(*one->verdict);
    else
        verdict.why = "no answer from " + place + " in time";
    co_return verdict;
}

} // namespace pgweir
