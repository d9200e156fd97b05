// pgbouncer.ini: sections of `name = value` and what they mean in pgweir's settings. Pure.
#pragma once

#include "proxy/config/import/translation.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pgweir {

struct pgbouncer_ini {
    struct section {
        std::string name;
        std::vector<configuration_line> lines; // in order
    };
    std::vector<section> sections;
    std::vector<settings_message> problems;
    std::vector<configuration_line> includes; // the value names the file
};

/// `;` and `#` begin comment lines. A line that has no meaning is a problem.
[[nodiscard]] pgbouncer_ini parse_pgbouncer_ini(std::string_view text,
                                                const std::string& display_name);

/// The pairs of a connect string such as `host=pg-0 dbname='my db'`. Empty: it is none.
[[nodiscard]] std::optional<std::vector<std::pair<std::string, std::string>>>
parse_connect_string(std::string_view text);

[[nodiscard]] translation translate_pgbouncer(const pgbouncer_ini& ini);

} // namespace pgweir
