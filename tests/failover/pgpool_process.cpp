#include "tests/failover/pgpool_process.hpp"

#include "tests/support/wait.hpp"

#include <sstream>
#include <stdexcept>

namespace pgweir::test {

namespace {

/// The image's defaults, written out where they differ from pgpool's own.
constexpr const char* as_the_image_has_it = "backend_clustering_mode = 'streaming_replication'\n"
                                            "listen_addresses = '*'\n"
                                            "port = 5432\n"
                                            "pcp_listen_addresses = '*'\n"
                                            "pcp_port = 9898\n"
                                            "max_pool = 1\n"
                                            "load_balance_mode = on\n"
                                            "statement_level_load_balance = off\n"
                                            "disable_load_balance_on_write = 'transaction'\n"
                                            "enable_pool_hba = on\n"
                                            "pool_passwd = 'pool_passwd'\n"
                                            "sr_check_period = 30\n"
                                            "sr_check_user = 'repmgr'\n"
                                            "sr_check_database = 'postgres'\n"
                                            "health_check_period = 30\n"
                                            "health_check_timeout = 10\n"
                                            "health_check_user = 'repmgr'\n"
                                            "health_check_max_retries = 5\n"
                                            "health_check_retry_delay = 5\n"
                                            "connect_timeout = 10000\n"
                                            "failover_on_backend_error = off\n"
                                            "failover_on_backend_shutdown = on\n"
                                            "failover_command = 'echo failover'\n"
                                            "search_primary_node_timeout = 0\n"
                                            "log_min_messages = warning\n";

} // namespace

std::filesystem::path pgpool_process::binary() {
    const std::filesystem::path file = "/usr/sbin/pgpool";
    return std::filesystem::exists(file) ? file : std::filesystem::path{};
}

void pgpool_process::write_configuration(network_cluster& cluster, int clients) const {
    const auto& directory = directory_.path();
    std::ostringstream text;
    text << as_the_image_has_it << "num_init_children = " << clients + 20 << "\n";
    for (const char* setting : {"pcp_socket_dir", "socket_dir", "unix_socket_directories", "logdir",
                                "work_dir", "wd_ipc_socket_dir"})
        text << setting << " = '" << directory.string() << "'\n";
    text << "pid_file_name = '" << (directory / "pid").string() << "'\n";
    for (std::size_t index = 0; index < cluster.size(); ++index)
        text << "backend_hostname" << index << " = '" << cluster.server(index).address() << "'\n"
             << "backend_port" << index << " = " << repmgr_server::port << "\n"
             << "backend_weight" << index << " = 1\n"
             << "backend_flag" << index << " = 'ALLOW_TO_FAILOVER'\n";
    write_file(directory / "pgpool.conf", text.str(), 0600);
    write_file(directory / "pool_hba.conf",
               "local all all trust\nhost all all " + virtual_network::range() + " scram-sha-256\n",
               0600);
    write_file(directory / "pool_passwd", user().name + ":TEXT" + user().password + "\n", 0600);
    // "admin" with the password "admin".
    write_file(directory / "pcp.conf", "admin:21232f297a57a5a743894a0e4a801fc3\n", 0600);
    write_file(directory / ".pcppass", "*:*:admin:admin\n", 0600);
}

pgpool_process::pgpool_process(network_cluster& cluster, int clients)
    : directory_{"pgpool"}, host_{cluster.network().at("proxy").file()},
      address_{cluster.network().address("proxy")} {
    write_configuration(cluster, clients);
    const auto& directory = directory_.path();
    spawn_options options;
    options.as_postgres = true;
    options.network_namespace = host_;
    options.log_file = directory / "log";
    process_ = child_process{{binary().string(), "-n", "-D", "-f", directory / "pgpool.conf", "-F",
                              directory / "pcp.conf", "-a", directory / "pool_hba.conf"},
                             options};
    const auto target = cluster.conninfo_of_proxy(user());
    const bool answers = wait_until(
        [&] {
            pg_connection look{target};
            return look.connected() && look.exec("select 1").ok();
        },
        60s, 200ms);
    if (!answers) throw std::runtime_error("pgpool does not answer: " + log());
}

void pgpool_process::attach(std::size_t index) const {
    spawn_options options;
    options.as_postgres = true;
    options.network_namespace = host_;
    options.environment = {{"PCPPASSFILE", (directory_.path() / ".pcppass").string()}};
    const auto said = run_command({"/usr/sbin/pcp_attach_node", "-h", address_, "-p", "9898", "-U",
                                   "admin", "-w", "-n", std::to_string(index)},
                                  options);
    if (said.exit_code != 0) throw std::runtime_error("pcp_attach_node: " + said.output);
}

} // namespace pgweir::test
