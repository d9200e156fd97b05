// Settings for people: SHOW CONFIG, `pgweir --help-settings`, and the reference (README.md of this
// folder).
#pragma once

#include "proxy/config/settings.hpp"

#include <string>
#include <vector>

namespace pgweir {

/// A row of SHOW CONFIG, with PgBouncer's columns. `changeable`: "yes" if a reload is enough, else
/// "no".
struct config_row {
    std::string key;
    std::string value;
    std::string default_value;
    std::string changeable;
};
/// All settings by name; secrets masked.
[[nodiscard]] std::vector<config_row> show_config(const settings& values);

/// Plain text for a terminal of 80 columns.
[[nodiscard]] std::string settings_help();
/// Markdown, ends with a line feed.
[[nodiscard]] std::string settings_reference();

} // namespace pgweir
