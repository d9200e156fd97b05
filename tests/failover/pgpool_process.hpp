// pgpool-II on host "proxy" in place of pgweir, set up as the widely used image for clusters with
// repmgr sets it up; but with a child process for every client, or most would wait for ever.
#pragma once

#include "tests/support/network/network_cluster.hpp"

namespace pgweir::test {

class pgpool_process {
public:
    /// Port 5432. Throws std::runtime_error with its log if it does not answer.
    pgpool_process(network_cluster& cluster, int clients);

    /// Where Debian's package has it; empty if it is not installed.
    [[nodiscard]] static std::filesystem::path binary();
    /// Whom it lets in: pgpool cannot log in with every password.
    [[nodiscard]] static const account& user() { return accounts::other; }
    /// What the image's probe does for a node that is back: without it the node stays down.
    void attach(std::size_t index) const;
    [[nodiscard]] std::string log() const { return read_file(directory_.path() / "log"); }

private:
    void write_configuration(network_cluster& cluster, int clients) const;

    temp_directory directory_;
    std::filesystem::path host_;
    std::string address_;
    child_process process_;
};

} // namespace pgweir::test
