// Runs the table of logins against real servers.
#include "tests/support/proxied_test.hpp"

#include <gmock/gmock.h>

#include <csignal>

namespace {

/// Stops what the tests shared while failures can still be recorded.
class shared_servers : public ::testing::Environment {
public:
    void TearDown() override {
        pgweir::test::drop_shared_pgweir();
        pgweir::test::drop_shared_cluster();
    }
};

} // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    ::testing::InitGoogleMock(&argc, argv);
    ::testing::AddGlobalTestEnvironment(std::make_unique<shared_servers>().release());
    return RUN_ALL_TESTS();
}
