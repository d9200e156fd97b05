// Sessions with different parameters, roles and prepared statements take turns on few server
// connections, and each finds its own.
#include "tests/support/proxied_test.hpp"
#include "tests/support/sticky_sessions.hpp"

namespace pgweir::test {
namespace {

class stickiness : public ::testing::Test {
protected:
    void SetUp() override {
        PGWEIR_ONLY();
        create_sticky_objects(shared_cluster().primary());
    }

    /// Four server connections in all, since one node alone is there.
    static void expect_nothing_mixed_up(stickiness_options options) {
        drop_shared_pgweir(); // its server connections would be counted
        pgweir_options with;
        with.settings["pool_size"] = "4";
        const pgweir_process proxy{shared_cluster().primary().address(), with};
        options.port = proxy.port();
        const auto result = run_sticky_sessions(options);
        EXPECT_EQ(result.mixed_up, 0);
        EXPECT_EQ(result.failed, 0);
        EXPECT_EQ(result.transactions, options.transactions);
        for (const auto& text : result.what)
            ADD_FAILURE() << text;
        EXPECT_LE(shared_cluster().primary().count_backends("usename = 'app' and datname = 'app'"),
                  4);
    }
};

TEST_F(stickiness, AHundredSessionsKeepReportedParametersAndPreparedStatements) {
    stickiness_options options;
    options.unreported_too = false;
    options.old_statements_too = false;
    options.deallocates = false;
    expect_nothing_mixed_up(options);
}

TEST_F(stickiness, StatementsKeepTheConstantsOfTheirParse) {
    stickiness_options options;
    options.unreported_too = false;
    options.deallocates = false;
    expect_nothing_mixed_up(options);
}

TEST_F(stickiness, DeallocateFindsTheSessionsOwnStatements) {
    stickiness_options options;
    options.unreported_too = false;
    options.old_statements_too = false;
    expect_nothing_mixed_up(options);
}

TEST_F(stickiness, AHundredSessionsKeepEveryParameterAndTheirRoles) {
    stickiness_options options;
    options.old_statements_too = false;
    options.deallocates = false;
    expect_nothing_mixed_up(options);
}

} // namespace
} // namespace pgweir::test
