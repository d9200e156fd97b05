#include "tests/support/pgweir_process.hpp"

#include "tests/support/wait.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <stdexcept>

namespace pgweir::test {

namespace {

bool is_bare(const std::string& value) {
    if (value == "true" || value == "false" || value.starts_with("[")) return true;
    return !value.empty() && value.find_first_not_of("0123456789") == std::string::npos;
}

std::string toml_string(const std::string& value) {
    std::string text = "\"";
    for (const char letter : value) {
        if (letter == '"' || letter == '\\') text += '\\';
        text += letter;
    }
    return text + "\"";
}

std::string as_toml(const settings_map& settings) {
    std::string text;
    for (const auto& [name, value] : settings)
        text += name + " = " + (is_bare(value) ? value : toml_string(value)) + "\n";
    return text;
}

/// The number behind "port=" in the first line that contains `what`; 0 if there is none yet.
int logged_port(const std::string& log, const std::string& what) {
    const auto line = log.find(what);
    if (line == std::string::npos) return 0;
    const auto at = log.find("port=", line);
    const auto end = log.find('\n', line);
    if (at == std::string::npos || end == std::string::npos || at > end) return 0;
    return std::atoi(log.c_str() + at + 5);
}

std::map<std::string, std::string>
with_sanitizer_options(std::map<std::string, std::string> environment) {
    environment.try_emplace("UBSAN_OPTIONS", "print_stacktrace=1");
    return environment;
}

} // namespace

std::string users_file() {
    std::string text;
    for (const auto& who : {accounts::superuser, accounts::app, accounts::other, accounts::md5_user,
                            accounts::plain_user, accounts::trusted, accounts::expired}) {
        std::string password;
        for (const char letter : who.password) {
            if (letter == '"') password += '"';
            password += letter;
        }
        text += "\"" + who.name + "\" \"" + password + "\"\n";
    }
    return text;
}

std::filesystem::path pgweir_process::binary() {
    if (const char* given = std::getenv("PGWEIR_BIN")) return given;
    const auto self = std::filesystem::read_symlink("/proc/self/exe");
    return self.parent_path().parent_path() / "pgweir";
}

bool pgweir_process::is_sanitized() {
    static const bool known =
        run_command({binary().string(), "--version"}).output.find("sanitized") != std::string::npos;
    return known;
}

pgweir_process::pgweir_process(const std::string& nodes, const pgweir_options& options)
    : directory_{"pgweir"}, address_{options.address} {
    const auto users = directory_.path() / "users.txt";
    settings_ = {{"listen_address", address_},
                 {"port", "0"},
                 {"http_address", address_},
                 {"http_port", "0"},
                 {"unix_socket_dir", directory_.path().string()},
                 {"monitor_user", accounts::monitor.name},
                 {"monitor_password", accounts::monitor.password},
                 {"monitor_database", "postgres"},
                 {"users_file", users.string()},
                 {"admin_users", "postgres"},
                 {"workers", "2"},
                 {"pool_size", "5"}};
    if (!nodes.empty()) settings_["nodes"] = nodes;
    for (const auto& [name, value] : options.settings) {
        if (value.empty())
            settings_.erase(name);
        else
            settings_[name] = value;
    }
    if (options.write_users_file) write_file(users, users_file(), 0600);
    launch(options);
}

void pgweir_process::launch(const pgweir_options& options) {
    write_file(directory_.path() / "pgweir.toml", as_toml(settings_));
    spawn_options spawn;
    spawn.log_file = directory_.path() / "log";
    spawn.network_namespace = options.network_namespace;
    spawn.environment = with_sanitizer_options(options.environment);
    auto command = options.wrapper;
    command.insert(command.end(),
                   {binary().string(), "--config", (directory_.path() / "pgweir.toml").string()});
    process_ = child_process{command, spawn};
    learn_ports();
    if (options.wait_until_ready && !wait_ready(30s))
        throw std::runtime_error("pgweir did not become ready: " + log());
}

void pgweir_process::learn_ports() {
    const bool known = wait_until(
        [this] {
            const auto text = log();
            port_ = logged_port(text, "listening address=");
            http_port_ = logged_port(text, "http listening address=");
            // The first pattern also matches inside the second line.
            const auto plain = text.find(" listening address=");
            if (plain != std::string::npos && plain >= 4 && text.substr(plain - 4, 4) == "http") {
                const auto next = text.find("listening address=", plain + 10);
                port_ = next == std::string::npos ? 0 : logged_port(text.substr(next), "listening");
            }
            return (port_ != 0 && http_port_ != 0) || !process_.running();
        },
        20s);
    if (!known || !process_.running()) throw std::runtime_error("pgweir did not start: " + log());
}

pgweir_process::~pgweir_process() {
    if (process_.running()) {
        const auto code = stop();
        EXPECT_TRUE(code.has_value()) << "pgweir did not end after SIGTERM:\n" << log();
    }
    const auto code = process_.wait_for_exit(1s);
    if (process_.pid() > 0 && code && !killed_) EXPECT_EQ(*code, 0) << "pgweir's end:\n" << log();
    expect_clean_log();
    if (std::getenv("PGWEIR_TEST_SHOW_LOG") != nullptr || ::testing::Test::HasFailure())
        write_file("/tmp/pgweir-test-last.log", log());
}

std::string pgweir_process::log() const {
    return read_file(directory_.path() / "log");
}

std::filesystem::path pgweir_process::socket_file() const {
    return directory_.path() / (".s.PGSQL." + std::to_string(port_));
}

bool pgweir_process::wait_ready(std::chrono::milliseconds limit) {
    const bool ready = wait_until(
        [this] { return !process_.running() || http("/readyz").status == 200; }, limit, 20ms);
    return ready && process_.running();
}

double pgweir_process::metric(const std::string& name, const std::string& labels) const {
    return test::metric(http("/metrics").body, name, labels);
}

void pgweir_process::rewrite_settings(const settings_map& changes) {
    for (const auto& [name, value] : changes) {
        if (value.empty())
            settings_.erase(name);
        else
            settings_[name] = value;
    }
    // A new file moved into place, as careful administrators do.
    const auto path = directory_.path() / "pgweir.toml";
    write_file(path.string() + ".new", as_toml(settings_));
    std::filesystem::rename(path.string() + ".new", path);
}

std::optional<int> pgweir_process::stop(std::chrono::milliseconds limit) {
    process_.send_signal(SIGTERM);
    return process_.wait_for_exit(limit);
}

std::optional<int> pgweir_process::wait_for_exit(std::chrono::milliseconds limit) {
    return process_.wait_for_exit(limit);
}

void pgweir_process::kill() {
    killed_ = true;
    process_.kill();
}

void pgweir_process::expect_clean_log() const {
    const auto text = log();
    for (const char* sign : {"Sanitizer", "runtime error:", "PGWEIR_CHECK"}) {
        const auto at = text.find(sign);
        EXPECT_EQ(at, std::string::npos) << "pgweir's log has a report:\n"
                                         << text.substr(at == std::string::npos ? 0 : at, 6000);
    }
}

command_result run_pgweir(const std::string& settings_file,
                          const std::vector<std::string>& arguments,
                          const std::map<std::string, std::string>& environment) {
    const temp_directory directory{"settings"};
    const auto path = directory.path() / "pgweir.toml";
    write_file(path, settings_file);
    std::vector<std::string> all{pgweir_process::binary(), "--config", path};
    all.insert(all.end(), arguments.begin(), arguments.end());
    spawn_options options;
    options.environment = environment;
    return run_command(all, options, 20s);
}

} // namespace pgweir::test
