// The program: arguments, settings, exit codes. 0: ended as told; 1: could not start or go on; 2:
// wrong settings or arguments.
#include "proxy/access/access_rules.hpp"
#include "proxy/asio.hpp"
#include "proxy/config/command_line.hpp"
#include "proxy/config/describe.hpp"
#include "proxy/config/file_text.hpp"
#include "proxy/config/import/import.hpp"
#include "proxy/config/load.hpp"
#include "proxy/log.hpp"
#include "proxy/server.hpp"

#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cstdio>
#include <filesystem>

namespace {

using namespace pgweir;

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define PGWEIR_SANITIZED
#endif
#endif
#if defined(PGWEIR_SANITIZED) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr auto version = PGWEIR_VERSION " (sanitized: slow, and large in memory)";
#else
constexpr auto version = PGWEIR_VERSION;
#endif

/// As many descriptors as the system lets us have: each client and each server connection is one.
void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// No core file, and no look at our memory by others of the same user: there are secrets in it.
/// Sanitizers look at it by such means.
void hide_memory() {
#if !defined(PGWEIR_SANITIZED) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    ::prctl(PR_SET_DUMPABLE, 0);
    constexpr rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
#endif
}

std::optional<std::string> text_of(const std::filesystem::path& path) {
    auto text = file_text(path.native());
    if (text && text->empty()) return {};
    return text;
}

/// Settings to standard output; what is lost with them, and what they still lack, to standard
/// error.
int import_file(const command_line& wanted) {
    const std::filesystem::path path{wanted.import_file};
    const auto text = text_of(path);
    if (!text) {
        std::fprintf(stderr, "%s: cannot be read, or is empty\n", path.c_str());
        return 2;
    }
    const auto format = wanted.import_from.empty()       ? guess_import_format(path.native(), *text)
                        : wanted.import_from == "pgpool" ? import_format::pgpool
                                                         : import_format::pgbouncer;
    const auto beside = [&](const std::string& name) { return text_of(path.parent_path() / name); };
    const auto made = import_configuration(*text, path.filename().native(), format, beside);
    if (!made.failed) std::fputs(made.toml.c_str(), stdout);
    for (const auto& one : made.remarks)
        if (one.level != settings_message::severity::information)
            std::fprintf(stderr, "%s\n", to_string(one).c_str());
    for (const auto& one : made.missing)
        std::fprintf(stderr, "before pgweir can start with it: %s\n", one.c_str());
    return made.failed ? 2 : 0;
}

int serve(const command_line& wanted) {
    settings_sources sources{wanted.config_file, wanted.assignments, process_environment()};
    loaded_settings loaded;
    try {
        loaded = load_settings(sources);
        static_cast<void>(load_access_rules(loaded.values, files_on_disk()));
    } catch (const std::runtime_error& e) {
        std::fprintf(stderr, "%s\n", e.what());
        return 2;
    }
    if (wanted.wanted == command_line::action::check) {
        for (const auto& m : loaded.messages)
            std::fprintf(stderr, "%s\n", to_string(m).c_str());
        std::puts("settings are fine");
        return 0;
    }
    log::set_up(loaded.values.log_level, loaded.values.log_format);
    raise_descriptor_limit();
    if (!loaded.values.core_dumps) hide_memory();
    try {
        server process{std::move(sources), std::move(loaded)};
        return process.run();
    } catch (const std::exception& e) {
        spdlog::critical("cannot run: {}", e.what());
        return 1;
    }
}

} // namespace

int main(int argc, char** argv) {
    const auto wanted = parse_command_line(argc, argv, version);
    switch (wanted.wanted) {
    case command_line::action::leave:
        std::fputs(wanted.text.c_str(), wanted.exit_code == 0 ? stdout : stderr);
        return wanted.exit_code;
    case command_line::action::print_settings_help:
        std::fputs(settings_help().c_str(), stdout);
        return 0;
    case command_line::action::print_settings_reference:
        std::fputs(settings_reference().c_str(), stdout);
        return 0;
    case command_line::action::import_configuration:
        return import_file(wanted);
    default:
        return serve(wanted);
    }
}
