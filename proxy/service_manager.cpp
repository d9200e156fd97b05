#include "proxy/service_manager.hpp"

#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace pgweir {

namespace {

std::optional<long> number(const char* text) {
    long value = 0;
    const char* const last = text + std::strlen(text);
    const auto [end, ec] = std::from_chars(text, last, value);
    if (ec != std::errc{} || end != last || value < 0) return {};
    return value;
}

// What a Unix socket's address has room for.
constexpr std::size_t longest_path = 107;

} // namespace

service_manager_wishes wishes_of(const service_manager_variables& variables, long pid) {
    service_manager_wishes wishes;
    if (variables.notify_socket == nullptr) return wishes;
    wishes.socket = variables.notify_socket;
    const bool is_known = wishes.socket.starts_with('/') || wishes.socket.starts_with('@');
    if (!is_known || wishes.socket.size() > longest_path) return {};
    if (wishes.socket.front() == '@') wishes.socket.front() = '\0';
    if (variables.watchdog_pid != nullptr && number(variables.watchdog_pid) != pid) return wishes;
    if (variables.watchdog_usec != nullptr)
        wishes.watchdog = std::chrono::microseconds{number(variables.watchdog_usec).value_or(0)};
    return wishes;
}

service_manager::service_manager(asio::io_context& control)
    : wishes_{wishes_of(
          {std::getenv("NOTIFY_SOCKET"), std::getenv("WATCHDOG_USEC"), std::getenv("WATCHDOG_PID")},
          ::getpid())},
      socket_{control.get_executor()}, timer_{control.get_executor()} {}

void service_manager::ready(std::function<bool()> alive) {
    alive_ = std::move(alive);
    tell("READY=1");
    watch();
}

void service_manager::reloading() {
    const auto now = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now().time_since_epoch());
    tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now.count()));
}

void service_manager::reloaded() {
    tell("READY=1");
}

void service_manager::stopping(std::chrono::seconds most) {
    const std::chrono::microseconds longest = most;
    tell("STOPPING=1\nEXTEND_TIMEOUT_USEC=" + std::to_string(longest.count()));
}

void service_manager::tell(std::string_view state) {
    if (wishes_.socket.empty()) return;
    error_code ec;
    if (!socket_.is_open()) {
        socket_.open(datagram{}, ec);
        if (!ec) socket_.non_blocking(true, ec);
    }
    if (ec) return;
    const datagram::endpoint manager{wishes_.socket};
    socket_.send_to(asio::buffer(state), manager, 0, ec);
}

void service_manager::watch() {
    if (wishes_.watchdog.count() == 0) return;
    timer_.expires_after(wishes_.watchdog / 3);
    timer_.async_wait([this](const error_code& ec) {
        if (ec) return;
        if (alive_()) tell("WATCHDOG=1");
        watch();
    });
}

} // namespace pgweir
