// Tells that files may have changed, by watching their directories (inotify: a symbolic link that
// is swapped, as Kubernetes does for a mounted Secret, changes its directory), and now and then
// without being told, for file systems that do not tell. Used by the thread of its executor only.
#pragma once

#include "proxy/asio.hpp"

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace pgweir {

class file_watch : public std::enable_shared_from_this<file_watch> {
public:
    /// `on_change` may be called though nothing has changed; it is called at most once a second.
    file_watch(io_executor executor, std::function<void()> on_change);

    /// Watches these directories and no others. One that is not there is looked for again.
    void watch(std::vector<std::string> directories);
    void stop();

    static constexpr std::chrono::seconds interval{30};
    /// Who replaces several files is given this long to finish.
    static constexpr std::chrono::milliseconds settling{300};

private:
    void wait_for_events();
    void on_events(const error_code& ec);
    void wait_for_time();
    void tell();
    void add_watches();

    std::function<void()> on_change_;
    asio::posix::basic_stream_descriptor<io_executor> events_;
    steady_timer settle_;
    steady_timer regular_;
    std::vector<std::string> directories_;
    std::chrono::steady_clock::time_point last_told_{};
    bool is_settling_ = false;
    bool stopped_ = false;
};

} // namespace pgweir
