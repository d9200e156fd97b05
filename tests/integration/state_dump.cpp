#include "tests/integration/state_dump.hpp"

#include <algorithm>
#include <sstream>

namespace pgweir::test {

namespace {

struct section {
    const char* name;
    const char* sql; ///< one column of text; sees no search_path but pg_catalog
};

const std::vector<section>& sections() {
    static const std::vector<section> all{
        {"users", "select concat_ws(' ', current_user, session_user, current_setting('role'), "
                  "current_setting('is_superuser'), regexp_replace(current_schemas(false)::text, "
                  "'pg_temp_[0-9]+', 'pg_temp'))"},
        {"pg_settings",
         "select concat(name, ' = ', setting, case when name not in ('application_name', "
         "'client_encoding', 'transaction_isolation', 'transaction_read_only', "
         "'transaction_deferrable') then concat(' (', source, ', reset ', reset_val, ')') end) "
         "from "
         "pg_catalog.pg_settings where not (name like 'plpgsql.%' and source = 'default') order by "
         "name collate pg_catalog.\"C\""},
        {"custom parameters",
         "select n || ' = ' || coalesce('''' || current_setting(n, true) || '''', 'NULL') from "
         "pg_catalog.unnest(array['app.tenant', 'app.local', 'app.hidden', 'app.\"odd name\"']) n"},
        {"pg_prepared_statements",
         "select concat_ws(' ', name, statement, parameter_types::text, from_sql::text) from "
         "pg_catalog.pg_prepared_statements order by name collate pg_catalog.\"C\""},
        {"pg_cursors",
         "select concat_ws(' ', name, statement, is_holdable::text, is_scrollable::text) from "
         "pg_catalog.pg_cursors order by name collate pg_catalog.\"C\""},
        {"channels", "select c from pg_catalog.pg_listening_channels() c order by c collate "
                     "pg_catalog.\"C\""},
        {"pg_locks",
         "select concat_ws(' ', locktype, case when locktype = 'advisory' then concat_ws(' ', "
         "classid, objid, objsubid) end, mode, granted::text) from pg_catalog.pg_locks where pid = "
         "pg_catalog.pg_backend_pid() and locktype not in ('virtualxid', 'transactionid', "
         "'relation') "
         // A backend that finds its temporary schema littered by a killed one sweeps it.
         "and not (locktype = 'object' and classid = 'pg_catalog.pg_namespace'::regclass) "
         "order by 1"},
        {"temporary objects",
         "select regexp_replace(pg_catalog.pg_describe_object(classid, objid, objsubid), "
         "'pg_temp_[0-9]+', 'pg_temp', 'g') from pg_catalog.pg_depend where refclassid = "
         "'pg_catalog.pg_namespace'::regclass and refobjid = pg_catalog.pg_my_temp_schema() "
         "order by 1"},
        {"lastval", "select pg_catalog.lastval()::text"},
        {"replication origin", "select pg_catalog.pg_replication_origin_session_is_setup()::text"},
        {"transaction",
         "select concat_ws(' ', coalesce(pg_catalog.pg_current_xact_id_if_assigned()::text, "
         "'none'), current_setting('transaction_isolation'), "
         "current_setting('transaction_read_only'))"},
    };
    return all;
}

constexpr const char* announced[] = {
    "server_version",   "server_encoding",
    "client_encoding",  "application_name",
    "is_superuser",     "session_authorization",
    "DateStyle",        "IntervalStyle",
    "TimeZone",         "integer_datetimes",
    "in_hot_standby",   "standard_conforming_strings",
    "scram_iterations", "default_transaction_read_only",
};

std::string rows_of(pg_connection& session, const std::string& sql) {
    const auto result = session.exec(sql);
    if (!result.ok()) return "error " + result.sqlstate();
    std::string text;
    for (int row = 0; row < result.rows(); ++row)
        text += result.value(row, 0) + "\n";
    return text;
}

std::vector<std::string> sorted_lines(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in{text};
    for (std::string line; std::getline(in, line);)
        lines.push_back(line);
    std::sort(lines.begin(), lines.end());
    return lines;
}

std::string
only_in_first(const std::string& first, const std::string& second, const std::string& name) {
    const auto ours = sorted_lines(first);
    const auto theirs = sorted_lines(second);
    std::vector<std::string> left;
    std::set_difference(ours.begin(), ours.end(), theirs.begin(), theirs.end(),
                        std::back_inserter(left));
    std::string text;
    for (const auto& line : left)
        text += name + line + "\n";
    return text;
}

} // namespace

state_dump dump_state(pg_connection& session, const std::vector<std::string>& probes) {
    state_dump dump;
    for (const auto& each : sections())
        dump[each.name] = rows_of(session, each.sql);
    std::string parameters;
    for (const char* name : announced)
        parameters += std::string{name} + " = " + session.parameter(name) + "\n";
    dump["announced"] = parameters;
    for (const auto& probe : probes)
        dump[probe] = rows_of(session, probe);
    return dump;
}

std::string differences(const state_dump& expected, const state_dump& seen) {
    std::string text;
    for (const auto& [name, rows] : expected) {
        const auto found = seen.find(name);
        const auto other = found == seen.end() ? std::string{} : found->second;
        if (rows == other) continue;
        text += "[" + name + "]\n" + only_in_first(rows, other, "  expected: ") +
                only_in_first(other, rows, "  seen:     ");
    }
    return text;
}

} // namespace pgweir::test
