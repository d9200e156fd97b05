// How much the long forms of integration tests do: little by default, so that a chaos run of some
// seconds stays one. tests_chaos --sticky-transactions 100000 --own-write-steps 2000 is all of it.
#pragma once

namespace pgweir::test {

struct long_forms {
    long sticky_transactions = 1000; ///< of 100 sessions together
    int own_write_steps = 40;        ///< of each of 50 sessions
    unsigned seed = 0;
};

/// Set once, before the tests run.
long_forms& chosen_long_forms();

} // namespace pgweir::test
