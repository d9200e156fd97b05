#include "tests/support/network/net_namespace.hpp"

#include "tests/support/wait.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <stdexcept>

namespace pgweir::test {

namespace {

const std::filesystem::path directory_of_namespaces = "/run/netns";

std::vector<pid_t> processes_in(const std::filesystem::path& file) {
    std::vector<pid_t> result;
    struct stat wanted{};
    if (::stat(file.c_str(), &wanted) != 0) return result;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const auto name = entry.path().filename().string();
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        struct stat its{};
        if (::stat((entry.path() / "ns/net").c_str(), &its) != 0) continue;
        const auto pid = static_cast<pid_t>(std::stol(name));
        if (its.st_ino == wanted.st_ino && its.st_dev == wanted.st_dev && pid != ::getpid())
            result.push_back(pid);
    }
    return result;
}

/// Until none is left: they may start others while they are being killed.
void kill_all_in(const std::filesystem::path& file) {
    [[maybe_unused]] const bool empty = wait_until(
        [&] {
            const auto left = processes_in(file);
            for (const pid_t pid : left)
                ::kill(pid, SIGKILL);
            // Our own children stay zombies, without a namespace, until their owner reaps them.
            return left.empty();
        },
        10s);
}

bool is_alive(pid_t pid) {
    return ::kill(pid, 0) == 0 || errno == EPERM;
}

} // namespace

std::string namespace_prefix() {
    return "pgweir-" + std::to_string(::getpid()) + "-";
}

net_namespace::net_namespace(const std::string& short_name)
    : name_{namespace_prefix() + short_name} {
    const auto made = run_command({"ip", "netns", "add", name_});
    if (made.exit_code != 0) throw std::runtime_error("ip netns add: " + made.output);
    must({"ip", "link", "set", "lo", "up"});
}

net_namespace::~net_namespace() {
    kill_all_in(file());
    run_command({"ip", "netns", "del", name_});
}

std::filesystem::path net_namespace::file() const {
    return directory_of_namespaces / name_;
}

std::vector<pid_t> net_namespace::processes() const {
    return processes_in(file());
}

void net_namespace::signal_all(int number) const {
    for (const pid_t pid : processes())
        ::kill(pid, number);
}

command_result net_namespace::run(const std::vector<std::string>& arguments,
                                  spawn_options options) const {
    options.network_namespace = file();
    return run_command(arguments, options);
}

void net_namespace::must(const std::vector<std::string>& arguments,
                         const spawn_options& options) const {
    const auto result = run(arguments, options);
    if (result.exit_code == 0) return;
    std::string text;
    for (const auto& argument : arguments)
        text += argument + " ";
    throw std::runtime_error(name_ + ": " + text + "failed: " + result.output);
}

void net_namespace::enter() const {
    const int descriptor = ::open(file().c_str(), O_RDONLY | O_CLOEXEC);
    const bool entered = descriptor >= 0 && ::setns(descriptor, CLONE_NEWNET) == 0;
    if (descriptor >= 0) ::close(descriptor);
    if (!entered) throw std::runtime_error("cannot enter " + name_);
}

void remove_namespaces(const std::string& prefix) {
    std::error_code none;
    std::vector<std::filesystem::path> ours;
    for (const auto& entry : std::filesystem::directory_iterator(directory_of_namespaces, none))
        if (entry.path().filename().string().starts_with(prefix)) ours.push_back(entry.path());
    for (const auto& file : ours)
        kill_all_in(file);
    for (const auto& file : ours)
        run_command({"ip", "netns", "del", file.filename().string()});
}

void remove_leftover_namespaces() {
    std::error_code none;
    std::vector<std::string> dead;
    for (const auto& entry : std::filesystem::directory_iterator(directory_of_namespaces, none)) {
        const auto name = entry.path().filename().string();
        if (!name.starts_with("pgweir-")) continue;
        const auto pid = std::atoi(name.c_str() + 7);
        if (pid > 0 && !is_alive(pid)) dead.push_back("pgweir-" + std::to_string(pid) + "-");
    }
    std::ranges::sort(dead);
    const auto [from, to] = std::ranges::unique(dead);
    dead.erase(from, to);
    for (const auto& prefix : dead)
        remove_namespaces(prefix);
}

janitor::janitor(const std::filesystem::path& directory) {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe failed");
    const auto prefix = namespace_prefix();
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("fork failed");
    if (pid_ == 0) {
        ::close(ends[1]);
        ::setsid(); // what ends the test by its process group is not to end this
        char nothing = 0;
        while (::read(ends[0], &nothing, 1) < 0 && errno == EINTR) {
        }
        remove_namespaces(prefix);
        std::error_code ignored;
        std::filesystem::remove_all(directory, ignored);
        ::_exit(0);
    }
    ::close(ends[0]);
    lifeline_ = ends[1];
}

janitor::~janitor() {
    // By now there is nothing to take down; it finds that out by itself.
    ::close(lifeline_);
    ::waitpid(pid_, nullptr, 0);
}

namespace_return::namespace_return()
    : descriptor_{::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)} {
    if (descriptor_ < 0) throw std::runtime_error("cannot open our own network namespace");
}

namespace_return::~namespace_return() {
    ::setns(descriptor_, CLONE_NEWNET);
    ::close(descriptor_);
}

} // namespace pgweir::test
