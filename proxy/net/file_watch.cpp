#include "proxy/net/file_watch.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

namespace pgweir {

namespace {

constexpr std::uint32_t interesting =
    IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF;

} // namespace

file_watch::file_watch(io_executor executor, std::function<void()> on_change)
    : on_change_{std::move(on_change)}, events_{executor}, settle_{executor}, regular_{executor} {}

void file_watch::watch(std::vector<std::string> directories) {
    const bool begins = directories_.empty() && !directories.empty();
    if (directories == directories_) return;
    directories_ = std::move(directories);
    // A new set of watches instead of taking single ones off.
    error_code ignored;
    events_.close(ignored);
    const int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd >= 0) {
        events_.assign(fd, ignored);
        add_watches();
        wait_for_events();
    } // else the regular look has to do
    if (begins) wait_for_time();
}

/// Those that are watched already stay so: inotify tells directories apart by what they are.
void file_watch::add_watches() {
    if (!events_.is_open()) return;
    for (const auto& directory : directories_)
        ::inotify_add_watch(events_.native_handle(), directory.c_str(), interesting);
}

void file_watch::wait_for_events() {
    events_.async_wait(asio::posix::descriptor_base::wait_read,
                       [self = shared_from_this()](const error_code& ec) { self->on_events(ec); });
}

void file_watch::on_events(const error_code& ec) {
    if (ec || stopped_ || !events_.is_open()) return;
    std::array<char, 4096> told{};
    error_code failure;
    std::size_t n = 0;
    do {
        n = events_.read_some(asio::buffer(told), failure);
    } while (!failure && n == told.size());
    wait_for_events();
    if (std::exchange(is_settling_, true)) return;
    using namespace std::chrono_literals;
    const auto now = std::chrono::steady_clock::now();
    settle_.expires_at(std::max(now + settling, last_told_ + 1s));
    settle_.async_wait([self = shared_from_this()](const error_code& late) {
        self->is_settling_ = false;
        if (!late && !self->stopped_) self->tell();
    });
}

void file_watch::wait_for_time() {
    regular_.expires_after(interval);
    regular_.async_wait([self = shared_from_this()](const error_code& ec) {
        if (ec || self->stopped_ || self->directories_.empty()) return;
        self->tell();
        self->wait_for_time();
    });
}

void file_watch::tell() {
    last_told_ = std::chrono::steady_clock::now();
    add_watches(); // of directories that were replaced
    on_change_();
}

void file_watch::stop() {
    stopped_ = true;
    error_code ignored;
    events_.close(ignored);
    settle_.cancel();
    regular_.cancel();
}

} // namespace pgweir
