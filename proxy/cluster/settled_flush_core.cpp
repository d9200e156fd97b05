#include "proxy/cluster/settled_flush.hpp"

namespace pgweir {

void settled_flush::on_look(std::uint64_t number, time_point begun, lsn flush) {
    // The WAL writer has flushed what was inserted before a look once three of its rounds are over.
    const auto settled_before = begun - 3 * delay_;
    while (!pending_.empty() && pending_.front().begun <= settled_before) {
        settled_for_ = pending_.front().number;
        flush_ = flush;
        pending_.pop_front();
    }
    if (pending_.size() < max_looks) pending_.push_back({number, begun});
}

void settled_flush::clear() {
    pending_.clear();
    flush_.reset();
    settled_for_ = 0;
}

} // namespace pgweir
