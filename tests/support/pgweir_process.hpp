// pgweir as a child process: settings file, users file, ports learned from its log, a clean end.
#pragma once

#include "tests/support/child_process.hpp"
#include "tests/support/http_get.hpp"
#include "tests/support/postgres_cluster.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace pgweir::test {

/// Flat settings as in the TOML file. Numbers, true/false and what begins with '[' are written as
/// they are, everything else as a string.
using settings_map = std::map<std::string, std::string>;

struct pgweir_options {
    settings_map settings;                          ///< over the defaults of the tests
    std::map<std::string, std::string> environment; ///< PGPOOL_*, PGWEIR_CFG_*
    bool wait_until_ready = true;
    bool write_users_file = true;
    std::filesystem::path network_namespace; ///< where it runs; empty: ours
    std::string address = "127.0.0.1";       ///< what it listens on and is asked at
    std::vector<std::string> wrapper;        ///< a program that runs it
};

class pgweir_process {
public:
    /// Starts it in front of `nodes` ("host:port,host:port"; empty: no nodes setting). Throws
    /// std::runtime_error with its log if it does not become ready.
    explicit pgweir_process(const std::string& nodes, const pgweir_options& options = {});
    /// Stops it; a sanitizer's report in the log or an abnormal end is a test failure.
    ~pgweir_process();
    pgweir_process(const pgweir_process&) = delete;
    pgweir_process& operator=(const pgweir_process&) = delete;

    [[nodiscard]] int port() const { return port_; }
    [[nodiscard]] const std::string& address() const { return address_; }
    [[nodiscard]] int http_port() const { return http_port_; }
    [[nodiscard]] pid_t pid() const { return process_.pid(); }
    [[nodiscard]] bool running() { return process_.running(); }
    [[nodiscard]] std::string log() const;
    [[nodiscard]] const std::filesystem::path& directory() const { return directory_.path(); }
    [[nodiscard]] std::filesystem::path socket_file() const;
    [[nodiscard]] std::size_t resident() const { return resident_bytes(process_.pid()); }

    [[nodiscard]] http_answer http(const std::string& path) const {
        return http_get(http_port_, path, address_);
    }
    [[nodiscard]] bool wait_ready(std::chrono::milliseconds limit);
    /// /metrics, summed over what `labels` selects; -1 if there is no such sample.
    [[nodiscard]] double metric(const std::string& name, const std::string& labels = "") const;

    /// Rewrites the settings file with these on top, without telling pgweir.
    void rewrite_settings(const settings_map& changes);
    void send_signal(int number) const { process_.send_signal(number); }
    /// SIGTERM; the exit code, or empty if it still runs after `limit`.
    std::optional<int> stop(std::chrono::milliseconds limit = std::chrono::seconds{20});
    std::optional<int> wait_for_exit(std::chrono::milliseconds limit);
    /// SIGKILL, and waits; this end is no failure.
    void kill();
    /// Fails the running test if a sanitizer has reported anything.
    void expect_clean_log() const;

    [[nodiscard]] static std::filesystem::path binary();
    /// Built with a sanitizer, as it says itself.
    [[nodiscard]] static bool is_sanitized();

private:
    void launch(const pgweir_options& options);
    void learn_ports();

    temp_directory directory_;
    settings_map settings_;
    std::string address_;
    child_process process_;
    int port_ = 0;
    int http_port_ = 0;
    bool killed_ = false;
};

/// The lines of a users file for all accounts of the test clusters.
std::string users_file();

/// Runs pgweir with these arguments and this settings file to its end: for settings that must stop
/// the start.
command_result run_pgweir(const std::string& settings_file,
                          const std::vector<std::string>& arguments = {},
                          const std::map<std::string, std::string>& environment = {});

} // namespace pgweir::test
