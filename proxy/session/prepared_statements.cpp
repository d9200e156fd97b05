#include "proxy/session/prepared_statements.hpp"

namespace pgweir {

namespace {

std::string identity(std::string_view text, std::string_view types, std::string_view state) {
    std::string key;
    key.reserve(text.size() + types.size() + state.size() + 2);
    key.append(text).push_back('\0');
    key.append(types).push_back('\0');
    key.append(state);
    return key;
}

/// Of utility statements servers do not look again (FETCH has the columns of its cursor).
bool has_fixed_result(const sql::query_facts& facts) {
    if (facts.statements.size() != 1) return false;
    switch (facts.statements.front().kind) {
    case sql::statement_kind::select:
    case sql::statement_kind::insert:
    case sql::statement_kind::update:
    case sql::statement_kind::delete_rows:
    case sql::statement_kind::merge:
        return true;
    default:
        return false;
    }
}

} // namespace

prepared_ptr
prepared_store::find(std::string_view text, std::string_view types, std::string_view state) const {
    const auto it = known_.find(identity(text, types, state));
    auto statement = it == known_.end() ? nullptr : it->second.lock();
    return statement && !statement->outdated ? statement : nullptr;
}

prepared_ptr prepared_store::intern(std::string_view text,
                                    std::string_view types,
                                    const parse_state& state,
                                    const std::shared_ptr<const sql::query_facts>& facts,
                                    bool shared) {
    std::string key;
    if (shared) {
        key = identity(text, types, state.key);
        if (const auto it = known_.find(key); it != known_.end())
            if (auto statement = it->second.lock(); statement && !statement->outdated)
                return statement;
    }
    auto made = std::make_shared<prepared_statement>();
    made->id = std::uint64_t{worker_} << 48U | ++last_;
    made->server_name =
        std::string{server_name_prefix} + std::to_string(worker_) + '_' + std::to_string(last_);
    made->text = text;
    made->types = types;
    made->facts = facts;
    made->parsed_under = state.parameters;
    made->fixed_result = has_fixed_result(*facts);
    if (shared) {
        if (known_.size() >= next_sweep_) sweep();
        known_[std::move(key)] = made;
    }
    return made;
}

/// Forgets statements that nobody holds any more; amortised over as many insertions as there are
/// survivors.
void prepared_store::sweep() {
    std::erase_if(known_, [](const auto& item) { return item.second.expired(); });
    next_sweep_ = 1024 + 2 * known_.size();
}

bool prepared_set::use(std::uint64_t id) {
    const auto it = index_.find(id);
    if (it == index_.end()) return false;
    if (it->second != by_use_.begin()) by_use_.splice(by_use_.begin(), by_use_, it->second);
    return true;
}

void prepared_set::add(const prepared_ptr& statement) {
    if (use(statement->id)) return;
    by_use_.push_front(statement);
    index_[statement->id] = by_use_.begin();
    bytes_ += statement->bytes();
}

void prepared_set::remove(std::uint64_t id) {
    const auto it = index_.find(id);
    if (it == index_.end()) return;
    bytes_ -= (*it->second)->bytes();
    by_use_.erase(it->second);
    index_.erase(it);
}

void prepared_set::clear() {
    by_use_.clear();
    index_.clear();
    bytes_ = 0;
}

prepared_ptr prepared_set::excess(std::size_t limit) const {
    // The newest always stays: it is about to be used.
    if (bytes_ <= limit || by_use_.size() < 2) return nullptr;
    return by_use_.back();
}

} // namespace pgweir
