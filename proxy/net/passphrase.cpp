// Asks an operator's command for the passphrase of a private key (tls_files.hpp).
#include "proxy/net/start_child.hpp"
#include "proxy/net/tls_files.hpp"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace pgweir {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::chrono::seconds patience{10};
constexpr std::size_t longest_answer = 4096;

std::string with_prompt(const std::string& command, const std::string& prompt) {
    std::string made;
    for (std::size_t i = 0; i < command.size(); ++i) {
        const char next = i + 1 < command.size() ? command[i + 1] : '\0';
        if (command[i] != '%' || (next != 'p' && next != '%')) {
            made += command[i];
            continue;
        }
        made += next == 'p' ? prompt : "%";
        ++i;
    }
    return made;
}

class descriptor {
public:
    explicit descriptor(int fd) : fd_{fd} {}
    ~descriptor() { close(); }
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    [[nodiscard]] int get() const { return fd_; }
    void close() {
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }

private:
    int fd_;
};

/// Up to the end of the output, the deadline, or more than anybody would say.
std::string read_output(int from, clock::time_point deadline) {
    std::string text;
    std::array<char, 512> chunk{};
    while (text.size() < longest_answer) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now());
        pollfd readable{from, POLLIN, 0};
        if (left.count() <= 0 || ::poll(&readable, 1, static_cast<int>(left.count())) <= 0) break;
        const auto n = ::read(from, chunk.data(), chunk.size());
        if (n <= 0) break;
        text.append(chunk.data(), static_cast<std::size_t>(n));
    }
    OPENSSL_cleanse(chunk.data(), chunk.size());
    return text;
}

/// Its exit status; it is killed at the deadline.
int wait_for(pid_t child, clock::time_point deadline) {
    int status = 0;
    while (::waitpid(child, &status, WNOHANG) == 0) {
        if (clock::now() >= deadline) {
            ::kill(-child, SIGKILL);
            ::waitpid(child, &status, 0);
            break;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
    return status;
}

} // namespace

std::string ask_passphrase(const std::string& command, const std::string& prompt) {
    const auto failed = [](const std::string& why) {
        return std::runtime_error{"the passphrase command " + why};
    };
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw failed("has no pipe to answer by");
    const descriptor from{ends[0]};
    descriptor to{ends[1]};
    const auto deadline = clock::now() + patience;
    pid_t child = -1;
    const int error = start_child(child, {"/bin/sh", "-c", with_prompt(command, prompt)},
                                  own_environment(), to.get(), STDERR_FILENO);
    if (error != 0) throw failed("cannot run: " + std::generic_category().message(error));
    to.close();
    auto answer = read_output(from.get(), deadline);
    const int status = wait_for(child, deadline);
    if (!WIFEXITED(status)) throw failed("did not end within ten seconds, or by a signal");
    if (WEXITSTATUS(status) != 0)
        throw failed("failed with exit code " + std::to_string(WEXITSTATUS(status)));
    answer.resize(std::min(answer.find_first_of("\r\n"), answer.size()));
    if (answer.empty()) throw failed("said nothing");
    return answer;
}

} // namespace pgweir
