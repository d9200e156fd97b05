#include "sql/session_effects.hpp"

#include "sql/words.hpp"

#include <utility>

namespace pgweir::sql {

namespace {

constexpr auto sequence_functions = make_word_set("nextval", "currval", "lastval", "setval");

constexpr auto advisory_lock_functions = make_word_set("pg_advisory_lock",
                                                       "pg_advisory_lock_shared",
                                                       "pg_try_advisory_lock",
                                                       "pg_try_advisory_lock_shared");

/// Their values are lists of names, which SET quotes. Source: guc_tables.c, GUC_LIST_QUOTE.
constexpr auto quoted_list_parameters = make_word_set("search_path",
                                                      "temp_tablespaces",
                                                      "session_preload_libraries",
                                                      "shared_preload_libraries",
                                                      "local_preload_libraries",
                                                      "unix_socket_directories");

/// An argument of SET or set_config as far as it can be known from the text.
struct constant {
    bool known = false;
    bool null = false;
    std::string value;
};

constant constant_of(node n) {
    if (n.is("TypeCast")) {
        const auto names = n.child("type_name").list("names");
        const auto type = names[names.size() - 1].text("sval");
        if (type != "text" && type != "varchar" && type != "bool") return {};
        return constant_of(n.child("arg"));
    }
    if (!n.is("A_Const")) return {};
    if (n.flag("isnull")) return {.known = true, .null = true, .value = {}};
    if (const node s = n.child("sval"))
        return {.known = true, .null = false, .value = std::string{s.text("sval")}};
    if (const node f = n.child("fval"))
        return {.known = true, .null = false, .value = std::string{f.text("fval")}};
    if (const node b = n.child("boolval")) {
        return {.known = true, .null = false, .value = b.flag("boolval") ? "true" : "false"};
    }
    if (const node i = n.child("ival")) {
        return {.known = true, .null = false, .value = std::to_string(i.number("ival"))};
    }
    return {};
}

std::optional<bool> truth_of(std::string_view value) {
    static constexpr auto yes = make_word_set("t", "true", "y", "yes", "on", "1");
    static constexpr auto no = make_word_set("f", "false", "n", "no", "off", "0");
    if (yes.contains(value)) return true;
    if (no.contains(value)) return false;
    return std::nullopt;
}

std::optional<isolation_level> isolation_of(std::string_view value) {
    if (is_word(value, "serializable")) return isolation_level::serializable;
    if (is_word(value, "repeatable read")) return isolation_level::repeatable_read;
    if (is_word(value, "read committed")) return isolation_level::read_committed;
    if (is_word(value, "read uncommitted")) return isolation_level::read_uncommitted;
    return std::nullopt;
}

/// Notes `value` if the parameter is one of the three modes of a transaction; `name` without
/// "default_".
void note_mode(transaction_modes& modes, std::string_view name, std::string_view value) {
    if (name == "transaction_isolation") modes.isolation = isolation_of(value);
    if (name == "transaction_read_only") modes.read_only = truth_of(value);
    if (name == "transaction_deferrable") modes.deferrable = truth_of(value);
}

/// Source: ruleutils.c, quote_identifier. Keywords stay unquoted: the readers of such lists take no
/// notice of them.
std::string quote_name(std::string_view name) {
    bool safe = !name.empty() && !(name[0] >= '0' && name[0] <= '9');
    for (const char c : name) {
        safe = safe && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_');
    }
    if (safe) return std::string{name};
    std::string quoted = "\"";
    for (const char c : name) {
        if (c == '"') quoted += '"';
        quoted += c;
    }
    return quoted + '"';
}

/// The text that SET stores, or nothing if it is not constant. Source: guc_funcs.c,
/// flatten_set_variable_args.
std::optional<std::string> value_of(std::string_view name, node_list arguments) {
    const bool quote = quoted_list_parameters.contains(name);
    std::string value;
    for (const node argument : arguments) {
        const constant part = argument.is("A_Const") ? constant_of(argument) : constant{};
        if (!part.known || part.null) return std::nullopt;
        if (!value.empty()) value += ", ";
        value += quote ? quote_name(part.value) : part.value;
    }
    return value;
}

session_effect effect_of_setting(std::string name, std::optional<std::string> value, bool local) {
    if (name == "seed") return effect_of(effect_kind::set_seed);
    return {.kind = effect_kind::set_parameter,
            .name = std::move(name),
            .value = std::move(value),
            .local = local};
}

void classify_modes(std::string_view what, node set_statement, statement_facts& facts) {
    if (what == "transaction snapshot") {
        facts.kind = statement_kind::set_transaction;
        facts.modes.snapshot = true;
        return;
    }
    facts.modes = modes_of(set_statement.list("args"));
    if (what == "transaction") {
        facts.kind = statement_kind::set_transaction;
        return;
    }
    facts.kind = statement_kind::set_characteristics;
    for (const node option : set_statement.list("args")) {
        constant value = constant_of(option.child("arg"));
        const auto name = option.text("defname");
        if (name != "transaction_isolation") value.value = value.value == "0" ? "off" : "on";
        facts.effects.push_back({.kind = effect_kind::set_parameter,
                                 .name = "default_" + std::string{name},
                                 .value = std::move(value.value),
                                 .local = false});
    }
}

void classify_assignment(node set_statement, const std::string& name, statement_facts& facts) {
    const bool local = set_statement.flag("is_local");
    facts.kind = statement_kind::set;
    const auto value = value_of(name, set_statement.list("args"));
    if (!value) {
        facts.effects.push_back(effect_of(effect_kind::opaque));
        return;
    }
    constexpr std::string_view prefix = "default_";
    note_mode(facts.modes,
              name.starts_with(prefix) ? std::string_view{name}.substr(prefix.size()) : name,
              *value);
    facts.effects.push_back(effect_of_setting(name, value, local));
    if (name != "search_path") return;
    for (const node argument : set_statement.list("args")) {
        // With pg_temp first in the path an ordinary CREATE makes a temporary object, and nothing
        // in its text says so.
        if (is_temporary_schema(constant_of(argument).value)) {
            facts.effects.push_back(effect_of(effect_kind::temporary_object));
            return;
        }
    }
}

/// What these are set to decides more than their own value: where statements go, what CREATE makes.
bool value_matters(std::string_view name) {
    return name == "search_path" || name.starts_with("pgweir.") ||
           name.find("transaction_") != std::string_view::npos;
}

} // namespace

session_effect effect_of(effect_kind kind, std::string_view name) {
    session_effect effect;
    effect.kind = kind;
    effect.name = name;
    return effect;
}

bool is_temporary_schema(std::string_view schema) {
    return schema == "pg_temp" || schema.starts_with("pg_temp_");
}

std::optional<session_effect> effect_of_function(const qualified_name& name) {
    const std::string_view function = name.name;
    if (function.starts_with("dblink")) return effect_of(effect_kind::large_object_or_origin);
    if (!name.schema.empty() && name.schema != "pg_catalog") return std::nullopt;
    if (function == "set_config") return effect_of(effect_kind::opaque);
    if (function == "setseed") return effect_of(effect_kind::set_seed);
    if (sequence_functions.contains(function)) return effect_of(effect_kind::sequence_state);
    if (advisory_lock_functions.contains(function)) return effect_of(effect_kind::advisory_lock);
    if (function.starts_with("lo_") || function == "loread" || function == "lowrite" ||
        function.starts_with("pg_replication_origin_session_")) {
        return effect_of(effect_kind::large_object_or_origin);
    }
    return std::nullopt;
}

std::optional<session_effect> effect_of_set_config(node function_call) {
    const node_list arguments = function_call.list("args");
    if (arguments.size() != 3) return std::nullopt;
    for (const node argument : arguments) {
        if (argument.is("NamedArgExpr")) return std::nullopt;
    }
    const constant name = constant_of(arguments[0]);
    constant value = constant_of(arguments[1]);
    const constant is_local = constant_of(arguments[2]);
    if (!name.known || name.null || !is_local.known || is_local.null) return std::nullopt;
    const auto local = truth_of(is_local.value);
    auto lower = to_lower(name.value);
    if (!local || (!value.known && value_matters(lower))) return std::nullopt;
    const bool has_text = value.known && !value.null;
    auto effect = effect_of_setting(
        std::move(lower), has_text ? std::optional{std::move(value.value)} : std::nullopt, *local);
    effect.computed = !value.known;
    return effect;
}

transaction_modes modes_of(node_list options) {
    transaction_modes modes;
    for (const node option : options) {
        note_mode(modes, option.text("defname"), constant_of(option.child("arg")).value);
    }
    return modes;
}

void classify_set(node set_statement, statement_facts& facts) {
    const auto kind = set_statement.enumerator("kind");
    std::string name = to_lower(set_statement.text("name"));
    if (kind != "VAR_SET_MULTI") facts.name = name;
    if (kind == "VAR_SET_VALUE") {
        classify_assignment(set_statement, name, facts);
    } else if (kind == "VAR_SET_DEFAULT") {
        facts.kind = statement_kind::set;
        facts.effects.push_back(
            effect_of_setting(std::move(name), std::nullopt, set_statement.flag("is_local")));
    } else if (kind == "VAR_SET_MULTI") {
        classify_modes(name, set_statement, facts);
    } else if (kind == "VAR_RESET") {
        facts.kind = statement_kind::reset;
        facts.effects.push_back(effect_of(effect_kind::reset_parameter, name));
    } else if (kind == "VAR_RESET_ALL") {
        facts.kind = statement_kind::reset;
        facts.effects.push_back(effect_of(effect_kind::reset_all));
    } else {
        facts.kind = statement_kind::set;
        facts.effects.push_back(effect_of(effect_kind::opaque));
    }
}

} // namespace pgweir::sql
