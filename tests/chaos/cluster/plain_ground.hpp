// The chaos run on servers that share a host: kills, stops, promotions by pg_promote, old primaries
// rejoined by pg_rewind. Needs nothing but PostgreSQL.
#pragma once

#include "tests/chaos/cluster/ground.hpp"

namespace pgweir::test {

class plain_ground : public chaos_ground {
public:
    plain_ground();
    ~plain_ground() override;

    void one_fault(std::mt19937& random, recorder& history) override;
    void repair() override;
    [[nodiscard]] pg_connection connect_to_primary() override;
    [[nodiscard]] std::vector<server> connect_to_all() override;

protected:
    [[nodiscard]] std::unique_ptr<pgweir_process> make_proxy(bool lasting) override;
    [[nodiscard]] std::string conninfo_of_proxy(bool lasting) override;

private:
    [[nodiscard]] postgres_node& node(std::size_t index) { return *cluster_.nodes()[index]; }
    [[nodiscard]] std::size_t a_standby(std::mt19937& random) const;
    /// The standby that has received most is promoted; the other one follows it.
    void fail_over();
    void follow(std::size_t follower);
    void rejoin(std::size_t index);
    void wait_streaming();

    void hurt_a_standby(std::mt19937& random, recorder& history);
    void hurt_the_primary(std::mt19937& random, recorder& history);
    void promote_beside_the_primary(std::mt19937& random, recorder& history);
    void terminate_backends(recorder& history);

    postgres_cluster cluster_;
    std::size_t primary_ = 0;
    int lasting_port_;
    int restarted_port_;
};

} // namespace pgweir::test
