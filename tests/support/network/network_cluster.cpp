#include "tests/support/network/network_cluster.hpp"

#include "tests/support/wait.hpp"

#include <set>
#include <stdexcept>

namespace pgweir::test {

namespace {

/// Where pg_basebackup and pg_rewind, which cannot be told not to, sync for nothing.
std::filesystem::path in_memory() {
    return std::filesystem::is_directory("/dev/shm") ? "/dev/shm" : "/tmp";
}

void make_ssh_keys(const std::filesystem::path& directory) {
    spawn_options as_postgres;
    as_postgres.as_postgres = true;
    for (const char* name : {"ssh_key", "host_key"}) {
        const auto said = run_command(
            {"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", (directory / name).string()},
            as_postgres);
        if (said.exit_code != 0) throw std::runtime_error("ssh-keygen: " + said.output);
    }
}

} // namespace

network_cluster::network_cluster(const network_options& options)
    : directory_{"network", in_memory()}, janitor_{directory_.path()} {
    remove_leftover_namespaces();
    make_ssh_keys(directory_.path());
    network_.add("proxy");
    network_.add("clients").enter();
    for (int number = 1; number <= options.servers; ++number) {
        network_.add("node" + std::to_string(number));
        servers_.push_back(std::make_unique<repmgr_server>(number, network_, directory_.path(),
                                                           options.settings, options.consensus));
        servers_.back()->start_sshd();
    }
    write_switchover_script();
    add_standbys(options);
}

void network_cluster::add_standbys(const network_options& options) {
    auto& first = *servers_.front();
    first.make_primary();
    for (std::size_t index = 1; index < size(); ++index)
        server(index).clone_from(first);
    wait_all_well();
    // Not before there is a standby to wait for.
    if (options.synchronous)
        for (auto& each : servers_)
            each->add_setting("synchronous_standby_names", "ANY 1 (*)");
    if (!options.automatic_failover) return;
    for (auto& each : servers_)
        each->start_repmgrd();
    for (auto& each : servers_)
        each->wait_for_repmgrd();
}

network_cluster::~network_cluster() = default;

std::string network_cluster::addresses() const {
    std::string text;
    for (const auto& each : servers_)
        text +=
            (text.empty() ? "" : ",") + each->address() + ":" + std::to_string(repmgr_server::port);
    return text;
}

std::unique_ptr<pgweir_process> network_cluster::start_pgweir(const settings_map& settings) {
    pgweir_options options;
    options.settings = {{"port", "5432"}, {"http_port", "9719"}, {"admin_from", "all"}};
    for (const auto& [name, value] : settings)
        options.settings[name] = value;
    options.network_namespace = network_.at("proxy").file();
    options.address = network_.address("proxy");
    return std::make_unique<pgweir_process>(addresses(), options);
}

std::string network_cluster::conninfo_of_proxy(const account& who,
                                               const std::string& database,
                                               int port) const {
    return conninfo(port, who, database, "host=" + network_.address("proxy"));
}

bool network_cluster::is_primary(std::size_t index) {
    return server(index).try_value("select pg_is_in_recovery()") == "f";
}

std::optional<std::size_t> network_cluster::primary() {
    std::optional<std::size_t> found;
    std::string its_timeline;
    for (std::size_t index = 0; index < size(); ++index) {
        // The name of a WAL file begins with the timeline, in as many digits for all.
        const auto timeline = server(index).try_value(
            "select case when not pg_is_in_recovery() then "
            "substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) end");
        if (!timeline || timeline->empty() || *timeline <= its_timeline) continue;
        found = index;
        its_timeline = *timeline;
    }
    return found;
}

std::size_t network_cluster::the_primary() {
    const auto found = primary();
    if (!found) throw std::runtime_error("there is no primary");
    return *found;
}

std::size_t network_cluster::a_standby(std::size_t number) {
    const auto leader = the_primary();
    return number < leader ? number : number + 1;
}

std::size_t network_cluster::wait_for_new_primary(std::size_t old,
                                                  std::chrono::milliseconds limit) {
    std::size_t found = old;
    const bool promoted = wait_until(
        [&] {
            for (std::size_t index = 0; index < size(); ++index)
                if (index != old && is_primary(index)) found = index;
            return found != old;
        },
        limit, 20ms);
    if (promoted) return found;
    std::string text = "no new primary;";
    for (const auto& each : servers_)
        text += "\n---- " + each->name() + "\n" + each->repmgr_log();
    throw std::runtime_error(text);
}

void network_cluster::wait_all_well(std::chrono::milliseconds limit) {
    std::string missing;
    const bool well = wait_until(
        [&] {
            const auto leader = primary();
            if (!leader) {
                missing = "no primary";
                return false;
            }
            const auto target = server(*leader).try_value("select pg_current_wal_flush_lsn()");
            const auto streaming = server(*leader).try_value(
                "select count(*) from pg_stat_replication where state = 'streaming'");
            missing = "streaming: " + streaming.value_or("no answer");
            if (!target || streaming != std::to_string(size() - 1)) return false;
            for (std::size_t index = 0; index < size(); ++index) {
                if (index == *leader) continue;
                missing = server(index).name() + " has not replayed " + *target;
                const auto reached = server(index).try_value(
                    "select pg_is_in_recovery() and pg_last_wal_replay_lsn() >= '" + *target + "'");
                if (reached != "t") return false;
                missing = "repmgrd of " + server(index).name() + " watches another primary";
                if (!server(index).watches(static_cast<int>(*leader) + 1)) return false;
            }
            return true;
        },
        limit, 20ms);
    if (well) return;
    for (const auto& each : servers_)
        missing += "\n---- " + each->name() + "\n" + each->log() + each->repmgr_log();
    throw std::runtime_error("the cluster is not well: " + missing);
}

void network_cluster::cut_from_proxy(std::size_t index) {
    network_.cut("proxy", server(index).name());
}

void network_cluster::cut_from_peers(std::size_t index) {
    for (const auto& other : servers_)
        if (other.get() != servers_.at(index).get())
            network_.cut(server(index).name(), other->name());
}

void network_cluster::cut_from_all(std::size_t index) {
    cut_from_proxy(index);
    cut_from_peers(index);
}

void network_cluster::lose_packets(std::size_t index, unsigned per_mille) {
    network_.lose("proxy", server(index).name(), per_mille);
    for (const auto& other : servers_)
        if (other.get() != servers_.at(index).get())
            network_.lose(server(index).name(), other->name(), per_mille);
}

void network_cluster::heal(std::size_t index) {
    lose_packets(index, 0);
}

void network_cluster::rejoin(std::size_t index) {
    auto& returning = server(index);
    returning.stop_repmgrd();
    if (returning.running()) returning.stop();
    returning.wait_until_reaped();
    const auto leader = primary();
    if (!leader || *leader == index) throw std::runtime_error("no primary to rejoin to");
    // repmgr promotes first and writes that down afterwards; it refuses to work in between.
    const auto registered = [&] {
        return server(*leader).value("select array_agg(node_id) from repmgr.nodes where active and "
                                     "type = 'primary'",
                                     "repmgr") == "{" + std::to_string(*leader + 1) + "}";
    };
    if (!wait_until(registered, 30s, 20ms))
        throw std::runtime_error("repmgr does not know the new primary as such");
    // pg_rewind believes the control file, which has the new timeline only after a checkpoint.
    server(*leader).must("checkpoint", "postgres");
    const auto said = returning.repmgr(
        {"node", "rejoin", "-d",
         "host=" + server(*leader).address() + " user=repmgr dbname=repmgr connect_timeout=2",
         "--force-rewind", "--verbose",
         // Its default is one directory in /tmp for all clusters of this machine.
         "--config-archive-dir=" + returning.data_directory().parent_path().string()});
    if (said.exit_code != 0) throw std::runtime_error("repmgr node rejoin: " + said.output);
    returning.start_repmgrd();
    returning.wait_for_repmgrd();
    wait_all_well();
}

bool network_cluster::switchover(std::size_t to, std::string& said) {
    const auto result =
        server(to).repmgr({"standby", "switchover", "--siblings-follow", "--verbose"});
    said = result.output;
    if (result.exit_code != 0) return false;
    wait_all_well();
    return true;
}

void network_cluster::write_switchover_script() const {
    std::string text = "#!/bin/sh\ncase $PGWEIR_STANDBY_HOST in\n";
    for (const auto& each : servers_)
        text += each->address() + ") node=" + each->name() + " ;;\n";
    text += "esac\nexec ssh -q -F none -i " + (directory() / "ssh_key").string() +
            " -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
            " postgres@$PGWEIR_STANDBY_HOST " +
            repmgr_server::repmgr_program() + " -f " + directory().string() +
            "/$node/repmgr.conf standby switchover --siblings-follow --verbose\n";
    write_file(directory() / "switchover", text, 0755);
}

std::string network_cluster::switchover_command() const {
    return "[\"" + (directory() / "switchover").string() + "\"]";
}

void network_cluster::repair() {
    network_.heal_all();
    for (auto& each : servers_)
        each->thaw();
    if (!primary()) wait_for_new_primary(size());
    const auto leader = the_primary();
    for (std::size_t index = 0; index < size(); ++index) {
        if (index == leader) continue;
        auto& each = server(index);
        if (!each.running()) each.start();
        if (each.try_value("select pg_is_in_recovery() and pg_is_wal_replay_paused()") == "t")
            each.resume_replay();
        // A standby may find its way by itself, through repmgrd.
        const auto streams = [&] {
            return each.try_value("select sender_host from pg_stat_wal_receiver where status = "
                                  "'streaming'") == server(leader).address();
        };
        if (is_primary(index) || !wait_until(streams, 5s, 50ms)) rejoin(index);
        const auto upstream = static_cast<int>(leader) + 1;
        if (!wait_until([&] { return each.watches(upstream); }, 10s, 100ms))
            each.watch_anew(upstream);
    }
    wait_all_well();
}

} // namespace pgweir::test
