// What all scenarios have: the cluster, pgweir in front of it, clients at work through it, and the
// looks that measure.
#pragma once

#include "tests/failover/options.hpp"
#include "tests/support/load/mixed_load.hpp"
#include "tests/support/network/network_cluster.hpp"

#include <gmock/gmock.h>

#include <iostream>
#include <memory>
#include <optional>

namespace pgweir::test {

/// When a standby was seen to be a standby no more, by looks a few milliseconds apart.
struct promotion {
    std::size_t who = 0;
    moment when;
};

/// Looks at all servers but `old` through connections that were opened before.
class promotion_watch {
public:
    promotion_watch(network_cluster& cluster, std::size_t old);
    /// Throws std::runtime_error if none is promoted within a minute.
    [[nodiscard]] promotion wait();

private:
    network_cluster& cluster_;
    std::vector<std::pair<std::size_t, pg_connection>> looks_;
};

class scenario : public ::testing::Test {
protected:
    void SetUp() override;
    void TearDown() override;

    /// Makes it now, before any thread; promotions are as quick as repmgrd can. The tables of the
    /// load are in database app.
    network_cluster& make_cluster(network_options options = {});
    void start_pgweir(const settings_map& settings = {});
    void start_load(load_options options = {});
    /// Ends the load; every client must have its answer.
    void finish_load();

    network_cluster& cluster() { return *cluster_; }
    pgweir_process& proxy() { return *proxy_; }
    mixed_load& load() { return *load_; }
    /// Waits until writes and reads have been answered since `from`; throws std::runtime_error
    /// with what went wrong otherwise.
    void wait_for_work(moment from,
                       std::size_t writes,
                       std::size_t reads,
                       std::chrono::milliseconds limit = std::chrono::seconds{90});
    /// How many server connections clients use on that server, asked directly.
    int backends_of_clients(std::size_t index);
    /// Records a failure for each kind of error that no client may see, with some texts.
    static void expect_only_in_flight(const load_record& record, const std::string& where);
    /// Whether pgweir takes that server for one that answers.
    bool seen_up(std::size_t index);
    /// The servers' clock (one for all of them), for times in the table of tokens.
    std::string server_clock();
    /// How many writes have reached a server since then: tokens that are there, and commits that
    /// wait for a standby, which nobody can see yet.
    int writes_reached(std::size_t index, const std::string& server_clock);
    /// Of the acknowledged writes since `from` those that a server has not; it is asked directly.
    std::vector<long> missing_on(std::size_t index, const std::vector<long>& tokens);

    static int rounds() { return chosen_failover_options().rounds; }
    static moment now() { return std::chrono::steady_clock::now(); }

private:
    std::unique_ptr<network_cluster> cluster_;
    std::unique_ptr<pgweir_process> proxy_;
    std::unique_ptr<mixed_load> load_;
};

} // namespace pgweir::test
