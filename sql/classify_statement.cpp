#include "sql/classify_statement.hpp"

#include "sql/classify_expression.hpp"
#include "sql/session_effects.hpp"
#include "sql/words.hpp"

#include <string>
#include <unordered_map>
#include <utility>

namespace pgweir::sql {

namespace {

void make_unknown(statement_facts& facts) {
    facts.kind = statement_kind::unknown;
    facts.writes = true;
    add_once(facts.effects, effect_of(effect_kind::opaque));
}

void walk(node statement, statement_facts& facts, bool must_understand) {
    expression_walker walker{facts};
    walker.visit(statement);
    if (must_understand && !walker.understood()) make_unknown(facts);
}

/// True for SELECT with nothing but a target list, each entry of which runs exactly once.
bool runs_once(node select) {
    bool once = true;
    for (const char* clause :
         {"from_clause", "group_clause", "window_clause", "values_lists", "distinct_clause"}) {
        once = once && select.list(clause).empty();
    }
    for (const char* clause : {"where_clause", "having_clause", "limit_offset", "limit_count",
                               "with_clause", "into_clause", "larg"}) {
        once = once && !select.child(clause);
    }
    return once;
}

void classify_select(node select, statement_facts& facts) {
    facts.kind = statement_kind::select;
    expression_walker walker{facts};
    if (runs_once(select)) {
        for (const node target : select.list("target_list")) {
            const node call = target.child("val");
            if (!call.is("FuncCall")) continue;
            const auto name = name_of(call.list("funcname"));
            if (name.name != "set_config" || (!name.schema.empty() && name.schema != "pg_catalog"))
                continue;
            if (auto effect = effect_of_set_config(call)) {
                facts.effects.push_back(std::move(*effect));
                walker.already_followed(call);
            }
        }
    }
    walker.visit(select);
    if (!walker.understood()) make_unknown(facts);
}

void classify_transaction(node statement, statement_facts& facts) {
    static const std::unordered_map<std::string_view, statement_kind> kinds = {
        {"TRANS_STMT_BEGIN", statement_kind::begin},
        {"TRANS_STMT_START", statement_kind::begin},
        {"TRANS_STMT_COMMIT", statement_kind::commit},
        {"TRANS_STMT_ROLLBACK", statement_kind::rollback},
        {"TRANS_STMT_SAVEPOINT", statement_kind::savepoint},
        {"TRANS_STMT_RELEASE", statement_kind::release_savepoint},
        {"TRANS_STMT_ROLLBACK_TO", statement_kind::rollback_to_savepoint},
        {"TRANS_STMT_PREPARE", statement_kind::prepare_transaction},
        {"TRANS_STMT_COMMIT_PREPARED", statement_kind::commit_prepared},
        {"TRANS_STMT_ROLLBACK_PREPARED", statement_kind::rollback_prepared},
    };
    const auto found = kinds.find(statement.enumerator("kind"));
    if (found == kinds.end()) return make_unknown(facts);
    facts.kind = found->second;
    facts.modes = modes_of(statement.list("options"));
    facts.modes.chain = statement.flag("chain");
    const auto savepoint = statement.text("savepoint_name");
    facts.name = savepoint.empty() ? statement.text("gid") : savepoint;
    facts.writes = facts.kind == statement_kind::prepare_transaction ||
                   facts.kind == statement_kind::commit_prepared ||
                   facts.kind == statement_kind::rollback_prepared;
}

/// COPY to or from anything but the client touches files of the server, so it counts as a write.
void classify_copy(node statement, statement_facts& facts) {
    const bool from = statement.flag("is_from");
    facts.kind = from ? statement_kind::copy_in : statement_kind::copy_out;
    facts.inserts = from;
    facts.writes = from || statement.flag("is_program") || !statement.text("filename").empty();
    expression_walker walker{facts};
    walker.visit(statement.child("relation"));
    walker.visit(statement.child("query"));
    walker.visit(statement.child("where_clause"));
    if (!walker.understood()) make_unknown(facts);
}

bool is_analyze(node explain) {
    bool analyze = false;
    for (const node option : explain.list("options")) {
        if (!is_word(option.text("defname"), "analyze")) continue;
        const node argument = option.child("arg");
        const auto word = argument.is("String") ? argument.text("sval") : std::string_view{};
        const bool off = (argument.is("Integer") && argument.number("ival") == 0) ||
                         is_word(word, "false") || is_word(word, "off");
        analyze = !off;
    }
    return analyze;
}

/// The facts of what is explained. Explaining anything but a pure read belongs on the primary even
/// without ANALYZE.
void classify_explain(node statement, statement_facts& facts) {
    facts = classify_statement(statement.child("query"));
    for (session_effect& effect : facts.effects) {
        // Without ANALYZE nothing runs, and with it nobody sees the result: what was set cannot be
        // followed.
        if (effect.kind == effect_kind::set_parameter) effect = effect_of(effect_kind::opaque);
    }
    if (!is_analyze(statement))
        std::erase_if(facts.effects, [](const session_effect& effect) {
            return effect.kind == effect_kind::holdable_cursor;
        });
    const bool pure_kind = facts.kind == statement_kind::select;
    facts.writes = facts.writes || !pure_kind;
    facts.kind = statement_kind::explain;
    facts.name.clear();
}

/// Statements that contain another one which they keep for later: its facts count, its effects
/// cannot be followed.
void classify_holder(node statement,
                     statement_kind kind,
                     std::string_view name,
                     statement_facts& facts) {
    facts = classify_statement(statement.child("query"));
    for (session_effect& effect : facts.effects) {
        if (effect.kind == effect_kind::set_parameter) effect = effect_of(effect_kind::opaque);
    }
    if (facts.kind == statement_kind::unknown) return;
    facts.kind = kind;
    facts.name = name;
}

void classify_declare(node statement, statement_facts& facts) {
    constexpr std::int64_t cursor_option_hold = 0x0020; // parsenodes.h, CURSOR_OPT_HOLD
    classify_holder(statement, statement_kind::declare_cursor, statement.text("portalname"), facts);
    if ((statement.number("options") & cursor_option_hold) != 0) {
        add_once(facts.effects,
                 effect_of(effect_kind::holdable_cursor, statement.text("portalname")));
    }
}

void classify_execute(node statement, statement_facts& facts) {
    facts.kind = statement_kind::execute;
    facts.name = statement.text("name");
    facts.executes = facts.name;
    facts.writes = true; // what was prepared under this name is not known here
    facts.effects.push_back(effect_of(effect_kind::opaque));
    expression_walker walker{facts};
    for (const node parameter : statement.list("params"))
        walker.visit(parameter);
}

void classify_discard(node statement, statement_facts& facts) {
    facts.kind = statement_kind::discard;
    const bool all = statement.enumerator("target") == "DISCARD_ALL";
    facts.effects.push_back(effect_of(all ? effect_kind::discard_all : effect_kind::discard_other));
}

void classify_opaque(node statement, statement_kind kind, statement_facts& facts) {
    facts.kind = kind;
    facts.writes = true;
    facts.effects.push_back(effect_of(effect_kind::opaque));
    walk(statement, facts, false);
}

void classify_do(node statement, statement_facts& facts) {
    classify_opaque(statement, statement_kind::do_block, facts);
    std::string_view language = "plpgsql";
    std::string_view block;
    for (const node option : statement.list("args")) {
        const auto value = option.child("arg").text("sval");
        if (option.text("defname") == "language") language = value;
        if (option.text("defname") == "as") block = value;
    }
    if (language == "plpgsql") facts.block = block;
}

void classify_named(node statement,
                    statement_kind kind,
                    const char* name_field,
                    statement_facts& facts) {
    facts.kind = kind;
    facts.name = statement.text(name_field);
}

bool is_utility(std::string_view type) {
    return type == "VacuumStmt" || type == "ClusterStmt" || type == "CheckPointStmt" ||
           type == "ConstraintsSetStmt" || type == "SecLabelStmt" || type == "AlterSystemStmt";
}

bool is_definition(std::string_view type) {
    if (type.starts_with("Create") || type.starts_with("Alter") || type.starts_with("Drop")) {
        return type.ends_with("Stmt");
    }
    static constexpr auto others =
        make_word_set("viewstmt", "indexstmt", "rulestmt", "definestmt", "truncatestmt",
                      "commentstmt", "renamestmt", "grantstmt", "grantrolestmt",
                      "compositetypestmt", "refreshmatviewstmt", "reindexstmt", "reassignownedstmt",
                      "importforeignschemastmt", "createdbstmt", "dropdbstmt");
    return others.contains(type);
}

/// DROP TABLE and its like hold the names as lists of words, not as RangeVar.
void add_dropped(node statement, statement_facts& facts) {
    static constexpr auto kinds =
        make_word_set("object_table", "object_view", "object_matview", "object_sequence",
                      "object_foreign_table", "object_index");
    if (!statement.is("DropStmt") || !kinds.contains(statement.enumerator("remove_type"))) return;
    for (const node object : statement.list("objects")) {
        if (auto name = name_of(object.list("items")); !name.name.empty()) {
            add_once(facts.relations, std::move(name));
        }
    }
}

/// The language of CREATE FUNCTION, or of a body that needs none.
std::string_view language_of(node function) {
    for (const node option : function.list("options"))
        if (option.text("defname") == "language") return option.child("arg").text("sval");
    return "sql";
}

/// CASCADE brings others along.
bool is_alone(node create_extension) {
    for (const node option : create_extension.list("options"))
        if (option.text("defname") == "cascade") return false;
    return true;
}

/// What the definition means for other statements.
void add_code(node statement, statement_facts& facts) {
    static constexpr auto kinds =
        make_word_set("createfunctionstmt", "createtrigstmt", "rulestmt", "createpolicystmt",
                      "alterpolicystmt", "altertablestmt", "viewstmt", "renamestmt",
                      "alterobjectschemastmt", "createextensionstmt", "alterextensionstmt");
    if (!kinds.contains(statement.type())) {
        if (statement.is("CreatePLangStmt"))
            facts.effects.push_back(effect_of(effect_kind::native_code, statement.text("plname")));
        return;
    }
    facts.effects.push_back(effect_of(effect_kind::defines_code));
    if (statement.is("CreateExtensionStmt") || statement.is("AlterExtensionStmt")) {
        const auto name = is_alone(statement) ? statement.text("extname") : std::string_view{};
        facts.effects.push_back(effect_of(effect_kind::native_code, name));
    } else if (statement.is("CreateFunctionStmt")) {
        const auto language = language_of(statement);
        if (!is_word(language, "sql") && !is_word(language, "plpgsql"))
            facts.effects.push_back(effect_of(effect_kind::native_code, language));
    }
}

void classify_definition(node statement, statement_kind kind, statement_facts& facts) {
    facts.kind = kind;
    facts.writes = true;
    walk(statement, facts, false);
    add_dropped(statement, facts);
    add_code(statement, facts);
    if (statement.is("CreateTableAsStmt") && statement.child("query").is("ExecuteStmt")) {
        facts.effects.push_back(effect_of(effect_kind::opaque));
        facts.executes = statement.child("query").text("name");
    }
}

using classifier = void (*)(node, statement_facts&);

const std::unordered_map<std::string_view, classifier>& classifiers() {
    using facts_ref = statement_facts&;
    using kind = statement_kind;
    static const std::unordered_map<std::string_view, classifier> table = {
        {"SelectStmt", classify_select},
        {"TransactionStmt", classify_transaction},
        {"CopyStmt", classify_copy},
        {"ExplainStmt", classify_explain},
        {"DeclareCursorStmt", classify_declare},
        {"ExecuteStmt", classify_execute},
        {"DiscardStmt", classify_discard},
        {"VariableSetStmt", classify_set},
        {"VariableShowStmt",
         [](node n, facts_ref facts) {
             classify_named(n, kind::show, "name", facts);
             facts.name = to_lower(facts.name);
             facts.reads_parameters = true;
         }},
        {"PrepareStmt",
         [](node n, facts_ref facts) {
             classify_holder(n, kind::prepare, n.text("name"), facts);
             add_once(facts.effects, effect_of(effect_kind::sql_prepare, n.text("name")));
         }},
        {"DeallocateStmt",
         [](node n, facts_ref facts) {
             classify_named(n, kind::deallocate, "name", facts);
             facts.effects.push_back(facts.name.empty()
                                         ? effect_of(effect_kind::deallocate_all)
                                         : effect_of(effect_kind::deallocate, facts.name));
         }},
        {"FetchStmt",
         [](node n, facts_ref facts) { classify_named(n, kind::fetch, "portalname", facts); }},
        {"ClosePortalStmt",
         [](node n, facts_ref facts) {
             classify_named(n, kind::close_cursor, "portalname", facts);
         }},
        {"ListenStmt",
         [](node n, facts_ref facts) {
             classify_named(n, kind::listen, "conditionname", facts);
             facts.effects.push_back(effect_of(effect_kind::listen, facts.name));
         }},
        {"UnlistenStmt",
         [](node n, facts_ref facts) {
             classify_named(n, kind::unlisten, "conditionname", facts);
             facts.effects.push_back(effect_of(effect_kind::unlisten, facts.name));
         }},
        {"NotifyStmt",
         [](node n, facts_ref facts) {
             classify_named(n, kind::notify, "conditionname", facts);
             facts.writes = true;
         }},
        {"LockStmt",
         [](node n, facts_ref facts) {
             facts.kind = kind::lock_table;
             walk(n, facts, false);
         }},
        {"LoadStmt",
         [](node n, facts_ref facts) {
             facts.kind = kind::load;
             facts.effects.push_back(effect_of(effect_kind::load_library, n.text("filename")));
         }},
        {"CallStmt", [](node n, facts_ref facts) { classify_opaque(n, kind::call, facts); }},
        {"DoStmt", classify_do},
    };
    return table;
}

std::optional<statement_kind> kind_of_write(std::string_view type) {
    if (type == "InsertStmt") return statement_kind::insert;
    if (type == "UpdateStmt") return statement_kind::update;
    if (type == "DeleteStmt") return statement_kind::delete_rows;
    if (type == "MergeStmt") return statement_kind::merge;
    return std::nullopt;
}

/// The settings that logins begin with, of whom. A role that only the session knows (CURRENT_USER)
/// may be any.
std::vector<login_defaults> defaults_changed_by(node statement, const statement_facts& facts) {
    if (statement.is("AlterDatabaseSetStmt"))
        return {{.role = {}, .database = std::string{statement.text("dbname")}}};
    if (statement.is("AlterRoleSetStmt")) {
        const node role = statement.child("role");
        const bool is_named = role.enumerator("roletype") == "ROLESPEC_CSTRING";
        return {{.role = is_named ? std::string{role.text("rolename")} : std::string{},
                 .database = std::string{statement.text("database")}}};
    }
    // What ALTER SYSTEM has written down, or the file itself.
    for (const auto& call : facts.functions)
        if (call.name.name == "pg_reload_conf") return {login_defaults{}};
    return {};
}

} // namespace

statement_facts classify_statement(node statement) {
    statement_facts facts;
    const auto type = statement.type();
    if (const auto known = classifiers().find(type); known != classifiers().end()) {
        known->second(statement, facts);
    } else if (const auto kind = kind_of_write(type)) {
        facts.kind = *kind;
        walk(statement, facts, true);
    } else if (is_utility(type)) {
        classify_definition(statement, statement_kind::utility, facts);
    } else if (is_definition(type)) {
        classify_definition(statement, statement_kind::ddl, facts);
    } else {
        make_unknown(facts);
    }
    facts.changes_defaults = defaults_changed_by(statement, facts);
    facts.barred_from_block = is_barred_from_block(statement);
    return facts;
}

// Source: the callers of PreventInTransactionBlock in PostgreSQL 15 to 17.
bool is_barred_from_block(node statement) {
    const auto type = statement.type();
    static constexpr auto always =
        make_word_set("createdbstmt", "dropdbstmt", "createtablespacestmt", "droptablespacestmt",
                      "altersystemstmt", "createsubscriptionstmt", "altersubscriptionstmt",
                      "dropsubscriptionstmt", "clusterstmt", "reindexstmt", "alterdatabasestmt");
    if (always.contains(type)) return true;
    if (type == "VacuumStmt") return statement.flag("is_vacuumcmd");
    if (type == "IndexStmt" || type == "DropStmt") return statement.flag("concurrent");
    if (type == "DiscardStmt") return statement.enumerator("target") == "DISCARD_ALL";
    if (type == "TransactionStmt") {
        const auto kind = statement.enumerator("kind");
        return kind == "TRANS_STMT_COMMIT_PREPARED" || kind == "TRANS_STMT_ROLLBACK_PREPARED";
    }
    if (type == "AlterTableStmt") {
        for (const node command : statement.list("cmds")) {
            const node definition = command.child("def");
            if (definition.is("PartitionCmd") && definition.flag("concurrent")) return true;
        }
    }
    return false;
}

} // namespace pgweir::sql
