#include "protocol/conversation.hpp"

#include <algorithm>
#include <utility>

namespace pgweir::protocol {

namespace {

bool ends_with_ready(expect what) {
    return what == expect::query || what == expect::function_call || what == expect::sync;
}

} // namespace

bool conversation::add(expectation entry) {
    if (skipping_) {
        // The server reads and ignores everything up to the next Sync, simple Query and
        // FunctionCall included.
        if (entry.what != expect::sync) {
            if (entry.tag != 0 || entry.what == expect::synthetic)
                ended_.push_back({entry, outcome::skipped});
            return false;
        }
        skipping_ = false;
    }
    if (copy_ == copy_state::in && entry.what == expect::sync) return false;
    queue_.push_back(entry);
    settle_synthetic();
    return true;
}

bool conversation::may_open_copy() const {
    for (std::size_t i = head_; i < queue_.size(); ++i)
        if (queue_[i].what == expect::query || queue_[i].what == expect::execute) return true;
    return false;
}

void conversation::end_head(outcome how) {
    const auto entry = queue_[head_++];
    answered_ = false;
    if (entry.tag != 0 || entry.what == expect::synthetic) ended_.push_back({entry, how});
    if (head_ == queue_.size()) {
        queue_.clear();
        head_ = 0;
    } else if (head_ >= 1024) {
        queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(head_));
        head_ = 0;
    }
}

void conversation::settle_synthetic() {
    while (!empty() && head().what == expect::synthetic)
        end_head(outcome::done);
}

/// The head failed in the extended protocol: the server ignores everything up to Sync.
void conversation::skip_to_sync() {
    end_head(outcome::failed);
    while (!empty() && head().what != expect::sync)
        end_head(outcome::skipped);
    skipping_ = empty();
}

verdict conversation::on_error() {
    if (empty()) return verdict::unsolicited;
    const auto whose = head().whose;
    copy_ = copy_state::none;
    answered_ = true;
    unsure_syncs_ += std::exchange(copy_syncs_, 0);
    doubtful_ = doubtful_ || unsure_syncs_ != 0;
    // An error of Query, FunctionCall, or of the commit that Sync makes, is followed by that
    // message's own ReadyForQuery.
    if (!ends_with_ready(head().what)) skip_to_sync();
    return whose == origin::injected ? verdict::swallow : verdict::forward;
}

std::size_t conversation::frontend_readies() const {
    std::size_t count = 0;
    for (std::size_t i = head_; i < queue_.size(); ++i)
        if (queue_[i].whose == origin::frontend && ends_with_ready(queue_[i].what)) ++count;
    return count;
}

verdict conversation::on_ready(char status) {
    if (status != 'I' && status != 'T' && status != 'E') return verdict::violation;
    // A query never ends without a word; a ReadyForQuery in front of its answer is not its own.
    const bool fits =
        !empty() && ends_with_ready(head().what) && (head().what == expect::sync || answered_);
    if (!fits && unsure_syncs_ == 0) return verdict::violation;
    status_ = status;
    copy_ = copy_state::none;
    copy_syncs_ = 0;
    if (!fits) {
        --unsure_syncs_;
        skipping_ = false;
        return verdict::forward;
    }
    const auto whose = head().whose;
    end_head(outcome::done);
    settle_synthetic();
    return whose != origin::frontend ? verdict::swallow : verdict::forward;
}

verdict conversation::on_copy_in() {
    if (empty()) return verdict::violation;
    if (head().what != expect::query && head().what != expect::execute) return verdict::violation;
    copy_ = copy_state::in;
    // Syncs sent behind it are read inside COPY, where the server ignores them: no answer will
    // come, unless COPY fails before it reads anything (into a view, FREEZE, a statement trigger).
    const auto first = queue_.begin() + static_cast<std::ptrdiff_t>(head_) + 1;
    const auto last =
        std::find_if(first, queue_.end(), [](const auto& e) { return e.what != expect::sync; });
    copy_syncs_ += static_cast<std::size_t>(last - first);
    queue_.erase(first, last);
    return head().whose != origin::frontend ? verdict::swallow : verdict::forward;
}

verdict conversation::answer(bool fits, bool ends) {
    if (!fits) return verdict::violation;
    const auto whose = head().whose;
    if (ends) {
        end_head(outcome::done);
        settle_synthetic();
    }
    return whose != origin::frontend ? verdict::swallow : verdict::forward;
}

verdict conversation::on_message(char type, char status) {
    switch (type) {
    case 'N':
    case 'S':
    case 'A':
        return verdict::asynchronous;
    case 'E':
        return on_error();
    case 'Z':
        return on_ready(status);
    case 'G':
        return on_copy_in();
    default:
        break;
    }
    if (empty()) return verdict::violation;
    const auto what = head().what;
    const bool runs = what == expect::query || what == expect::execute;
    switch (type) {
    case '1':
        return answer(what == expect::parse, true);
    case '2':
        return answer(what == expect::bind, true);
    case '3':
        return answer(what == expect::close, true);
    case 't':
        return answer(what == expect::describe_statement, false);
    case 'n':
        return answer(what == expect::describe_statement || what == expect::describe_portal, true);
    case 'T':
        if (what == expect::query) return answer(true, false);
        return answer(what == expect::describe_statement || what == expect::describe_portal, true);
    case 'D':
        return answer(runs, false);
    case 'd':
    case 'c':
        return answer(runs && copy_ == copy_state::out, false);
    case 'H':
        if (runs) copy_ = copy_state::out;
        return answer(runs, false);
    case 'C':
        copy_ = copy_state::none;
        copy_syncs_ = 0;
        answered_ = true;
        return answer(runs, what == expect::execute);
    case 'I':
        answered_ = true;
        return answer(runs, what == expect::execute);
    case 's':
        return answer(what == expect::execute, true);
    case 'V':
        answered_ = true;
        return answer(what == expect::function_call, false);
    default:
        return verdict::violation;
    }
}

} // namespace pgweir::protocol
