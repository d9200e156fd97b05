// Workers as threads with letter boxes, each with a pool as proxy/pool/pool.cpp has it and sessions
// that ask, hold and return: nobody may wait for ever and no limit may be exceeded, however they
// interleave. No tick helps: a lost wake-up hangs.
#include "proxy/pool/connection_budget.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <random>
#include <thread>

using namespace pgweir;
using namespace std::chrono_literals;

namespace {

constexpr unsigned worker_count = 4;
constexpr unsigned sessions_per_worker = 6;
constexpr unsigned rounds = 400;
constexpr unsigned pool_limit = 3;

/// Takes closures from any thread and runs them in order on its own.
class letter_box {
public:
    void post(std::function<void()> letter) {
        const std::lock_guard guard{mutex_};
        letters_.push_back(std::move(letter));
        arrived_.notify_one();
    }
    /// The next letter; empty when none came for so long that somebody must have been forgotten.
    std::function<void()> next() {
        std::unique_lock guard{mutex_};
        if (!arrived_.wait_for(guard, 60s, [&] { return !letters_.empty(); })) return {};
        auto letter = std::move(letters_.front());
        letters_.pop_front();
        return letter;
    }

private:
    std::mutex mutex_;
    std::condition_variable arrived_;
    std::deque<std::function<void()>> letters_;
};

struct world;

/// One worker's share of one pool. Connections have no identity: what counts is how many there are.
class thread_worker {
public:
    thread_worker(unsigned id, world& all) : all_{all}, id_{id}, random_{id + 1} {}

    void run();
    void on_wake();
    void on_arrival(std::uint64_t ticket) {
        if (!serve(ticket)) offer();
    }
    letter_box box;
    bool starved = false;

private:
    void ask();
    void open_if_wanted();
    void offer();
    bool serve(std::uint64_t ticket);
    void begin_lease();
    void end_lease();
    void set_idle(unsigned count);

    world& all_;
    unsigned id_;
    std::minstd_rand random_;
    std::deque<std::uint64_t> waiters_;
    unsigned idle_ = 0;
    unsigned to_go_ = sessions_per_worker * rounds;
};

struct world {
    explicit world(std::chrono::milliseconds slack, unsigned one_in)
        : budget{worker_count,
                 slack,
                 {[this](unsigned w, auto&) {
                      workers[w]->box.post([this, w] { workers[w]->on_wake(); });
                  },
                  [](unsigned, auto&) {}}},
          closes_one_in{one_in} {}

    connection_budget budget;
    connection_budget::pool_slot& pool = budget.slot({0, "shop", "a"}, pool_limit);
    unsigned closes_one_in; // of the leases that end; 0: none
    std::atomic<unsigned> leases{0};
    std::atomic<unsigned> most_leases{0};
    std::atomic<unsigned> moved{0};
    std::atomic<unsigned> working{worker_count};
    std::vector<std::unique_ptr<thread_worker>> workers;
};

void thread_worker::run() {
    for (unsigned i = 0; i < sessions_per_worker; ++i)
        box.post([this] { ask(); });
    while (all_.working.load() != 0) {
        const auto letter = box.next();
        if (!letter) {
            starved = true;
            return;
        }
        letter();
    }
}

void thread_worker::set_idle(unsigned count) {
    idle_ = count;
    all_.pool.idle[id_].store(count);
}

void thread_worker::ask() {
    const auto now = connection_budget::clock::now();
    if (idle_ != 0 && all_.budget.may_overtake(all_.pool, now)) {
        set_idle(idle_ - 1);
        return begin_lease();
    }
    waiters_.push_back(all_.budget.enqueue(all_.pool, id_, now, 0).value());
    open_if_wanted();
}

void thread_worker::open_if_wanted() {
    while (!waiters_.empty() && all_.budget.try_open(all_.pool))
        offer();
}

void thread_worker::offer() {
    while (all_.pool.waiting.load() != 0) {
        std::uint64_t ticket = 0;
        const auto to = all_.budget.next(all_.pool, id_, connection_budget::clock::now(), ticket);
        if (to.what == connection_budget::hand_over::keep) break;
        if (to.what == connection_budget::hand_over::move) {
            all_.moved.fetch_add(1);
            auto& there = *all_.workers[to.worker];
            return there.box.post([&there, ticket] { there.on_arrival(ticket); });
        }
        if (serve(ticket)) return;
    }
    set_idle(idle_ + 1);
    if (all_.pool.waiting.load() != 0) box.post([this] { on_wake(); });
}

bool thread_worker::serve(std::uint64_t ticket) {
    const auto it = std::find(waiters_.begin(), waiters_.end(), ticket);
    if (it == waiters_.end()) return false;
    waiters_.erase(it);
    begin_lease();
    return true;
}

void thread_worker::on_wake() {
    while (idle_ != 0 && all_.pool.waiting.load() != 0) {
        set_idle(idle_ - 1);
        const auto before = idle_;
        offer();
        if (idle_ > before) break;
    }
    open_if_wanted();
}

void thread_worker::begin_lease() {
    const auto now = all_.leases.fetch_add(1) + 1;
    auto most = all_.most_leases.load();
    while (most < now && !all_.most_leases.compare_exchange_weak(most, now)) {
    }
    box.post([this] { end_lease(); });
}

void thread_worker::end_lease() {
    all_.leases.fetch_sub(1);
    if (all_.closes_one_in != 0 && random_() / 64 % all_.closes_one_in == 0)
        all_.budget.closed(all_.pool);
    else
        offer();
    if (--to_go_ >= sessions_per_worker) return box.post([this] { ask(); });
    if (to_go_ != 0) return;
    // This worker's sessions are done; the others may still need what idles here.
    if (all_.working.fetch_sub(1) == 1)
        for (auto& w : all_.workers)
            w->box.post([] {});
}

/// One run; how many connections went from one worker to another.
unsigned moves_in_one_run(std::chrono::milliseconds slack, unsigned closes_one_in) {
    world all{slack, closes_one_in};
    for (unsigned i = 0; i < worker_count; ++i)
        all.workers.push_back(std::make_unique<thread_worker>(i, all));
    std::vector<std::thread> threads;
    for (auto& w : all.workers)
        threads.emplace_back([&w] { w->run(); });
    for (auto& t : threads)
        t.join();
    for (const auto& w : all.workers)
        EXPECT_FALSE(w->starved) << "waiting: " << all.pool.waiting.load();
    EXPECT_EQ(all.leases.load(), 0U);
    EXPECT_EQ(all.pool.waiting.load(), 0U);
    EXPECT_LE(all.most_leases.load(), pool_limit);
    EXPECT_LE(all.budget.open_connections(all.pool), pool_limit);
    return all.moved.load();
}

/// A busy machine may let one worker finish before the next one begins: then they run again.
void expect_that_nobody_waits_for_ever(std::chrono::milliseconds slack, unsigned closes_one_in) {
    unsigned moves = 0;
    for (int run = 0; run < 200 && moves == 0; ++run) {
        moves = moves_in_one_run(slack, closes_one_in);
        if (slack != 0ms || ::testing::Test::HasFailure()) return;
    }
    EXPECT_GT(moves, 0U) << "the workers never met";
}

} // namespace

TEST(ConnectionBudgetThreads, NobodyWaitsForEverWhenConnectionsAreHandedOn) {
    expect_that_nobody_waits_for_ever(0ms, 0);
}

TEST(ConnectionBudgetThreads, NobodyWaitsForEverWhenEveryConnectionIsClosedAfterUse) {
    expect_that_nobody_waits_for_ever(0ms, 1);
}

TEST(ConnectionBudgetThreads, NobodyWaitsForEverWhenSomeAreClosedAndSomeHandedOn) {
    expect_that_nobody_waits_for_ever(0ms, 3);
}

TEST(ConnectionBudgetThreads, NobodyWaitsForEverWhenLocalSessionsOvertake) {
    expect_that_nobody_waits_for_ever(5ms, 5);
}
