// PGWEIR_CFG_<KEY>: any flat setting, its name in capitals; PGWEIR_CFG_<KEY>_FILE: a file whose
// first line is its value.
#include "proxy/config/draft.hpp"
#include "proxy/config/table.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <system_error>

extern char** environ; // NOLINT: declared by POSIX, defined by the C library

namespace pgweir {

environment_variables process_environment() {
    environment_variables all;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text{*entry};
        const auto equals = text.find('=');
        if (equals != std::string_view::npos)
            all.emplace_back(text.substr(0, equals), text.substr(equals + 1));
    }
    return all;
}

bool is_injected_by_kubernetes(std::string_view name, std::string_view value) {
    if (name.ends_with("_SERVICE_HOST") || name.ends_with("_SERVICE_PORT")) return true;
    if (name.find("_SERVICE_PORT_") != std::string_view::npos) return true;
    const auto port = name.find("_PORT");
    if (port == std::string_view::npos) return false;
    // NAME_PORT=tcp://10.0.0.1:5432, NAME_PORT_5432_TCP=tcp://…, NAME_PORT_5432_TCP_ADDR, _PORT,
    // _PROTO
    for (const auto scheme : {"tcp://", "udp://", "sctp://"}) {
        if (value.starts_with(scheme)) return true;
    }
    const auto rest = name.substr(port + 5);
    return rest.starts_with("_") &&
           (rest.ends_with("_ADDR") || rest.ends_with("_PROTO") || rest.ends_with("_PORT")) &&
           rest.size() > 2 && rest[1] >= '0' && rest[1] <= '9';
}

namespace {

/// The setting whose value stands in a file that the variable names; empty: it is no such variable.
std::string key_of_file_variable(std::string_view key) {
    constexpr std::string_view suffix = "_file";
    if (!key.ends_with(suffix)) return {};
    key.remove_suffix(suffix.size());
    return find_setting(key) != nullptr ? std::string{key} : std::string{};
}

void set_from_file(const std::string& key,
                   const std::string& path,
                   const std::string& where,
                   const environment_variables& environment,
                   settings_draft& draft) {
    if (path.empty()) return;
    const auto plain = where.substr(where.rfind(' ') + 1, where.size() - where.rfind(' ') - 6);
    if (std::ranges::find(environment, plain, &environment_variables::value_type::first) !=
        environment.end()) {
        draft.error(where, key, "contradicts " + plain + "; set one of them");
        return;
    }
    auto value = first_line_of(path, where, key, draft);
    if (!value.empty()) draft.set_text(key, std::move(value), where);
}

} // namespace

void read_native_environment(const environment_variables& environment, settings_draft& draft) {
    constexpr std::string_view prefix = "PGWEIR_CFG_";
    std::string unknown;
    for (const auto& [name, value] : environment) {
        if (!name.starts_with(prefix) || is_injected_by_kubernetes(name, value)) continue;
        std::string key = name.substr(prefix.size());
        std::ranges::transform(key, key.begin(), [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        });
        const auto where = "environment variable " + name;
        if (find_setting(key) != nullptr)
            draft.set_text(key, value, where);
        else if (const auto in_file = key_of_file_variable(key); !in_file.empty())
            set_from_file(in_file, value, where, environment, draft);
        else
            unknown += (unknown.empty() ? "" : ", ") + name;
    }
    if (!unknown.empty())
        draft.warning("environment", "", "variables that are no settings: " + unknown);
}

std::string first_line_of(const std::string& path,
                          const std::string& where,
                          std::string_view key,
                          settings_draft& draft) {
    std::ifstream file{path};
    std::string line;
    if (!file || (!std::getline(file, line) && !file.eof())) {
        draft.error(where, key,
                    "names " + path +
                        ", which cannot be read: " + std::generic_category().message(errno));
        return {};
    }
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty()) draft.error(where, key, "names " + path + ", whose first line is empty");
    return line;
}

} // namespace pgweir
