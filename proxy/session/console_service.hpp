// The door from a login to the virtual database for operators: sessions know only this.
#pragma once

#include "proxy/asio.hpp"
#include "proxy/net/stream.hpp"
#include "proxy/session/frontend_login.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace pgweir {

class worker;

class console_service {
public:
    console_service() = default;
    console_service(const console_service&) = delete;
    console_service& operator=(const console_service&) = delete;
    virtual ~console_service() = default;

    [[nodiscard]] virtual bool is_admin_database(std::string_view name) const = 0;
    /// Serves one console until its end. The user is authenticated; whether it may come in, and
    /// from where, is decided here.
    [[nodiscard]] virtual task<> run(worker& on,
                                     std::shared_ptr<stream> io,
                                     std::string early,
                                     login_result who,
                                     bool local,
                                     std::string peer) = 0;
};

} // namespace pgweir
