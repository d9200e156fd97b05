// tests_failover [--rounds N] [--clients N] [--pgpool yes]: what clients feel while servers die,
// hang, are cut off and change their roles. Needs root: network namespaces, servers as postgres.
#include "tests/failover/options.hpp"

#include <gmock/gmock.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>

namespace pgweir::test {

failover_options& chosen_failover_options() {
    static failover_options instance;
    return instance;
}

namespace {

void parse(int argc, char** argv) {
    auto& chosen = chosen_failover_options();
    if (const char* rounds = std::getenv("PGWEIR_FAILOVER_ROUNDS"))
        chosen.rounds = std::stoi(rounds);
    for (int index = 1; index + 1 < argc; index += 2) {
        const std::string name = argv[index];
        const std::string value = argv[index + 1];
        if (name == "--rounds")
            chosen.rounds = std::stoi(value);
        else if (name == "--clients")
            chosen.clients = std::stoi(value);
        else if (name == "--pgpool")
            chosen.pgpool = value == "yes";
        else
            throw std::invalid_argument("unknown option " + name);
    }
}

} // namespace
} // namespace pgweir::test

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    ::testing::InitGoogleMock(&argc, argv);
    pgweir::test::parse(argc, argv);
    return RUN_ALL_TESTS();
}
