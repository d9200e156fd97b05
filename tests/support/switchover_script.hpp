// What an operator would give as switchover_command for a cluster of the tests: stops the primary,
// promotes the standby, points all others at it, and starts the old primary as a standby. By pg_ctl
// alone. The servers that it has started are stopped with it.
#pragma once

#include "tests/support/postgres_cluster.hpp"

#include <filesystem>
#include <string>

namespace pgweir::test {

class switchover_script {
public:
    /// `cluster` outlives it.
    explicit switchover_script(const postgres_cluster& cluster);
    ~switchover_script();
    switchover_script(const switchover_script&) = delete;
    switchover_script& operator=(const switchover_script&) = delete;

    /// The value of switchover_command.
    [[nodiscard]] std::string setting() const { return "[\"" + path_.string() + "\"]"; }

private:
    const postgres_cluster& cluster_;
    temp_directory directory_;
    std::filesystem::path path_;
};

} // namespace pgweir::test
