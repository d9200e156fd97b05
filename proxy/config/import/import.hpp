// `pgweir import FILE`: a configuration of pgpool or PgBouncer as a settings file of pgweir.
#pragma once

#include "proxy/config/import/translation.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir {

enum class import_format : std::uint8_t { pgpool, pgbouncer };

struct imported_configuration {
    std::string toml; // secrets included
    std::vector<settings_message> remarks;
    bool failed = false; // an error among them: the result would not do what the source did
    /// What the result still lacks to be started with, one sentence each.
    std::vector<std::string> missing;
};

/// By what the file is called, else by whether it has sections.
[[nodiscard]] import_format guess_import_format(std::string_view path, std::string_view text);

/// `read_file`: the text of another file that this one names, or nothing.
[[nodiscard]] imported_configuration import_configuration(
    std::string_view text,
    const std::string& display_name,
    import_format format,
    const std::function<std::optional<std::string>(const std::string& path)>& read_file);

} // namespace pgweir
