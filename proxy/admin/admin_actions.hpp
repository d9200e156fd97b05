// What the console's commands do, and the tables that SHOW answers. Each action runs on the
// worker of its console and resumes there; nothing blocks a thread.
#pragma once

#include "proxy/admin/admin_command.hpp"
#include "proxy/admin/admin_tables.hpp"
#include "proxy/admin/switchover.hpp"
#include "proxy/asio.hpp"
#include "proxy/net/stream.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace pgweir {

class server;
class worker;

/// What a command came to.
struct admin_outcome {
    std::optional<admin_error> error;
    std::string notice; // for the operator; empty: none
    std::vector<admin_row> rows;
};

class admin_actions {
public:
    /// `io`: the console's connection; a command that waits ends when it goes away. `started`: when
    /// counting began.
    admin_actions(server& of,
                  worker& on,
                  std::shared_ptr<stream> io,
                  std::chrono::steady_clock::time_point started)
        : server_{of}, on_{on}, io_{std::move(io)}, started_{started} {}

    task<admin_outcome> perform(admin_command command);

    /// SHUTDOWN, after its answer is on its way.
    void shut_down(shutdown_mode how);

private:
    task<admin_outcome> show(show_topic topic);
    task<admin_outcome> reload();
    task<admin_outcome> pause(std::string database);
    task<admin_outcome> resume(std::string database);
    task<admin_outcome> order(admin_command command);
    task<admin_outcome> reconnect(std::string database);
    task<admin_outcome> kill_client(std::int32_t id);
    // admin_switchover.cpp
    task<admin_outcome> switchover(std::string wanted);
    task<admin_outcome> held_switchover(std::string wanted,
                                        std::chrono::steady_clock::time_point begun);
    task<std::optional<admin_error>> drain_all(std::chrono::steady_clock::time_point deadline);
    task<switchover_progress> watch_switchover(switchover_plan plan,
                                               std::chrono::steady_clock::time_point deadline);
    [[nodiscard]] bool peer_is_gone() const;

    server& server_;
    worker& on_;
    std::shared_ptr<stream> io_;
    std::chrono::steady_clock::time_point started_;
};

} // namespace pgweir
