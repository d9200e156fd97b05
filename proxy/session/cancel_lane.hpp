// How many cancel requests one worker sends at a time: any client can ask for any number of them,
// and each costs a connection. The others wait in their order, up to a bound.
#pragma once

#include "proxy/asio.hpp"

#include <cstddef>
#include <deque>
#include <memory>
#include <utility>

namespace pgweir {

class cancel_lane {
public:
    static constexpr unsigned width = 64;
    static constexpr std::size_t most_waiting = 8192;

    explicit cancel_lane(io_executor executor) : executor_{std::move(executor)} {}

    /// When it is this one's turn; then `leave`. False: too many wait already.
    [[nodiscard]] task<bool> enter() {
        if (under_way_ < width) {
            ++under_way_;
            co_return true;
        }
        if (waiting_.size() >= most_waiting) co_return false;
        const auto turn = std::make_shared<wake_signal>(executor_);
        waiting_.push_back(turn);
        co_await turn->wait();
        co_return true;
    }
    void leave() {
        if (waiting_.empty()) {
            --under_way_;
            return;
        }
        waiting_.front()->wake(); // the place is its from now on
        waiting_.pop_front();
    }

private:
    io_executor executor_;
    std::deque<std::shared_ptr<wake_signal>> waiting_;
    unsigned under_way_ = 0;
};

} // namespace pgweir
