// What pgweir answers by itself: a BEGIN that no server needs to know of yet, the end of a block in
// which nothing happened, EXPLAIN ROUTE, and parameters named pgweir.*.
#include "protocol/error_response.hpp"
#include "protocol/extended_query.hpp"
#include "protocol/rows.hpp"
#include "protocol/simple_query.hpp"
#include "proxy/config/values.hpp"
#include "proxy/session/pool_show.hpp"
#include "proxy/session/session.hpp"
#include "sql/routing_hint.hpp"

#include <algorithm>

namespace pgweir {

namespace {

/// A simple Query, or extended messages that execute exactly once and end with Sync.
bool runs_once(const unit& u) {
    if (u.is_simple()) return u.rest == 0;
    if (u.end != 'S' || u.rest != 0) return false;
    return std::count_if(u.messages.begin(), u.messages.end(),
                         [](const auto& m) { return m.type == 'E'; }) == 1 &&
           !u.foreign_portal && !u.holds_portal;
}

/// Only Close of statements, and Sync: nothing for a server to do.
bool only_closes(const unit& u) {
    if (u.end != 'S') return false;
    return std::all_of(u.messages.begin(), u.messages.end(), [&](const auto& m) {
        return m.type == 'S' || (m.type == 'C' && !u.body(m).empty() && u.body(m).front() == 'S');
    });
}

std::string_view begin_tag(std::string_view text) {
    const auto at = text.find_first_not_of(" \t\r\n");
    if (at == std::string_view::npos) return {};
    const char c = text[at];
    if (c == 'b' || c == 'B') return "BEGIN";
    if (c == 's' || c == 'S') return "START TRANSACTION";
    return {};
}

bool is_own_parameter(std::string_view name) {
    return name.starts_with("pgweir.");
}

} // namespace

/// The text of a unit's one statement.
std::string session::text_of(const unit& u) const {
    for (const auto& m : u.messages) {
        const auto body = u.body(m);
        if (m.type == 'Q') return std::string{body.substr(0, body.size() - 1)};
        if (m.type == 'P') return std::string{protocol::decode_parse_names(body)->query};
        if (m.type != 'B') continue;
        const auto portal = body.find('\0');
        const auto name = body.substr(portal + 1, body.find('\0', portal + 1) - portal - 1);
        const auto statement = find_statement(name);
        return statement ? statement->text : std::string{};
    }
    return {};
}

bool session::may_defer_begin(const unit& u, const sql::statement_facts& one) const {
    if (lease_ || client_status() != 'I' || pins_.any() || !runs_once(u) || one.modes.snapshot)
        return false;
    if (begin_tag(text_of(u)).empty()) return false;
    for (const auto& m : u.messages) {
        if (m.type != 'P') continue;
        const auto names = protocol::decode_parse_names(u.body(m));
        if (!names->statement.empty() && find_statement(names->statement)) return false;
    }
    return true;
}

/// Only Parse of statements that a server has accepted under the present catalog, and Sync. The
/// connection that runs one will have it prepared then; to prepare, nobody has to wait for a
/// connection.
bool session::prepares_only_proven(const unit& u) const {
    if (lease_ || !u.parse_only || u.end != 'S' || u.messages.size() < 2 ||
        catalog_->usable() == nullptr)
        return false;
    for (const auto& m : u.messages) {
        if (m.type == 'S') continue;
        if (m.type != 'P') return false;
        const auto names = protocol::decode_parse_names(u.body(m));
        if (names->statement.empty() || find_statement(names->statement)) return false;
        const auto known =
            owner_.prepared().find(names->query, names->parameter_types, parse_state_);
        if (!known || known->proven_under != catalog_->generation) return false;
    }
    return true;
}

bool session::answers_here(const unit& u) const {
    if (u.rest != 0) return false;
    if (prepares_only_proven(u)) return true;
    if (u.facts.empty()) return !lease_ && only_closes(u);
    const auto* const one = u.single();
    if (one == nullptr) return false;
    switch (one->kind) {
    case sql::statement_kind::begin:
        return may_defer_begin(u, *one);
    case sql::statement_kind::commit:
    case sql::statement_kind::rollback:
        return block_ == block_state::deferred && !lease_ && !one->modes.chain && runs_once(u);
    case sql::statement_kind::explain_route:
        return u.is_simple();
    case sql::statement_kind::show:
        return u.is_simple() && (is_own_parameter(one->name) || is_pool_topic(one->name));
    case sql::statement_kind::set:
    case sql::statement_kind::reset:
        return runs_once(u) && !one->effects.empty() && is_own_parameter(one->effects.front().name);
    default:
        return false;
    }
}

void session::answer_here(unit& u) {
    if (u.facts.empty() || prepares_only_proven(u)) return answer_command(u, {});
    const auto& one = *u.single();
    switch (one.kind) {
    case sql::statement_kind::begin:
        return answer_begin(u, one);
    case sql::statement_kind::commit:
        block_ = block_state::none;
        return answer_command(u, "COMMIT");
    case sql::statement_kind::rollback:
        block_ = block_state::none;
        return answer_command(u, "ROLLBACK");
    case sql::statement_kind::explain_route:
        return explain_route(u, one);
    case sql::statement_kind::show:
        if (is_pool_topic(one.name)) return show_pool(u, one.name);
        return show_own_parameter(u, one.name);
    default:
        return set_own_parameter(u, one);
    }
}

void session::answer_begin(unit& u, const sql::statement_facts& one) {
    if (policy_->pool_mode == pool_mode::statement)
        return fail_unit(u, protocol::sqlstate::feature_not_supported,
                         "pgweir: transaction blocks are not allowed with pool_mode = statement");
    begin_text_ = text_of(u);
    block_ = block_state::deferred;
    moved_ = false;
    block_has_snapshot_ = one.modes.isolation == sql::isolation_level::repeatable_read;
    block_may_read_standby_ =
        policy_->split_transactions && block_may_read_standby(one.modes, route_state());
    const std::string tag{begin_tag(begin_text_)};
    answer_command(u, tag);
}

/// Answers as a server would that ran the unit's one statement, a command without rows.
void session::answer_command(unit& u, std::string_view tag) {
    auto& out = io_->out();
    for (const auto& m : u.messages) {
        const auto body = u.body(m);
        switch (m.type) {
        case 'Q':
            unnamed_ = nullptr;
            encode(protocol::command_complete{tag}, out);
            break;
        case 'P': {
            const auto names = protocol::decode_parse_names(body);
            const auto facts = owner_.facts().look_up(names->query);
            const bool named = !names->statement.empty();
            std::string key;
            unasked_at_parse_ = 0;
            auto made = owner_.prepared().intern(names->query, names->parameter_types,
                                                 parse_state_now(key), facts, named);
            if (named)
                statements_[std::string{names->statement}] = std::move(made);
            else
                unnamed_ = std::move(made);
            encode(protocol::parse_complete{}, out);
            break;
        }
        case 'B':
            encode(protocol::bind_complete{}, out);
            break;
        case 'D':
            if (body.front() == 'S') encode(protocol::parameter_description{}, out);
            encode(protocol::no_data{}, out);
            break;
        case 'E':
            encode(protocol::command_complete{tag}, out);
            break;
        case 'C':
            if (body.front() == 'S')
                statements_.erase(std::string{body.substr(1, body.size() - 2)});
            encode(protocol::close_complete{}, out);
            break;
        default:
            break;
        }
    }
    take(u.bytes.size());
    say_ready();
}

void session::answer_rows(unit& u,
                          std::string_view tag,
                          const std::vector<std::string>& columns,
                          const std::vector<std::vector<std::string>>& rows,
                          protocol::field_description each) {
    auto& out = io_->out();
    protocol::row_description description;
    for (const auto& c : columns) {
        each.name = c;
        description.fields.push_back(each);
    }
    encode(description, out);
    for (const auto& r : rows) {
        protocol::data_row row;
        for (const auto& v : r)
            row.values.emplace_back(v);
        encode(row, out);
    }
    encode(protocol::command_complete{tag}, out);
    take(u.bytes.size());
    say_ready();
}

/// Where the statement would go now, and why.
void session::explain_route(unit& u, const sql::statement_facts& asked) {
    const auto facts = owner_.facts().look_up(asked.routed_text);
    auto state = route_state();
    state.block_on_standby = state.block_on_standby && block_may_read_standby_;
    auto route = facts->parsed
                     ? route_query(*facts, catalog_->usable().get(), state)
                     : route_decision{route_target::primary, route_reason::not_parsed, {}};
    if (route.target == route_target::standby && is_refused(*facts))
        route = {route_target::primary, route_reason::refused_before, {}};
    const auto hint = sql::scan_hint(asked.routed_text);
    if (route.target == route_target::standby &&
        (hint == sql::routing_hint::primary || hint == sql::routing_hint::no_load_balance))
        route = {route_target::primary, route_reason::hint, {}};
    std::vector<std::vector<std::string>> rows{
        {"target", route.target == route_target::standby ? "standby" : "primary"},
        {"reason", std::string{label(route.reason)}},
        {"explanation", std::string{sentence(route.reason)}}};
    if (!route.detail.empty()) rows.push_back({"detail", std::string{route.detail}});
    std::string node;
    bool waits = false;
    const auto& view = owner_.view();
    if (route.target == route_target::standby) {
        bool look_under_way = false;
        const bool to_primary = consistency_.level == consistency_level::primary;
        waits = owner_.settings().primary_reads == primary_reads::never && !to_primary;
        const auto chosen = to_primary ? std::nullopt : choose_reader(look_under_way);
        for (const auto& one : view.nodes)
            if (const auto why = owner_.outliers().why_left_out(one.id); !why.empty())
                rows.push_back({"left out", one.name + ": " + why});
        if (to_primary)
            rows.push_back({"freshness", "the session's consistency is primary"});
        else if (!chosen)
            rows.push_back({"freshness", look_under_way
                                             ? "waits for a position"
                                             : "no standby is known to be fresh enough"});
        else if (waits || !view.primary || !owner_.outliers().is_left_out(*chosen))
            node = view.nodes[*chosen].name;
    }
    if (node.empty() && view.primary && !waits) node = view.nodes[*view.primary].name;
    rows.push_back({"node", node.empty() ? "none" : node});
    answer_rows(u, "EXPLAIN", {"item", "value"}, rows);
}

void session::show_own_parameter(unit& u, const std::string& name) {
    std::string value;
    if (name == "pgweir.session") return show_session(u);
    if (name == "pgweir.route") {
        value = forced_ == forced_route::automatic ? "automatic"
                : forced_ == forced_route::primary ? "primary"
                                                   : "standby";
    } else if (name == "pgweir.consistency") {
        value = format_value(consistency_);
    } else if (name == "pgweir.lsn") {
        return show_position(u);
    } else if (name == "pgweir.pins") {
        pins_.each(
            [&](pin_reason why) { value += (value.empty() ? "" : ",") + std::string{label(why)}; });
    } else {
        return fail_unit(u, protocol::sqlstate::undefined_object,
                         "unrecognized configuration parameter \"" + name + "\"");
    }
    answer_rows(u, "SHOW", {name}, {{value}});
}

/// The position that another session takes over. What this one did last is bounded by a look that
/// has begun since, which is waited for.
void session::show_position(unit& u) {
    floor_.settle(owner_.view(), owner_.samples());
    if (floor_.is_waiting()) {
        if (std::exchange(only_primary_, false))
            return fail_unit(u, protocol::sqlstate::object_not_in_prerequisite_state,
                             "pgweir: the position is not known yet: no look at the servers was "
                             "answered within standby_wait_timeout");
        wait_until(wait_for::look);
        wait_deadline_ = owner_.patient(clock::now()) + owner_.settings().standby_wait_timeout;
        return;
    }
    only_primary_ = false;
    const auto at = floor_.position();
    answer_rows(u, "SHOW", {"pgweir.lsn"}, {{at ? to_string(*at) : ""}});
}

void session::take_over_position(unit& u, const std::string& text) {
    const auto position = parse_wal_position(text);
    if (!position)
        return fail_unit(u, protocol::sqlstate::invalid_parameter_value,
                         "invalid value for parameter \"pgweir.lsn\": \"" + text +
                             "\" (allowed: timeline:lsn, as SHOW pgweir.lsn gives it)");
    if (!may_be_reached(*position, owner_.view()))
        return fail_unit(
            u, protocol::sqlstate::object_not_in_prerequisite_state,
            "pgweir: the position " + to_string(*position) + " is on timeline " +
                std::to_string(position->timeline.value) +
                ", which is not in the history of the present primary",
            {},
            "It is of another cluster, was lost in a failover, or the failover has not "
            "been seen here yet.");
    floor_.raise_to(*position, owner_.view());
    answer_command(u, "SET");
}

/// The strict start: a look that begins from here on bounds what anybody has committed by now.
void session::set_consistency(const consistency_setting& wanted) {
    consistency_ = wanted;
    if (wanted.strict) floor_.begin_at(owner_.signals().looks_begun.load(), true);
}

void session::set_own_parameter(unit& u, const sql::statement_facts& facts) {
    const auto& effect = facts.effects.front();
    const auto& name = effect.name;
    const auto refuse = [&](std::string_view allowed) {
        fail_unit(u, protocol::sqlstate::invalid_parameter_value,
                  "invalid value for parameter \"" + name + "\": \"" + effect.value.value_or("") +
                      "\" (allowed: " + std::string{allowed} + ")");
    };
    const bool reset = effect.kind != sql::effect_kind::set_parameter || !effect.value;
    if (name == "pgweir.route") {
        raw_value raw;
        raw.text = effect.value.value_or("");
        if (reset)
            forced_ = policy_->route;
        else if (!parse_value(raw, {}, forced_).empty())
            return refuse(allowed_words<forced_route>());
    } else if (name == "pgweir.consistency") {
        raw_value raw;
        raw.text = effect.value.value_or("");
        auto wanted = policy_->consistency;
        if (!reset && !parse_value(raw, {}, wanted).empty())
            return refuse("session, session:strict, eventual, primary, bounded:<milliseconds>");
        set_consistency(wanted);
    } else if (name == "pgweir.lsn" && !reset) {
        return take_over_position(u, *effect.value);
    } else if (name != "pgweir.lsn") {
        return fail_unit(u, protocol::sqlstate::undefined_object,
                         "unrecognized configuration parameter \"" + name + "\"");
    }
    answer_command(u, reset && facts.kind == sql::statement_kind::reset ? "RESET" : "SET");
}

} // namespace pgweir
