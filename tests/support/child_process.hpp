// Programs that tests start: PostgreSQL servers, pgweir, openssl. A child is owned by one object
// and is killed with it; a crashed test run leaves nothing behind (PR_SET_PDEATHSIG). Children are
// to be started on the main thread: the kernel ties them to the thread that forked.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace pgweir::test {

struct spawn_options {
    bool as_postgres = false;                       ///< run as user postgres if we are root
    std::filesystem::path log_file;                 ///< stdout and stderr; empty: inherited
    std::map<std::string, std::string> environment; ///< added to ours; an empty value unsets
    int death_signal = 9; ///< what the child gets if the test process dies
    /// The namespace to run in, as a file (/run/netns/NAME); empty: ours. Needs root.
    std::filesystem::path network_namespace;
};

class child_process {
public:
    child_process() = default;
    /// Throws std::runtime_error if the fork fails; a program that cannot be executed exits 127.
    child_process(const std::vector<std::string>& arguments, const spawn_options& options);
    ~child_process();
    child_process(child_process&& other) noexcept;
    child_process& operator=(child_process&& other) noexcept;
    child_process(const child_process&) = delete;
    child_process& operator=(const child_process&) = delete;

    [[nodiscard]] pid_t pid() const { return pid_; }
    /// False once it has ended; reaps it.
    [[nodiscard]] bool running();
    void send_signal(int number) const;
    /// The exit code (128 + signal if killed), or empty if it still runs after `limit`.
    std::optional<int> wait_for_exit(std::chrono::milliseconds limit);
    /// SIGKILL and reap.
    void kill();

private:
    bool reap(bool block);

    pid_t pid_ = -1;
    std::optional<int> exit_code_;
};

struct command_result {
    int exit_code = -1;
    std::string output; ///< stdout and stderr together
};

/// Runs a program to its end. Throws std::runtime_error if it takes longer than `limit`.
command_result run_command(const std::vector<std::string>& arguments,
                           const spawn_options& options = {},
                           std::chrono::milliseconds limit = std::chrono::seconds{120});

/// The direct children of a process, from /proc.
std::vector<pid_t> children_of(pid_t parent);

/// Resident memory of a process in bytes, from /proc; 0 if it is gone.
std::size_t resident_bytes(pid_t pid);

/// A new directory below `parent`, owned by postgres when we are root; removed with the object.
class temp_directory {
public:
    explicit temp_directory(const std::string& purpose,
                            const std::filesystem::path& parent = "/tmp");
    ~temp_directory();
    temp_directory(const temp_directory&) = delete;
    temp_directory& operator=(const temp_directory&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

/// A TCP port on 127.0.0.1 that was free a moment ago, never given twice by one process.
int free_port();

std::string read_file(const std::filesystem::path& path);
/// Writes a file that user postgres can read; `mode` as in chmod.
void write_file(const std::filesystem::path& path,
                const std::string& content,
                unsigned mode = 0644);

} // namespace pgweir::test
