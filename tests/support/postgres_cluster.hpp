// A real PostgreSQL cluster for tests: a primary and streaming standbys on free ports of
// 127.0.0.1 with SCRAM passwords, in a temporary directory. initdb runs once per test process; each
// cluster is copies of that template, so that a new one costs about a second.
#pragma once

#include "tests/support/child_process.hpp"
#include "tests/support/pg_connection.hpp"

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace pgweir::test {

/// A role of every test cluster, with its password.
struct account {
    std::string name;
    std::string password;
};

namespace accounts {
inline const account superuser{"postgres", "postgres-secret"};
inline const account app{"app", "app secret'\\ä"};              ///< owns database app; SCRAM
inline const account other{"other", "other-secret"};            ///< another ordinary role; SCRAM
inline const account md5_user{"app_md5", "md5-secret"};         ///< its verifier is an md5 one
inline const account plain_user{"app_plain", "plain-secret"};   ///< the servers ask for plain text
inline const account trusted{"app_trust", ""};                  ///< the servers ask for nothing
inline const account expired{"app_expired", "expired-secret"};  ///< VALID UNTIL is in the past
inline const account monitor{"weir_monitor", "monitor-secret"}; ///< pg_monitor and REPLICATION
inline const account lookup{"weir_lookup", "lookup-secret"};    ///< may only call weir.lookup($1)
} // namespace accounts

struct cluster_options {
    int standbys = 2;
    std::map<std::string, std::string> settings; ///< for postgresql.conf of every node
    bool tls = false;                            ///< ssl=on with a certificate for 127.0.0.1
    bool own_addresses = false; ///< each node has a loopback address of its own, all one port
};

/// A conninfo string; values are quoted, `extra` is appended as it is.
std::string conninfo(int port,
                     const account& who,
                     const std::string& database = "app",
                     const std::string& extra = "");

/// SQL that makes this role, with its password.
std::string create_role_sql(const account& who, const std::string& attributes = "");

class postgres_node {
public:
    postgres_node(std::filesystem::path data_directory, int port, std::string host = "127.0.0.1");
    ~postgres_node();

    [[nodiscard]] int port() const { return port_; }
    [[nodiscard]] const std::filesystem::path& data_directory() const { return data_; }
    [[nodiscard]] const std::string& host() const { return host_; }
    [[nodiscard]] std::string address() const { return host_ + ":" + std::to_string(port_); }
    /// As conninfo() below, for a direct connection.
    [[nodiscard]] std::string direct(const account& who, const std::string& database = "app") const;
    [[nodiscard]] bool running() { return process_.running(); }
    [[nodiscard]] std::string log() const;

    void launch();
    /// launch() and wait until it answers; throws std::runtime_error with the log otherwise.
    void start();
    /// Fast shutdown (SIGINT), as `pg_ctl stop` does.
    void stop();
    /// SIGQUIT: as after a power failure, but children are told.
    void stop_immediately();
    /// SIGKILL to the postmaster and all its children.
    void kill();
    void restart();
    /// SIGSTOP to the postmaster and all its children: a host that hangs. resume() ends it.
    void suspend();
    void resume();
    void promote();
    void pause_replay();
    void resume_replay();
    /// ALTER SYSTEM SET and reload; an empty value resets.
    void set(const std::string& name, const std::string& value);

    /// As the superuser. Throws if it fails.
    [[nodiscard]] pg_connection connect(const std::string& database = "app") const;
    std::string value(const std::string& sql, const std::string& database = "app") const;
    void must(const std::string& sql, const std::string& database = "app") const;
    /// Backends of clients, without this look itself: those whose application_name is like
    /// `application` and which `where` (SQL) selects.
    [[nodiscard]] int count_backends(const std::string& where = "true") const;

private:
    void signal_all(int number) const;

    std::filesystem::path data_;
    int port_;
    std::string host_;
    child_process process_;
};

class postgres_cluster {
public:
    explicit postgres_cluster(const cluster_options& options = {});

    [[nodiscard]] postgres_node& primary() { return *nodes_.front(); }
    /// From 0.
    [[nodiscard]] postgres_node& standby(std::size_t index) { return *nodes_.at(index + 1); }
    [[nodiscard]] std::size_t standbys() const { return nodes_.size() - 1; }
    [[nodiscard]] const std::vector<std::unique_ptr<postgres_node>>& nodes() const {
        return nodes_;
    }
    /// "host:port,host:port", the primary first.
    [[nodiscard]] std::string addresses() const;
    /// Whether all standbys have replayed within the limit what the primary has flushed by now.
    [[nodiscard]] bool wait_caught_up();
    /// The CA that signed the servers' certificates (option tls).
    [[nodiscard]] std::filesystem::path ca_file() const;

private:
    temp_directory directory_;
    std::vector<std::unique_ptr<postgres_node>> nodes_;
};

/// One primary and two standbys for all tests of a run that do not hurt it.
postgres_cluster& shared_cluster();
/// Stops it; called at the end of main.
void drop_shared_cluster();

} // namespace pgweir::test
