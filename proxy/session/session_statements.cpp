// What the client's names of prepared statements mean, now and when the answers to what is under
// way have come.
#include "protocol/error_response.hpp"
#include "proxy/session/session.hpp"

#include <algorithm>

namespace pgweir {

namespace {

constexpr std::string_view parse_complete{"1\0\0\0\4", 5};
constexpr std::string_view close_complete{"3\0\0\0\4", 5};

} // namespace

void session::note_followed() {
    if (const auto mode = followed_.find("synchronous_commit"); mode != followed_.end())
        note_commit_mode(mode->second);
    // The same names mean other things in another database, or to another user.
    parse_state_.clear();
    parse_state_.reserve(database_.size() + user_.size() + 2);
    parse_state_.append(database_).push_back('\0');
    parse_state_.append(user_).push_back('\0');
    parse_state_ += parse_key(followed_);
    parsed_under_.reset();
}

/// Whoever commits without waiting for the flush shows others what no flush position bounds.
void session::note_commit_mode(std::string_view synchronous_commit) {
    const auto value = to_lower(synchronous_commit);
    for (const std::string_view waits :
         {"on", "true", "yes", "1", "local", "remote_write", "remote_apply"})
        if (value == waits) return;
    owner_.shared().asynchronous_commits.store(true, std::memory_order_relaxed);
}

/// What a Parse is done under now. `key` is a buffer for it. Statements that are parsed while
/// settings are in force which nobody has asked about are nobody else's (RULES A1).
parse_state session::parse_state_now(std::string& key) {
    if (unasked_at_parse_ != 0) {
        key = parse_state_ + '\x01' + std::to_string(serial_) + '.' +
              std::to_string(unasked_at_parse_);
        return parse_state{key};
    }
    if (!parsed_under_)
        parsed_under_ = std::make_shared<const parse_parameters>(parse_parameters_of(followed_));
    return {parse_state_, parsed_under_};
}

prepared_ptr session::find_statement(std::string_view name) const {
    if (name.empty()) return unnamed_;
    const auto it = statements_.find(std::string{name});
    return it == statements_.end() ? nullptr : it->second;
}

/// The statement that a name means at this point of the unit.
prepared_ptr session::statement_now(std::string_view name) const {
    for (auto c = changes_.rbegin(); c != changes_.rend(); ++c) {
        if (c->name != name) continue;
        switch (c->what) {
        case pending_change::parse:
        case pending_change::parse_known:
        case pending_change::parse_own:
            return c->statement;
        case pending_change::close_statement:
            return nullptr;
        default:
            break;
        }
    }
    return find_statement(name);
}

/// A Parse of the unnamed statement is on its way to this connection.
bool session::parses_unnamed() const {
    return std::any_of(changes_.begin(), changes_.end(), [](const auto& c) {
        return c.what == pending_change::parse && c.name.empty();
    });
}

/// A simple Query has been sent: whatever is parsed ahead of it is gone when it runs.
void session::destroy_unnamed() {
    unnamed_ = lease_->unnamed = nullptr;
    for (auto& c : changes_)
        c.overtaken = c.overtaken || (c.what == pending_change::parse && c.name.empty());
}

/// A Parse of this named statement is on its way to the leased connection.
bool session::is_being_prepared(const prepared_ptr& statement) const {
    return std::any_of(changes_.begin(), changes_.end(), [&](const auto& c) {
        if (c.statement != statement) return false;
        return c.what == pending_change::parse
                   ? !c.name.empty()
                   : c.what == pending_change::parse_again && lease_->unnamed != statement;
    });
}

/// Changes whose place in the queue is reached; synthetic answers go out in order.
void session::emit_ended() {
    auto& conversation = lease_->conversation();
    for (const auto& e : conversation.ended()) {
        const auto is_it = [&](const auto& c) { return c.number == e.entry.tag; };
        const auto it = std::find_if(changes_.begin(), changes_.end(), is_it);
        if (it == changes_.end()) continue;
        const auto what = std::move(*it);
        changes_.erase(it);
        apply(what, e.how);
        if (e.entry.what == protocol::expect::synthetic && e.how == protocol::outcome::done &&
            !discarding_)
            io_->append(what.what == pending_change::close_statement ? close_complete
                                                                     : parse_complete);
    }
    conversation.clear_ended();
}

void session::apply(const pending_change& change, protocol::outcome how) {
    const bool done = how == protocol::outcome::done;
    switch (change.what) {
    case pending_change::parse:
        if (change.name.empty()) {
            // A Parse that failed has destroyed the unnamed statement all the same; one that was
            // skipped has not.
            if (how == protocol::outcome::skipped || change.overtaken) return;
            unnamed_ = done ? change.statement : nullptr;
            if (lease_) lease_->unnamed = unnamed_;
            return;
        }
        if (!done) return;
        if (catalog_->usable() != nullptr) change.statement->proven_under = catalog_->generation;
        statements_[change.name] = change.statement;
        if (lease_) lease_->state.prepared.add(change.statement);
        return;
    case pending_change::parse_known:
        if (done) statements_[change.name] = change.statement;
        return;
    case pending_change::parse_again:
        if (!lease_) return;
        if (done && change.statement && lease_->unnamed != change.statement)
            lease_->state.prepared.add(change.statement);
        if (!done && lease_->unnamed == change.statement) lease_->unnamed = nullptr;
        return;
    case pending_change::parse_own:
        if (done) statements_[change.name] = change.statement;
        return;
    case pending_change::learn:
    case pending_change::verify:
    case pending_change::verify_parse:
        if (done) apply_shape(change);
        return;
    case pending_change::evict:
        if (!done && lease_) lease_->state.prepared.add(change.statement);
        return;
    case pending_change::close_statement:
        if (!done) return;
        if (!change.name.empty()) {
            statements_.erase(change.name);
            return;
        }
        unnamed_ = nullptr;
        if (lease_) lease_->unnamed = nullptr;
        return;
    case pending_change::deallocate:
        if (!done || answer_failed_) return;
        statements_.erase(change.name);
        std::erase(borrowed_names_, change.name); // the server has taken it away
        return;
    case pending_change::forget_all:
        if (!done || answer_failed_) return;
        if (lease_) lease_->state.prepared.clear();
        statements_.clear();
        return;
    }
}

/// Errors about prepared statements name them as the server knows them: the client shall read its
/// own name.
bool session::rename_in_error(std::string_view body) {
    const auto error = protocol::decode_error_response(body);
    if (!error) return false;
    std::string message{error->message};
    const auto at = message.find(server_name_prefix);
    if (at == std::string::npos) return false;
    const auto end = message.find('"', at);
    const auto server_name = message.substr(at, end - at);
    for (const auto& [name, statement] : statements_) {
        if (statement->server_name != server_name) continue;
        message.replace(at, server_name.size(), name);
        auto renamed = *error;
        renamed.message = message;
        encode(renamed, io_->out());
        return true;
    }
    return false;
}

/// The tag of a Describe whose answer tells what nobody has been told yet; 0: it tells nothing new.
std::uint64_t session::learns_shape(const prepared_ptr& statement) {
    if (!statement || statement->shape != 0 || !statement->fixed_result) return 0;
    return change({pending_change::learn, {}, statement, 0});
}

void session::apply_shape(const pending_change& change) {
    const auto& statement = *change.statement;
    if (change.what == pending_change::learn) {
        if (statement.shape == 0) statement.shape = told_shape_;
        return;
    }
    const bool same = statement.shape == told_shape_;
    if (change.what == pending_change::verify) {
        if (!same) {
            shape_changed_ = true;
            statement.outdated = true;
        } else if (lease_ && change.name.empty() && lease_->unnamed != change.statement) {
            lease_->state.prepared.add(change.statement);
        }
        return;
    }
    if (same) return;
    // This client parsed it anew and shall have what it is now; those who were told other columns
    // must not get these from this connection.
    statement.outdated = true;
    auto fresh = owner_.prepared().intern(statement.text, statement.types,
                                          {{}, statement.parsed_under}, statement.facts, false);
    fresh->shape = told_shape_;
    statements_[change.name] = std::move(fresh);
    if (!lease_) return;
    lease_->state.prepared.remove(statement.id);
    lease_->condemn();
}

/// The server has refused a statement because its columns have changed: which one is not known.
void session::forget_shapes() {
    for (const auto& [name, statement] : statements_)
        statement->outdated = true;
}

} // namespace pgweir
