// What must be on the server, and confirmed, before a unit may go there. A statement that was
// parsed under other settings is prepared anew under those (RULES A1); one whose columns the client
// was told must still have them (A12). SQL that names protocol-level statements (EXECUTE,
// DEALLOCATE, PREPARE, pg_prepared_statements) finds them under the client's names for as long as
// the unit lasts.
#include "protocol/error_response.hpp"
#include "protocol/extended_query.hpp"
#include "protocol/simple_query.hpp"
#include "proxy/session/session.hpp"
#include "proxy/session/state_sql.hpp"
#include "sql/classify.hpp"

#include <algorithm>

namespace pgweir {

namespace {

using protocol::expect;
using protocol::origin;

constexpr std::string_view sync_message{"S\0\0\0\4", 5};
constexpr std::string_view no_types{"\0\0", 2};
constexpr std::string_view unknown_value = "\x01"; // equal to none

/// The facts of an EXECUTE whose statement is known: what it runs is told by that one's own.
std::shared_ptr<const sql::query_facts> without_execution(const sql::query_facts& all,
                                                          const sql::statement_facts& one) {
    auto copy = std::make_shared<sql::query_facts>(all);
    for (auto& s : copy->statements) {
        if (s.executes != one.executes) continue;
        std::erase_if(s.effects, [](const auto& e) { return e.kind == sql::effect_kind::opaque; });
        s.writes = s.writes && s.kind != sql::statement_kind::execute;
    }
    return copy;
}

void want(unit& u, const std::string& name, bool runs) {
    for (auto& own : u.own_names) {
        if (own.name != name) continue;
        own.runs = own.runs || runs;
        return;
    }
    u.own_names.push_back({name, runs});
}

} // namespace

/// Protocol-level statements that the unit's SQL names.
void session::plan_names(unit& u) {
    const auto count = u.facts.size(); // what they run is added behind
    for (std::size_t i = 0; i < count; ++i) {
        const auto all = u.facts[i];
        for (const auto& s : all->statements) {
            u.lists_names = u.lists_names || sql::lists_prepared(s);
            const bool runs = !s.executes.empty();
            const bool makes = s.kind == sql::statement_kind::prepare;
            const bool takes = s.kind == sql::statement_kind::deallocate;
            if (!runs && !makes && !takes) continue;
            const auto& name = runs ? s.executes : s.name;
            for (const auto& c : changes_)
                u.waits = u.waits || c.name == name || c.what == pending_change::forget_all;
            const auto statement = name.empty() ? nullptr : find_statement(name);
            if (!statement) {
                if (!makes && name.starts_with(server_name_prefix)) u.foreign_name = name;
                continue;
            }
            if (runs) {
                u.facts[i] = without_execution(*u.facts[i], s);
                u.facts.push_back(statement->facts);
                u.unparsed = u.unparsed || !statement->facts->parsed;
            }
            const bool alone = u.is_simple() && all->statements.size() == 1;
            if (runs || (!u.parse_only && !(takes && alone))) want(u, name, runs);
        }
    }
    for (const auto& c : changes_)
        u.waits = u.waits || (u.lists_names && !c.name.empty());
}

/// Sends the unit to the leased connection, unless something must happen there first. False: wait.
bool session::send_unit(unit& u) {
    if (names_used_ && outstanding()) return false;
    const char status = lease_->conversation().status();
    if (!u.foreign_name.empty() && status != 'E') {
        if (outstanding()) return false;
        const auto why = "prepared statement \"" + u.foreign_name + "\" does not exist";
        if (status == 'T') {
            failure_ = lease_refusal{"26000", why, {}};
            fail_block();
        } else {
            fail_unit(u, "26000", why);
            if (lease_ && lease_->conversation().at_rest()) rest_lease();
        }
        return true;
    }
    if (prepares_first(u)) return false;
    forward_unit(u);
    return true;
}

/// The block fails on its server as well: nothing of it may be committed after an error of ours.
void session::fail_block() {
    refusing_ = true;
    waiting_ = wait_for::injection;
    inject("ROLLBACK TO SAVEPOINT pgweir_refused");
}

bool session::prepares_first(const unit& u) {
    if (u.uses.empty() && u.own_names.empty() && !u.lists_names) return false;
    if (lease_->conversation().status() == 'E' || lease_->conversation().skipping()) return false;
    bool needed = u.lists_names && !names_shown_;
    for (const auto& own : u.own_names)
        needed = needed || !is_borrowed(own.name);
    if (!names_shown_)
        for (const auto& statement : u.uses)
            needed = needed || needs_care(*statement);
    if (needed && !outstanding()) begin_preparing(u);
    return needed;
}

/// It is not there, and a plain Parse of ours in front of what needs it would not do.
bool session::needs_care(const prepared_statement& statement) const {
    if (lease_->unnamed.get() == &statement || lease_->state.prepared.use(statement.id))
        return false;
    if (statement.shape != 0) return true;
    return unnamed_.get() != &statement && is_parsed_elsewise(statement);
}

bool session::is_parsed_elsewise(const prepared_statement& statement) const {
    if (!statement.parsed_under) return false;
    if (unasked_ != 0) return true;
    return statement.parsed_under != parsed_under_ &&
           *statement.parsed_under != parse_parameters_of(followed_);
}

void session::begin_preparing(const unit& u) {
    auto& out = owner_.build_buffer();
    out.clear();
    auto& conversation = lease_->conversation();
    preparing_ = true;
    shape_changed_ = false;
    waiting_ = wait_for::injection;
    injected_error_.clear();
    evict_prepared(out);
    const auto borrow = [&](const std::string& name, bool runs) {
        if (is_borrowed(name)) return;
        if (runs)
            prepare_with_care(find_statement(name), name, out);
        else
            borrow_name(name, out);
        if (runs) borrowed_names_.push_back(name);
    };
    if (u.lists_names && !names_shown_) {
        names_shown_ = true;
        lease_->state.prepared.each([&](const prepared_statement& other) {
            conversation.add({expect::close, origin::injected, 0});
            encode(protocol::close{protocol::target_kind::statement, other.server_name}, out);
        });
        lease_->state.prepared.clear();
        for (const auto& [name, statement] : statements_)
            borrow(name, true);
    }
    for (const auto& own : u.own_names)
        borrow(own.name, own.runs);
    if (!names_shown_)
        for (const auto& statement : u.uses)
            if (needs_care(*statement) && !is_being_prepared(statement))
                prepare_with_care(
                    statement, statement == unnamed_ ? std::string_view{} : statement->server_name,
                    out);
    conversation.add({expect::sync, origin::injected, 0});
    out += sync_message;
    lease_->io().send(out);
}

/// Parses the statement under the settings that it was parsed under first, and asks for its columns
/// if they are known. What it takes is undone at once: a statement once prepared stays.
void session::prepare_with_care(const prepared_ptr& statement,
                                std::string_view name,
                                std::string& out) {
    auto& conversation = lease_->conversation();
    std::string settings;
    if (is_parsed_elsewise(*statement) && !name.empty()) {
        auto carried = lease_->state.carried;
        if (unasked_ != 0) {
            for (const auto& doubtful : doubtful_names_)
                carried[doubtful] = unknown_value;
            carried["role"] = unknown_value;
            for (const auto& [set, value] : *statement->parsed_under)
                carried[set] = unknown_value;
        }
        settings = state_change_sql(carried, carried_for_parse(carried, *statement->parsed_under));
    }
    const bool in_block = conversation.status() == 'T';
    if (!settings.empty())
        inject_query((in_block ? "SAVEPOINT pgweir_parse; "
                               : "BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED; ") +
                         settings,
                     out);
    if (name.empty()) lease_->unnamed = statement;
    const bool own = !name.empty() && name != statement->server_name;
    if (!name.empty()) {
        conversation.add({expect::close, origin::injected, 0});
        encode(protocol::close{protocol::target_kind::statement, name}, out);
    }
    const bool verified = statement->shape != 0;
    const auto tag = own || (verified && !name.empty())
                         ? 0
                         : change({pending_change::parse_again, {}, statement, 0});
    conversation.add({expect::parse, origin::injected, tag});
    encode(protocol::parse_names{name, statement->text, statement->types}, out);
    if (verified) {
        const auto verify =
            change({pending_change::verify, own ? std::string{name} : "", statement, 0});
        conversation.add({expect::describe_statement, origin::injected, verify});
        encode(protocol::describe{protocol::target_kind::statement, name}, out);
    }
    conversation.add({expect::sync, origin::injected, 0});
    out += sync_message;
    owner_.counters().prepares_repeated.add();
    if (!settings.empty())
        inject_query(in_block ? "ROLLBACK TO SAVEPOINT pgweir_parse; RELEASE SAVEPOINT pgweir_parse"
                              : "ROLLBACK",
                     out);
}

void session::inject_query(std::string_view sql, std::string& out) {
    lease_->conversation().add({expect::query, origin::injected, 0});
    lease_->unnamed = nullptr;
    encode(protocol::query{sql}, out);
}

/// An answer to what was prepared is there, maybe not yet the last.
void session::end_preparing() {
    if (!lease_->conversation().empty()) return;
    preparing_ = false;
    waiting_ = wait_for::nothing;
    const auto error = std::exchange(injected_error_, {});
    if (shape_changed_)
        failure_ = lease_refusal{"0A000", "cached plan must not change result type", {}};
    else if (!error.empty())
        failure_ = lease_refusal{std::string{protocol::find_sqlstate(error)}, "", error};
    else
        return;
    names_used_ = true; // as far as there are any
    if (!std::exchange(shape_changed_, false) && lease_->state.standby &&
        block_ == block_state::none) {
        // As good as never asked.
        failure_.reset();
        only_primary_ = true;
        return end_lease();
    }
    if (lease_->conversation().status() == 'T') fail_block();
}

/// Something without contents is there by this name while the unit lasts.
void session::borrow_name(std::string_view name, std::string& out) {
    auto& conversation = lease_->conversation();
    if (!conversation.add({expect::close, origin::helper, 0})) return;
    encode(protocol::close{protocol::target_kind::statement, name}, out);
    conversation.add({expect::parse, origin::helper, 0});
    encode(protocol::parse_names{name, {}, no_types}, out);
    borrowed_names_.emplace_back(name);
    names_used_ = true;
}

/// If SQL's PREPARE has taken the name, the server says so, and the Parse behind is skipped.
void session::refuse_taken_name(std::string_view name, std::string& out) {
    auto& conversation = lease_->conversation();
    if (is_borrowed(name) || !conversation.add({expect::parse, origin::helper, 0})) return;
    encode(protocol::parse_names{name, {}, no_types}, out);
    conversation.add({expect::close, origin::helper, 0});
    encode(protocol::close{protocol::target_kind::statement, name}, out);
}

bool session::is_borrowed(std::string_view name) const {
    return std::find(borrowed_names_.begin(), borrowed_names_.end(), name) != borrowed_names_.end();
}

/// The unit is answered: its names go from the server. True: wait for that.
bool session::give_names_back(const backend& from) {
    if (lease_.get() != &from || waiting_ != wait_for::nothing || unit_open_ || outstanding() ||
        lease_->conversation().skipping())
        return false;
    names_used_ = names_shown_ = false;
    if (borrowed_names_.empty()) return false;
    auto& out = owner_.build_buffer();
    out.clear();
    for (const auto& name : std::exchange(borrowed_names_, {})) {
        lease_->conversation().add({expect::close, origin::injected, 0});
        encode(protocol::close{protocol::target_kind::statement, name}, out);
    }
    lease_->conversation().add({expect::sync, origin::injected, 0});
    out += sync_message;
    preparing_ = true;
    waiting_ = wait_for::injection;
    injected_error_.clear();
    lease_->io().send(out);
    return true;
}

} // namespace pgweir
