// Makes a risk_index from catalog rows: every definition is taken to be harmless, and what is found
// against one spreads to those that use it until nothing changes any more, so that definitions need
// no order. Used by build_catalog alone.
#pragma once

#include "proxy/router/catalog_snapshot.hpp"
#include "proxy/router/risk_index.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pgweir {

class risk_builder {
public:
    /// Both must outlive the builder.
    risk_builder(const catalog_rows& rows, const definition_parser& parse);
    [[nodiscard]] risk_index build();

private:
    using shared_facts = std::shared_ptr<const sql::query_facts>;

    /// When a trigger runs.
    enum class timing : std::uint8_t { at_once, at_commit, at_either };

    struct definition_text {
        shared_facts facts;
        name_scope scope = name_scope::catalog_only;
        bool is_written = false; // an updatable view: its relations are written to
    };
    /// What a risk rests on.
    struct definition {
        known_risk* risk = nullptr;
        bool* sequence = nullptr; // where that goes instead, if anywhere
        std::string name;         // for the detail; empty: says nothing itself
        timing when = timing::at_once;
        std::vector<definition_text> texts;
        std::vector<routine_name> routines;
        std::vector<procedural_body> bodies;
        std::vector<const known_risk*> others;
    };

    void add_entries();
    void add_function(const function_row& row, risk_index::function_entry& entry);
    void add_language(const function_row& row, definition& own);
    void add_reading(const relation_row& row, risk_index::relation_entry& entry);
    void add_writing(const relation_row& row, risk_index::relation_entry& entry);
    void add_triggers(const relation_row& row, risk_index::relation_entry& entry);
    void add_ancestors(const relation_row& row, definition& defaults);
    void add_anywhere();

    [[nodiscard]] shared_facts facts_of(const std::string& text);
    /// "a, b" -> facts of SELECT a, b.
    void add_expression(definition& own, const std::string& expressions);
    /// Statements of a function's body, or the query of a view.
    void add_statements(definition& own, definition_text one);
    void add_rule(definition& own, const std::string& rule);
    void add_condition(definition& own, const std::string& trigger_definition);
    void mark(definition& own, std::string_view why);

    [[nodiscard]] bool is_native(const routine_name& name, bool must_be_calm) const;
    [[nodiscard]] session_risk risk_of(const definition& one) const;
    void spread();
    bool absorb(definition& one, session_risk risk);

    const catalog_rows& rows_;
    const definition_parser& parse_;
    risk_index made_;
    std::vector<definition> definitions_;
    std::unordered_map<std::string, shared_facts> parsed_;
    std::unordered_map<std::uint32_t, std::size_t> place_;      // of a relation's row, by oid
    std::vector<risk_index::relation_entry*> relation_entries_; // beside rows_.relations
    std::unordered_map<std::string_view, std::vector<const function_row*>> functions_;
};

} // namespace pgweir
