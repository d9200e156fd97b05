// A cancel request that names this session.
#include "protocol/error_response.hpp"
#include "proxy/session/session.hpp"

namespace pgweir {

void session::cancel(cancel_token asked) {
    auto& counted = owner_.counters().cancels;
    if (waits_for_view() && lease_) {
        // A block that waits for its own server: it ends with it.
        counted[cancel_result::forwarded].add();
        return lease_->give_up("canceling statement due to user request");
    }
    if (waiting_ == wait_for::lease || waits_for_view()) {
        leave_queue();
        counted[cancel_result::forwarded].add();
        return fail_waiting(protocol::sqlstate::query_canceled,
                            "canceling statement due to user request");
    }
    if (waiting_ == wait_for::pin) {
        counted[cancel_result::forwarded].add();
        leave_pin_queue();
        return fail_pin({std::string{protocol::sqlstate::query_canceled},
                         "canceling statement due to user request",
                         {}});
    }
    if (!lease_ || lease_->conversation().empty() || lease_->conversation().head_is_injected()) {
        counted[cancel_result::nothing_to_cancel].add();
        return;
    }
    counted[cancel_result::forwarded].add();
    open_cancel(lease_, false, std::move(asked));
}

void session::open_cancel(const backend_ptr& victim, bool then_close, cancel_token asked) {
    send_cancel(owner_, victim, then_close, std::move(asked));
}

} // namespace pgweir
