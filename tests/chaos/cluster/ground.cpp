#include "tests/chaos/cluster/ground.hpp"

#include "tests/support/wait.hpp"

#include <csignal>
#include <stdexcept>

namespace pgweir::test {

settings_map chaos_ground::proxy_settings() {
    return {{"pool_size", "10"},
            {"failover_timeout", "30s"},
            // Reads say which server they ran on.
            {"read_only_function_list", "pg_is_in_recovery,inet_server_addr,inet_server_port"}};
}

void chaos_ground::start_proxies() {
    lasting_proxy_ = make_proxy(true);
    restarted_proxy_ = make_proxy(false);
    lasting_target_.conninfo = conninfo_of_proxy(true);
    restarted_target_.conninfo = conninfo_of_proxy(false);
    lasting_target_.process = 1;
    restarted_target_.process = 1001;
    restarted_target_.lasts = false;
}

void chaos_ground::stop_proxies() {
    lasting_proxy_.reset();
    restarted_proxy_.reset();
}

void chaos_ground::restart_proxy(bool by_force) {
    if (by_force)
        restarted_proxy_->kill();
    else if (!restarted_proxy_->stop())
        throw std::runtime_error("pgweir did not end: " + restarted_proxy_->log());
    restarted_proxy_.reset();
    ++restarted_target_.process;
    restarted_proxy_ = make_proxy(false);
}

void sleep_up_to(std::mt19937& random, std::chrono::milliseconds most) {
    const auto least = most.count() / 10;
    std::this_thread::sleep_for(std::chrono::milliseconds{
        std::uniform_int_distribution<std::int64_t>{least, most.count()}(random)});
}

} // namespace pgweir::test
