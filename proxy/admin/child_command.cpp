#include "proxy/admin/child_command.hpp"

#include "proxy/admin/switchover.hpp"
#include "proxy/net/start_child.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace pgweir {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds look_interval{10};
constexpr std::chrono::milliseconds patience_after_term{2'000};

/// A pipe whose reading end does not block; both ends are closed with it.
class output_pipe {
public:
    output_pipe() {
        if (::pipe2(ends_.data(), O_CLOEXEC) != 0) ends_ = {-1, -1};
        if (is_open()) ::fcntl(ends_[0], F_SETFL, O_NONBLOCK);
    }
    ~output_pipe() {
        close_end(0);
        close_end(1);
    }
    output_pipe(const output_pipe&) = delete;
    output_pipe& operator=(const output_pipe&) = delete;

    [[nodiscard]] bool is_open() const { return ends_[0] >= 0; }
    [[nodiscard]] int writing_end() const { return ends_[1]; }
    void close_writing_end() { close_end(1); }
    void read_into(last_lines& lines) const {
        std::array<char, 4096> chunk;
        for (int rounds = 0; rounds < 64; ++rounds) {
            const auto n = ::read(ends_[0], chunk.data(), chunk.size());
            if (n <= 0) return;
            lines.add({chunk.data(), static_cast<std::size_t>(n)});
        }
    }

private:
    void close_end(std::size_t which) {
        if (ends_[which] >= 0) ::close(ends_[which]);
        ends_[which] = -1;
    }
    std::array<int, 2> ends_{-1, -1};
};

std::vector<std::string>
merged_environment(const std::vector<std::pair<std::string, std::string>>& added) {
    auto all = own_environment();
    std::erase_if(all, [&](const std::string& text) {
        return std::ranges::any_of(
            added, [&](const auto& one) { return text.starts_with(one.first + "="); });
    });
    for (const auto& [name, value] : added)
        all.push_back(name + "=" + value);
    return all;
}

} // namespace

task<child_outcome> run_child(io_executor executor,
                              std::vector<std::string> arguments,
                              std::vector<std::pair<std::string, std::string>> environment,
                              clock::time_point deadline) {
    child_outcome outcome;
    last_lines lines;
    output_pipe output;
    pid_t child = -1;
    int failed = errno;
    if (output.is_open())
        failed = start_child(child, std::move(arguments), merged_environment(environment),
                             output.writing_end(), output.writing_end());
    output.close_writing_end();
    if (failed != 0) {
        outcome.not_started = std::strerror(failed);
        co_return outcome;
    }
    steady_timer timer{executor};
    int status = 0;
    // Its end is the program's, not its output's: a server that it has started may keep that open.
    while (::waitpid(child, &status, WNOHANG) == 0) {
        output.read_into(lines);
        if (clock::now() >= deadline) {
            ::kill(-child, outcome.timed_out ? SIGKILL : SIGTERM);
            outcome.timed_out = true;
            deadline = clock::now() + patience_after_term;
        }
        timer.expires_after(look_interval);
        co_await timer.async_wait(nothrow);
    }
    output.read_into(lines);
    outcome.output = lines.text();
    if (WIFEXITED(status))
        outcome.exit_code = WEXITSTATUS(status);
    else
        outcome.signal = WTERMSIG(status);
    co_return outcome;
}

} // namespace pgweir
