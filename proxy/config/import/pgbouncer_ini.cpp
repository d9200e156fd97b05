#include "proxy/config/import/pgbouncer_ini.hpp"

#include <algorithm>

namespace pgweir {

namespace {

/// Names of databases may stand in double quotes, a quote among them twice.
std::string unquoted(std::string_view name) {
    if (name.size() < 2 || name.front() != '"' || name.back() != '"') return std::string{name};
    std::string out;
    for (std::size_t i = 1; i + 1 < name.size(); ++i) {
        out += name[i];
        if (name.substr(i, 2) == "\"\"") ++i;
    }
    return out;
}

/// Where the name ends: at the equals sign that is not within quotes.
std::size_t end_of_name(std::string_view line) {
    bool quotes = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '"') quotes = !quotes;
        if (line[i] == '=' && !quotes) return i;
    }
    return std::string_view::npos;
}

void parse_line(std::string_view line, const std::string& where, pgbouncer_ini& into) {
    const auto wrong = [&](std::string_view what) {
        into.problems.push_back({settings_message::severity::error, where, "", std::string{what}});
    };
    constexpr std::string_view include = "%include";
    if (line.empty() || line.front() == ';' || line.front() == '#') return;
    if (line.starts_with(include)) {
        into.includes.push_back(
            {std::string{include}, std::string{trimmed(line.substr(include.size()))}, where});
        return;
    }
    if (line.front() == '[') {
        if (line.back() != ']') return wrong("is not a line of the form [section]");
        into.sections.push_back({std::string{trimmed(line.substr(1, line.size() - 2))}, {}});
        return;
    }
    const auto equals = end_of_name(line);
    if (equals == std::string_view::npos || equals == 0)
        return wrong("is not a line of the form name = value");
    if (into.sections.empty()) return wrong("stands before the first section");
    into.sections.back().lines.push_back({unquoted(trimmed(line.substr(0, equals))),
                                          std::string{trimmed(line.substr(equals + 1))}, where});
}

} // namespace

pgbouncer_ini parse_pgbouncer_ini(std::string_view text, const std::string& display_name) {
    pgbouncer_ini ini;
    std::size_t number = 0;
    while (!text.empty()) {
        const auto end = text.find('\n');
        const auto line = trimmed(text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
        parse_line(line, display_name + ":" + std::to_string(++number), ini);
    }
    return ini;
}

std::optional<std::vector<std::pair<std::string, std::string>>>
parse_connect_string(std::string_view text) {
    std::vector<std::pair<std::string, std::string>> pairs;
    for (text = trimmed(text); !text.empty(); text = trimmed(text)) {
        const auto equals = text.find('=');
        const auto name = trimmed(text.substr(0, equals));
        if (equals == std::string_view::npos || name.empty()) return {};
        text = trimmed(text.substr(equals + 1));
        std::string value;
        if (!text.starts_with('\'')) {
            const auto size = std::min(text.find_first_of(" \t"), text.size());
            value = text.substr(0, size);
            text.remove_prefix(size);
        } else {
            std::size_t i = 1;
            for (; i < text.size(); ++i) {
                if (text[i] == '\'' && text.substr(i, 2) != "''") break;
                if (text[i] == '\'') ++i;
                value += text[i];
            }
            if (i >= text.size()) return {};
            text.remove_prefix(i + 1);
        }
        pairs.emplace_back(name, std::move(value));
    }
    return pairs;
}

} // namespace pgweir
