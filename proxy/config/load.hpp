// From files, environment and command line to one valid `settings` value, or one exception that
// lists all that is wrong. Later sources win: defaults, PGPOOL_* variables, the TOML file,
// PGWEIR_CFG_* variables, --set.
#pragma once

#include "proxy/config/settings.hpp"

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pgweir {

/// One thing that is wrong, or one that should be said in the log (settings are read before there
/// is a log).
struct settings_message {
    enum class severity : std::uint8_t { information, warning, error };
    severity level = severity::error;
    std::string where; // "pgweir.toml:12", "--set", "environment variable PGPOOL_PORT_NUMBER"
    std::string key;   // may be empty
    std::string text;
    friend bool operator==(const settings_message&, const settings_message&) = default;
};
[[nodiscard]] std::string to_string(const settings_message& message);

/// what() holds every problem, one per line.
class settings_error : public std::runtime_error {
public:
    explicit settings_error(std::vector<settings_message> problems);
    [[nodiscard]] const std::vector<settings_message>& problems() const noexcept {
        return problems_;
    }

private:
    std::vector<settings_message> problems_;
};

/// Name and value, as in the process's environment.
using environment_variables = std::vector<std::pair<std::string, std::string>>;
[[nodiscard]] environment_variables process_environment();

struct settings_sources {
    std::string config_file;              // path of the TOML file; empty: none
    std::vector<std::string> assignments; // of --set, each key=value
    environment_variables environment;
};

struct loaded_settings {
    settings values;
    std::vector<settings_message> messages; // information and warnings, to be logged
};

/// Reads everything, the files that settings name included. Throws settings_error.
[[nodiscard]] loaded_settings load_settings(const settings_sources& sources);

struct reloaded_settings {
    settings values;                        // what holds from now on
    std::vector<std::string> changed;       // keys, and "databases.NAME", "users.NAME"
    std::vector<settings_message> messages; // one warning for each change that needs a restart
};
/// What remains of `wanted` when it replaces `current` in a running process.
[[nodiscard]] reloaded_settings apply_reload(const settings& current, settings wanted);

} // namespace pgweir
