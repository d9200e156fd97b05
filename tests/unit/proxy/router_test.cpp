#include "proxy/router/catalog_snapshot.hpp"
#include "proxy/router/explain_route.hpp"
#include "proxy/router/router.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>

namespace pgweir {

namespace {

using sql::effect_kind;
using sql::statement_kind;

sql::statement_facts of(statement_kind kind) {
    sql::statement_facts facts;
    facts.kind = kind;
    return facts;
}

sql::statement_facts with_effect(effect_kind kind) {
    sql::statement_facts facts = of(statement_kind::select);
    facts.effects.push_back({kind, "name", std::nullopt, false});
    return facts;
}

route_reason reason_of(const sql::statement_facts& facts, const route_session& session = {}) {
    return route_statement(facts, nullptr, session).reason;
}

sql::query_facts query(std::initializer_list<sql::statement_facts> statements) {
    sql::query_facts facts;
    facts.parsed = true;
    facts.statements = statements;
    return facts;
}

} // namespace

TEST(Router, OnlyKindsThatReadMayLeaveThePrimary) {
    const std::set<statement_kind> reading{statement_kind::empty, statement_kind::select,
                                           statement_kind::copy_out, statement_kind::explain};
    for (int i = 0; i <= static_cast<int>(statement_kind::explain_route); ++i) {
        const auto kind = static_cast<statement_kind>(i);
        const route_decision decision = route_statement(of(kind), nullptr, {});
        EXPECT_EQ(decision.target == route_target::standby, reading.contains(kind)) << i;
        EXPECT_EQ(decision.reason == route_reason::pure_read, reading.contains(kind)) << i;
    }
}

TEST(Router, WhatTheTextSaysComesBeforeTheCatalog) {
    sql::statement_facts facts = of(statement_kind::select);
    facts.relations.push_back({"", "t"});
    EXPECT_EQ(reason_of(facts), route_reason::no_catalog);
    facts.reads_parameters = true;
    EXPECT_EQ(reason_of(facts), route_reason::server_state);
    facts.effects.push_back({effect_kind::advisory_lock, "pg_advisory_lock", std::nullopt, false});
    EXPECT_EQ(reason_of(facts), route_reason::session_state);
    facts.locks_rows = true;
    EXPECT_EQ(reason_of(facts), route_reason::row_locks);
    facts.writes = true;
    EXPECT_EQ(reason_of(facts), route_reason::writes);
}

TEST(Router, EveryEffectOnTheSessionNeedsThePrimary) {
    for (int i = 0; i <= static_cast<int>(effect_kind::opaque); ++i) {
        const auto kind = static_cast<effect_kind>(i);
        const auto expected = kind == effect_kind::sequence_state ? route_reason::sequence
                                                                  : route_reason::session_state;
        EXPECT_EQ(reason_of(with_effect(kind)), expected) << i;
    }
}

TEST(Router, AStatementThatNamesNothingNeedsNoCatalog) {
    EXPECT_EQ(reason_of(of(statement_kind::select)), route_reason::pure_read);
    sql::statement_facts facts = of(statement_kind::select);
    facts.operators.push_back({"", "+"});
    EXPECT_EQ(reason_of(facts), route_reason::no_catalog);
}

TEST(Router, AQueryGoesWhereItsStrongestStatementGoes) {
    const auto read = of(statement_kind::select);
    EXPECT_EQ(route_query(query({read, read}), nullptr, {}).target, route_target::standby);
    EXPECT_EQ(route_query(query({read, of(statement_kind::update), read}), nullptr, {}).reason,
              route_reason::writes);
    EXPECT_EQ(route_query(query({read, of(statement_kind::commit)}), nullptr, {}).reason,
              route_reason::transaction_control);
    EXPECT_EQ(route_query({}, nullptr, {}).reason, route_reason::not_parsed);
    EXPECT_EQ(route_query(query({}), nullptr, {}).target, route_target::standby);
}

TEST(Router, TheSessionMayTakeThePermissionBack) {
    const auto read = of(statement_kind::select);
    route_session session;
    session.splitting = false;
    EXPECT_EQ(reason_of(read, session), route_reason::splitting_off);
    session = {};
    session.read_committed_default = false;
    EXPECT_EQ(reason_of(read, session), route_reason::serializable);
    session = {};
    session.pinned = true;
    EXPECT_EQ(reason_of(read, session), route_reason::pinned);
    EXPECT_EQ(reason_of(of(statement_kind::insert), session), route_reason::pinned);
}

TEST(Router, ABlockStaysWhereItBegan) {
    const auto read = of(statement_kind::select);
    route_session session;
    session.in_block = true;
    EXPECT_EQ(reason_of(read, session), route_reason::open_block);
    session.block_on_standby = true;
    EXPECT_EQ(reason_of(read, session), route_reason::pure_read);
    EXPECT_EQ(reason_of(of(statement_kind::insert), session), route_reason::writes);
    // The block's own isolation was judged when it began.
    session.read_committed_default = false;
    EXPECT_EQ(reason_of(read, session), route_reason::pure_read);
}

TEST(Router, ABlockMayStartOnAStandbyOnlyUnderReadCommitted) {
    using sql::isolation_level;
    route_session session;
    sql::transaction_modes modes;
    EXPECT_TRUE(block_may_read_standby(modes, session));
    modes.read_only = true;
    EXPECT_TRUE(block_may_read_standby(modes, session));
    modes.read_only = false;
    EXPECT_FALSE(block_may_read_standby(modes, session));
    modes = {};
    modes.snapshot = true;
    EXPECT_FALSE(block_may_read_standby(modes, session));

    modes = {};
    for (const auto level : {isolation_level::read_committed, isolation_level::read_uncommitted}) {
        modes.isolation = level;
        EXPECT_TRUE(block_may_read_standby(modes, session));
    }
    modes.read_only = true;
    modes.isolation = isolation_level::serializable;
    EXPECT_FALSE(block_may_read_standby(modes, session));
    modes.isolation = isolation_level::repeatable_read;
    EXPECT_FALSE(block_may_read_standby(modes, session));
    session.read_only_repeatable_read_allowed = true;
    EXPECT_TRUE(block_may_read_standby(modes, session));
    modes.read_only.reset();
    EXPECT_FALSE(block_may_read_standby(modes, session));
}

TEST(Router, ABlockHeedsTheSessionsSettings) {
    using sql::isolation_level;
    const sql::transaction_modes plain;
    sql::transaction_modes read_committed;
    read_committed.isolation = isolation_level::read_committed;
    route_session session;
    session.read_committed_default = false;
    EXPECT_FALSE(block_may_read_standby(plain, session));
    EXPECT_TRUE(block_may_read_standby(read_committed, session));
    session = {};
    session.split_transactions = false;
    EXPECT_FALSE(block_may_read_standby(plain, session));
    session = {};
    session.splitting = false;
    EXPECT_FALSE(block_may_read_standby(plain, session));
    session = {};
    session.pinned = true;
    EXPECT_FALSE(block_may_read_standby(plain, session));
}

TEST(Router, EveryReasonHasALabelAndASentence) {
    std::set<std::string_view> labels;
    for (int i = 0; i <= static_cast<int>(route_reason::database_policy); ++i) {
        const auto reason = static_cast<route_reason>(i);
        EXPECT_FALSE(label(reason).empty());
        EXPECT_TRUE(labels.insert(label(reason)).second) << label(reason);
        EXPECT_FALSE(sentence(reason).ends_with('.')) << sentence(reason);
        EXPECT_GT(sentence(reason).size(), 5U);
    }
}

TEST(ExplainRoute, SaysWhereAndWhy) {
    cluster_view view;
    view.nodes.resize(3);
    for (std::uint16_t id = 0; id < 3; ++id) {
        view.nodes[id].id = id;
        view.nodes[id].name = "node" + std::to_string(id) + ":5432";
    }
    view.primary = 0;
    view.nodes[1].readable = true;
    view.nodes[2].not_readable_because = "12 MB behind";
    const std::array asked{asked_standby{1, read_verdict::no}, asked_standby{2, read_verdict::no}};
    using rows = std::vector<std::pair<std::string, std::string>>;

    const route_decision read{route_target::standby, route_reason::pure_read, {}};
    const rows expected{
        {"route", "standby"},
        {"reason", "pure_read"},
        {"because", std::string{sentence(route_reason::pure_read)}},
        {"node", "node0:5432 (the primary: no standby may answer now)"},
        {"standby node1:5432", "not known to have replayed what this session has seen"},
        {"standby node2:5432", "12 MB behind"},
    };
    EXPECT_EQ(explain(read, view, std::uint16_t{0}, asked), expected);

    const route_decision write{route_target::primary, route_reason::unproved_function,
                               "next_ticket"};
    view.primary.reset();
    view.no_primary_because = "nobody says so";
    const rows waiting{
        {"route", "primary"},
        {"reason", "unproved_function"},
        {"because", std::string{sentence(route_reason::unproved_function)}},
        {"detail", "next_ticket"},
        {"node", "none now: nobody says so"},
    };
    EXPECT_EQ(explain(write, view, std::nullopt, {}), waiting);
}

} // namespace pgweir
