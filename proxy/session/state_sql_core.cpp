#include "proxy/session/state_sql.hpp"

namespace pgweir {

std::string quote_literal(std::string_view text) {
    std::string quoted;
    const bool escapes = text.find('\\') != std::string_view::npos;
    if (escapes) quoted += " E";
    quoted += '\'';
    for (const char c : text) {
        if (c == '\'' || c == '\\') quoted += c;
        quoted += c;
    }
    quoted += '\'';
    return quoted;
}

std::string quote_identifier(std::string_view text) {
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"') quoted += c;
        quoted += c;
    }
    quoted += '"';
    return quoted;
}

std::string state_change_sql(const backend_state& from, const parameter_map& wanted) {
    std::string resets;
    std::string sets;
    const auto set = [&](std::string_view name, std::string_view value) {
        sets += sets.empty() ? "SELECT " : ", ";
        sets += "pg_catalog.set_config(" + quote_literal(name) + ", " + quote_literal(value) +
                ", false)";
    };
    for (const auto& [name, value] : from.carried)
        if (!wanted.contains(name)) resets += "RESET " + quote_identifier(name) + "; ";
    for (const auto& [name, value] : wanted) {
        const auto it = from.carried.find(name);
        if (it == from.carried.end() || it->second != value) set(name, value);
    }
    return resets + sets;
}

} // namespace pgweir
