// 100 sessions with state of their own over four server connections: nothing is mixed up.
#include "tests/chaos/long_forms.hpp"
#include "tests/support/proxied_test.hpp"
#include "tests/support/sticky_sessions.hpp"

#include <iostream>

namespace pgweir::test {

long_forms& chosen_long_forms() {
    static long_forms instance;
    return instance;
}

namespace {

class stickiness : public ::testing::Test {
protected:
    static void run_and_expect_nothing(stickiness_options options) {
        create_sticky_objects(shared_cluster().primary());
        pgweir_options with;
        with.settings["pool_size"] = "4";
        const pgweir_process proxy{shared_cluster().primary().address(), with};
        options.port = proxy.port();
        options.transactions = chosen_long_forms().sticky_transactions;
        options.seed = chosen_long_forms().seed;
        const auto result = run_sticky_sessions(options);
        std::cout << "stickiness: transactions " << result.transactions << ", looks "
                  << result.looks << ", mixed up " << result.mixed_up << ", failed "
                  << result.failed << std::endl;
        EXPECT_EQ(result.mixed_up, 0);
        EXPECT_EQ(result.failed, 0);
        EXPECT_EQ(result.transactions, options.transactions);
        for (const auto& text : result.what)
            ADD_FAILURE() << text;
    }
};

TEST_F(stickiness, AHundredSessionsKeepParametersRolesAndPreparedStatements) {
    PGWEIR_ONLY();
    run_and_expect_nothing({});
}

} // namespace
} // namespace pgweir::test
