// pgpool.conf: lines of `name = value` and what they mean in pgweir's settings. Pure.
#pragma once

#include "proxy/config/import/translation.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir {

struct pgpool_conf {
    std::vector<configuration_line> lines; // in order; of a name that stands twice the last counts
    std::vector<settings_message> problems;
};

/// Quotes are optional, so is the equals sign; `#` begins a comment anywhere but in quotes; '' and
/// backslash escape within quotes. A line that is not of this form is a problem.
[[nodiscard]] pgpool_conf parse_pgpool_conf(std::string_view text, const std::string& display_name);

struct pgpool_context {
    /// The file stands alone: what it leaves out is as pgpool's own defaults say, where clients
    /// would notice.
    bool complete = true;
    /// The text of a file that the configuration names; empty: it cannot be read.
    std::function<std::optional<std::string>(const std::string& path)> read_file;
};

[[nodiscard]] translation translate_pgpool(const pgpool_conf& conf, const pgpool_context& context);

/// Lines of user:secret, the secret plain (perhaps after TEXT) or md5…
void translate_pool_passwd(std::string_view text,
                           const std::string& display_name,
                           translation& into);

} // namespace pgweir
