// What the command line says: tests_failover [--rounds N] [--clients N] [--pgpool yes].
#pragma once

namespace pgweir::test {

struct failover_options {
    int rounds = 2; ///< of each scenario; 20 is the long form
    int clients = 200;
    bool pgpool = false; ///< pgpool-II is measured beside pgweir
};

failover_options& chosen_failover_options();

} // namespace pgweir::test
