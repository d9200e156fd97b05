// A cluster and two pgweirs in front of it for the chaos run to hurt. One pgweir lives through the
// whole run, the other one is restarted. Faults are injected by the main thread.
#pragma once

#include "tests/chaos/cluster/chaos_session.hpp"
#include "tests/support/pgweir_process.hpp"

#include <memory>
#include <random>
#include <string>
#include <vector>

namespace pgweir::test {

class chaos_ground {
public:
    virtual ~chaos_ground() = default;
    chaos_ground() = default;
    chaos_ground(const chaos_ground&) = delete;
    chaos_ground& operator=(const chaos_ground&) = delete;

    /// Something happens to the cluster, for some seconds; then all servers are well again.
    virtual void one_fault(std::mt19937& random, recorder& history) = 0;
    /// All servers well, one primary that all others follow and have caught up with.
    virtual void repair() = 0;
    [[nodiscard]] virtual pg_connection connect_to_primary() = 0;

    struct server {
        std::string name; ///< as inet_server_addr() and inet_server_port() say it
        pg_connection session;
    };
    [[nodiscard]] virtual std::vector<server> connect_to_all() = 0;

    /// The pgweir that stays, and the one that does not. After start_proxies().
    [[nodiscard]] const chaos_target& lasting() const { return lasting_target_; }
    [[nodiscard]] const chaos_target& restarted() const { return restarted_target_; }
    [[nodiscard]] pgweir_process& lasting_proxy() { return *lasting_proxy_; }
    [[nodiscard]] pgweir_process& restarted_proxy() { return *restarted_proxy_; }
    void start_proxies();
    void stop_proxies();
    /// SIGTERM or SIGKILL, and another one in its place at the same port.
    void restart_proxy(bool by_force);

protected:
    [[nodiscard]] virtual std::unique_ptr<pgweir_process> make_proxy(bool lasting) = 0;
    [[nodiscard]] virtual std::string conninfo_of_proxy(bool lasting) = 0;
    [[nodiscard]] static settings_map proxy_settings();

private:
    std::unique_ptr<pgweir_process> lasting_proxy_;
    std::unique_ptr<pgweir_process> restarted_proxy_;
    chaos_target lasting_target_;
    chaos_target restarted_target_;
};

/// `pause` of up to that long, at least a tenth of it.
void sleep_up_to(std::mt19937& random, std::chrono::milliseconds most);

} // namespace pgweir::test
