// The virtual database `pgweir`: SHOW tables and commands for operators, over the ordinary
// protocol, without a server connection. One for the process; each console session runs on the
// worker that accepted it.
#pragma once

#include "proxy/asio.hpp"
#include "proxy/net/stream.hpp"
#include "proxy/session/console_service.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace pgweir {

class server;
class worker;

class admin_service final : public console_service {
public:
    explicit admin_service(server& of) : server_{of} {}

    /// "pgweir", and "pgbouncer" for tools that know only that name.
    [[nodiscard]] bool is_admin_database(std::string_view name) const override {
        return name == "pgweir" || name == "pgbouncer";
    }

    /// Serves one console until its end, and counts it out of shared_parts::clients then. The user
    /// is authenticated; whether it may come in here, and from where, is decided here.
    task<> run(worker& on,
               std::shared_ptr<stream> io,
               std::string early,
               login_result who,
               bool local,
               std::string peer) override;

private:
    server& server_;
    std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

} // namespace pgweir
