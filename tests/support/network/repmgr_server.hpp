// One PostgreSQL server of a network_cluster, on a host of its own: the server, repmgrd and an
// sshd, all as user postgres. Its configuration lies outside the data directory, so that a rewind
// does not bring another node's.
#pragma once

#include "tests/support/network/virtual_network.hpp"
#include "tests/support/pg_connection.hpp"
#include "tests/support/postgres_cluster.hpp"

#include <map>
#include <optional>
#include <string>

namespace pgweir::test {

class repmgr_server {
public:
    /// `number` from 1: host and repmgr node "node<number>". Writes configuration and starts
    /// nothing. `settings`: for postgresql.conf; `consensus`: as in network_options.
    repmgr_server(int number,
                  const virtual_network& network,
                  const std::filesystem::path& directory,
                  std::map<std::string, std::string> settings,
                  bool consensus);
    ~repmgr_server();
    repmgr_server(const repmgr_server&) = delete;
    repmgr_server& operator=(const repmgr_server&) = delete;

    static constexpr int port = 5432;
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] const std::string& address() const { return address_; }
    [[nodiscard]] std::string log() const;
    [[nodiscard]] std::string repmgr_log() const;
    [[nodiscard]] const std::filesystem::path& data_directory() const { return data_; }

    // ---- building
    /// initdb, start, roles, registration as the primary.
    void make_primary();
    /// Cloned from `primary`, started and registered as its standby.
    void clone_from(const repmgr_server& primary);
    void start_sshd();
    /// In postgresql.conf, and reloaded.
    void add_setting(const std::string& setting, const std::string& value) const;

    // ---- the processes. The waits throw std::runtime_error with the log when they are in vain.
    /// As it is, and waits until it answers: an old primary comes back as one.
    void start();
    /// A killed server's number is taken for a running one's until init has reaped it. start()
    /// waits for that by itself.
    void wait_until_reaped() const;
    /// Fast shutdown; waits for the end.
    void stop();
    void restart();
    /// SIGKILL to the postmaster and all its children; waits until all are gone. When it was sent.
    std::chrono::steady_clock::time_point kill();
    /// SIGSTOP to everything on this host, repmgrd included: it hangs. thaw() ends it.
    void freeze();
    void thaw();
    void start_repmgrd();
    /// Until it watches the primary.
    void wait_for_repmgrd() const;
    void stop_repmgrd();
    /// Whether repmgrd, if it runs here, watches that node as its upstream, and sees it.
    [[nodiscard]] bool watches(int number);
    /// Tells repmgr that this node is that one's standby, and lets repmgrd begin anew: it may stay
    /// with an upstream of before that it can see.
    void watch_anew(int number);
    [[nodiscard]] bool running() const { return postmaster() > 0; }

    // ---- repmgr's commands on this host, "-f its configuration" added. They may take a while.
    [[nodiscard]] static std::string repmgr_program();
    command_result repmgr(std::vector<std::string> arguments) const;

    // ---- looks from the test's own namespace, as the superuser
    [[nodiscard]] std::string conninfo_for(const account& who,
                                           const std::string& database = "app") const;
    /// Throws std::runtime_error if it fails.
    [[nodiscard]] pg_connection connect(const std::string& database = "app") const;
    std::string value(const std::string& sql, const std::string& database = "app") const;
    void must(const std::string& sql, const std::string& database = "app") const;
    /// The first value of the first row, or empty if there is no answer within `limit` (and the
    /// two seconds that connecting may take): for servers that may be dead, hung or cut off.
    [[nodiscard]] std::optional<std::string>
    try_value(const std::string& sql,
              std::chrono::milliseconds limit = std::chrono::seconds{2}) const;
    void pause_replay() const;
    void resume_replay() const;

private:
    [[nodiscard]] pid_t postmaster() const;
    [[nodiscard]] spawn_options as_postgres() const;
    void must_run(const std::vector<std::string>& arguments) const;
    void write_repmgr_configuration(bool consensus) const;
    void write_sshd_configuration() const;

    int number_;
    const net_namespace& host_;
    std::string name_;
    std::string address_;
    std::filesystem::path directory_;
    std::filesystem::path data_;
    std::map<std::string, std::string> settings_;
    child_process repmgrd_;
    std::size_t repmgrd_log_begin_ = 0;
    child_process sshd_;
};

} // namespace pgweir::test
