#include "tests/chaos/cluster/plain_ground.hpp"

#include "tests/chaos/history/primary_rules.hpp"
#include "tests/support/wait.hpp"

#include <cstdlib>
#include <stdexcept>

namespace pgweir::test {

namespace {

cluster_options chaos_cluster() {
    cluster_options options;
    options.settings = {{"synchronous_standby_names", "ANY 1 (*)"},
                        {"wal_log_hints", "on"}, // pg_rewind
                        {"tcp_keepalives_idle", "5"}};
    return options;
}

std::uint64_t received(const postgres_node& standby) {
    return parse_position(standby.value("select greatest(pg_last_wal_receive_lsn(), "
                                        "pg_last_wal_replay_lsn())",
                                        "postgres"));
}

std::string program(const std::string& name) {
    const char* directory = std::getenv("PGWEIR_TEST_PG_BIN");
    return std::string{directory != nullptr ? directory : "/usr/lib/postgresql/15/bin"} + "/" +
           name;
}

/// What a standby of this primary has as primary_conninfo.
std::string upstream(const postgres_node& primary) {
    return "host=127.0.0.1 port=" + std::to_string(primary.port()) +
           " user=" + accounts::monitor.name + " password=" + accounts::monitor.password +
           " application_name=standby";
}

} // namespace

plain_ground::plain_ground()
    : cluster_{chaos_cluster()}, lasting_port_{free_port()}, restarted_port_{free_port()} {}

plain_ground::~plain_ground() {
    stop_proxies();
}

std::unique_ptr<pgweir_process> plain_ground::make_proxy(bool lasting) {
    pgweir_options options;
    options.settings = proxy_settings();
    options.settings["port"] = std::to_string(lasting ? lasting_port_ : restarted_port_);
    return std::make_unique<pgweir_process>(cluster_.addresses(), options);
}

std::string plain_ground::conninfo_of_proxy(bool lasting) {
    return conninfo(lasting ? lasting_port_ : restarted_port_, accounts::app);
}

pg_connection plain_ground::connect_to_primary() {
    return node(primary_).connect();
}

std::vector<chaos_ground::server> plain_ground::connect_to_all() {
    std::vector<server> all;
    for (const auto& each : cluster_.nodes())
        all.push_back({each->address(), each->connect()});
    return all;
}

std::size_t plain_ground::a_standby(std::mt19937& random) const {
    return (primary_ + 1 + random() % cluster_.standbys()) % cluster_.nodes().size();
}

// ---- faults
// --------------------------------------------------------------------------------------

void plain_ground::one_fault(std::mt19937& random, recorder& history) {
    switch (random() % 8) {
    case 0:
    case 1:
        hurt_a_standby(random, history);
        break;
    case 2:
    case 3:
    case 4:
        hurt_the_primary(random, history);
        break;
    case 5:
        promote_beside_the_primary(random, history);
        break;
    case 6: {
        const bool by_force = random() % 2 == 0;
        history.note(by_force ? "pgweir is killed" : "pgweir is stopped");
        restart_proxy(by_force);
        break;
    }
    default:
        terminate_backends(history);
    }
    repair();
    history.note("all well, primary " + node(primary_).address());
}

void plain_ground::hurt_a_standby(std::mt19937& random, recorder& history) {
    auto& standby = node(a_standby(random));
    switch (random() % 3) {
    case 0:
        history.note("standby " + standby.address() + " is killed");
        standby.kill();
        sleep_up_to(random, 3s);
        return standby.start();
    case 1:
        history.note("standby " + standby.address() + " hangs");
        standby.suspend();
        sleep_up_to(random, 5s);
        return standby.resume();
    default:
        history.note("standby " + standby.address() + " pauses replay");
        standby.pause_replay();
        sleep_up_to(random, 5s);
        standby.resume_replay();
    }
}

void plain_ground::hurt_the_primary(std::mt19937& random, recorder& history) {
    auto& primary = node(primary_);
    switch (random() % 4) {
    case 0:
        history.note("primary " + primary.address() + " is killed and comes back");
        primary.kill();
        sleep_up_to(random, 3s);
        return primary.start();
    case 1:
        history.note("primary " + primary.address() + " hangs");
        primary.suspend();
        sleep_up_to(random, 4s);
        return primary.resume();
    default: {
        const auto old = primary_;
        history.note("primary " + primary.address() + " is killed, a standby promoted");
        primary.kill();
        sleep_up_to(random, 2s);
        fail_over();
        history.note("promoted " + node(primary_).address());
        sleep_up_to(random, 2s);
        rejoin(old);
    }
    }
}

/// The old primary hangs meanwhile and comes back writable on its old timeline.
void plain_ground::promote_beside_the_primary(std::mt19937& random, recorder& history) {
    const auto old = primary_;
    history.note("primary " + node(old).address() + " hangs, a standby is promoted");
    node(old).suspend();
    sleep_up_to(random, 1s);
    fail_over();
    history.note("promoted " + node(primary_).address() + ", the old one goes on");
    node(old).resume();
    sleep_up_to(random, 4s);
    node(old).kill();
    rejoin(old);
}

void plain_ground::terminate_backends(recorder& history) {
    history.note("backends are terminated on all servers");
    for (const auto& each : cluster_.nodes())
        each->must("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app'");
}

// ---- what operators do
// ---------------------------------------------------------------------------

void plain_ground::fail_over() {
    const auto old = primary_;
    std::uint64_t most = 0;
    for (std::size_t index = 0; index < cluster_.nodes().size(); ++index) {
        if (index == old) continue;
        const auto position = received(node(index));
        if (position < most) continue;
        most = position;
        primary_ = index;
    }
    node(primary_).promote();
    for (std::size_t index = 0; index < cluster_.nodes().size(); ++index)
        if (index != old && index != primary_) follow(index);
}

void plain_ground::follow(std::size_t follower) {
    node(follower).set("primary_conninfo", upstream(node(primary_)));
}

/// `index` is down and was the primary, on an older timeline.
void plain_ground::rejoin(std::size_t index) {
    spawn_options as_postgres;
    as_postgres.as_postgres = true;
    auto& source = node(primary_);
    source.must("checkpoint", "postgres");
    const auto data = node(index).data_directory();
    const auto done =
        run_command({program("pg_rewind"), "--target-pgdata", data.string(), "--source-server",
                     conninfo(source.port(), accounts::superuser, "postgres")},
                    as_postgres);
    if (done.exit_code != 0) throw std::runtime_error("pg_rewind: " + done.output);
    // Its configuration is the source's now.
    const auto own = data / "postgresql.auto.conf";
    write_file(own, read_file(own) + "primary_conninfo = '" + upstream(source) + "'\n", 0600);
    write_file(data / "standby.signal", "", 0600);
    node(index).start();
}

void plain_ground::wait_streaming() {
    auto session = node(primary_).connect("postgres");
    const auto all = std::to_string(cluster_.standbys());
    const bool well = wait_until(
        [&] {
            return session.value("select count(*) from pg_stat_replication where state = "
                                 "'streaming' and replay_lsn >= sent_lsn - 100000") == all;
        },
        60s, 50ms);
    if (!well) throw std::runtime_error("the standbys do not stream");
}

void plain_ground::repair() {
    wait_streaming();
    const auto target =
        parse_position(node(primary_).value("select pg_current_wal_flush_lsn()", "postgres"));
    for (std::size_t index = 0; index < cluster_.nodes().size(); ++index) {
        if (index == primary_) continue;
        auto session = node(index).connect("postgres");
        const bool reached = wait_until(
            [&] {
                return parse_position(session.value("select pg_last_wal_replay_lsn()")) >= target;
            },
            60s);
        if (!reached) throw std::runtime_error(node(index).address() + " does not catch up");
    }
}

} // namespace pgweir::test
