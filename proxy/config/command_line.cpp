#include "proxy/config/command_line.hpp"

#include <CLI/CLI.hpp>

#include <sstream>

namespace pgweir {

namespace {

constexpr const char* description =
    "pgweir stands between PostgreSQL applications and a streaming-replication\n"
    "cluster: it gives many clients few server connections, sends writes to the\n"
    "primary and reads to standbys, and queues what the servers cannot take yet.\n";

constexpr const char* footer =
    "\nExamples:\n"
    "  pgweir --config /etc/pgweir/pgweir.toml\n"
    "  pgweir --set nodes=pg-0,pg-1,pg-2 --set users_file=users.txt --set port=6432\n"
    "  PGWEIR_CFG_NODES=pg-0,pg-1 PGWEIR_CFG_USERS_FILE=users.txt pgweir --check\n"
    "  pgweir import /etc/pgpool2/pgpool.conf > pgweir.toml\n"
    "\n"
    "Signals: SIGHUP reads the settings again; SIGTERM and SIGINT take no new\n"
    "clients, let transactions finish (shutdown_timeout), then leave.\n"
    "Exit codes: 0 asked to leave; 1 could not run; 2 wrong settings or arguments.\n"
    "In operation: psql dbname=pgweir -c 'SHOW NODES'; http://HOST:9719/metrics.\n";

} // namespace

command_line
parse_command_line(int count, const char* const* arguments, const std::string& version) {
    command_line parsed;
    bool check = false;
    bool help_settings = false;
    bool print_reference = false;
    bool show_version = false;
    CLI::App app{description, "pgweir"};
    app.footer(footer);
    app.set_help_flag("-h,--help", "Print this help and leave");
    app.add_option("-c,--config", parsed.config_file, "TOML file with settings")->type_name("FILE");
    app.add_option("-s,--set", parsed.assignments,
                   "Set one setting; wins over file and environment. Repeatable")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
    app.add_flag("--check", check, "Check all settings, say what is wrong, and leave");
    app.add_flag("--help-settings", help_settings, "Explain every setting and leave");
    app.add_flag("--print-settings-reference", print_reference,
                 "Write the reference of settings (Markdown) and leave");
    app.add_flag("-V,--version", show_version, "Print the version and leave");
    auto* const import = app.add_subcommand(
        "import", "Print the settings that a pgpool.conf or pgbouncer.ini means, and leave");
    import->add_option("FILE", parsed.import_file, "Configuration of pgpool or PgBouncer")
        ->required();
    import->add_option("--from", parsed.import_from, "Whose it is, if its name does not tell")
        ->check(CLI::IsMember({"pgpool", "pgbouncer"}));
    try {
        app.parse(count, arguments);
    } catch (const CLI::ParseError& failure) {
        std::ostringstream out;
        std::ostringstream err;
        const int code = app.exit(failure, out, err);
        parsed.wanted = command_line::action::leave;
        parsed.exit_code = code == 0 ? 0 : 2;
        parsed.text = out.str() + err.str();
        return parsed;
    }
    if (import->parsed()) {
        parsed.wanted = command_line::action::import_configuration;
    } else if (show_version) {
        parsed.wanted = command_line::action::leave;
        parsed.text = "pgweir " + version + "\n";
    } else if (help_settings) {
        parsed.wanted = command_line::action::print_settings_help;
    } else if (print_reference) {
        parsed.wanted = command_line::action::print_settings_reference;
    } else if (check) {
        parsed.wanted = command_line::action::check;
    }
    return parsed;
}

} // namespace pgweir
