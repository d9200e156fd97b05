// The text of a small file, for whoever reads settings, rules or secrets.
#pragma once

#include <optional>
#include <string>

namespace pgweir {

/// Empty if it cannot be read; `errno` says why. An empty file is an empty text.
[[nodiscard]] std::optional<std::string> file_text(const std::string& path);

} // namespace pgweir
