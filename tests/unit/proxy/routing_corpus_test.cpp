#include "proxy/router/catalog_snapshot.hpp"
#include "proxy/router/router.hpp"
#include "routing_corpus.hpp"
#include "sql/classify.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>

namespace pgweir::testing {

namespace {

bool pins(const sql::session_effect& effect) {
    switch (effect.kind) {
    case sql::effect_kind::set_parameter:
    case sql::effect_kind::reset_parameter:
    case sql::effect_kind::reset_all:
    case sql::effect_kind::deallocate:
    case sql::effect_kind::deallocate_all:
    case sql::effect_kind::discard_all:
    case sql::effect_kind::discard_other:
    case sql::effect_kind::unlisten:
    case sql::effect_kind::sequence_state:
    case sql::effect_kind::defines_code:
    case sql::effect_kind::native_code:
        return false;
    default:
        return true;
    }
}

/// As much of a session as routes depend on.
class corpus_session {
public:
    explicit corpus_session(const catalog& known) : known_{known} {}

    route_decision route(const sql::query_facts& facts) {
        const route_decision decision = decide_with_control(facts);
        const bool just_begun = std::exchange(begun_, false);
        if (!just_begun && decision.target == route_target::primary)
            state_.block_on_standby = false;
        for (const sql::statement_facts& statement : facts.statements)
            if (std::ranges::any_of(statement.effects, pins)) state_.pinned = true;
        return decision;
    }

private:
    /// A text that is one BEGIN, COMMIT or ROLLBACK is the session's own business.
    route_decision decide_with_control(const sql::query_facts& facts) {
        if (facts.statements.size() != 1) return route_query(facts, &known_, state_);
        const sql::statement_facts& only = facts.statements.front();
        if (only.kind == sql::statement_kind::begin) {
            const route_decision decision = route_query(facts, &known_, state_);
            state_.block_on_standby = block_may_read_standby(only.modes, state_);
            state_.in_block = true;
            begun_ = true;
            return decision;
        }
        if (only.kind == sql::statement_kind::commit ||
            only.kind == sql::statement_kind::rollback) {
            state_.in_block = false;
            state_.block_on_standby = false;
        }
        return route_query(facts, &known_, state_);
    }

    const catalog& known_;
    route_session state_;
    bool begun_ = false;
};

} // namespace

TEST(RoutingCorpus, EveryStatementGoesWhereItBelongs) {
    const auto known = build_catalog(read_catalog_rows());
    const auto lines = read_corpus();
    EXPECT_GE(lines.size(), 400U);
    std::optional<corpus_session> session;
    for (const corpus_line& line : lines) {
        if (line.starts_session) session.emplace(*known);
        const sql::query_facts facts = sql::classify(line.statement);
        const route_decision decision = session->route(facts);
        EXPECT_EQ(decision.target == route_target::standby, line.on_standby)
            << "line " << line.number << ": " << line.statement << "\n  " << label(decision.reason)
            << " " << decision.detail;
        EXPECT_EQ(label(decision.reason), line.reason)
            << "line " << line.number << ": " << line.statement << "\n  " << decision.detail;
    }
}

} // namespace pgweir::testing
