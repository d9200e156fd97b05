// What a unit is: the facts of every statement that it brings or uses, and where they send it.
#include "protocol/extended_query.hpp"
#include "protocol/simple_query.hpp"
#include "proxy/session/session.hpp"
#include "sql/routing_hint.hpp"

namespace pgweir {

namespace {

/// Zero-terminated text in front of whatever follows; empty when the terminator has not arrived.
std::string_view leading_string(std::string_view body) {
    return body.substr(0, body.find('\0'));
}

bool is_stronger(const route_decision& a, const route_decision& b) {
    return a.target == route_target::primary && b.target == route_target::standby;
}

} // namespace

/// Gathers what is known. False: the client broke the protocol and is gone.
bool session::plan(unit& u) {
    bool bound_unnamed_portal = false;
    std::string_view own_parse; // the latest name that this unit prepares
    bool has_own_parse = false;
    for (const auto& m : u.messages) {
        const auto body = u.body(m);
        const bool cut = u.rest != 0 && &m == &u.messages.back();
        switch (m.type) {
        case 'Q': {
            u.parse_only = false;
            if (cut) {
                u.unparsed = true;
                break;
            }
            const auto text = leading_string(body);
            if (text.size() + 1 != body.size())
                return protocol_error("invalid message format"), false;
            u.facts.push_back(owner_.facts().look_up(text));
            u.hint = sql::scan_hint(text);
            break;
        }
        case 'P': {
            if (cut) {
                u.unparsed = true;
                break;
            }
            const auto names = protocol::decode_parse_names(body);
            if (!names) return protocol_error("malformed Parse message"), false;
            u.facts.push_back(owner_.facts().look_up(names->query));
            if (u.hint == sql::routing_hint::none) u.hint = sql::scan_hint(names->query);
            for (const auto& c : changes_)
                u.waits = u.waits || c.what == pending_change::forget_all ||
                          (!names->statement.empty() &&
                           (c.name == names->statement ||
                            (c.statement && c.statement->text == names->query)));
            own_parse = names->statement;
            has_own_parse = true;
            break;
        }
        case 'B': {
            u.parse_only = false;
            const auto names = protocol::decode_bind_names(body);
            if (!names) return protocol_error("malformed Bind message"), false;
            if (names->portal.empty())
                bound_unnamed_portal = true;
            else
                u.holds_portal = true;
            if (!(has_own_parse && own_parse == names->statement)) plan_use(u, names->statement);
            break;
        }
        case 'D':
        case 'C': {
            const auto what = protocol::decode_describe(body);
            if (!what)
                return protocol_error(m.type == 'D' ? "malformed Describe message"
                                                    : "malformed Close message"),
                       false;
            if (what->target == protocol::target_kind::portal) {
                u.parse_only = false;
                if (m.type == 'D' && !(what->name.empty() && bound_unnamed_portal))
                    u.foreign_portal = true;
            } else if (m.type == 'D' && !(has_own_parse && own_parse == what->name)) {
                plan_use(u, what->name);
            } else if (m.type == 'C' && !changes_.empty()) {
                u.waits = true;
            }
            break;
        }
        case 'E': {
            u.parse_only = false;
            const auto run = protocol::decode_execute(body);
            if (!run) return protocol_error("malformed Execute message"), false;
            if (run->max_rows > 0) u.holds_portal = true;
            if (!(run->portal.empty() && bound_unnamed_portal)) u.foreign_portal = true;
            break;
        }
        case 'F':
            u.parse_only = false;
            u.unparsed = true;
            break;
        default: // Sync and Flush
            if (!body.empty()) return protocol_error("invalid message format"), false;
            break;
        }
    }
    bool names = false;
    for (const auto& f : u.facts) {
        if (!f->parsed) u.unparsed = true;
        names = names || f->about_prepared;
    }
    if (names) plan_names(u);
    return true;
}

/// A statement that was prepared before this unit.
void session::plan_use(unit& u, std::string_view name) {
    for (const auto& c : changes_)
        if (c.name == name || c.what == pending_change::forget_all) u.waits = true;
    auto statement = find_statement(name);
    if (!statement) {
        // The server will say what is wrong with it, unless SQL's PREPARE made it: then the session
        // is pinned.
        u.unparsed = u.unparsed || !pins_.any();
        return;
    }
    // One Parse of ours is on its way already, and an earlier unit's error may make the server skip
    // it.
    for (const auto& c : changes_)
        u.waits = u.waits || (c.what == pending_change::parse_again && c.statement == statement);
    u.facts.push_back(statement->facts);
    if (u.hint == sql::routing_hint::none) u.hint = sql::scan_hint(statement->text);
    u.uses.push_back(std::move(statement));
}

route_session session::route_state() const {
    route_session s;
    s.splitting = policy_->splitting && forced_ != forced_route::primary;
    s.pinned = pins_.any();
    s.in_block = client_status() != 'I';
    s.block_on_standby = block_may_read_standby_ &&
                         (block_ == block_state::deferred || block_ == block_state::on_standby);
    s.read_committed_default = read_committed_default_;
    s.read_only_repeatable_read_allowed = policy_->read_only_repeatable_read_on_standby;
    s.split_transactions = policy_->split_transactions;
    s.search_path_known = !startup_.contains("search_path");
    return s;
}

void session::judge(unit& u) {
    const auto state = route_state();
    if (u.unparsed || u.facts.empty()) {
        u.route = {route_target::primary, route_reason::not_parsed, {}};
        return;
    }
    const auto& known = catalog_->usable();
    u.route = {route_target::standby, route_reason::pure_read, {}};
    u.is_pure = !u.foreign_portal && !asked_again_;
    for (const auto& f : u.facts) {
        const auto& judged = owner_.judged(f, known);
        auto one = decide(judged, state);
        if (judged.target != route_target::standby) {
            u.is_pure = false;
        } else if (is_refused(*f)) {
            u.is_pure = false;
            one = {route_target::primary, route_reason::refused_before, {}};
        }
        if (is_stronger(one, u.route)) u.route = one;
    }
    if (asked_again_ && u.route.target == route_target::standby)
        u.route = {route_target::primary, route_reason::refused_before, {}};
    if (u.route.target == route_target::primary) {
        // While the catalog is read anew, its last state says more than nothing.
        u.risk = {};
        for (const auto& f : u.facts)
            u.risk.add(owner_.risk_of(f, known ? known : catalog_->snapshot));
        return;
    }
    if (u.hint == sql::routing_hint::primary || u.hint == sql::routing_hint::no_load_balance)
        u.route = {route_target::primary, route_reason::hint, {}};
    else if (state.in_block && u.holds_portal)
        u.route = {route_target::primary, route_reason::open_block, {}};
    else if (u.foreign_portal || (!u.is_whole() && !(u.end == 'H' && u.parse_only)))
        u.route = {route_target::primary, route_reason::open_block, {}};
    else if (redirect_ && redirect_->target == redirect_target::primary &&
             owner_.balance().fraction() < redirect_->ratio)
        u.route = {route_target::primary, route_reason::database_policy, {}};
    else if (owner_.live()->policy->judges_queries() &&
             owner_.live()->policy->is_primary_query(text_of(u)))
        u.route = {route_target::primary, route_reason::database_policy, {}};
    u.may_read_standbys = u.route.target == route_target::standby;
    if (u.may_read_standbys && only_primary_)
        u.route = {route_target::primary, route_reason::refused_before, {}};
}

/// A standby has refused it lately; nearly always nothing was ever refused. Without a primary
/// another try is better than nothing.
bool session::is_refused(const sql::query_facts& facts) const {
    return !catalog_->refused.empty() && owner_.view().primary &&
           catalog_->refused.contains(facts.fingerprint, owner_.now());
}

} // namespace pgweir
