#include "tests/chaos/cluster/network_ground.hpp"

#include "tests/support/wait.hpp"

#include <unistd.h>

namespace pgweir::test {

namespace {

network_options chaos_network() {
    network_options options;
    options.synchronous = true;
    // What holds locks behind a link that was cut has to go before the sessions' patience ends.
    options.settings = {{"tcp_keepalives_idle", "5"},
                        {"tcp_keepalives_interval", "1"},
                        {"tcp_keepalives_count", "3"},
                        {"tcp_user_timeout", "8000"}};
    return options;
}

constexpr int lasting_port = 5432;
constexpr int restarted_port = 5433;

} // namespace

network_ground::network_ground() : cluster_{chaos_network()} {}

network_ground::~network_ground() {
    stop_proxies();
}

bool network_ground::is_possible() {
    if (::geteuid() != 0) return false;
    const auto found = run_command({"sh", "-c",
                                    "command -v nft && ls /usr/lib/postgresql/*/bin/repmgrd && "
                                    "ip netns add pgweir-try-$$ && ip netns del pgweir-try-$$"});
    return found.exit_code == 0;
}

std::unique_ptr<pgweir_process> network_ground::make_proxy(bool lasting) {
    auto settings = proxy_settings();
    settings["port"] = std::to_string(lasting ? lasting_port : restarted_port);
    settings["http_port"] = lasting ? "9719" : "9720";
    return cluster_.start_pgweir(settings);
}

std::string network_ground::conninfo_of_proxy(bool lasting) {
    return cluster_.conninfo_of_proxy(accounts::app, "app",
                                      lasting ? lasting_port : restarted_port);
}

pg_connection network_ground::connect_to_primary() {
    return cluster_.server(cluster_.the_primary()).connect();
}

std::vector<chaos_ground::server> network_ground::connect_to_all() {
    std::vector<server> all;
    for (std::size_t index = 0; index < cluster_.size(); ++index) {
        const auto& each = cluster_.server(index);
        all.push_back({each.address() + ":" + std::to_string(repmgr_server::port), each.connect()});
    }
    return all;
}

void network_ground::one_fault(std::mt19937& random, recorder& history) {
    const auto leader = cluster_.the_primary();
    const auto other = cluster_.a_standby(random() % (cluster_.size() - 1));
    switch (random() % 8) {
    case 0:
    case 1:
    case 2:
        hurt(leader, random, history);
        break;
    case 3:
    case 4:
    case 5:
        hurt(other, random, history);
        break;
    case 6:
        switch_over(history, other);
        break;
    default: {
        const bool by_force = random() % 2 == 0;
        history.note(by_force ? "pgweir is killed" : "pgweir is stopped");
        restart_proxy(by_force);
    }
    }
    history.note("repair begins");
    repair();
    history.note("all well, primary " + cluster_.server(cluster_.the_primary()).name());
}

void network_ground::hurt(std::size_t index, std::mt19937& random, recorder& history) {
    auto& server = cluster_.server(index);
    const bool leads = cluster_.is_primary(index);
    const auto who = (leads ? "primary " : "standby ") + server.name();
    switch (random() % 6) {
    case 0:
        history.note(who + " is killed");
        server.kill();
        break;
    case 1:
        history.note(who + " hangs");
        server.freeze();
        break;
    case 2:
        history.note(who + " is cut off from all");
        cluster_.cut_from_all(index);
        break;
    case 3:
        history.note(who + " is cut off from the other servers");
        cluster_.cut_from_peers(index);
        break;
    case 4:
        history.note(who + " is cut off from pgweir");
        cluster_.cut_from_proxy(index);
        return sleep_up_to(random, 12s);
    default: {
        const unsigned loss = 10 + static_cast<unsigned>(random() % 70);
        history.note(who + " loses " + std::to_string(loss) + " of 1000 packets");
        cluster_.lose_packets(index, loss);
        if (!leads && random() % 2 == 0) {
            history.note(who + " pauses replay");
            server.pause_replay();
        }
        return sleep_up_to(random, 12s);
    }
    }
    if (!leads) return sleep_up_to(random, 12s);
    // repmgrd does not fence. A primary that comes back between its choice of the next one and the
    // others' following that one may have a commit confirmed by a standby that is not chosen: it is
    // acknowledged, and lost, whatever a proxy does. So it is back before any of that, or after.
    if (cluster_.server(index).running() && random() % 3 == 0) return sleep_up_to(random, 900ms);
    await_promotion(index, history);
    sleep_up_to(random, 5s);
}

void network_ground::await_promotion(std::size_t old, recorder& history) {
    const auto promoted_by_itself = [&] {
        for (std::size_t index = 0; index < cluster_.size(); ++index)
            if (index != old && cluster_.is_primary(index)) return true;
        return false;
    };
    // A standby's repmgrd that last saw the primary a second before the other one did may end the
    // election, for a minute or for good; then an operator promotes.
    if (!wait_until(promoted_by_itself, 20s, 50ms)) {
        history.note("repmgrd promotes nobody");
        promote_by_hand(old);
    }
    const auto promoted = cluster_.wait_for_new_primary(old);
    history.note("promoted " + cluster_.server(promoted).name());
    const bool followed = wait_until(
        [&] {
            return cluster_.server(promoted).try_value(
                       "select count(*) from pg_stat_replication where state = 'streaming'") ==
                   std::to_string(cluster_.size() - 2);
        },
        60s, 50ms);
    history.note(followed ? "the others follow it" : "the others do not follow it");
}

/// The standby that has received most, so that nothing acknowledged is lost.
void network_ground::promote_by_hand(std::size_t old) {
    std::size_t best = old;
    std::uint64_t most = 0;
    for (std::size_t index = 0; index < cluster_.size(); ++index) {
        if (index == old) continue;
        const auto position = parse_position(
            cluster_.server(index)
                .try_value("select greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())")
                .value_or(""));
        if (position <= most) continue;
        most = position;
        best = index;
    }
    if (best == old) throw std::runtime_error("there is no standby to promote");
    const auto said =
        cluster_.server(best).repmgr({"standby", "promote", "--siblings-follow", "--force"});
    if (said.exit_code != 0) throw std::runtime_error("repmgr standby promote: " + said.output);
}

void network_ground::repair() {
    cluster_.network().heal_all();
    for (std::size_t index = 0; index < cluster_.size(); ++index)
        cluster_.server(index).thaw();
    const auto led = [&] { return cluster_.primary().has_value(); };
    if (!wait_until(led, 20s, 50ms)) promote_by_hand(cluster_.size());
    cluster_.repair();
}

void network_ground::switch_over(recorder& history, std::size_t to) {
    history.note("switchover to " + cluster_.server(to).name());
    std::string said;
    if (!cluster_.switchover(to, said)) history.note("the switchover failed: " + said);
}

} // namespace pgweir::test
