#include "proxy/router/safe_builtins.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace pgweir {

namespace {

/// Names separated by blanks that may be called with n arguments for every set bit n.
struct builtin_group {
    std::uint32_t arities;
    std::string_view names;
};

#include "proxy/router/safe_builtins_15.inc"

/// Views of pg_catalog that read only replicated tables.
constexpr std::string_view views =
    "pg_group pg_indexes pg_matviews pg_policies pg_publication_tables pg_roles pg_rules "
    "pg_seclabels pg_shadow pg_stats pg_stats_ext pg_stats_ext_exprs pg_tables pg_user "
    "pg_user_mappings pg_views";

/// All of information_schema reads replicated tables and privileges only.
constexpr std::string_view information_schema_relations =
    "administrable_role_authorizations applicable_roles attributes character_sets "
    "check_constraint_routine_usage check_constraints collation_character_set_applicability "
    "collations column_column_usage column_domain_usage column_options column_privileges "
    "column_udt_usage columns constraint_column_usage constraint_table_usage data_type_privileges "
    "domain_constraints domain_udt_usage domains element_types enabled_roles "
    "foreign_data_wrapper_options foreign_data_wrappers foreign_server_options foreign_servers "
    "foreign_table_options foreign_tables information_schema_catalog_name key_column_usage "
    "parameters referential_constraints role_column_grants role_routine_grants role_table_grants "
    "role_udt_grants role_usage_grants routine_column_usage routine_privileges "
    "routine_routine_usage routine_sequence_usage routine_table_usage routines schemata sequences "
    "sql_features sql_implementation_info sql_parts sql_sizing table_constraints table_privileges "
    "tables transforms triggered_update_columns triggers udt_privileges usage_privileges "
    "user_defined_types user_mapping_options user_mappings view_column_usage view_routine_usage "
    "view_table_usage views";

constexpr std::array<std::string_view, 17> trusted_extensions = {
    "btree_gin", "btree_gist",    "citext",   "cube",     "dict_int",      "dict_xsyn",
    "hstore",    "earthdistance", "intarray", "ltree",    "fuzzystrmatch", "pg_trgm",
    "pgcrypto",  "postgis",       "seg",      "unaccent", "vector"};

/// Not among them: pg_trgm (set_limit), isn (isn_weak), xml2 and tablefunc (run text), dblink.
constexpr std::array<std::string_view, 30> harmless_extensions = {"bloom",
                                                                  "btree_gin",
                                                                  "btree_gist",
                                                                  "citext",
                                                                  "cube",
                                                                  "dict_int",
                                                                  "dict_xsyn",
                                                                  "earthdistance",
                                                                  "file_fdw",
                                                                  "fuzzystrmatch",
                                                                  "hstore",
                                                                  "insert_username",
                                                                  "intagg",
                                                                  "intarray",
                                                                  "lo",
                                                                  "ltree",
                                                                  "moddatetime",
                                                                  "pageinspect",
                                                                  "pg_buffercache",
                                                                  "pg_freespacemap",
                                                                  "pg_stat_statements",
                                                                  "pg_visibility",
                                                                  "pgcrypto",
                                                                  "pgrowlocks",
                                                                  "pgstattuple",
                                                                  "postgres_fdw",
                                                                  "seg",
                                                                  "sslinfo",
                                                                  "tcn",
                                                                  "uuid-ossp"};

template <class Visit> void for_each_name(std::string_view names, Visit&& visit) {
    while (!names.empty()) {
        const std::size_t end = std::min(names.find(' '), names.size());
        visit(names.substr(0, end));
        names.remove_prefix(std::min(end + 1, names.size()));
    }
}

using builtin = std::pair<std::string_view, std::uint32_t>;

/// Methods of TABLESAMPLE, which a statement's text calls like functions of their own.
constexpr builtin_group sampling_methods{0x2U, "bernoulli system"};

std::vector<builtin> sorted_functions() {
    std::vector<builtin> all;
    for (const builtin_group& group : function_groups)
        for_each_name(group.names,
                      [&](std::string_view name) { all.emplace_back(name, group.arities); });
    for_each_name(sampling_methods.names,
                  [&](std::string_view name) { all.emplace_back(name, sampling_methods.arities); });
    std::ranges::sort(all);
    return all;
}

const std::vector<builtin>& safe_functions() {
    static const std::vector<builtin> functions = sorted_functions();
    return functions;
}

using name_list = std::vector<std::string_view>;

name_list sorted_names(std::span<const std::string_view> lists) {
    name_list all;
    for (const std::string_view list : lists)
        for_each_name(list, [&](std::string_view name) { all.push_back(name); });
    std::ranges::sort(all);
    return all;
}

} // namespace

bool is_safe_builtin(std::string_view name, unsigned arguments) {
    const auto& functions = safe_functions();
    const auto found = std::ranges::lower_bound(functions, name, {}, &builtin::first);
    if (found == functions.end() || found->first != name) return false;
    return ((found->second >> std::min(arguments, max_told_arguments)) & 1U) != 0;
}

bool is_unsafe_builtin(std::string_view name) {
    static const name_list names = sorted_names(std::array{unsafe_functions});
    // Later versions bring more of them; PostgreSQL reserves the prefix.
    return name.starts_with("pg_") || std::ranges::binary_search(names, name);
}

bool is_harmless_builtin(std::string_view name) {
    const auto& safe = safe_functions();
    static const name_list others = sorted_names(std::array{unsafe_functions});
    const auto found = std::ranges::lower_bound(safe, name, {}, &builtin::first);
    const bool is_safe = found != safe.end() && found->first == name;
    return (is_safe || std::ranges::binary_search(others, name)) && !is_session_builtin(name);
}

bool is_session_builtin(std::string_view name) {
    static const name_list names = sorted_names(std::array{session_functions});
    return std::ranges::binary_search(names, name);
}

bool is_sequence_builtin(std::string_view name) {
    return name == "nextval" || name == "currval" || name == "lastval" || name == "setval";
}

bool is_safe_catalog_relation(std::string_view name) {
    static const name_list names = sorted_names(std::array{tables, views});
    return std::ranges::binary_search(names, name);
}

bool is_safe_information_schema_relation(std::string_view name) {
    static const name_list names = sorted_names(std::array{information_schema_relations});
    return std::ranges::binary_search(names, name);
}

bool is_trusted_extension(std::string_view name) {
    return std::ranges::find(trusted_extensions, name) != trusted_extensions.end();
}

bool is_harmless_extension(std::string_view name) {
    return std::ranges::binary_search(harmless_extensions, name);
}

} // namespace pgweir
