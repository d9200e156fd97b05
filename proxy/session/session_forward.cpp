// Sending a unit to the leased server connection: names of prepared statements become the server's,
// what is there already is not sent again, and every message that expects an answer is noted in the
// conversation.
#include "protocol/extended_query.hpp"
#include "protocol/simple_query.hpp"
#include "proxy/session/session.hpp"

#include <algorithm>

namespace pgweir {

namespace {

using protocol::expect;
using protocol::origin;

// A standby's unit is kept for being asked again up to this size.
constexpr std::size_t largest_retry = 64UL * 1024;

constexpr std::string_view sync_message{"S\0\0\0\4", 5};

/// Takes names of prepared statements away, in SQL.
bool deallocates(const unit& u) {
    const auto* const one = u.single();
    return one != nullptr &&
           std::any_of(one->effects.begin(), one->effects.end(), [](const auto& e) {
               return e.kind == sql::effect_kind::deallocate ||
                      e.kind == sql::effect_kind::deallocate_all ||
                      e.kind == sql::effect_kind::discard_all;
           });
}

} // namespace

void session::forward_unit(unit& u) {
    const bool first = !outstanding();
    const bool skipped = lease_->conversation().skipping();
    const bool is_fragment = u.end == 'H' && u.parse_only && !unit_open_;
    owner_.signals().note_unit();
    unasked_at_parse_ = unasked_;
    note_effects(u);
    only_primary_ = asked_again_ = false;
    unit_deadline_ = {};
    turn_ = 0;
    const bool harmless = (u.is_pure || u.parse_only) && !u.unparsed && u.is_whole();
    pure_unit_ = harmless && (first || pure_unit_);
    keep_for_retry(u, first);
    if (first) unit_failed_ = false;
    names_used_ = names_used_ || names_shown_ || !borrowed_names_.empty();
    one_statement_ = first && u.single() != nullptr;
    owner_.count_statement(*lease_, u);
    if (first && pure_unit_ && owner_.outliers().wants_latency(lease_->home().key().node))
        lease_->timed_since = clock::now();
    if (u.is_simple() && u.rest == 0 && !deallocates(u)) {
        if (lease_->conversation().add({expect::query, origin::frontend, 0})) {
            destroy_unnamed();
            lease_->io().send(u.bytes);
        }
    } else {
        auto& out = owner_.build_buffer();
        out.clear();
        for (const auto& m : u.messages)
            forward_message(u, m, out);
        if (is_fragment && !lease_->conversation().skipping()) {
            // Answered at once without keeping the server until the client's Sync (RULES B1).
            fragment_ = lease_->conversation().add({expect::sync, origin::injected, 0});
            if (fragment_) out += sync_message;
        }
        if (!retry_.bytes.empty()) limit_retry();
        if (!out.empty()) lease_->io().send(out);
        emit_ended();
    }
    if (read_at_ != clock::time_point{}) {
        owner_.counters().added_latency.record(clock::now() - read_at_);
        read_at_ = {};
    }
    const bool at_end = u.end == 'Q' || u.end == 'S' || u.end == 'F';
    unit_open_ = !at_end && !is_fragment;
    rest_ = u.rest;
    rest_forward_ = !skipped;
    take(u.bytes.size());
}

/// A read may be asked again elsewhere as long as nothing of its answer has gone out: where a
/// standby cannot do it, or is lost, or the primary is lost outside a block.
void session::keep_for_retry(const unit& u, bool first) {
    const bool may_be_lost = first && pure_unit_ && u.bytes.size() <= largest_retry && !lost_read_;
    const bool reads_there = lease_->state.standby && lease_->conversation().status() != 'E';
    const bool may_go_on_elsewhere =
        block_ == block_state::none || (reads_there && !block_has_snapshot_);
    asked_ = reads_there && first && pure_unit_ && u.facts.size() == 1
                 ? u.facts.front()->fingerprint
                 : 0;
    lost_read_.reset();
    if (!may_be_lost || !may_go_on_elsewhere) {
        retry_.bytes.clear();
        return;
    }
    retry_.bytes.assign(u.bytes);
    retry_.changes = 0;
    retry_.only_if_lost = !lease_->state.standby;
    retry_.only_prepares = u.parse_only;
    retry_.by_standbys = u.may_read_standbys;
    lease_->hold_answers();
}

/// A unit that names or closes statements cannot be asked twice of servers that live, since the
/// first has obeyed by then; what has been answered here already cannot be asked again at all.
void session::limit_retry() {
    const auto names = [](const auto& c) {
        return c.what != pending_change::parse_again && c.what != pending_change::learn &&
               !(c.what == pending_change::parse && c.name.empty());
    };
    retry_.changes = changes_.size();
    retry_.only_if_lost =
        retry_.only_if_lost || std::any_of(changes_.begin(), changes_.end(), names);
    if (lease_->conversation().ended().empty()) return;
    retry_.clear();
    lease_->stop_holding();
}

void session::forward_message(unit& u, const unit_message& m, std::string& out) {
    const auto whole = u.bytes.substr(m.offset, m.size);
    const auto body = u.body(m);
    auto& conversation = lease_->conversation();
    switch (m.type) {
    case 'Q':
        forward_query(u, body, whole, out);
        break;
    case 'P':
        forward_parse(u, body, whole, out);
        break;
    case 'B':
        forward_bind(u, m, out);
        break;
    case 'D':
    case 'C':
        forward_target(u, m, out);
        break;
    case 'E':
        unasked_at_parse_ = unasked_;
        if (conversation.add({expect::execute, origin::frontend, 0})) out += whole;
        break;
    case 'S':
        if (conversation.add({expect::sync, origin::frontend, 0})) out += whole;
        break;
    case 'F':
        if (conversation.add({expect::function_call, origin::frontend, 0})) out += whole;
        break;
    default:
        out += whole;
        break; // Flush
    }
}

void session::forward_query(unit& u, std::string_view, std::string_view whole, std::string& out) {
    std::uint64_t tag = 0;
    if (const auto* const one = u.single(); one != nullptr) {
        for (const auto& e : one->effects) {
            if (e.kind == sql::effect_kind::deallocate_all ||
                e.kind == sql::effect_kind::discard_all)
                tag = change({pending_change::forget_all, {}, nullptr, 0});
            if (e.kind != sql::effect_kind::deallocate) continue;
            const auto statement = find_statement(e.name);
            if (!statement) continue;
            // The client's name is not the server's: there something of that name is to go.
            borrow_name(e.name, out);
            tag = change({pending_change::deallocate, e.name, statement, 0});
        }
    }
    if (!lease_->conversation().add({expect::query, origin::frontend, tag})) return;
    destroy_unnamed();
    out += whole;
}

/// Remembers what is to happen when the entry that gets the returned tag ends.
std::uint64_t session::change(pending_change what) {
    what.number = ++last_change_;
    changes_.push_back(std::move(what));
    return last_change_;
}

void session::forward_parse(unit& u,
                            std::string_view body,
                            std::string_view whole,
                            std::string& out) {
    auto& conversation = lease_->conversation();
    const auto names = protocol::decode_parse_names(body);
    if (!names || u.rest != 0) {
        // Too large to look at: passed on as it is, unknown to us by name.
        if (!conversation.add({expect::parse, origin::frontend, 0})) return;
        out += whole;
        if (!body.starts_with('\0')) return;
        unnamed_ = lease_->unnamed = nullptr;
        unnamed_streams_ = true;
        return;
    }
    if (names->statement.empty()) {
        auto statement = unnamed_;
        if (!statement || statement->text != names->query ||
            statement->types != names->parameter_types)
            statement = owner_.prepared().intern(names->query, names->parameter_types, {{}},
                                                 owner_.facts().look_up(names->query), false);
        if (!conversation.add({expect::parse, origin::frontend,
                               change({pending_change::parse, {}, statement, 0})}))
            return;
        out += whole;
        return;
    }
    const auto facts = owner_.facts().look_up(names->query);
    const bool time_word = std::any_of(facts->statements.begin(), facts->statements.end(),
                                       [](const auto& s) { return s.has_time_word; });
    const std::string name{names->statement};
    if (statement_now(name)) {
        // The name is taken: the server shall say so.
        if (!is_borrowed(name)) borrow_name(name, out);
        if (conversation.add({expect::parse, origin::frontend, 0})) out += whole;
        return;
    }
    if (pins_.has(pin_reason::sql_prepare)) refuse_taken_name(name, out);
    std::string key;
    const auto statement =
        owner_.prepared().intern(names->query, names->parameter_types, parse_state_now(key), facts,
                                 facts->parsed && !time_word);
    if (names_shown_) {
        if (conversation.add({expect::parse, origin::frontend,
                              change({pending_change::parse_own, name, statement, 0})}))
            out += whole;
        borrowed_names_.push_back(name);
        return;
    }
    if (lease_->state.prepared.use(statement->id)) {
        owner_.counters().prepares_avoided.add();
        conversation.add({expect::synthetic, origin::frontend,
                          change({pending_change::parse_known, name, statement, 0})});
        return;
    }
    if (is_being_prepared(statement)) {
        conversation.add({expect::synthetic, origin::frontend,
                          change({pending_change::parse_known, name, statement, 0})});
        return;
    }
    evict_prepared(out);
    owner_.counters().prepares_forwarded.add();
    if (!conversation.add(
            {expect::parse, origin::frontend, change({pending_change::parse, name, statement, 0})}))
        return;
    encode(protocol::parse_names{statement->server_name, names->query, names->parameter_types},
           out);
    // Others have been told its columns: have they changed since?
    if (statement->shape != 0 &&
        conversation.add({expect::describe_statement, origin::helper,
                          change({pending_change::verify_parse, name, statement, 0})}))
        encode(protocol::describe{protocol::target_kind::statement, statement->server_name}, out);
}

/// Puts a Parse of our own in front of a message that needs the statement; its error is the
/// client's.
void session::ensure_prepared(const prepared_ptr& statement, std::string& out) {
    if (lease_->state.prepared.use(statement->id)) return;
    if (is_being_prepared(statement)) return;
    evict_prepared(out);
    owner_.counters().prepares_repeated.add();
    const auto tag = change({pending_change::parse_again, {}, statement, 0});
    if (lease_->conversation().add({expect::parse, origin::helper, tag}))
        encode(protocol::parse_names{statement->server_name, statement->text, statement->types},
               out);
}

/// The same for the unnamed statement, which another session may have replaced on this connection.
/// Whoever has none must not meet that of another: the server shall say that there is none.
void session::ensure_unnamed(const prepared_ptr& statement, std::string& out) {
    if (parses_unnamed()) return;
    if (!statement) {
        if (unnamed_streams_ || !lease_->conversation().add({expect::close, origin::helper, 0}))
            return;
        encode(protocol::close{protocol::target_kind::statement, {}}, out);
        lease_->unnamed = nullptr;
        return;
    }
    if (lease_->unnamed == statement) return;
    const auto tag = change({pending_change::parse_again, {}, statement, 0});
    if (lease_->conversation().add({expect::parse, origin::helper, tag}))
        encode(protocol::parse_names{{}, statement->text, statement->types}, out);
    lease_->unnamed = statement;
}

void session::evict_prepared(std::string& out) {
    const auto limit = static_cast<std::size_t>(owner_.settings().prepared_statements_size.value);
    while (const auto old = lease_->state.prepared.excess(limit)) {
        const bool in_use = std::any_of(changes_.begin(), changes_.end(),
                                        [&](const auto& c) { return c.statement == old; });
        if (in_use) return;
        lease_->state.prepared.remove(old->id);
        owner_.counters().prepared_evictions.add();
        const auto tag = change({pending_change::evict, {}, old, 0});
        if (lease_->conversation().add({expect::close, origin::helper, tag}))
            encode(protocol::close{protocol::target_kind::statement, old->server_name}, out);
    }
}

void session::forward_bind(unit& u, const unit_message& m, std::string& out) {
    auto& conversation = lease_->conversation();
    const auto body = u.body(m);
    const auto portal = body.substr(0, body.find('\0'));
    const auto after = body.substr(portal.size() + 1);
    const auto name = after.substr(0, after.find('\0'));
    const auto whole = u.bytes.substr(m.offset, m.size);
    const auto statement = statement_now(name);
    if (name.empty()) {
        bound_ = nullptr;
        ensure_unnamed(statement, out);
        if (conversation.add({expect::bind, origin::frontend, 0})) out += whole;
        return;
    }
    std::string_view server_name = name;
    std::string escaped;
    bound_ = portal.empty() && statement && statement->shape == 0 ? statement : nullptr;
    if (is_borrowed(name)) {
        // It is there by this name.
    } else if (statement) {
        ensure_prepared(statement, out);
        server_name = statement->server_name;
    } else if (name.starts_with(server_name_prefix)) {
        escaped = '?' + std::string{name};
        server_name = escaped;
    }
    if (!conversation.add({expect::bind, origin::frontend, 0})) return;
    const bool cut = u.rest != 0 && &m == &u.messages.back();
    const auto rest = after.substr(name.size() + 1);
    const auto at = out.size();
    encode(protocol::bind_names{portal, server_name, rest}, out);
    if (cut) {
        // The length counts what is still to stream through.
        const auto length = out.size() - at - 1 + u.rest;
        for (std::size_t i = 0; i < 4; ++i)
            out[at + 1 + i] = static_cast<char>(length >> (24U - 8U * i) & 0xffU);
    }
}

void session::forward_target(const unit& u, const unit_message& m, std::string& out) {
    auto& conversation = lease_->conversation();
    const auto whole = u.bytes.substr(m.offset, m.size);
    const auto what = protocol::decode_describe(u.body(m));
    if (!what) return;
    const bool closes = m.type == 'C';
    const bool portal = what->target == protocol::target_kind::portal;
    if (closes && !portal && !what->name.empty()) {
        if (pins_.has(pin_reason::sql_prepare) && !statement_now(what->name)) {
            if (conversation.add({expect::close, origin::frontend, 0})) out += whole;
            return;
        }
        conversation.add(
            {expect::synthetic, origin::frontend,
             change({pending_change::close_statement, std::string{what->name}, nullptr, 0})});
        return;
    }
    const auto kind = closes   ? expect::close
                      : portal ? expect::describe_portal
                               : expect::describe_statement;
    std::uint64_t tag = 0;
    if (portal || what->name.empty()) {
        if (!portal && closes) tag = change({pending_change::close_statement, {}, nullptr, 0});
        if (!portal && !closes) {
            const auto statement = statement_now({});
            ensure_unnamed(statement, out);
            // Whoever only prepares in this unit binds in another, maybe elsewhere.
            if (u.parse_only) tag = learns_shape(statement);
        } else if (portal && !closes && what->name.empty()) {
            tag = learns_shape(bound_);
        }
        if (conversation.add({kind, origin::frontend, tag})) out += whole;
        return;
    }
    const auto statement = statement_now(what->name);
    if (!statement || is_borrowed(what->name)) {
        if (conversation.add({kind, origin::frontend, 0})) out += whole;
        return;
    }
    ensure_prepared(statement, out);
    if (conversation.add({kind, origin::frontend, learns_shape(statement)}))
        encode(protocol::describe{protocol::target_kind::statement, statement->server_name}, out);
}

} // namespace pgweir
