// What the monitor and the catalog reader are told by the configuration: plain values with units.
// The server fills one from the settings; a reload hands over another.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pgweir {

/// A configured node. `host` is a name, a numeric address, or the directory of a Unix socket.
struct monitored_node {
    std::string host;
    std::uint16_t port = 5432;
    double weight = 1.0;          // 0: never read from
    std::string application_name; // joins pg_stat_replication; empty: by address, else by host name
    bool is_discovered = false;   // in the settings: every address of `host` is a node
    std::string address;          // of such a node: the one that it has; else empty
    std::string zone;             // may be empty
    bool near = true;             // in the zone of this process, or it has none
    friend bool operator==(const monitored_node&, const monitored_node&) = default;
};

/// What `topology` judges by. All durations are lengths of time, 0 turns a limit off.
struct topology_settings {
    std::optional<std::uint64_t> max_standby_lag_bytes; // behind the primary's flush position
    std::optional<std::chrono::milliseconds>
        max_standby_lag_time;            // since the primary passed that position
    std::uint32_t write_quorum = 0;      // 0: off; else writes only while so many nodes are
                                         // seen, or one standby streams from the primary
    std::uint64_t system_identifier = 0; // 0: what the majority of configured nodes says
    std::chrono::milliseconds role_bound{10'000}; // a role not confirmed for so long is unknown
};

/// "host:port", or "address:port" of a discovered one: a node's name for people, and what makes two
/// nodes the same one.
[[nodiscard]] std::string name_of(const monitored_node& node);

struct monitor_settings {
    std::vector<monitored_node> nodes;
    std::chrono::milliseconds discovery_interval{1'000}; // between two looks at names' addresses
    std::string user;
    std::string password;
    std::string database = "postgres";
    /// libpq's own names and values, passed on as they are: sslmode, sslrootcert, sslcert, sslkey,
    /// krbsrvname ...
    std::vector<std::pair<std::string, std::string>> connection_options;

    std::chrono::milliseconds interval{200};        // between looks while units run
    std::chrono::milliseconds waiting_interval{20}; // while sessions wait for a position
    std::chrono::milliseconds idle_interval{1'000}; // when no unit ran since the last look
    std::chrono::milliseconds connect_timeout{3'000};
    std::chrono::milliseconds check_timeout{2'000};
    std::chrono::milliseconds wrong_password_pause{5'000}; // no server is asked again sooner
    std::chrono::milliseconds defaults_interval{5'000}; // comparing result-affecting defaults (C2)

    topology_settings topology;

    std::chrono::milliseconds catalog_ttl{60'000};
    std::chrono::milliseconds catalog_idle_timeout{30'000}; // its connection is closed then
    std::chrono::milliseconds catalog_pause{100};           // at most one read of a database per
    std::chrono::milliseconds catalog_timeout{15'000};      // one read of a catalog, in all
};

} // namespace pgweir
