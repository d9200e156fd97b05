// Server connections that sessions keep for themselves have a cap of their own, so that they cannot
// eat the pool (RULES E4). A unit that would pin one more waits its turn: without a server
// connection, unless a transaction keeps it there.
#include "protocol/error_response.hpp"
#include "proxy/log.hpp"
#include "proxy/session/session.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace pgweir {

/// May the unit go to the leased connection, though it may keep the session there? `is_prepared`:
/// the connection carries the session's state.
session::pin_verdict session::ask_to_pin(const unit& u, bool is_prepared) {
    if (pins_.any() || pinned_in_ != nullptr) return pin_verdict::go_on;
    const auto wanted = pins_of(u);
    const auto& on = lease_->conversation();
    // In a block that has failed nothing is done.
    if (!wanted.any() || on.skipping() || on.status() == 'E') {
        leave_pin_queue();
        return pin_verdict::go_on;
    }
    auto& slot = lease_->home().slot();
    if (pin_wait_.in != &slot) leave_pin_queue();
    const bool in_block = on.status() == 'T';
    if (!slot.pins.try_pin({serial_, owner_.id(), policy_->max_pinned, in_block}))
        return wait_to_pin(wanted, is_prepared);
    pinned_in_ = &slot;
    end_pin_wait();
    return pin_verdict::go_on;
}

session::pin_verdict session::wait_to_pin(const pin_set& wanted, bool is_prepared) {
    // A refusal must not overtake answers that are still to come.
    if (outstanding()) return pin_verdict::wait;
    const bool in_block = lease_->conversation().status() == 'T';
    if (!in_block && is_prepared && is_doubtful()) {
        begin_probe(); // so that the connection can be given back
        return pin_verdict::look_again;
    }
    auto& slot = lease_->home().slot();
    const auto most = owner_.settings().queue_size;
    if (pin_wait_.in == nullptr && most != 0 && slot.pins.waiting() >= most) {
        owner_.counters().queue_refusals[queue_refusal::queue_full].add();
        fail_pin({std::string{protocol::sqlstate::too_many_connections},
                  "pgweir: queue_size (" + std::to_string(most) +
                      ") sessions wait already to keep a server connection",
                  {}});
        return pin_verdict::look_again;
    }
    if (slot.pins.pin_or_wait({serial_, owner_.id(), policy_->max_pinned, in_block})) {
        pinned_in_ = &slot;
        end_pin_wait();
        return pin_verdict::go_on;
    }
    if (pin_wait_.in == nullptr) {
        pin_wait_ = {&slot, clock::now(), {}, false};
        wanted.each([&](pin_reason why) {
            pin_wait_.reasons += (pin_wait_.reasons.empty() ? "" : ", ") + std::string{label(why)};
        });
        owner_.pin_waiters()[serial_] = this;
    }
    waiting_ = wait_for::pin;
    if (!in_block) end_lease();
    return pin_verdict::wait;
}

void session::on_called_to_pin() {
    if (waiting_ != wait_for::pin) return;
    waiting_ = wait_for::nothing;
    pump();
}

void session::leave_pin_queue() {
    if (pin_wait_.in == nullptr) return;
    pin_wait_.in->pins.leave(serial_);
    end_pin_wait();
}

void session::end_pin_wait() {
    if (std::exchange(pin_wait_.in, nullptr) == nullptr) return;
    owner_.pin_waiters().erase(serial_);
    owner_.counters().queue_wait.record(clock::now() - pin_wait_.since);
}

/// The unit at the front of the input, which waits, fails; a block fails on its server as well, so
/// that nothing of it is committed after an error.
void session::fail_pin(lease_refusal why) {
    failure_ = std::move(why);
    if (lease_ && lease_->conversation().status() == 'T') {
        fail_block();
        return;
    }
    waiting_ = wait_for::nothing;
    if (lease_ && lease_->conversation().at_rest()) end_lease();
    pump();
}

void session::tick_pin_wait(clock::time_point now) {
    const auto waited =
        std::chrono::duration_cast<std::chrono::milliseconds>(now - pin_wait_.since);
    const auto& s = owner_.settings();
    if (policy_->queue_timeout.count() != 0 && waited >= policy_->queue_timeout) {
        const auto cap = std::to_string(policy_->max_pinned);
        lease_refusal why{
            std::string{protocol::sqlstate::too_many_connections},
            "pgweir: max_pinned (" + cap +
                ") sessions of this pool keep a server connection for themselves, and none gave it "
                "up within queue_timeout (waited " +
                std::to_string(waited.count()) + " ms); this statement would keep one more (" +
                pin_wait_.reasons + ")",
            {},
            "Raise max_pinned and pool_size, or end what keeps connections, such as LISTEN, "
            "temporary tables and session-level advisory locks; SHOW CLIENTS in the admin "
            "database tells which session keeps one and why."};
        owner_.counters().queue_refusals[queue_refusal::pinned_limit].add();
        leave_pin_queue();
        return fail_pin(std::move(why));
    }
    if (s.queue_notice.count() == 0 || pin_wait_.noticed || waited < s.queue_notice) return;
    pin_wait_.noticed = true;
    on_long_wait(waited);
}

/// How long the unit may still wait for a server connection: a wait to pin counts.
std::chrono::milliseconds session::time_to_queue() const {
    const auto limit = policy_->queue_timeout;
    if (limit.count() == 0 || pin_wait_.in == nullptr) return limit;
    const auto left = limit - std::chrono::duration_cast<std::chrono::milliseconds>(
                                  clock::now() - pin_wait_.since);
    return std::max(left, std::chrono::milliseconds{1});
}

void session::count_pin(bool begins) {
    if (begins && pinned_in_ == nullptr) {
        pinned_in_ = &lease_->home().slot();
        pinned_in_->pins.pin();
    } else if (!begins && pinned_in_ != nullptr) {
        std::exchange(pinned_in_, nullptr)->pins.unpin();
    }
}

} // namespace pgweir
