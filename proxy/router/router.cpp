#include "proxy/router/router.hpp"

#include "proxy/router/catalog_snapshot.hpp"
#include "proxy/router/purity.hpp"

#include <array>
#include <cstddef>
#include <utility>

namespace pgweir {

namespace {

constexpr route_decision to_standby{route_target::standby, route_reason::pure_read, {}};

route_decision decision_of(const judgement& judged) {
    if (judged.is_pure()) return to_standby;
    return {route_target::primary, judged.reason, judged.detail};
}

struct reason_text {
    route_reason reason;
    std::string_view label;
    std::string_view sentence;
};

constexpr std::array<reason_text, 21> reason_texts = {{
    {route_reason::pure_read, "pure_read",
     "it only reads, and everything it uses is the same on a standby"},
    {route_reason::splitting_off, "splitting_off",
     "reading from standbys is switched off for this session"},
    {route_reason::hint, "hint", "a comment or pgweir.route asks for it"},
    {route_reason::pinned, "pinned", "the session holds state that lives on its server connection"},
    {route_reason::open_block, "open_block", "the transaction block already runs on the primary"},
    {route_reason::not_parsed, "not_parsed", "the text could not be understood"},
    {route_reason::writes, "writes", "it writes"},
    {route_reason::row_locks, "row_locks", "it locks rows"},
    {route_reason::ddl, "ddl", "it changes definitions"},
    {route_reason::utility, "utility", "it is a command that only the primary takes"},
    {route_reason::transaction_control, "transaction_control", "it controls a transaction"},
    {route_reason::serializable, "serializable",
     "standbys cannot give the isolation level in force"},
    {route_reason::session_state, "session_state", "it reads or changes the state of the session"},
    {route_reason::server_state, "server_state", "its answer depends on the server that gives it"},
    {route_reason::sequence, "sequence", "sequences are only right on the primary"},
    {route_reason::unproved_function, "unproved_function",
     "a function, operator, type or cast is not proved harmless"},
    {route_reason::unproved_relation, "unproved_relation",
     "a relation is not known, or its definition is not pure"},
    {route_reason::no_catalog, "no_catalog", "the catalog of this database is not read yet"},
    {route_reason::not_for_standbys, "not_for_standbys",
     "a relation is temporary, unlogged or foreign"},
    {route_reason::refused_before, "refused_before", "a standby refused this statement before"},
    {route_reason::database_policy, "database_policy", "a setting sends it to the primary"},
}};

constexpr bool in_order() {
    for (std::size_t i = 0; i < reason_texts.size(); ++i)
        if (static_cast<std::size_t>(reason_texts[i].reason) != i) return false;
    return true;
}
static_assert(in_order(), "reason_texts is indexed by route_reason");

} // namespace

route_decision judge_statement(const sql::statement_facts& facts, const catalog* known) {
    if (const judgement text = judge_text(facts); !text.is_pure()) return decision_of(text);
    if (names_nothing(facts)) return to_standby;
    if (known == nullptr) return {route_target::primary, route_reason::no_catalog, {}};
    return decision_of(judge_names(facts, *known, name_scope::any_schema));
}

route_decision judge_query(const sql::query_facts& facts, const catalog* known) {
    if (!facts.parsed) return {route_target::primary, route_reason::not_parsed, {}};
    for (const sql::statement_facts& statement : facts.statements)
        if (const route_decision one = judge_statement(statement, known);
            one.target == route_target::primary)
            return one;
    return to_standby;
}

route_decision decide(const route_decision& judged, const route_session& session) {
    const auto primary = [](route_reason reason) {
        return route_decision{route_target::primary, reason, {}};
    };
    if (session.pinned) return primary(route_reason::pinned);
    if (session.in_block && !session.block_on_standby) return primary(route_reason::open_block);
    if (judged.target == route_target::primary) return judged;
    if (!session.splitting) return primary(route_reason::splitting_off);
    // Outside a block the statement runs under the session's default isolation.
    if (!session.in_block && !session.read_committed_default)
        return primary(route_reason::serializable);
    return judged;
}

route_decision route_statement(const sql::statement_facts& facts,
                               const catalog* known,
                               const route_session& session) {
    return decide(judge_statement(facts, known), session);
}

route_decision
route_query(const sql::query_facts& facts, const catalog* known, const route_session& session) {
    return decide(judge_query(facts, known), session);
}

bool block_may_read_standby(const sql::transaction_modes& modes, const route_session& session) {
    if (!session.splitting || !session.split_transactions || session.pinned) return false;
    if (modes.snapshot || modes.read_only == false) return false;
    if (!modes.isolation) return session.read_committed_default;
    switch (*modes.isolation) {
    case sql::isolation_level::read_uncommitted: // PostgreSQL gives READ COMMITTED for it
    case sql::isolation_level::read_committed:
        return true;
    case sql::isolation_level::repeatable_read:
        return modes.read_only == true && session.read_only_repeatable_read_allowed;
    case sql::isolation_level::serializable:
        break;
    }
    return false;
}

std::string_view label(route_reason reason) {
    return reason_texts[static_cast<std::size_t>(reason)].label;
}

std::string_view sentence(route_reason reason) {
    return reason_texts[static_cast<std::size_t>(reason)].sentence;
}

} // namespace pgweir
