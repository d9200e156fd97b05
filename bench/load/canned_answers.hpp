// What the null server says to a statement: built once per distinct kind, or on the spot for the
// questions a proxy's monitor asks. No SQL is understood here; words are looked for in the text.
#pragma once

#include "bench/load/message_bytes.hpp"

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir::bench {

/// The server side of one statement's answer, ready to be copied out.
struct canned_answer {
    std::string description;  // RowDescription, or NoData
    std::string result;       // DataRow and CommandComplete
    bool has_rows = false;    // false: a simple Query is answered without the description
    char status_after = '\0'; // 'I' or 'T' if the statement opens or ends a block
};

struct column {
    std::string name;
    std::string value;
    std::uint32_t type_oid = 25;
};

inline constexpr std::uint32_t int4_oid = 23;

[[nodiscard]] inline std::string row_description(const std::vector<column>& columns) {
    std::string body;
    put_int16(body, static_cast<std::uint16_t>(columns.size()));
    for (const auto& c : columns) {
        put_string(body, c.name);
        put_int32(body, 0); // table
        put_int16(body, 0); // column of the table
        put_int32(body, c.type_oid);
        put_int16(body, c.type_oid == int4_oid ? 4 : 0xffff); // length; -1 = variable
        put_int32(body, 0xffffffffU);                         // no type modifier
        put_int16(body, 0);                                   // text
    }
    std::string out;
    put_message(out, 'T', body);
    return out;
}

[[nodiscard]] inline canned_answer rows_answer(const std::vector<column>& columns, bool one_row) {
    canned_answer answer;
    answer.has_rows = true;
    answer.description = row_description(columns);
    if (one_row) {
        std::string body;
        put_int16(body, static_cast<std::uint16_t>(columns.size()));
        for (const auto& c : columns) {
            put_int32(body, static_cast<std::uint32_t>(c.value.size()));
            body.append(c.value);
        }
        put_message(answer.result, 'D', body);
    }
    put_message(answer.result, 'C', std::string_view(one_row ? "SELECT 1\0" : "SELECT 0\0", 9));
    return answer;
}

[[nodiscard]] inline canned_answer command_answer(std::string_view tag, char status_after = '\0') {
    canned_answer answer;
    put_message(answer.description, 'n', "");
    std::string body;
    put_string(body, tag);
    put_message(answer.result, 'C', body);
    answer.status_after = status_after;
    return answer;
}

[[nodiscard]] inline std::string lower_case(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

/// The select list of a lower-case statement cut at its top-level commas, and whether a FROM
/// follows.
struct select_list {
    std::vector<std::string> items;
    bool has_from = false;
};

[[nodiscard]] inline select_list cut_select_list(std::string_view sql) {
    select_list list;
    const auto start = sql.find("select");
    if (start == std::string_view::npos) {
        return list;
    }
    sql.remove_prefix(start + 6);
    std::string item;
    int depth = 0;
    bool quoted = false;
    for (std::size_t i = 0; i < sql.size(); ++i) {
        const char c = sql[i];
        quoted ^= c == '\'';
        depth += quoted ? 0 : (c == '(') - (c == ')');
        const bool top = depth == 0 && !quoted;
        const bool word_before = i > 0 && std::isspace(static_cast<unsigned char>(sql[i - 1])) != 0;
        if (top && word_before && sql.substr(i, 4) == "from") {
            list.has_from = true;
            break;
        }
        if (top && c == ';') {
            break;
        }
        if (top && c == ',') {
            list.items.push_back(std::move(item));
            item.clear();
        } else {
            item.push_back(c);
        }
    }
    list.items.push_back(std::move(item));
    return list;
}

/// A plausible value for one item of a monitor's select list.
[[nodiscard]] inline std::string monitor_value(std::string_view item, bool standby) {
    const auto has = [item](std::string_view word) {
        return item.find(word) != std::string_view::npos;
    };
    if (has("case ") && has("pg_is_in_recovery") && has("lsn")) {
        return has("lsn_diff") ? "0" : "0/5000000";
    }
    if (has("walfile_name")) {
        return "000000010000000000000005";
    }
    if (has("pg_is_in_recovery")) {
        return standby ? "t" : "f";
    }
    if (has("lsn_diff") || has("count(")) {
        return "0";
    }
    if (has("lsn")) {
        return "0/5000000";
    }
    if (has("server_version_num")) {
        return "150000";
    }
    if (has("server_version")) {
        return "15.0";
    }
    if (has("version")) {
        return "PostgreSQL 15.0 (null server)";
    }
    if (has("timezone")) {
        return "UTC";
    }
    return "1";
}

/// The answer to IDENTIFY_SYSTEM. Source: PostgreSQL docs, protocol-replication (15).
[[nodiscard]] inline canned_answer identify_system_answer() {
    return rows_answer({{"systemid", "7000000000000000001"},
                        {"timeline", "1", int4_oid},
                        {"xlogpos", "0/5000000"},
                        {"dbname", "postgres"}},
                       true);
}

/// Monitor and catalog questions: one row of plausible values, no rows where there is a FROM
/// (unless it only counts), column by column as the select list has them.
[[nodiscard]] inline canned_answer monitor_answer(std::string_view sql, bool standby) {
    const auto list = cut_select_list(sql);
    std::vector<column> columns;
    bool counts = true;
    for (const auto& item : list.items) {
        counts = counts && item.find("count(") != std::string::npos;
        columns.push_back({"c" + std::to_string(columns.size() + 1), monitor_value(item, standby)});
    }
    return rows_answer(columns, !list.has_from || counts);
}

/// The answer to any statement. `fixed` is what an application's query gets: copied, not built.
[[nodiscard]] inline const canned_answer& fixed_answer() {
    static const canned_answer answer = rows_answer({{"abalance", "0", int4_oid}}, true);
    return answer;
}

/// True for an application's query, judged without building anything: this is the measured path.
[[nodiscard]] inline bool is_application_query(std::string_view sql) {
    const bool is_select = sql.starts_with("SELECT ") || sql.starts_with("select ");
    if (!is_select) {
        return false;
    }
    return sql.find("pg_") == std::string_view::npos && sql.find("()") == std::string_view::npos &&
           sql.find("setting") == std::string_view::npos;
}

[[nodiscard]] inline canned_answer answer_to(std::string_view sql, bool standby) {
    auto text = lower_case(sql);
    text.erase(0, std::min(text.find_first_not_of(" \t\r\n"), text.size()));
    const auto starts = [&text](std::string_view word) { return text.starts_with(word); };
    if (text.empty()) {
        canned_answer empty = command_answer("");
        empty.result.clear();
        put_message(empty.result, 'I', "");
        return empty;
    }
    if (starts("identify_system")) {
        return identify_system_answer();
    }
    if (starts("begin") || starts("start transaction")) {
        return command_answer("BEGIN", 'T');
    }
    if (starts("commit") || starts("end")) {
        return command_answer("COMMIT", 'I');
    }
    if (starts("rollback") && !starts("rollback to")) {
        return command_answer("ROLLBACK", 'I');
    }
    if (starts("show ")) {
        return rows_answer({{"setting", monitor_value(text, standby)}}, true);
    }
    if (starts("insert")) {
        return command_answer("INSERT 0 1");
    }
    for (const std::string_view tag : {"UPDATE", "DELETE"}) {
        if (starts(lower_case(tag))) {
            return command_answer(std::string(tag) + " 1");
        }
    }
    if (starts("select") || starts("with")) {
        return is_application_query(sql) ? fixed_answer() : monitor_answer(text, standby);
    }
    std::string tag = text.substr(0, text.find_first_of(" \t\n;"));
    std::ranges::transform(tag, tag.begin(),
                           [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return command_answer(tag == "DISCARD" ? "DISCARD ALL" : tag);
}

} // namespace pgweir::bench
