// Settings while they are being read: values so far, where each came from, and what was wrong on
// the way. Used by the readers of each source (toml_file, environment, pgpool_environment) and by
// load.cpp; not kept.
#pragma once

#include "proxy/config/load.hpp"
#include "proxy/config/values.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir {

class settings_draft {
public:
    settings values;

    /// Sets a flat key, or `databases.NAME.key` / `users.NAME.key`. What is wrong with it is noted
    /// as an error.
    void set(std::string_view key, const raw_value& raw, std::string where);
    /// The same for a value that is given as text.
    void set_text(std::string_view key, std::string text, std::string where);
    void set_database(std::string_view name,
                      std::string_view key,
                      const raw_value& raw,
                      std::string where);
    void
    set_user(std::string_view name, std::string_view key, const raw_value& raw, std::string where);

    void error(std::string where, std::string_view key, std::string text);
    void warning(std::string where, std::string_view key, std::string text);
    void information(std::string where, std::string_view key, std::string text);

    [[nodiscard]] bool is_set(std::string_view key) const { return origins_.contains(key); }
    /// Where a key was set; "default" if nowhere.
    [[nodiscard]] std::string origin(std::string_view key) const;
    [[nodiscard]] bool has_errors() const;
    [[nodiscard]] std::vector<settings_message>& messages() { return messages_; }

private:
    void set_override(override_settings& into,
                      bool is_user,
                      std::string_view key,
                      const raw_value& raw,
                      std::string where);

    std::map<std::string, std::string, std::less<>> origins_;
    std::vector<settings_message> messages_;
};

/// The key that `unknown` was probably meant to be, as "; did you mean x?", or nothing.
[[nodiscard]] std::string suggestion_for(std::string_view unknown);

/// toml_file.cpp: reads the file into the draft. `display_name` is what messages call it.
void read_toml_file(const std::string& path, settings_draft& draft);
void read_toml_text(std::string_view text, const std::string& display_name, settings_draft& draft);

/// environment.cpp: PGWEIR_CFG_*. Unknown names are one warning.
void read_native_environment(const environment_variables& environment, settings_draft& draft);
/// What Kubernetes sets in each pod for a Service that happens to be called pgpool or pgweir-cfg.
[[nodiscard]] bool is_injected_by_kubernetes(std::string_view name, std::string_view value);
/// The first line of a file. Errors are noted in the draft; then empty.
[[nodiscard]] std::string first_line_of(const std::string& path,
                                        const std::string& where,
                                        std::string_view key,
                                        settings_draft& draft);

/// validate.cpp: what no single value can show. Notes errors and warnings.
void validate(settings_draft& draft);
/// That the files and directories named exist and can be read.
void check_files(settings_draft& draft);

} // namespace pgweir
