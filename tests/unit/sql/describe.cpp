#include "tests/unit/sql/describe.hpp"

#include <array>
#include <cstddef>
#include <string_view>

namespace pgweir::sql {

namespace {

constexpr std::array<std::string_view, 41> kind_names = {"unknown",
                                                         "empty",
                                                         "select",
                                                         "insert",
                                                         "update",
                                                         "delete",
                                                         "merge",
                                                         "copy_in",
                                                         "copy_out",
                                                         "explain",
                                                         "show",
                                                         "set",
                                                         "reset",
                                                         "set_transaction",
                                                         "set_characteristics",
                                                         "begin",
                                                         "commit",
                                                         "rollback",
                                                         "savepoint",
                                                         "release",
                                                         "rollback_to",
                                                         "prepare_transaction",
                                                         "commit_prepared",
                                                         "rollback_prepared",
                                                         "declare",
                                                         "fetch",
                                                         "close",
                                                         "prepare",
                                                         "execute",
                                                         "deallocate",
                                                         "discard",
                                                         "listen",
                                                         "unlisten",
                                                         "notify",
                                                         "lock_table",
                                                         "call",
                                                         "do",
                                                         "load",
                                                         "ddl",
                                                         "utility",
                                                         "explain_route"};

constexpr std::array<std::string_view, 20> effect_names = {"set_parameter",
                                                           "reset_parameter",
                                                           "reset_all",
                                                           "sql_prepare",
                                                           "deallocate",
                                                           "deallocate_all",
                                                           "discard_all",
                                                           "discard_other",
                                                           "listen",
                                                           "unlisten",
                                                           "temporary_object",
                                                           "holdable_cursor",
                                                           "advisory_lock",
                                                           "load_library",
                                                           "set_seed",
                                                           "sequence_state",
                                                           "large_object_or_origin",
                                                           "opaque",
                                                           "defines_code",
                                                           "native_code"};

constexpr std::array<std::string_view, 4> isolation_names = {"read_uncommitted", "read_committed",
                                                             "repeatable_read", "serializable"};

std::string text_of(const qualified_name& name) {
    return name.schema.empty() ? name.name : name.schema + "." + name.name;
}

std::string text_of(const function_call& call) {
    return text_of(call.name) + "/" + std::to_string(call.arguments) + (call.variadic ? "v" : "");
}

std::string text_of(const std::string& text) {
    return text;
}

std::string text_of(const session_effect& effect) {
    std::string text{effect_names.at(static_cast<std::size_t>(effect.kind))};
    if (!effect.name.empty()) text += "(" + effect.name;
    if (effect.value) text += "=" + *effect.value;
    if (effect.computed) text += "=?";
    if (!effect.name.empty()) text += ")";
    return text + (effect.local ? "local" : "");
}

template <class List> void append(std::string& out, std::string_view label, const List& list) {
    if (list.empty()) return;
    out += label;
    bool first = true;
    for (const auto& item : list) {
        if (!first) out += ",";
        out += text_of(item);
        first = false;
    }
}

void append(std::string& out, bool flag, std::string_view word) {
    if (flag) out += word;
}

} // namespace

std::string describe(const statement_facts& facts) {
    std::string out{kind_names.at(static_cast<std::size_t>(facts.kind))};
    append(out, facts.writes, " writes");
    append(out, facts.locks_rows, " locks");
    append(out, facts.reads_parameters, " reads_parameters");
    append(out, facts.has_time_word, " time_word");
    append(out, facts.registry_cast, " registry");
    append(out, facts.barred_from_block, " barred");
    append(out, facts.has_parameters, " $");
    const transaction_modes& modes = facts.modes;
    if (modes.isolation)
        out += " " + std::string{isolation_names.at(static_cast<std::size_t>(*modes.isolation))};
    if (modes.read_only) out += *modes.read_only ? " read_only" : " read_write";
    if (modes.deferrable) out += *modes.deferrable ? " deferrable" : " not_deferrable";
    append(out, modes.snapshot, " snapshot");
    append(out, modes.chain, " chain");
    if (!facts.name.empty()) out += " name:" + facts.name;
    if (!facts.executes.empty()) out += " executes:" + facts.executes;
    append(out, " rel:", facts.relations);
    append(out, " fn:", facts.functions);
    append(out, " op:", facts.operators);
    append(out, " type:", facts.types);
    append(out, " col:", facts.columns);
    append(out, " effect:", facts.effects);
    if (!facts.routed_text.empty()) out += " routed:" + facts.routed_text;
    return out;
}

std::string describe(const query_facts& facts) {
    if (!facts.parsed) return "unparsed";
    std::string out;
    for (const statement_facts& statement : facts.statements) {
        if (!out.empty()) out += " ; ";
        out += describe(statement);
    }
    return out;
}

} // namespace pgweir::sql
