// A cluster whose links can be cut: PostgreSQL with streaming replication and repmgrd, each server
// in a network namespace of its own ("node1", "node2", ...), one for the proxy under test and one
// for the clients, which the constructing thread enters. Needs root and Debian's
// postgresql-15-repmgr. Make it on the main thread before any other thread exists, and destroy it
// there; between, one thread at a time injects faults. All is taken down with it, and by the
// janitor if the test process dies.
#pragma once

#include "tests/support/network/repmgr_server.hpp"
#include "tests/support/pgweir_process.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace pgweir::test {

struct network_options {
    int servers = 3;
    bool synchronous = false; ///< synchronous_standby_names = 'ANY 1 (*)'
    /// A standby is promoted only if no other has seen the primary in the last two seconds: never
    /// beside a primary that only it has lost. It takes three seconds longer; without it a standby
    /// that sees nothing promotes as soon as it can.
    bool consensus = true;
    bool automatic_failover = true;                   ///< repmgrd promotes; false: only on command
    std::map<std::string, std::string> settings = {}; ///< for postgresql.conf of every node
};

class network_cluster {
public:
    explicit network_cluster(const network_options& options = {});
    ~network_cluster();
    network_cluster(const network_cluster&) = delete;
    network_cluster& operator=(const network_cluster&) = delete;

    /// From 0: "node1" is server 0.
    [[nodiscard]] repmgr_server& server(std::size_t index) { return *servers_.at(index); }
    [[nodiscard]] std::size_t size() const { return servers_.size(); }
    [[nodiscard]] const std::filesystem::path& directory() const { return directory_.path(); }
    /// Members "proxy" and "clients", and the servers by name.
    [[nodiscard]] virtual_network& network() { return network_; }
    /// "host:port,host:port".
    [[nodiscard]] std::string addresses() const;

    // ---- pgweir on host "proxy", port 5432, HTTP 9719; its admin database serves all hosts
    [[nodiscard]] std::unique_ptr<pgweir_process> start_pgweir(const settings_map& settings = {});
    /// For clients of whatever listens on host "proxy".
    [[nodiscard]] std::string conninfo_of_proxy(const account& who,
                                                const std::string& database = "app",
                                                int port = 5432) const;

    // ---- the truth, asked of the servers themselves
    /// The one that is not in recovery; of several the one with the highest timeline.
    [[nodiscard]] std::optional<std::size_t> primary();
    /// primary(); throws std::runtime_error if there is none.
    [[nodiscard]] std::size_t the_primary();
    /// A server that is not the primary: the `number`th of them, from 0.
    [[nodiscard]] std::size_t a_standby(std::size_t number = 0);
    [[nodiscard]] bool is_primary(std::size_t index);

    // ---- waits; they throw std::runtime_error with what is known when the limit has passed
    /// Until another than `old` is primary; who it is.
    std::size_t wait_for_new_primary(std::size_t old,
                                     std::chrono::milliseconds limit = std::chrono::seconds{60});
    /// Until all servers are up and all but the primary stream from it and have replayed what it
    /// has flushed by now; and until every repmgrd that runs watches that primary.
    void wait_all_well(std::chrono::milliseconds limit = std::chrono::seconds{60});

    // ---- faults of links; processes: repmgr_server
    void cut_from_proxy(std::size_t index);
    /// From the other servers, not from proxy and clients.
    void cut_from_peers(std::size_t index);
    /// From proxy and peers; the test itself still sees it.
    void cut_from_all(std::size_t index);
    /// Packets between that server and everybody but the test, at random, both directions.
    void lose_packets(std::size_t index, unsigned per_mille);
    void heal(std::size_t index);

    // ---- what operators do
    /// An old primary or a standby that was left behind: stopped if it runs, rewound by `repmgr
    /// node rejoin` to follow the present primary, repmgrd beside it; waits until it streams.
    void rejoin(std::size_t index);
    /// `repmgr standby switchover`: `to` becomes primary, the others follow. False if repmgr says
    /// that it failed; what it said is then in `said`.
    [[nodiscard]] bool switchover(std::size_t to, std::string& said);
    /// The same as a setting of pgweir, which runs it on the standby's host through ssh.
    [[nodiscard]] std::string switchover_command() const;
    /// After any faults: links healed, all thawed and running, replay resumed, one primary, the
    /// others rejoined.
    void repair();

private:
    void write_switchover_script() const;
    void add_standbys(const network_options& options);

    temp_directory directory_;
    janitor janitor_;
    namespace_return return_;
    virtual_network network_;
    std::vector<std::unique_ptr<repmgr_server>> servers_;
};

} // namespace pgweir::test
