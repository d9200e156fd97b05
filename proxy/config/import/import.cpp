#include "proxy/config/import/import.hpp"

#include "proxy/config/import/pgbouncer_ini.hpp"
#include "proxy/config/import/pgpool_conf.hpp"

#include <algorithm>
#include <iterator>

namespace pgweir {

namespace {

translation
translate(std::string_view text,
          const std::string& display_name,
          import_format format,
          const std::function<std::optional<std::string>(const std::string&)>& read_file,
          std::vector<settings_message>& problems) {
    if (format == import_format::pgpool) {
        auto conf = parse_pgpool_conf(text, display_name);
        problems = std::move(conf.problems);
        return translate_pgpool(conf, {.complete = true, .read_file = read_file});
    }
    auto ini = parse_pgbouncer_ini(text, display_name);
    problems = std::move(ini.problems);
    return translate_pgbouncer(ini);
}

} // namespace

import_format guess_import_format(std::string_view path, std::string_view text) {
    const auto name = path.substr(path.rfind('/') + 1);
    if (name.find("pgpool") != std::string_view::npos) return import_format::pgpool;
    if (name.find("pgbouncer") != std::string_view::npos || name.ends_with(".ini"))
        return import_format::pgbouncer;
    const bool has_sections = text.starts_with('[') || text.find("\n[") != std::string_view::npos;
    return has_sections ? import_format::pgbouncer : import_format::pgpool;
}

imported_configuration import_configuration(
    std::string_view text,
    const std::string& display_name,
    import_format format,
    const std::function<std::optional<std::string>(const std::string& path)>& read_file) {
    imported_configuration result;
    const auto made = translate(text, display_name, format, read_file, result.remarks);
    std::ranges::copy(made.remarks(), std::back_inserter(result.remarks));
    result.failed = std::ranges::any_of(result.remarks, [](const auto& one) {
        return one.level == settings_message::severity::error;
    });
    result.toml = to_toml(made, display_name);

    settings_draft draft;
    read_toml_text(result.toml, "the result", draft);
    if (draft.has_errors()) {
        // Such as bytes that are no UTF-8.
        result.failed = true;
        result.remarks.push_back(
            {settings_message::severity::error,
             display_name,
             {},
             "has what cannot stand in a settings file: " + draft.messages().front().text});
        return result;
    }
    validate(draft);
    for (const auto& one : draft.messages())
        if (one.level == settings_message::severity::error)
            result.missing.push_back(one.key + " " + one.text);
    return result;
}

} // namespace pgweir
