#include "proxy/cluster/node_queries.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

namespace pgweir::node_queries {
namespace {

// Result-affecting settings: output formats, input interpretation, semantics. Reset values, because
// they are what a new session starts with. Settings that only steer plans, limits or logging are
// left out.
constexpr std::array compared{
    "DateStyle",
    "IntervalStyle",
    "TimeZone",
    "array_nulls",
    "backslash_quote",
    "bytea_output",
    "client_encoding",
    "default_text_search_config",
    "default_transaction_isolation",
    "extra_float_digits",
    "gin_fuzzy_search_limit",
    "lc_monetary",
    "lc_numeric",
    "lc_time",
    "quote_all_identifiers",
    "row_security",
    "search_path",
    "server_encoding",
    "standard_conforming_strings",
    "timezone_abbreviations",
    "transform_null_equals",
    "xmlbinary",
    "xmloption",
};
constexpr std::array needed{"cluster_name", "max_connections", "superuser_reserved_connections",
                            "synchronous_commit", "wal_writer_delay"};

constexpr std::array reported{
    "server_version",
    "server_encoding",
    "client_encoding",
    "application_name",
    "default_transaction_read_only",
    "in_hot_standby",
    "is_superuser",
    "session_authorization",
    "DateStyle",
    "IntervalStyle",
    "TimeZone",
    "integer_datetimes",
    "standard_conforming_strings",
    "scram_iterations",
    "search_path",
};

enum look_column : std::size_t {
    in_recovery,
    wal_file,
    flush,
    insert,
    replay,
    receive,
    started,
    receiver_host,
    receiver_port,
    receiver_timeline,
    look_columns
};
constexpr std::size_t confirmed = receiver_host; // in the same place of a primary's row

// Up to where commits that wait for standbys are acknowledged, by synchronous_standby_names: all
// that are 'sync', or as many of the 'quorum' as it asks for. Empty: nobody waits, or the role may
// not see it (it is no member of pg_monitor). 0/0: no such standby is there. Source: PostgreSQL
// docs, runtime-config-replication and monitoring-stats.
constexpr std::string_view confirmed_by_standbys = R"(,
CASE WHEN NOT pg_catalog.pg_is_in_recovery()
      AND pg_catalog.current_setting('synchronous_standby_names') <> '' THEN (
  SELECT CASE
    WHEN pg_catalog.count(*) > 0 AND pg_catalog.count(s.state) = 0 THEN NULL
    ELSE coalesce(
      pg_catalog.min(s.reached) FILTER (WHERE s.sync_state = 'sync'),
      (pg_catalog.array_agg(s.reached ORDER BY s.reached DESC NULLS LAST)
        FILTER (WHERE s.sync_state = 'quorum'))[coalesce(substring(
          pg_catalog.current_setting('synchronous_standby_names')
          FROM '(?i)^\s*any\s+(\d+)'), '1')::pg_catalog.int4],
      '0/0'::pg_catalog.pg_lsn) END
  FROM (SELECT r.state, r.sync_state,
          CASE pg_catalog.current_setting('synchronous_commit')
            WHEN 'remote_apply' THEN r.replay_lsn ELSE r.flush_lsn END AS reached
        FROM pg_catalog.pg_stat_replication AS r) AS s) END)";

std::string_view text(const row& columns, std::size_t column) {
    if (column >= columns.size() || !columns[column]) return {};
    return *columns[column];
}

template <class Number> Number number(std::string_view digits, int base = 10) {
    Number value{};
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (error != std::errc{} || end != digits.data() + digits.size()) return Number{};
    return value;
}

void append_quoted(std::string& out, std::string_view name) {
    if (!out.empty()) out += ',';
    out += '\'';
    out += name;
    out += '\'';
}

} // namespace

std::string look(bool as_standby, std::uint32_t server_version) {
    // The pg_current_wal_* functions raise an error in recovery: CASE keeps them from being called.
    std::string sql =
        "SELECT pg_catalog.pg_is_in_recovery(), "
        "CASE WHEN NOT pg_catalog.pg_is_in_recovery() "
        "THEN pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()) END, "
        "CASE WHEN NOT pg_catalog.pg_is_in_recovery() "
        "THEN pg_catalog.pg_current_wal_flush_lsn() END, "
        "CASE WHEN NOT pg_catalog.pg_is_in_recovery() "
        "THEN pg_catalog.pg_current_wal_insert_lsn() END, "
        "pg_catalog.pg_last_wal_replay_lsn(), pg_catalog.pg_last_wal_receive_lsn(), "
        "pg_catalog.pg_postmaster_start_time()";
    constexpr std::uint32_t tells_sender_host = 110'000;
    if (as_standby && server_version >= tells_sender_host)
        sql += ", w.sender_host, w.sender_port, w.received_tli FROM (SELECT) AS one "
               "LEFT JOIN pg_catalog.pg_stat_wal_receiver AS w ON w.status = 'streaming'";
    constexpr std::uint32_t has_quorum = 100'000;
    if (!as_standby && server_version >= has_quorum) sql += confirmed_by_standbys;
    return sql;
}

std::optional<node_answer> read_look(const row& columns) {
    if (columns.size() <= started || !columns[in_recovery]) return std::nullopt;
    node_answer answer;
    answer.in_recovery = text(columns, in_recovery) == "t";
    answer.started = text(columns, started);
    if (answer.in_recovery) {
        answer.replay = parse_lsn(text(columns, replay));
        answer.received = parse_lsn(text(columns, receive));
        if (answer.replay && (!answer.received || *answer.received < *answer.replay))
            answer.received = answer.replay;
        answer.receives_from_host = text(columns, receiver_host);
        answer.receives_from_port = number<std::uint16_t>(text(columns, receiver_port));
        answer.timeline.value = number<std::uint32_t>(text(columns, receiver_timeline));
    } else {
        constexpr std::size_t timeline_digits = 8; // the first of a WAL file's name
        answer.flush = parse_lsn(text(columns, flush));
        answer.insert = parse_lsn(text(columns, insert));
        answer.confirmed = parse_lsn(text(columns, confirmed));
        answer.timeline.value =
            number<std::uint32_t>(text(columns, wal_file).substr(0, timeline_digits), 16);
    }
    return answer;
}

void read_identify_system(const row& columns, node_answer& into) {
    into.system_identifier = number<std::uint64_t>(text(columns, 0));
    // A primary's own row names the timeline it writes; this command's answer may be of a moment
    // later.
    if (into.in_recovery) into.timeline.value = number<std::uint32_t>(text(columns, 1));
}

std::string timeline_history(timeline_id timeline) {
    return "TIMELINE_HISTORY " + std::to_string(timeline.value);
}

std::string settings() {
    std::string names;
    for (const auto* name : compared)
        append_quoted(names, name);
    for (const auto* name : needed)
        append_quoted(names, name);
    // A role or database with another synchronous_commit counts as if all had it.
    return "SELECT name, reset_val FROM (SELECT name, reset_val FROM pg_catalog.pg_settings "
           "WHERE name IN (" +
           names +
           ") UNION ALL SELECT 'synchronous_commit', 'off' WHERE EXISTS (SELECT FROM "
           "pg_catalog.pg_db_role_setting AS s, pg_catalog.unnest(s.setconfig) AS one "
           "WHERE one ILIKE 'synchronous_commit=%' "
           "AND one !~* '=(on|true|yes|1|local|remote.*)$')) AS known "
           "ORDER BY name COLLATE \"C\"";
}

void read_settings(std::span<const row> rows, node_details& into) {
    into.defaults.clear();
    into.asynchronous_commit = false;
    for (const auto& columns : rows) {
        const auto name = text(columns, 0);
        const auto value = text(columns, 1);
        if (name == "wal_writer_delay")
            into.wal_writer_delay = std::chrono::milliseconds{number<std::int64_t>(value)};
        else if (name == "synchronous_commit")
            into.asynchronous_commit = into.asynchronous_commit || value == "off";
        else if (name == "cluster_name")
            into.cluster_name = value;
        else if (name == "max_connections")
            into.max_connections = number<std::uint32_t>(value);
        else if (name == "superuser_reserved_connections")
            into.reserved_connections = number<std::uint32_t>(value);
        else
            into.defaults.emplace_back(name, value);
    }
}

void read_senders(std::span<const row> rows, node_details& into) {
    into.senders.clear();
    for (const auto& columns : rows)
        into.senders.push_back({std::string{text(columns, 0)}, std::string{text(columns, 1)},
                                std::string{text(columns, 2)}, std::string{text(columns, 3)}});
}

std::span<const char* const> reported_parameters() {
    return reported;
}

} // namespace pgweir::node_queries
