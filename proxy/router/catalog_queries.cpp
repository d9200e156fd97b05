#include "proxy/router/catalog_queries.hpp"

#include <array>
#include <charconv>
#include <cstddef>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace pgweir {

namespace {

constexpr std::uint32_t sql_standard_bodies_since = 140000;

/// Every query has its columns' mapping in the function of the same name with "add_" before it,
/// below.
constexpr std::string_view empty_search_path =
    "select pg_catalog.set_config('search_path', '', false)";

/// oid, schema, name, arguments, defaults, variadic, kind, volatility, language, body, settings,
/// custom settings, argument defaults, row type argument, extension, body and whether it is
/// qualified: these two depend on the version.
constexpr std::string_view functions_head = R"(
select p.oid, n.nspname, p.proname, p.pronargs, p.pronargdefaults, p.provariadic operator(pg_catalog.<>) 0, p.prokind,
       p.provolatile, l.lanname, p.proconfig is not null,
       coalesce(pg_catalog.array_to_string(p.proconfig, E'\n') operator(pg_catalog.~) E'(^|\n)[^=\n]*[.][^=\n]*=', false),
       case when p.pronargdefaults operator(pg_catalog.>) 0 then pg_catalog.pg_get_expr(p.proargdefaults, 0) end,
       p.pronargs operator(pg_catalog.>) 0
           and (p.pronargs operator(pg_catalog.-) p.pronargdefaults operator(pg_catalog.<=) 1
                or p.provariadic operator(pg_catalog.<>) 0)
           and (t.typtype operator(pg_catalog.=) 'c'
                or t.typtype operator(pg_catalog.=) 'p' and t.typname operator(pg_catalog.<>) 'cstring'
                or t.typtype operator(pg_catalog.=) 'd' or p.provariadic operator(pg_catalog.<>) 0),
       e.extname,)";
constexpr std::string_view functions_body_old = R"(
       case when l.lanname operator(pg_catalog.=) any (array['sql', 'plpgsql', 'internal']::pg_catalog.name[]) then p.prosrc end, false)";
constexpr std::string_view functions_body_new = R"(
       case when l.lanname operator(pg_catalog.=) any (array['sql', 'plpgsql', 'internal']::pg_catalog.name[])
            then coalesce(pg_catalog.pg_get_function_sqlbody(p.oid), p.prosrc) end,
       p.prosqlbody is not null)";
constexpr std::string_view functions_tail = R"(
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) p.pronamespace
join pg_catalog.pg_language l on l.oid operator(pg_catalog.=) p.prolang
left join pg_catalog.pg_type t on t.oid operator(pg_catalog.=) p.proargtypes[0]
left join pg_catalog.pg_depend d on d.classid operator(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass
     and d.objid operator(pg_catalog.=) p.oid and d.deptype operator(pg_catalog.=) 'e'
left join pg_catalog.pg_extension e on e.oid operator(pg_catalog.=) d.refobjid
where p.oid operator(pg_catalog.>=) 16384 or n.nspname operator(pg_catalog.=) 'information_schema')";

/// aggregate's oid, schema and name of a function that does its work
constexpr std::string_view components = R"(
select a.aggfnoid::pg_catalog.oid, n.nspname, p.proname
from pg_catalog.pg_aggregate a
join pg_catalog.pg_proc p on p.oid operator(pg_catalog.=) any (array[a.aggtransfn, a.aggfinalfn, a.aggcombinefn,
     a.aggserialfn, a.aggdeserialfn, a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn]::pg_catalog.oid[])
join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) p.pronamespace
where a.aggfnoid::pg_catalog.oid operator(pg_catalog.>=) 16384)";

/// oid, schema, name, kind, persistence, view's definition, row security. Other sessions' temporary
/// relations are out of everybody's sight; whoever has some of his own is held on the primary.
///
/// pg_get_viewdef and its like look at the catalog as it is when they are called, and fail for what
/// has been dropped since the query began; has_table_privilege gives NULL for that. What is dropped
/// between the two calls still fails: the reader asks again.
constexpr std::string_view relations = R"(
select c.oid, n.nspname, c.relname, c.relkind, c.relpersistence,
       case when c.relkind operator(pg_catalog.=) any (array['v', 'm']::"char"[])
                 and pg_catalog.has_table_privilege(c.oid, 'select') is not null
            then pg_catalog.pg_get_viewdef(c.oid) end,
       c.relrowsecurity
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
where c.oid operator(pg_catalog.>=) 16384
  and c.relkind operator(pg_catalog.=) any (array['r', 'p', 'v', 'm', 'S', 'f']::"char"[])
  and n.nspname operator(pg_catalog.!~) '^pg_(toast|temp|toast_temp)')";

/// relation's oid, USING expression
constexpr std::string_view policies = R"(
select p.polrelid, pg_catalog.pg_get_expr(p.polqual, p.polrelid)
from pg_catalog.pg_policy p
where p.polqual is not null and p.polcmd operator(pg_catalog.=) any (array['r', '*']::"char"[]))";

/// child's oid, parent's oid
constexpr std::string_view inheritance =
    "select i.inhrelid, i.inhparent from pg_catalog.pg_inherits i";

/// schema, name, function's schema, function's name
constexpr std::string_view operators = R"(
select n.nspname, o.oprname, fn.nspname, f.proname
from pg_catalog.pg_operator o
join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) o.oprnamespace
join pg_catalog.pg_proc f on f.oid operator(pg_catalog.=) o.oprcode::pg_catalog.oid
join pg_catalog.pg_namespace fn on fn.oid operator(pg_catalog.=) f.pronamespace
where o.oid operator(pg_catalog.>=) 16384)";

/// oid, schema, name, kind, schema and name of a function that runs when a value is made (one row
/// each, NULL: none)
constexpr std::string_view types = R"(
select t.oid, n.nspname, t.typname, t.typtype, fn.nspname, f.proname
from pg_catalog.pg_type t
join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) t.typnamespace
left join pg_catalog.pg_range r on r.rngtypid operator(pg_catalog.=) t.oid
left join pg_catalog.pg_proc f on f.oid operator(pg_catalog.=) any (array[t.typinput, t.typmodin, r.rngcanonical,
     r.rngsubdiff]::pg_catalog.oid[])
     and f.oid operator(pg_catalog.>=) 16384
left join pg_catalog.pg_namespace fn on fn.oid operator(pg_catalog.=) f.pronamespace
where t.oid operator(pg_catalog.>=) 16384 and t.typrelid operator(pg_catalog.=) 0
  and not exists (select from pg_catalog.pg_type e where e.typarray operator(pg_catalog.=) t.oid))";

/// domain's oid, check expression
constexpr std::string_view checks = R"(
select c.contypid, pg_catalog.pg_get_expr(c.conbin, 0)
from pg_catalog.pg_constraint c
where c.contypid operator(pg_catalog.<>) 0 and c.contypid operator(pg_catalog.>=) 16384 and c.conbin is not null)";

/// target's schema and name, context, function's schema and name
constexpr std::string_view casts = R"(
select tn.nspname, t.typname, c.castcontext, fn.nspname, f.proname
from pg_catalog.pg_cast c
join pg_catalog.pg_type t on t.oid operator(pg_catalog.=) c.casttarget
join pg_catalog.pg_namespace tn on tn.oid operator(pg_catalog.=) t.typnamespace
join pg_catalog.pg_proc f on f.oid operator(pg_catalog.=) c.castfunc
join pg_catalog.pg_namespace fn on fn.oid operator(pg_catalog.=) f.pronamespace
where c.oid operator(pg_catalog.>=) 16384)";

/// relation's oid, an expression that is evaluated when it is written to. Most defaults are left
/// out by the way their trees begin, since their text is dear: constants, CURRENT_DATE and the
/// like, now() and gen_random_uuid() (without arguments, so nothing else can be inside).
constexpr std::string_view expressions = R"(
select d.adrelid, pg_catalog.pg_get_expr(d.adbin, d.adrelid)
from pg_catalog.pg_attrdef d
where d.adrelid operator(pg_catalog.>=) 16384
  and not d.adbin::pg_catalog.text operator(pg_catalog.~~) any (array['{CONST %', '{SQLVALUEFUNCTION %',
      '{FUNCEXPR :funcid 1299 %', '{FUNCEXPR :funcid 3432 %']::pg_catalog.text[])
union all
select c.conrelid, pg_catalog.pg_get_expr(c.conbin, c.conrelid)
from pg_catalog.pg_constraint c
where c.contype operator(pg_catalog.=) 'c' and c.conrelid operator(pg_catalog.>=) 16384
union all
select i.indrelid, pg_catalog.pg_get_expr(e.expression, i.indrelid)
from pg_catalog.pg_index i
cross join lateral (values (i.indexprs), (i.indpred)) e(expression)
where i.indrelid operator(pg_catalog.>=) 16384 and e.expression is not null
union all
select p.partrelid, pg_catalog.pg_get_expr(p.partexprs, p.partrelid)
from pg_catalog.pg_partitioned_table p
where p.partexprs is not null)";

/// relation's oid, USING and WITH CHECK expressions
constexpr std::string_view all_policies = R"(
select p.polrelid, pg_catalog.pg_get_expr(p.polqual, p.polrelid), pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)
from pg_catalog.pg_policy p)";

/// relation's oid, definition; the rules that make views are known as their definitions
constexpr std::string_view rules = R"(
select r.ev_class,
       case when pg_catalog.has_table_privilege(r.ev_class, 'select') is not null then pg_catalog.pg_get_ruledef(r.oid) end
from pg_catalog.pg_rewrite r
where r.oid operator(pg_catalog.>=) 16384 and r.rulename operator(pg_catalog.<>) '_RETURN'
  and r.ev_enabled operator(pg_catalog.<>) 'D')";

/// relation's oid, function's schema and name, definition if it has a condition, deferrable,
/// initially deferred
constexpr std::string_view triggers = R"(
select t.tgrelid, n.nspname, p.proname,
       case when t.tgqual is not null and pg_catalog.has_table_privilege(t.tgrelid, 'select') is not null
            then pg_catalog.pg_get_triggerdef(t.oid) end,
       t.tgdeferrable, t.tginitdeferred
from pg_catalog.pg_trigger t
join pg_catalog.pg_proc p on p.oid operator(pg_catalog.=) t.tgfoid
join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) p.pronamespace
where not t.tgisinternal and t.tgenabled operator(pg_catalog.<>) 'D')";

/// referenced relation's oid, oid of the relation that an action (or TRUNCATE CASCADE, where a
/// trigger waits for it) writes to
constexpr std::string_view cascades = R"(
select c.confrelid, c.conrelid
from pg_catalog.pg_constraint c
where c.contype operator(pg_catalog.=) 'f'
  and (c.confupdtype operator(pg_catalog.=) any (array['c', 'n', 'd']::"char"[])
       or c.confdeltype operator(pg_catalog.=) any (array['c', 'n', 'd']::"char"[])
       or exists (select from pg_catalog.pg_trigger t
                  where t.tgrelid operator(pg_catalog.=) c.conrelid and not t.tgisinternal
                    and (t.tgtype::pg_catalog.int4 operator(pg_catalog.&) 32) operator(pg_catalog.<>) 0)))";

/// foreign table's oid, schema and name of its wrapper's handler
constexpr std::string_view handlers = R"(
select f.ftrelid, n.nspname, p.proname
from pg_catalog.pg_foreign_table f
join pg_catalog.pg_foreign_server s on s.oid operator(pg_catalog.=) f.ftserver
join pg_catalog.pg_foreign_data_wrapper w on w.oid operator(pg_catalog.=) s.srvfdw
join pg_catalog.pg_proc p on p.oid operator(pg_catalog.=) w.fdwhandler
join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) p.pronamespace)";

/// oid of a relation with an identity column: such a column's sequence depends on it internally
constexpr std::string_view identities = R"(
select distinct d.refobjid
from pg_catalog.pg_class c
join pg_catalog.pg_depend d on d.classid operator(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
     and d.objid operator(pg_catalog.=) c.oid and d.deptype operator(pg_catalog.=) 'i'
where c.relkind operator(pg_catalog.=) 'S' and c.oid operator(pg_catalog.>=) 16384)";

/// schema and name of a function
constexpr std::string_view event_triggers = R"(
select n.nspname, p.proname
from pg_catalog.pg_event_trigger e
join pg_catalog.pg_proc p on p.oid operator(pg_catalog.=) e.evtfoid
join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) p.pronamespace
where e.evtenabled operator(pg_catalog.<>) 'D')";

/// schema and name of a function that an operator class calls
constexpr std::string_view support_functions = R"(
select n.nspname, p.proname
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) p.pronamespace
join pg_catalog.pg_language l on l.oid operator(pg_catalog.=) p.prolang
where p.oid operator(pg_catalog.>=) 16384
  and not l.lanname operator(pg_catalog.=) any (array['c', 'internal']::pg_catalog.name[])
  and p.oid operator(pg_catalog.=) any (
      select a.amproc::pg_catalog.oid from pg_catalog.pg_amproc a
      where a.oid operator(pg_catalog.>=) 16384
      union all
      select o.oprcode::pg_catalog.oid from pg_catalog.pg_amop a
      join pg_catalog.pg_operator o on o.oid operator(pg_catalog.=) a.amopopr
      where a.oid operator(pg_catalog.>=) 16384))";

/// schema and name of a trigger function in a language whose bodies tell nothing; 2279 is the
/// pseudo-type "trigger"
constexpr std::string_view native_triggers = R"(
select n.nspname, p.proname
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) p.pronamespace
join pg_catalog.pg_language l on l.oid operator(pg_catalog.=) p.prolang
where p.oid operator(pg_catalog.>=) 16384 and p.prorettype operator(pg_catalog.=) 2279
  and not l.lanname operator(pg_catalog.=) any (array['sql', 'plpgsql']::pg_catalog.name[]))";

using row = std::vector<catalog_cell>;

bool truth(const catalog_cell& cell) {
    return cell == "t";
}

std::string text(const catalog_cell& cell) {
    return cell.value_or(std::string{});
}

char letter(const catalog_cell& cell) {
    return cell && !cell->empty() ? cell->front() : '\0';
}

template <class Number> Number number(const catalog_cell& cell) {
    Number value{};
    // A cell that is no number leaves 0: an oid that nothing has, or a count that only makes calls
    // fit worse.
    if (cell) std::from_chars(cell->data(), cell->data() + cell->size(), value);
    return value;
}

/// database, role, digest; the last row is of the configuration files
constexpr std::string_view login_defaults = R"(
select coalesce(d.datname, ''), coalesce(r.rolname, ''),
       pg_catalog.md5(pg_catalog.array_to_string(s.setconfig, E'\n'))
from pg_catalog.pg_db_role_setting s
left join pg_catalog.pg_database d on d.oid operator(pg_catalog.=) s.setdatabase
left join pg_catalog.pg_roles r on r.oid operator(pg_catalog.=) s.setrole
where d.datname operator(pg_catalog.=) pg_catalog.current_database()
   or s.setdatabase operator(pg_catalog.=) 0::pg_catalog.oid
union all
select '', '', 'files of ' operator(pg_catalog.||) pg_catalog.pg_conf_load_time()::pg_catalog.text)";

/// Rows that later queries add to, by oid.
struct targets {
    catalog_rows rows;
    std::unordered_map<std::uint32_t, std::size_t> functions;
    std::unordered_map<std::uint32_t, std::size_t> relations;
    std::unordered_map<std::uint32_t, std::size_t> types;
};

template <class Item, class Add>
void add_to(const std::unordered_map<std::uint32_t, std::size_t>& index,
            std::vector<Item>& items,
            const catalog_cell& oid,
            Add&& add) {
    if (const auto found = index.find(number<std::uint32_t>(oid)); found != index.end())
        add(items[found->second]);
}

void add_nothing(targets&, const row&) {}

void add_functions(targets& to, const row& cells) {
    function_row one;
    one.oid = number<std::uint32_t>(cells[0]);
    one.schema = text(cells[1]);
    one.name = text(cells[2]);
    one.arguments = number<std::uint16_t>(cells[3]);
    one.default_arguments = number<std::uint16_t>(cells[4]);
    one.variadic = truth(cells[5]);
    one.kind = letter(cells[6]);
    one.volatility = letter(cells[7]);
    one.language = text(cells[8]);
    one.has_settings = truth(cells[9]);
    one.has_custom_settings = truth(cells[10]);
    one.argument_defaults = text(cells[11]);
    one.row_type_argument = truth(cells[12]);
    one.extension = text(cells[13]);
    one.body = text(cells[14]);
    one.qualified_body = truth(cells[15]);
    to.functions.emplace(one.oid, to.rows.functions.size());
    to.rows.functions.push_back(std::move(one));
}

void add_components(targets& to, const row& cells) {
    add_to(to.functions, to.rows.functions, cells[0], [&](function_row& aggregate) {
        aggregate.components.push_back({text(cells[1]), text(cells[2])});
    });
}

void add_relations(targets& to, const row& cells) {
    relation_row one;
    const bool is_view = letter(cells[3]) == 'v' || letter(cells[3]) == 'm';
    // Dropped meanwhile: what bears its name now is unknown, and not without a definition.
    if (is_view && !cells[5]) return;
    one.oid = number<std::uint32_t>(cells[0]);
    one.schema = text(cells[1]);
    one.name = text(cells[2]);
    one.kind = letter(cells[3]);
    one.persistence = letter(cells[4]);
    one.view_definition = text(cells[5]);
    one.row_security = truth(cells[6]);
    to.relations.emplace(one.oid, to.rows.relations.size());
    to.rows.relations.push_back(std::move(one));
}

void add_policies(targets& to, const row& cells) {
    add_to(to.relations, to.rows.relations, cells[0],
           [&](relation_row& relation) { relation.policies.push_back(text(cells[1])); });
}

void add_inheritance(targets& to, const row& cells) {
    add_to(to.relations, to.rows.relations, cells[0],
           [&](relation_row& child) { child.parents.push_back(number<std::uint32_t>(cells[1])); });
}

void add_operators(targets& to, const row& cells) {
    to.rows.operators.push_back({text(cells[0]), text(cells[1]), {text(cells[2]), text(cells[3])}});
}

void add_types(targets& to, const row& cells) {
    const auto oid = number<std::uint32_t>(cells[0]);
    const auto [place, is_new] = to.types.try_emplace(oid, to.rows.types.size());
    if (is_new)
        to.rows.types.push_back({oid, text(cells[1]), text(cells[2]), letter(cells[3]), {}, {}});
    if (cells[5])
        to.rows.types[place->second].functions.push_back({text(cells[4]), text(cells[5])});
}

void add_checks(targets& to, const row& cells) {
    add_to(to.types, to.rows.types, cells[0],
           [&](type_row& domain) { domain.checks.push_back(text(cells[1])); });
}

void add_casts(targets& to, const row& cells) {
    to.rows.casts.push_back(
        {text(cells[0]), text(cells[1]), letter(cells[2]), {text(cells[3]), text(cells[4])}});
}

/// Calls add(relation) if the relation is one of those that count.
template <class Add> void add_to_relation(targets& to, const catalog_cell& oid, Add&& add) {
    add_to(to.relations, to.rows.relations, oid, std::forward<Add>(add));
}

void add_expressions(targets& to, const row& cells) {
    add_to_relation(to, cells[0],
                    [&](relation_row& one) { one.expressions.push_back(text(cells[1])); });
}

void add_all_policies(targets& to, const row& cells) {
    add_to_relation(to, cells[0], [&](relation_row& one) {
        if (cells[1]) one.all_policies.push_back(text(cells[1]));
        if (cells[2]) one.all_policies.push_back(text(cells[2]));
    });
}

void add_rules(targets& to, const row& cells) {
    add_to_relation(to, cells[0], [&](relation_row& one) { one.rules.push_back(text(cells[1])); });
}

void add_triggers(targets& to, const row& cells) {
    add_to_relation(to, cells[0], [&](relation_row& one) {
        one.triggers.push_back(
            {{text(cells[1]), text(cells[2])}, text(cells[3]), truth(cells[4]), truth(cells[5])});
    });
}

void add_cascades(targets& to, const row& cells) {
    add_to_relation(to, cells[0], [&](relation_row& one) {
        one.cascades.push_back(number<std::uint32_t>(cells[1]));
    });
}

void add_handlers(targets& to, const row& cells) {
    add_to_relation(to, cells[0], [&](relation_row& one) {
        one.handlers.push_back({text(cells[1]), text(cells[2])});
    });
}

void add_identities(targets& to, const row& cells) {
    add_to_relation(to, cells[0], [](relation_row& one) { one.identity = true; });
}

void add_event_triggers(targets& to, const row& cells) {
    to.rows.event_triggers.push_back({text(cells[0]), text(cells[1])});
}

void add_support_functions(targets& to, const row& cells) {
    to.rows.support_functions.push_back({text(cells[0]), text(cells[1])});
}

void add_native_triggers(targets& to, const row& cells) {
    to.rows.native_triggers.push_back({text(cells[0]), text(cells[1])});
}

void add_login_defaults(targets& to, const row& cells) {
    to.rows.login_defaults.push_back({text(cells[0]), text(cells[1]), text(cells[2])});
}

struct catalog_step {
    std::string_view name;
    std::string_view query; // empty: depends on the version
    std::size_t columns;
    void (*add)(targets&, const row&);
};

constexpr std::array<catalog_step, 21> steps = {{
    {"search_path", empty_search_path, 1, add_nothing},
    {"functions", {}, 16, add_functions},
    {"components", components, 3, add_components},
    {"relations", relations, 7, add_relations},
    {"policies", policies, 2, add_policies},
    {"inheritance", inheritance, 2, add_inheritance},
    {"operators", operators, 4, add_operators},
    {"types", types, 6, add_types},
    {"checks", checks, 2, add_checks},
    {"casts", casts, 5, add_casts},
    {"expressions", expressions, 2, add_expressions},
    {"all policies", all_policies, 3, add_all_policies},
    {"rules", rules, 2, add_rules},
    {"triggers", triggers, 6, add_triggers},
    {"cascades", cascades, 2, add_cascades},
    {"handlers", handlers, 3, add_handlers},
    {"identities", identities, 1, add_identities},
    {"event triggers", event_triggers, 2, add_event_triggers},
    {"support functions", support_functions, 2, add_support_functions},
    {"native triggers", native_triggers, 2, add_native_triggers},
    {"login defaults", login_defaults, 3, add_login_defaults},
}};

std::string functions_query(std::uint32_t server_version) {
    std::string query{functions_head};
    query += server_version >= sql_standard_bodies_since ? functions_body_new : functions_body_old;
    query += functions_tail;
    return query;
}

} // namespace

std::vector<std::string> catalog_queries(std::uint32_t server_version) {
    std::vector<std::string> queries;
    queries.reserve(steps.size());
    for (const catalog_step& step : steps)
        queries.push_back(step.query.empty() ? functions_query(server_version)
                                             : std::string{step.query});
    return queries;
}

boost::system::result<catalog_rows, catalog_error> rows_of(const std::string& database,
                                                           std::uint32_t server_version,
                                                           std::span<const catalog_table> answers) {
    if (answers.size() != steps.size())
        return catalog_error{std::to_string(answers.size()) + " answers to " +
                             std::to_string(steps.size()) + " catalog queries"};
    targets to;
    to.rows.database = database;
    to.rows.server_version = server_version;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        for (const row& cells : answers[i]) {
            if (cells.size() != steps[i].columns)
                return catalog_error{"the catalog query \"" + std::string{steps[i].name} +
                                     "\" gave " + std::to_string(cells.size()) + " columns, not " +
                                     std::to_string(steps[i].columns)};
            steps[i].add(to, cells);
        }
    }
    return std::move(to.rows);
}

} // namespace pgweir
