#include "proxy/session/session_probe.hpp"
#include "proxy/session/state_sql.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace pgweir {

namespace {

using protocol::decode_errc;

template <class Range> bool contains(const Range& all, std::string_view word) {
    return std::find(std::begin(all), std::end(all), word) != std::end(all);
}

/// ASCII whatever the text holds, so that client_encoding has nothing to convert or to refuse.
std::string escaped(std::string_view expression) {
    return "pg_catalog.encode(pg_catalog.convert_to(" + std::string{expression} +
           ", pg_catalog.getdatabaseencoding()), 'escape')";
}

/// Of the session itself: a parallel worker, which debug_parallel_query asks for, might not know
/// it. pg_backend_pid is parallel restricted, so the statement stays here.
constexpr std::string_view at_home = " WHERE pg_catalog.pg_backend_pid() IS NOT NULL";

/// Else a session of default_transaction_deferrable could have to wait for a safe snapshot, without
/// end. Any other setting would show up in the answer: SET LOCAL makes the source 'session'.
constexpr std::string_view guard = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; ";

std::string identity_sql() {
    return "SELECT 'identity', " + escaped("pg_catalog.current_setting('role')") + ", " +
           escaped("CAST(SESSION_USER AS pg_catalog.text)") + std::string{at_home} + "; ";
}

std::string named_sql(const std::vector<std::string>& names) {
    std::vector<std::string> asked;
    std::string values;
    for (const auto& name : names) {
        auto lower = to_lower(name);
        if (lower.empty() || is_hidden_parameter(lower) || contains(asked, lower)) continue;
        values += (values.empty() ? "(" : ", (") + quote_literal(lower) + ")";
        asked.push_back(std::move(lower));
    }
    if (values.empty()) return {};
    return "SELECT 'named', " + escaped("n.name") + ", " +
           escaped("pg_catalog.current_setting(n.name, true)") + " FROM (VALUES " + values +
           ") AS n(name)" + std::string{at_home} + "; ";
}

/// In the select list pg_show_all_settings() is not put into a tuplestore first.
std::string parameters_sql() {
    return "SELECT CASE WHEN (s.one).context OPERATOR(pg_catalog.=) 'superuser' "
           "THEN 'privileged' ELSE 'parameter' END, " +
           escaped("(s.one).name") + ", " + escaped("(s.one).setting") +
           " FROM (SELECT pg_catalog.pg_show_all_settings() AS one OFFSET 0) AS s" +
           std::string{at_home} + " AND (s.one).source OPERATOR(pg_catalog.=) 'session'; ";
}

std::string objects_sql(probe_parts parts) {
    std::string sql;
    if (has(parts, probe_parts::prepared))
        sql += "SELECT CASE WHEN s.from_sql THEN 'prepared' ELSE 'protocol_prepared' END, " +
               escaped("s.name") + ", '' FROM pg_catalog.pg_prepared_statement() AS s; ";
    if (has(parts, probe_parts::cursors))
        sql += "SELECT 'cursor', " + escaped("c.name") +
               ", '' FROM pg_catalog.pg_cursor() AS c WHERE c.is_holdable; ";
    if (has(parts, probe_parts::channels))
        sql += "SELECT 'channel', " + escaped("l.name") +
               ", '' FROM pg_catalog.pg_listening_channels() AS l(name); ";
    if (has(parts, probe_parts::advisory_locks))
        sql += "SELECT 'advisory_lock', pg_catalog.concat(l.classid, '/', l.objid, '/', "
               "l.objsubid), l.mode FROM pg_catalog.pg_lock_status() AS l "
               "WHERE l.locktype OPERATOR(pg_catalog.=) 'advisory' "
               "AND l.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid() AND l.granted; ";
    // 2615 is pg_class's own row number of pg_namespace: the catalogs' never change.
    if (has(parts, probe_parts::temporary_objects))
        sql += "SELECT 'temporary', '', pg_catalog.count(*) FROM pg_catalog.pg_depend AS d "
               "WHERE d.refclassid OPERATOR(pg_catalog.=) 2615 "
               "AND d.refobjid OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema(); ";
    if (has(parts, probe_parts::origin))
        sql += "SELECT 'origin', '', pg_catalog.pg_replication_origin_session_is_setup(); ";
    return sql;
}

/// Undoes PostgreSQL's bytea escape format: \\ and \ooo.
std::optional<std::string> unescaped(std::string_view text) {
    std::string bytes;
    bytes.reserve(text.size());
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '\\') {
            bytes += text[at];
            continue;
        }
        if (at + 1 < text.size() && text[at + 1] == '\\') {
            bytes += '\\';
            ++at;
            continue;
        }
        if (at + 3 >= text.size()) return std::nullopt;
        unsigned byte = 0;
        for (std::size_t digit = at + 1; digit <= at + 3; ++digit) {
            if (text[digit] < '0' || text[digit] > '7') return std::nullopt;
            byte = byte * 8 + static_cast<unsigned>(text[digit] - '0');
        }
        if (byte > 0xFF) return std::nullopt;
        bytes += static_cast<char>(byte);
        at += 3;
    }
    return bytes;
}

struct answer_kind {
    std::string_view word;
    probe_parts part;
    bool may_be_null = false;
};

constexpr std::array kinds{
    answer_kind{"identity", probe_parts::identity},
    answer_kind{"named", probe_parts::named, true},
    answer_kind{"parameter", probe_parts::parameters, true},
    answer_kind{"privileged", probe_parts::parameters, true},
    answer_kind{"prepared", probe_parts::prepared},
    answer_kind{"protocol_prepared", probe_parts::prepared},
    answer_kind{"cursor", probe_parts::cursors},
    answer_kind{"channel", probe_parts::channels},
    answer_kind{"advisory_lock", probe_parts::advisory_locks},
    answer_kind{"temporary", probe_parts::temporary_objects},
    answer_kind{"origin", probe_parts::origin},
};

/// Notes one row. False: the value is none of its kind.
bool note(probed_state& state,
          std::string_view kind,
          std::string name,
          std::optional<std::string> value) {
    if (kind == "identity") {
        state.role = std::move(name);
        state.session_user = std::move(*value);
    } else if (kind == "named") {
        state.named[to_lower(name)] = std::move(value);
    } else if (kind == "parameter" || kind == "privileged") {
        auto lower = to_lower(name);
        if (is_of_transaction(lower)) return true;
        if (kind == "privileged") state.privileged.insert(lower);
        state.parameters[std::move(lower)] = std::move(value).value_or("");
    } else if (kind == "prepared") {
        state.prepared.push_back(std::move(name));
    } else if (kind == "protocol_prepared") {
        ++state.protocol_prepared;
    } else if (kind == "cursor") {
        state.cursors.push_back(std::move(name));
    } else if (kind == "channel") {
        state.channels.push_back(std::move(name));
    } else if (kind == "advisory_lock") {
        state.advisory_locks.push_back(name + ' ' + *value);
    } else if (kind == "temporary") {
        const auto* const end = value->data() + value->size();
        const auto read = std::from_chars(value->data(), end, state.temporary_objects);
        return read.ec == std::errc{} && read.ptr == end;
    } else {
        if (*value != "t" && *value != "f") return false;
        state.origin = *value == "t";
    }
    return true;
}

} // namespace

bool is_hidden_parameter(std::string_view lower_case_name) {
    static constexpr std::array<std::string_view, 5> hidden{
        "dynamic_library_path", "session_preload_libraries", "extension_control_path",
        "extension_destdir", // Debian's
        "output_plugin_libraries"};
    return contains(hidden, lower_case_name);
}

bool is_of_transaction(std::string_view lower_case_name) {
    static constexpr std::array<std::string_view, 3> modes{
        "transaction_isolation", "transaction_read_only", "transaction_deferrable"};
    return contains(modes, lower_case_name);
}

bool is_identity(std::string_view lower_case_name) {
    return lower_case_name == "role" || lower_case_name == "session_authorization";
}

std::string probe_sql(const probe_request& request) {
    std::string sql;
    if (has(request.parts, probe_parts::identity)) sql += identity_sql();
    if (has(request.parts, probe_parts::named)) sql += named_sql(request.names);
    if (has(request.parts, probe_parts::parameters)) sql += parameters_sql();
    sql += objects_sql(request.parts);
    if (sql.empty()) return sql;
    sql.resize(sql.size() - 2);
    return request.guarded ? std::string{guard} + sql : sql;
}

protocol::error_code probe_reader::add(std::optional<std::string_view> kind,
                                       std::optional<std::string_view> name,
                                       std::optional<std::string_view> value) {
    if (!kind || !name) return decode_errc::missing_field;
    const auto* const known =
        std::find_if(kinds.begin(), kinds.end(), [&](const auto& k) { return k.word == *kind; });
    if (known == kinds.end() || !has(state_.parts, known->part)) return decode_errc::bad_value;
    if (!value && !known->may_be_null) return decode_errc::missing_field;
    auto name_bytes = unescaped(*name);
    std::optional<std::string> value_bytes;
    if (value) value_bytes = unescaped(*value);
    if (!name_bytes || (value && !value_bytes)) return decode_errc::bad_value;
    if (!note(state_, *kind, std::move(*name_bytes), std::move(value_bytes)))
        return decode_errc::bad_value;
    seen_ |= known->part;
    return {};
}

protocol::result<probed_state> probe_reader::finish() {
    for (const auto part :
         {probe_parts::identity, probe_parts::temporary_objects, probe_parts::origin})
        if (has(state_.parts, part) && !has(seen_, part)) return decode_errc::missing_field;
    return std::move(state_);
}

parameter_map
carried_after(const parameter_map& before, const probed_state& seen, const login_identity& login) {
    auto carried = before;
    const auto keep = [&](const char* name, const std::string& value, const std::string& at_login) {
        if (value == at_login) {
            carried.erase(name);
        } else {
            carried[name] = value;
        }
    };
    const bool all = has(seen.parts, probe_parts::parameters);
    const auto is_custom = [](std::string_view name) {
        return name.find('.') != std::string_view::npos;
    };
    if (all) {
        std::erase_if(carried, [&](const auto& entry) {
            return !is_custom(entry.first) && !is_identity(entry.first);
        });
        for (const auto& [name, value] : seen.parameters)
            carried[name] = value;
    }
    for (const auto& [name, value] : seen.named) {
        if (is_identity(name) || is_of_transaction(name)) continue;
        if (all && (!is_custom(name) || seen.parameters.contains(name))) continue;
        if (value) {
            carried[name] = *value;
        } else {
            carried.erase(name);
        }
    }
    if (has(seen.parts, probe_parts::identity)) {
        keep("session_authorization", seen.session_user, login.session_user);
        keep("role", seen.role, login.role);
    }
    return carried;
}

bool can_follow(const probed_state& seen, bool login_is_superuser) {
    return login_is_superuser || seen.privileged.empty();
}

pin_set pins_after(const pin_set& before, const probed_state& seen, bool login_is_superuser) {
    struct visible_pin {
        pin_reason why;
        probe_parts part;
        bool there;
    };
    const std::array found{
        visible_pin{pin_reason::sql_prepare, probe_parts::prepared, !seen.prepared.empty()},
        visible_pin{pin_reason::holdable_cursor, probe_parts::cursors, !seen.cursors.empty()},
        visible_pin{pin_reason::listen, probe_parts::channels, !seen.channels.empty()},
        visible_pin{pin_reason::advisory_lock, probe_parts::advisory_locks,
                    !seen.advisory_locks.empty()},
        visible_pin{pin_reason::temporary_object, probe_parts::temporary_objects,
                    seen.temporary_objects > 0},
        visible_pin{pin_reason::parameter, probe_parts::parameters,
                    !can_follow(seen, login_is_superuser)},
    };
    pin_set ended;
    pin_set there;
    for (const auto& pin : found) {
        if (!has(seen.parts, pin.part)) continue;
        (pin.there ? there : ended).add(pin.why);
    }
    if (has(seen.parts, probe_parts::visible)) ended.add(pin_reason::opaque);
    if (seen.origin) there.add(pin_reason::held_by_connection);
    auto left = before.without(ended);
    left.add(there);
    return left;
}

} // namespace pgweir
