// The chaos run on a cluster in network namespaces: links are cut and lossy, repmgrd promotes,
// repmgr switches over and rejoins.
#pragma once

#include "tests/chaos/cluster/ground.hpp"
#include "tests/support/network/network_cluster.hpp"

namespace pgweir::test {

class network_ground : public chaos_ground {
public:
    network_ground();
    ~network_ground() override;

    /// Whether this machine lets us: root, with repmgr, `ip` and `nft`.
    [[nodiscard]] static bool is_possible();

    void one_fault(std::mt19937& random, recorder& history) override;
    void repair() override;
    [[nodiscard]] pg_connection connect_to_primary() override;
    [[nodiscard]] std::vector<server> connect_to_all() override;

protected:
    [[nodiscard]] std::unique_ptr<pgweir_process> make_proxy(bool lasting) override;
    [[nodiscard]] std::string conninfo_of_proxy(bool lasting) override;

private:
    /// What is done to one server for a while; repair() undoes it.
    void hurt(std::size_t index, std::mt19937& random, recorder& history);
    /// Until another one is primary and all but `old` follow it.
    void await_promotion(std::size_t old, recorder& history);
    void promote_by_hand(std::size_t old);
    void switch_over(recorder& history, std::size_t to);

    network_cluster cluster_;
};

} // namespace pgweir::test
