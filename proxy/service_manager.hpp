// What the manager of services (systemd) is told of this process, if it has asked by NOTIFY_SOCKET:
// that it serves, reads its settings again, or ends, and as its watchdog that all workers turn.
// Owned by the server, used on the control thread. Source: manual pages sd_notify,
// sd_watchdog_enabled.
#pragma once

#include "proxy/asio.hpp"

#include <boost/asio/local/datagram_protocol.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace pgweir {

/// The manager's wishes as the environment has them; null: the variable is not set.
struct service_manager_variables {
    const char* notify_socket = nullptr;
    const char* watchdog_usec = nullptr;
    const char* watchdog_pid = nullptr;
};

struct service_manager_wishes {
    std::string socket;                    // a path, or a name that begins with NUL; empty: none
    std::chrono::microseconds watchdog{0}; // to hear of us at least that often; 0: need not

    friend bool operator==(const service_manager_wishes&, const service_manager_wishes&) = default;
};

/// What cannot be meant for this process is left out.
[[nodiscard]] service_manager_wishes wishes_of(const service_manager_variables& variables,
                                               long pid);

class service_manager {
public:
    /// Reads the environment of this process.
    explicit service_manager(asio::io_context& control);

    /// While `alive` says no, the watchdog is told nothing, so that it ends the process.
    void ready(std::function<bool()> alive);
    void reloading();
    void reloaded();
    /// It may take so long.
    void stopping(std::chrono::seconds most);

private:
    using datagram = asio::local::datagram_protocol;

    /// What the manager does not take is not told again: it must not hold up anything.
    void tell(std::string_view state);
    void watch();

    service_manager_wishes wishes_;
    asio::basic_datagram_socket<datagram, io_executor> socket_;
    steady_timer timer_;
    std::function<bool()> alive_;
};

} // namespace pgweir
