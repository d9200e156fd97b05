// What each name of one database's catalog may do to a session out of sight. Immutable once built
// (risk_builder.hpp); the catalog owns it, judge_risk asks it.
#pragma once

#include "proxy/router/by_name.hpp"
#include "proxy/router/catalog.hpp"
#include "proxy/router/harmless.hpp"
#include "proxy/router/procedural_body.hpp"
#include "sql/facts.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir {

/// What is done to a relation; only inserting runs the defaults of columns.
enum class relation_access : std::uint8_t { reads, writes, inserts };

/// How a text's names are used.
struct name_use {
    /// What PostgreSQL's own functions do by being called in it is told by the facts' effects.
    bool in_sight = false;
    /// It may make the relations that it names.
    bool may_be_new = false;
    /// Its relations are written to though it only reads them: the query of an updatable view.
    bool is_written = false;
};

/// session_risk with a detail of its own.
struct known_risk {
    bool opaque = false;
    bool opaque_at_commit = false;
    bool sequence = false;
    std::string why;

    [[nodiscard]] session_risk view() const {
        session_risk risk;
        risk.opaque = opaque;
        risk.opaque_at_commit = opaque_at_commit;
        risk.sequence = sequence;
        risk.detail = why;
        return risk;
    }
};

/// Opaque, and why; `detail` is kept as a view.
[[nodiscard]] session_risk opaque_because_of(std::string_view detail);

class risk_index {
public:
    /// What all meanings of a name that the scope allows may do; opaque if there is none, but for
    /// relations where `may_be_new`.
    [[nodiscard]] session_risk relation(const sql::qualified_name& name,
                                        name_scope scope,
                                        relation_access access,
                                        bool may_be_new) const;
    [[nodiscard]] session_risk
    function(const sql::function_call& call, name_scope scope, bool in_sight) const;
    /// By an object of the catalog: all overloads of a function that has a schema.
    [[nodiscard]] session_risk routine(const routine_name& name) const;
    [[nodiscard]] session_risk operation(const sql::qualified_name& name, name_scope scope) const;
    [[nodiscard]] session_risk column(std::string_view name) const;
    [[nodiscard]] session_risk body(const procedural_body& body) const;
    /// What may happen anywhere: casts, domains, operator classes.
    [[nodiscard]] session_risk anywhere() const {
        auto risk = anywhere_.view();
        risk.vague = risk.opaque || risk.opaque_at_commit;
        return risk;
    }
    /// What definitions set off: event triggers.
    [[nodiscard]] session_risk on_definition() const { return on_definition_.view(); }
    /// Some relation has a deferred trigger that is not proved: SET CONSTRAINTS would run it.
    [[nodiscard]] bool defers() const { return defers_; }
    /// There are trigger functions, in C or the like, that may keep something in the session which
    /// no question shows. A relation that the catalog does not know may have one of them.
    [[nodiscard]] bool has_native_triggers() const { return native_triggers_; }

    /// Everything that a statement names, and what may happen anywhere.
    [[nodiscard]] session_risk
    names(const sql::statement_facts& facts, name_scope scope, name_use use) const;

private:
    friend class risk_builder;

    struct relation_entry {
        std::string schema;
        known_risk reading;
        known_risk writing; // reading included
        bool sequence_on_insert = false;
    };
    struct function_entry {
        std::string schema;
        unsigned least = 0; // arguments
        unsigned most = 0;
        bool as_column = false;
        known_risk calling;
    };
    struct operator_entry {
        std::string schema;
        known_risk using_it;
    };

    [[nodiscard]] session_risk call_in_body(const sql::qualified_name& name, bool keyword) const;

    by_name<relation_entry> relations_;
    by_name<function_entry> functions_;
    by_name<operator_entry> operators_;
    known_risk anywhere_;
    known_risk on_definition_;
    bool defers_ = false;
    bool native_triggers_ = false;
};

} // namespace pgweir
