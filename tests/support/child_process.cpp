#include "tests/support/child_process.hpp"

#include "tests/support/wait.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace pgweir::test {

namespace {

struct user_ids {
    uid_t uid;
    gid_t gid;
};

std::optional<user_ids> postgres_user() {
    if (::geteuid() != 0) return std::nullopt;
    const passwd* entry = ::getpwnam("postgres");
    if (entry == nullptr) throw std::runtime_error("no user postgres: install postgresql");
    return user_ids{entry->pw_uid, entry->pw_gid};
}

/// A descriptor that is closed with its scope; -1 is none.
class descriptor {
public:
    explicit descriptor(int number) : number_{number} {}
    ~descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    [[nodiscard]] int number() const { return number_; }

private:
    int number_;
};

int open_namespace(const std::filesystem::path& file) {
    if (file.empty()) return -1;
    const int number = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (number < 0) throw std::runtime_error("no network namespace " + file.string());
    return number;
}

int open_log(const std::filesystem::path& file) {
    if (file.empty()) return -1;
    const int number = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (number < 0) throw std::runtime_error("cannot write " + file.string());
    return number;
}

/// Between fork and exec: only calls that are safe there.
[[noreturn]] void become(const std::vector<char*>& argv,
                         const std::vector<char*>& envp,
                         int log_descriptor,
                         int network_namespace,
                         const std::optional<user_ids>& user,
                         int death_signal,
                         pid_t parent) {
    if (log_descriptor >= 0) {
        ::dup2(log_descriptor, STDOUT_FILENO);
        ::dup2(log_descriptor, STDERR_FILENO);
    }
    const int null = ::open("/dev/null", O_RDONLY);
    if (null >= 0) ::dup2(null, STDIN_FILENO);
    if (network_namespace >= 0 && ::setns(network_namespace, CLONE_NEWNET) != 0) ::_exit(124);
    if (user) {
        if (::setgroups(0, nullptr) != 0 || ::setgid(user->gid) != 0 || ::setuid(user->uid) != 0)
            ::_exit(126);
    }
    // After setuid, which clears it.
    ::prctl(PR_SET_PDEATHSIG, static_cast<unsigned long>(death_signal));
    if (::getppid() != parent) ::_exit(125);
    ::execvpe(argv[0], argv.data(), envp.data());
    ::_exit(127);
}

std::vector<std::string> merged_environment(const std::map<std::string, std::string>& added) {
    std::map<std::string, std::string> all;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string text = *entry;
        const auto equals = text.find('=');
        if (equals != std::string::npos) all[text.substr(0, equals)] = text.substr(equals + 1);
    }
    for (const auto& [name, value] : added) {
        if (value.empty()) {
            all.erase(name);
        } else {
            all[name] = value;
        }
    }
    std::vector<std::string> result;
    for (const auto& [name, value] : all)
        result.push_back(name + "=" + value);
    return result;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> result;
    for (auto& text : strings)
        result.push_back(text.data());
    result.push_back(nullptr);
    return result;
}

} // namespace

child_process::child_process(const std::vector<std::string>& arguments,
                             const spawn_options& options) {
    auto argument_copies = arguments;
    const auto argv = pointers(argument_copies);
    auto environment = merged_environment(options.environment);
    const auto envp = pointers(environment);
    const auto user = options.as_postgres ? postgres_user() : std::nullopt;
    const descriptor network_namespace{open_namespace(options.network_namespace)};
    const descriptor log{open_log(options.log_file)};
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ == 0) {
        become(argv, envp, log.number(), network_namespace.number(), user, options.death_signal,
               parent);
    }
    if (pid_ < 0) throw std::runtime_error("fork failed");
}

child_process::~child_process() {
    kill();
}

child_process::child_process(child_process&& other) noexcept
    : pid_{std::exchange(other.pid_, -1)}, exit_code_{std::exchange(other.exit_code_, {})} {}

child_process& child_process::operator=(child_process&& other) noexcept {
    if (this != &other) {
        kill();
        pid_ = std::exchange(other.pid_, -1);
        exit_code_ = std::exchange(other.exit_code_, {});
    }
    return *this;
}

bool child_process::reap(bool block) {
    if (pid_ <= 0 || exit_code_) return true;
    int status = 0;
    if (::waitpid(pid_, &status, block ? 0 : WNOHANG) != pid_) return false;
    exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return true;
}

bool child_process::running() {
    return pid_ > 0 && !reap(false);
}

void child_process::send_signal(int number) const {
    if (pid_ > 0 && !exit_code_) ::kill(pid_, number);
}

std::optional<int> child_process::wait_for_exit(std::chrono::milliseconds limit) {
    if (!wait_until([this] { return reap(false); }, limit)) return std::nullopt;
    return exit_code_;
}

void child_process::kill() {
    if (pid_ <= 0 || exit_code_) return;
    ::kill(pid_, SIGKILL);
    reap(true);
}

command_result run_command(const std::vector<std::string>& arguments,
                           const spawn_options& options,
                           std::chrono::milliseconds limit) {
    char log_name[] = "/tmp/pgweir-test-command-XXXXXX";
    const int log = ::mkstemp(log_name);
    if (log < 0) throw std::runtime_error("mkstemp failed");
    ::close(log);
    auto with_log = options;
    with_log.log_file = log_name;
    child_process child{arguments, with_log};
    const auto code = child.wait_for_exit(limit);
    command_result result{code.value_or(-1), read_file(log_name)};
    ::unlink(log_name);
    if (!code) throw std::runtime_error(arguments[0] + " did not end in time: " + result.output);
    return result;
}

std::vector<pid_t> children_of(pid_t parent) {
    std::vector<pid_t> result;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const auto name = entry.path().filename().string();
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        const auto stat = read_file(entry.path() / "stat");
        const auto end_of_name = stat.rfind(')'); // the name may hold anything
        if (end_of_name == std::string::npos) continue;
        std::istringstream fields{stat.substr(end_of_name + 1)};
        char state = 0;
        pid_t its_parent = 0;
        if (fields >> state >> its_parent && its_parent == parent)
            result.push_back(static_cast<pid_t>(std::stol(name)));
    }
    return result;
}

std::size_t resident_bytes(pid_t pid) {
    std::istringstream fields{read_file("/proc/" + std::to_string(pid) + "/statm")};
    std::size_t total_pages = 0;
    std::size_t resident_pages = 0;
    if (!(fields >> total_pages >> resident_pages)) return 0;
    return resident_pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

temp_directory::temp_directory(const std::string& purpose, const std::filesystem::path& parent) {
    std::string pattern = (parent / ("pgweir-test-" + purpose + "-XXXXXX")).string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    path_ = pattern;
    if (const auto user = postgres_user()) {
        if (::chown(path_.c_str(), user->uid, user->gid) != 0)
            throw std::runtime_error("chown failed: " + path_.string());
    }
    ::chmod(path_.c_str(), 0755);
}

temp_directory::~temp_directory() {
    if (std::getenv("PGWEIR_TEST_KEEP") != nullptr) return;
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

int free_port() {
    static std::set<int> given;
    for (;;) {
        const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        const bool found = probe >= 0 && ::bind(probe, generic, length) == 0 &&
                           ::getsockname(probe, generic, &length) == 0;
        if (probe >= 0) ::close(probe);
        if (!found) throw std::runtime_error("no free port");
        if (given.insert(ntohs(address.sin_port)).second) return ntohs(address.sin_port);
    }
}

std::string read_file(const std::filesystem::path& path) {
    std::ifstream file{path, std::ios::binary};
    std::ostringstream content;
    content << file.rdbuf();
    return content.str();
}

void write_file(const std::filesystem::path& path, const std::string& content, unsigned mode) {
    {
        std::ofstream file{path, std::ios::binary | std::ios::trunc};
        file << content;
        if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
    }
    ::chmod(path.c_str(), static_cast<mode_t>(mode));
    if (const auto user = postgres_user()) {
        if (::chown(path.c_str(), user->uid, user->gid) != 0)
            throw std::runtime_error("chown failed: " + path.string());
    }
}

} // namespace pgweir::test
