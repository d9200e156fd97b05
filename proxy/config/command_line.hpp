// What the command line asks for. main decides what to do with it.
#pragma once

#include <string>
#include <vector>

namespace pgweir {

struct command_line {
    enum class action : unsigned char {
        run,
        check,                    // read and check the settings, then leave
        print_settings_help,      // --help-settings
        print_settings_reference, // --print-settings-reference
        import_configuration,     // import FILE
        leave,                    // `text` is all there is to say (--help, --version, a mistake)
    };
    action wanted = action::run;
    std::string config_file;
    std::vector<std::string> assignments; // --set, in order
    std::string import_file;
    std::string import_from; // pgpool, pgbouncer; empty: guess
    std::string text;        // for `leave`: what to print …
    int exit_code = 0;       // … and to leave with: 0 to standard output, 2 to standard error
};

/// Never throws for a mistake: it is action::leave with exit code 2.
[[nodiscard]] command_line
parse_command_line(int count, const char* const* arguments, const std::string& version);

} // namespace pgweir
