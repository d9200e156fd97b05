// tests_failover: what clients feel while servers die, hang, are cut off and change their roles.
// Everything is root's: network namespaces, and servers as user postgres.
#include <gmock/gmock.h>

#include <csignal>

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    ::testing::InitGoogleMock(&argc, argv);
    return RUN_ALL_TESTS();
}
