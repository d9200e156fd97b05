#include "tests/failover/scenario.hpp"

#include "tests/support/wait.hpp"

#include <sstream>
#include <stdexcept>
#include <unordered_set>

namespace pgweir::test {

promotion_watch::promotion_watch(network_cluster& cluster, std::size_t old) : cluster_{cluster} {
    for (std::size_t index = 0; index < cluster.size(); ++index)
        if (index != old) looks_.emplace_back(index, cluster.server(index).connect("postgres"));
}

promotion promotion_watch::wait() {
    promotion seen;
    const auto looked = [&] {
        for (auto& [index, connection] : looks_) {
            if (connection.value("select pg_is_in_recovery()") != "f") continue;
            seen = {index, std::chrono::steady_clock::now()};
            return true;
        }
        return false;
    };
    if (wait_until(looked, 60s, 3ms)) return seen;
    std::string text = "no standby is promoted";
    for (const auto& [index, connection] : looks_)
        text +=
            "\n---- " + cluster_.server(index).name() + "\n" + cluster_.server(index).repmgr_log();
    throw std::runtime_error(text);
}

void scenario::SetUp() {
    if (::geteuid() != 0) GTEST_SKIP() << "network namespaces need root";
}

void scenario::TearDown() {
    load_.reset();
    proxy_.reset();
    cluster_.reset();
}

network_cluster& scenario::make_cluster(network_options options) {
    options.consensus = false;
    cluster_ = std::make_unique<network_cluster>(options);
    pg_connection owner{cluster_->server(0).conninfo_for(accounts::app)};
    owner.must(load_tables());
    cluster_->wait_all_well();
    return *cluster_;
}

void scenario::start_pgweir(const settings_map& settings) {
    settings_map all{
        {"pool_size", "20"}, {"log_connections", "false"}, {"log_disconnections", "false"}};
    for (const auto& [name, value] : settings)
        all[name] = value;
    proxy_ = cluster_->start_pgweir(all);
}

void scenario::start_load(load_options options) {
    if (options.conninfo.empty()) options.conninfo = cluster_->conninfo_of_proxy(accounts::app);
    options.clients = chosen_failover_options().clients;
    options.readers = options.clients / 4;
    load_ = std::make_unique<mixed_load>(options);
}

void scenario::finish_load() {
    EXPECT_TRUE(load_->finish()) << load_->unanswered().size()
                                 << " clients wait in vain, the first for "
                                 << load_->unanswered().front();
}

void scenario::wait_for_work(moment from,
                             std::size_t writes,
                             std::size_t reads,
                             std::chrono::milliseconds limit) {
    const bool done = wait_until(
        [&] { return load_->writes_since(from) >= writes && load_->reads_since(from) >= reads; },
        limit, 10ms);
    if (done) return;
    const auto record = load_->record(from);
    throw std::runtime_error("since then " + std::to_string(record.written.size()) +
                             " writes and " + std::to_string(record.read.size()) +
                             " reads; errors " + record.errors_as_text());
}

int scenario::backends_of_clients(std::size_t index) {
    return std::stoi(cluster_->server(index).value(
        "select count(*) from pg_stat_activity where usename not in ('postgres', 'repmgr', '" +
            accounts::monitor.name + "') and backend_type = 'client backend'",
        "postgres"));
}

void scenario::expect_only_in_flight(const load_record& record, const std::string& where) {
    for (const auto what :
         {verdict::read_error, verdict::disconnected, verdict::refused, verdict::unexpected})
        EXPECT_EQ(record.count(what), 0)
            << where << ": " << name_of(what) << "; " << record.errors_as_text() << "\n"
            << ::testing::PrintToString(record.messages);
}

bool scenario::seen_up(std::size_t index) {
    return proxy_->metric("pgweir_node_up", cluster_->server(index).address() + ":") == 1;
}

std::string scenario::server_clock() {
    return cluster_->server(cluster_->the_primary()).value("select clock_timestamp()", "postgres");
}

int scenario::writes_reached(std::size_t index, const std::string& server_clock) {
    auto session = cluster_->server(index).connect();
    return std::stoi(
               session.value("select count(*) from tokens where at > '" + server_clock + "'")) +
           std::stoi(session.value("select count(*) from pg_stat_activity where wait_event = "
                                   "'SyncRep' and xact_start > '" +
                                   server_clock + "'"));
}

std::vector<long> scenario::missing_on(std::size_t index, const std::vector<long>& tokens) {
    auto session = cluster_->server(index).connect();
    const auto all = session.exec("select token from tokens");
    std::unordered_set<long> there;
    for (int row = 0; row < all.rows(); ++row)
        there.insert(std::stol(all.value(row)));
    std::vector<long> missing;
    for (const long token : tokens)
        if (!there.contains(token)) missing.push_back(token);
    return missing;
}

} // namespace pgweir::test
