// How much the long forms of integration tests do: little by default, so that a chaos run of some
// seconds stays one. tests_chaos --sticky-transactions 100000 --own-write-steps 2000 is all of it.
#pragma once

#include <string>

namespace pgweir::test {

struct long_forms {
    long sticky_transactions = 1000; ///< of 100 sessions together
    int own_write_steps = 40;        ///< of each of 50 sessions
    int cluster_seconds = 60;        ///< of the run with faults of servers
    std::string cluster; ///< it hurts: "plain", "network", or empty: network if that is possible
    unsigned seed = 0;
};

/// Set once, before the tests run.
long_forms& chosen_long_forms();

} // namespace pgweir::test
