// Network namespaces of this run: made with `ip netns`, so that a person can look into one
// (`ip netns exec NAME ss -tn`), all named "pgweir-<pid>-...". Needs root.
#pragma once

#include "tests/support/child_process.hpp"

#include <string>
#include <vector>

namespace pgweir::test {

/// "pgweir-<pid>-" of this process.
std::string namespace_prefix();

class net_namespace {
public:
    /// Makes it, with its loopback up. Throws std::runtime_error.
    explicit net_namespace(const std::string& short_name);
    /// Kills what still runs in it (but not this process) and removes it.
    ~net_namespace();
    net_namespace(const net_namespace&) = delete;
    net_namespace& operator=(const net_namespace&) = delete;

    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] std::filesystem::path file() const;
    /// All processes in it but this one; stopped ones too.
    [[nodiscard]] std::vector<pid_t> processes() const;
    void signal_all(int number) const;
    /// Runs a program in it to its end.
    command_result run(const std::vector<std::string>& arguments, spawn_options options = {}) const;
    /// The same; throws std::runtime_error with what it said if it fails.
    void must(const std::vector<std::string>& arguments, const spawn_options& options = {}) const;
    /// Moves the calling thread into it, and with it the threads and children it will start.
    void enter() const;

private:
    std::string name_;
};

/// Kills what runs in the namespaces of that prefix and removes them.
void remove_namespaces(const std::string& prefix);

/// Removes the namespaces of test processes that are no more.
void remove_leftover_namespaces();

/// A process of its own that takes the namespaces and this directory down when the test process
/// has died without doing so. Make it before any thread, and before anything it is to remove.
class janitor {
public:
    explicit janitor(const std::filesystem::path& directory);
    ~janitor();
    janitor(const janitor&) = delete;
    janitor& operator=(const janitor&) = delete;

private:
    int lifeline_ = -1;
    pid_t pid_ = -1;
};

/// Puts the calling thread back into the namespace that it was in when this was made.
class namespace_return {
public:
    namespace_return();
    ~namespace_return();
    namespace_return(const namespace_return&) = delete;
    namespace_return& operator=(const namespace_return&) = delete;

private:
    int descriptor_;
};

} // namespace pgweir::test
