#include "proxy/config/describe.hpp"

#include "proxy/config/table.hpp"

#include <algorithm>

namespace pgweir {

namespace {

std::string default_of(const setting_row& row) {
    static const settings defaults;
    return row.format(defaults, row.limits);
}

/// Words of `text` in lines of at most `width` columns, each after `indent` blanks.
void append_wrapped(std::string& out,
                    std::string_view text,
                    std::size_t indent,
                    std::size_t width) {
    std::size_t column = 0;
    while (!text.empty()) {
        const auto end = text.find(' ');
        const auto word = text.substr(0, end);
        if (column != 0 && column + 1 + word.size() > width) {
            out += '\n';
            column = 0;
        }
        if (column == 0) {
            out.append(indent, ' ');
            column = indent;
        } else {
            out += ' ';
            ++column;
        }
        out += word;
        column += word.size();
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    }
    out += '\n';
}

/// Markdown's back quotes mean nothing on a terminal.
std::string plain(std::string_view text) {
    std::string copy{text};
    std::erase(copy, '`');
    return copy;
}

std::string code(std::string_view text) {
    return text.empty() ? "empty" : "`" + std::string{text} + "`";
}

constexpr std::string_view introduction =
    "# Settings\n\n"
    "<!-- Written by `pgweir --print-settings-reference`; a test compares. Change the tables "
    "table_*.cpp instead. -->\n\n"
    "This folder reads and checks settings. Start with `settings.hpp` (the values) and `table.hpp` "
    "(all there is to say "
    "about each); `load.hpp` puts the sources together. Its tests are "
    "`tests/unit/proxy/config*_test.cpp` and "
    "`pgpool_environment_test.cpp`. `import/` reads pgpool.conf and pgbouncer.ini, for "
    "`pgweir import FILE`; its tests are `import_*_test.cpp`.\n\n"
    "Settings come from these places; later ones win:\n\n"
    "1. the defaults below;\n"
    "2. `PGPOOL_*` variables, as the widely used pgpool image has them, then the "
    "pgpool.conf that `PGPOOL_USER_CONF_FILE` names;\n"
    "3. the TOML file given by `--config`;\n"
    "4. environment variables `PGWEIR_CFG_<KEY>`, the key in capitals: `PGWEIR_CFG_POOL_SIZE=5`, "
    "or `PGWEIR_CFG_<KEY>_FILE`, a file whose first line is the value;\n"
    "5. `--set key=value` on the command line.\n\n"
    "A key that does not exist, a value that is not allowed, and settings that contradict each "
    "other stop the start "
    "with exit code 2 and a line for each mistake; `pgweir --check` does only that. On SIGHUP or "
    "`RELOAD` all sources are "
    "read again; if anything is wrong, the old settings stay. Unknown variables are one "
    "warning.\n\n"
    "```toml\n"
    "nodes = [\"pg-0.example:5432\", \"pg-1.example:5432\", \"pg-2.example:5432:0.5\"]\n"
    "users_file = \"/etc/pgweir/users.txt\"\n"
    "pool_size = 20\n"
    "queue_timeout = \"30s\"\n\n"
    "[databases.reports]\n"
    "consistency = \"eventual\"\n\n"
    "[users.batch]\n"
    "pool_size = 5\n"
    "route = \"primary\"\n"
    "```\n";

} // namespace

std::vector<config_row> show_config(const settings& values) {
    std::vector<config_row> rows;
    for (const auto& group : setting_groups()) {
        for (const auto& row : group.rows) {
            rows.push_back({std::string{row.name}, row.format(values, row.limits), default_of(row),
                            row.when == applies::on_reload ? "yes" : "no"});
        }
    }
    std::ranges::sort(rows, {}, &config_row::key);
    return rows;
}

std::string settings_help() {
    constexpr std::size_t width = 80;
    std::string text =
        "Settings, for the TOML file (--config), --set key=value, or the environment\n"
        "(PGWEIR_CFG_<KEY>). \"(restart)\": a change needs a restart; all others take a\n"
        "SIGHUP or RELOAD.\n";
    for (const auto& group : setting_groups()) {
        text += "\n" + std::string{group.title} + "\n";
        for (const auto& row : group.rows) {
            const auto value = default_of(row);
            text += "\n  " + std::string{row.name} +
                    (row.when == applies::on_restart ? " (restart)" : "") + "\n";
            append_wrapped(
                text, row.allowed(row.limits) + "; default: " + (value.empty() ? "empty" : value),
                6, width);
            append_wrapped(text, plain(row.documentation), 6, width);
        }
    }
    text += "\nFor single databases and users: [databases.NAME], [users.NAME]\n\n  ";
    std::string names;
    for (const auto& row : override_rows()) {
        names += (names.empty() ? "" : ", ") + std::string{row.name} +
                 (row.for_databases ? "" : " (users only)");
    }
    std::string wrapped;
    append_wrapped(wrapped, names, 2, width);
    return text + wrapped.substr(2);
}

std::string settings_reference() {
    std::string text{introduction};
    for (const auto& group : setting_groups()) {
        text += "\n## " + std::string{group.title} + "\n";
        if (!group.introduction.empty()) text += "\n" + std::string{group.introduction} + "\n";
        for (const auto& row : group.rows) {
            text +=
                "\n### " + std::string{row.name} + "\n\n" + std::string{row.documentation} + "\n\n";
            text +=
                "Allowed: " + row.allowed(row.limits) + ". Default: " + code(default_of(row)) + ".";
            text += row.when == applies::on_restart ? " A change needs a restart.\n" : "\n";
        }
    }
    text += "\n## Single databases and users\n\n"
            "`[databases.NAME]` and `[users.NAME]` take these keys. The user's value wins over the "
            "database's, that over "
            "the general one. Where no meaning stands here, it is that of the general setting.\n\n"
            "| key | allowed | meaning |\n|---|---|---|\n";
    for (const auto& row : override_rows()) {
        text += "| `" + std::string{row.name} + "` | " + row.allowed(row.limits) + " | " +
                std::string{row.documentation} + (row.for_databases ? "" : " For users only.") +
                " |\n";
    }
    return text;
}

} // namespace pgweir
