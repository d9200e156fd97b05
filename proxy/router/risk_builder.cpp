#include "proxy/router/risk_builder.hpp"

#include "proxy/router/catalog_builder.hpp"
#include "proxy/router/safe_builtins.hpp"
#include "sql/classify.hpp"

#include <algorithm>
#include <utility>

namespace pgweir {

namespace {

/// Longer chains of inheritance than this are taken to be a mistake of the rows.
constexpr int max_inheritance_depth = 100;

/// What may stand in a function's body.
bool is_plain(sql::statement_kind kind) {
    using enum sql::statement_kind;
    return kind == empty || kind == select || kind == insert || kind == update ||
           kind == delete_rows || kind == merge || kind == notify || kind == lock_table;
}

/// What the calls of a text tell better, what ends with the transaction, or that CREATE RULE, as
/// which a rule comes, is a definition.
bool is_told_by_names(sql::effect_kind kind) {
    return kind == sql::effect_kind::sequence_state ||
           kind == sql::effect_kind::large_object_or_origin ||
           kind == sql::effect_kind::defines_code;
}

/// What stands against a statement by what it does itself; empty: nothing.
std::string_view own_doubt(const sql::statement_facts& statement) {
    for (const sql::session_effect& effect : statement.effects)
        if (!is_told_by_names(effect.kind))
            return effect.name.empty() ? std::string_view{"session state"} : effect.name;
    return {};
}

std::string explained(std::string_view outer, std::string_view inner) {
    std::string text{outer};
    if (!inner.empty() && inner != outer) text.append(text.empty() ? "" : " > ").append(inner);
    return text;
}

/// Functions of PostgreSQL's own under another name.
bool is_own_symbol(const function_row& row) {
    return row.body.starts_with("range_constructor") ||
           row.body.starts_with("multirange_constructor") || is_harmless_builtin(row.body);
}

bool is_calm(const function_row& row) {
    return row.volatility == 'i' || row.volatility == 's';
}

} // namespace

risk_builder::risk_builder(const catalog_rows& rows, const definition_parser& parse)
    : rows_{rows}, parse_{parse} {}

risk_index risk_builder::build() {
    add_entries();
    add_anywhere();
    spread();
    made_.defers_ =
        std::ranges::any_of(relation_entries_, [](const risk_index::relation_entry* one) {
            return one->writing.opaque_at_commit;
        });
    made_.native_triggers_ =
        std::ranges::any_of(rows_.native_triggers,
                            [this](const routine_name& one) { return made_.routine(one).opaque; });
    return std::move(made_);
}

void risk_builder::add_entries() {
    for (const function_row& row : rows_.functions) {
        functions_[row.name].push_back(&row);
        risk_index::function_entry entry;
        entry.schema = row.schema;
        // Aggregates and procedures are called with arguments that their rows do not count.
        const bool any_count = row.kind == 'a' || row.kind == 'p';
        const unsigned optional = row.default_arguments + (row.variadic ? 1U : 0U);
        entry.least = any_count ? 0U : row.arguments - std::min<unsigned>(optional, row.arguments);
        entry.most = any_count || row.variadic ? 0xffffU : unsigned{row.arguments};
        entry.as_column = row.row_type_argument;
        made_.functions_[row.name].push_back(std::move(entry));
    }
    for (const relation_row& row : rows_.relations) {
        place_.emplace(row.oid, place_.size());
        made_.relations_[row.name].push_back({row.schema, {}, {}, row.identity});
    }
    for (const operator_row& row : rows_.operators)
        made_.operators_[row.name].push_back({row.schema, {}});
    // From here on no list of entries grows, so that they can be pointed at.
    std::unordered_map<std::string_view, std::size_t> used;
    for (const relation_row& row : rows_.relations)
        relation_entries_.push_back(&made_.relations_[row.name][used[row.name]++]);
    for (std::size_t i = 0; i < rows_.relations.size(); ++i) {
        add_reading(rows_.relations[i], *relation_entries_[i]);
        add_writing(rows_.relations[i], *relation_entries_[i]);
        add_triggers(rows_.relations[i], *relation_entries_[i]);
    }
    used.clear();
    for (const function_row& row : rows_.functions)
        add_function(row, made_.functions_[row.name][used[row.name]++]);
    used.clear();
    for (const operator_row& row : rows_.operators) {
        definition own;
        own.risk = &made_.operators_[row.name][used[row.name]++].using_it;
        own.name = row.name;
        own.routines.push_back(row.function);
        definitions_.push_back(std::move(own));
    }
}

risk_builder::shared_facts risk_builder::facts_of(const std::string& text) {
    shared_facts& facts = parsed_[text];
    if (!facts) facts = std::make_shared<const sql::query_facts>(parse_(text));
    return facts;
}

void risk_builder::mark(definition& own, std::string_view why) {
    absorb(own, opaque_because_of(why));
}

void risk_builder::add_statements(definition& own, definition_text one) {
    if (!one.facts->parsed) return mark(own, "not parsed");
    for (const sql::statement_facts& statement : one.facts->statements) {
        if (!is_plain(statement.kind)) return mark(own, "statement");
        if (const auto doubt = own_doubt(statement); !doubt.empty()) return mark(own, doubt);
    }
    own.texts.push_back(std::move(one));
}

void risk_builder::add_expression(definition& own, const std::string& expressions) {
    // Empty: dropped while the catalog was read.
    if (!expressions.empty()) add_statements(own, {facts_of("SELECT " + expressions)});
}

void risk_builder::add_rule(definition& own, const std::string& rule) {
    if (rule.empty()) return;
    const shared_facts facts = facts_of(rule);
    if (!facts->parsed) return mark(own, "not parsed");
    for (const sql::statement_facts& statement : facts->statements)
        if (const auto doubt = own_doubt(statement); !doubt.empty()) return mark(own, doubt);
    own.texts.push_back({facts});
}

void risk_builder::add_condition(definition& own, const std::string& trigger_definition) {
    if (trigger_definition.empty()) return;
    const shared_facts facts = facts_of(trigger_definition);
    if (!facts->parsed) return mark(own, "not parsed");
    auto condition = std::make_shared<sql::query_facts>(*facts);
    for (sql::statement_facts& statement : condition->statements)
        statement.relations.clear(); // the trigger's own: a condition has no others
    own.texts.push_back({std::move(condition)});
}

void risk_builder::add_function(const function_row& row, risk_index::function_entry& entry) {
    definition own;
    own.risk = &entry.calling;
    own.name = row.name;
    add_expression(own, row.argument_defaults);
    if (row.has_custom_settings) mark(own, "SET");
    if (row.kind == 'a') {
        own.routines = row.components;
        if (row.components.empty()) mark(own, "aggregate");
    } else {
        add_language(row, own);
    }
    definitions_.push_back(std::move(own));
}

void risk_builder::add_language(const function_row& row, definition& own) {
    if (row.language == "sql") {
        const name_scope scope =
            row.qualified_body ? name_scope::catalog_only : name_scope::any_schema;
        add_statements(own,
                       {facts_of(row.qualified_body ? plain_body(row.body) : row.body), scope});
    } else if (row.language == "plpgsql") {
        procedural_body body = read_procedural_body(row.body);
        if (body.doubt.empty())
            own.bodies.push_back(std::move(body));
        else
            mark(own, body.doubt);
    } else {
        const bool native = row.language == "c" || row.language == "internal";
        const bool vouched = is_harmless_extension(row.extension) ||
                             (is_calm(row) && is_trusted_extension(row.extension)) ||
                             (row.language == "internal" && is_own_symbol(row));
        if (!native || !vouched) mark(own, row.language);
    }
}

void risk_builder::add_reading(const relation_row& row, risk_index::relation_entry& entry) {
    definition own;
    own.risk = &entry.reading;
    own.name = row.name;
    if (row.kind == 'v' && !row.view_definition.empty())
        add_statements(own, {facts_of(row.view_definition)});
    if (row.row_security)
        for (const std::string& policy : row.policies)
            add_expression(own, policy);
    own.routines = row.handlers;
    if (row.kind == 'f' && row.handlers.empty()) mark(own, "foreign");
    if (!own.texts.empty() || !own.routines.empty()) definitions_.push_back(std::move(own));
}

void risk_builder::add_writing(const relation_row& row, risk_index::relation_entry& entry) {
    definition defaults;
    defaults.risk = &entry.writing;
    defaults.sequence = &entry.sequence_on_insert;
    defaults.name = row.name;
    for (const std::string& expression : row.expressions)
        add_expression(defaults, expression);
    add_ancestors(row, defaults);
    if (!defaults.texts.empty()) definitions_.push_back(std::move(defaults));

    definition own;
    own.risk = &entry.writing;
    own.name = row.name;
    own.others.push_back(&entry.reading);
    // A view that can be written to leads to its relations; a materialized one runs its query when
    // it is refreshed.
    if (!row.view_definition.empty())
        add_statements(own,
                       {facts_of(row.view_definition), name_scope::catalog_only, row.kind == 'v'});
    if (row.row_security)
        for (const std::string& policy : row.all_policies)
            add_expression(own, policy);
    for (const std::string& rule : row.rules)
        add_rule(own, rule);
    for (const std::uint32_t oid : row.cascades)
        if (const auto at = place_.find(oid); at != place_.end())
            own.others.push_back(&relation_entries_[at->second]->writing);
    definitions_.push_back(std::move(own));
    // Writing to a parent writes to its children.
    for (const std::uint32_t oid : row.parents) {
        const auto at = place_.find(oid);
        if (at == place_.end()) continue;
        definition above;
        above.risk = &relation_entries_[at->second]->writing;
        above.name = rows_.relations[at->second].name;
        above.others.push_back(&entry.writing);
        definitions_.push_back(std::move(above));
    }
}

/// A row of a partition must satisfy what its ancestors are partitioned by.
void risk_builder::add_ancestors(const relation_row& row, definition& defaults) {
    std::vector<std::uint32_t> above = row.parents;
    for (int depth = 0; !above.empty() && depth < max_inheritance_depth; ++depth) {
        std::vector<std::uint32_t> next;
        for (const std::uint32_t oid : above) {
            const auto at = place_.find(oid);
            if (at == place_.end()) continue;
            const relation_row& parent = rows_.relations[at->second];
            if (parent.kind == 'p')
                for (const std::string& expression : parent.expressions)
                    add_expression(defaults, expression);
            next.insert(next.end(), parent.parents.begin(), parent.parents.end());
        }
        above = std::move(next);
    }
}

void risk_builder::add_triggers(const relation_row& row, risk_index::relation_entry& entry) {
    for (const trigger_row& trigger : row.triggers) {
        definition own;
        own.risk = &entry.writing;
        own.name = row.name;
        if (trigger.deferrable) // SET CONSTRAINTS may defer it
            own.when = trigger.initially_deferred ? timing::at_commit : timing::at_either;
        own.routines.push_back(trigger.function);
        add_condition(own, trigger.definition);
        definitions_.push_back(std::move(own));
    }
}

/// Whether all functions of this name are written in C: what PostgreSQL calls by itself for its
/// types' sake is then taken to keep to its arguments.
bool risk_builder::is_native(const routine_name& name, bool must_be_calm) const {
    const auto named = functions_.find(name.name);
    if (named == functions_.end()) return false;
    return std::ranges::all_of(named->second, [&](const function_row* row) {
        const bool native = row->language == "c" || row->language == "internal";
        return row->schema != name.schema || (native && (!must_be_calm || is_calm(*row)));
    });
}

void risk_builder::add_anywhere() {
    definition anywhere;
    anywhere.risk = &made_.anywhere_;
    for (const type_row& row : rows_.types) {
        for (const routine_name& function : row.functions)
            if (!is_native(function, false)) anywhere.routines.push_back(function);
        for (const std::string& check : row.checks)
            add_expression(anywhere, check);
    }
    for (const cast_row& row : rows_.casts)
        if (!is_native(row.function, true)) anywhere.routines.push_back(row.function);
    anywhere.routines.insert(anywhere.routines.end(), rows_.support_functions.begin(),
                             rows_.support_functions.end());
    definitions_.push_back(std::move(anywhere));

    definition definitions;
    definitions.risk = &made_.on_definition_;
    definitions.routines = rows_.event_triggers;
    definitions_.push_back(std::move(definitions));
}

session_risk risk_builder::risk_of(const definition& one) const {
    session_risk risk;
    for (const definition_text& text : one.texts)
        for (const sql::statement_facts& statement : text.facts->statements)
            risk.add(made_.names(
                statement, text.scope,
                {.in_sight = false, .may_be_new = false, .is_written = text.is_written}));
    for (const routine_name& routine : one.routines)
        risk.add(made_.routine(routine));
    for (const procedural_body& body : one.bodies)
        risk.add(made_.body(body));
    for (const known_risk* other : one.others)
        risk.add(other->view());
    return risk;
}

/// True: something was not known before.
bool risk_builder::absorb(definition& one, session_risk risk) {
    if (one.when != timing::at_once) {
        risk.opaque_at_commit = risk.opaque_at_commit || risk.opaque;
        if (one.when == timing::at_commit) risk.opaque = false;
    }
    known_risk& known = *one.risk;
    bool& sequence = one.sequence == nullptr ? known.sequence : *one.sequence;
    const bool is_news = (risk.opaque && !known.opaque) ||
                         (risk.opaque_at_commit && !known.opaque_at_commit) ||
                         (risk.sequence && !sequence);
    if (!is_news) return false;
    // A copy: the detail may point into the entry that is about to change.
    if (known.why.empty() && (risk.opaque || risk.opaque_at_commit))
        known.why = explained(one.name, std::string{risk.detail});
    known.opaque = known.opaque || risk.opaque;
    known.opaque_at_commit = known.opaque_at_commit || risk.opaque_at_commit;
    sequence = sequence || risk.sequence;
    return true;
}

void risk_builder::spread() {
    for (bool changed = true; changed;) {
        changed = false;
        for (definition& one : definitions_)
            changed = absorb(one, risk_of(one)) || changed;
    }
}

} // namespace pgweir
