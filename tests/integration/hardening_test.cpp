// What pgweir keeps from those who find a fault in it.
#include "tests/support/proxied_test.hpp"

#include <fstream>
#include <sstream>
#include <string>

namespace pgweir::test {
namespace {

class hardening : public proxied_test {};

/// The soft and the hard limit on core files, as the kernel tells them.
std::string core_limits(pid_t pid) {
    std::ifstream limits{"/proc/" + std::to_string(pid) + "/limits"};
    std::string line;
    while (std::getline(limits, line)) {
        if (!line.starts_with("Max core file size")) continue;
        std::istringstream words{line.substr(18)};
        std::string soft;
        std::string hard;
        words >> soft >> hard;
        return soft + " " + hard;
    }
    return "?";
}

TEST_F(hardening, ACrashLeavesNoCoreFileWithSecrets) {
    PGWEIR_ONLY();
    if (pgweir_process::is_sanitized()) GTEST_SKIP() << "sanitizers look at the memory";
    EXPECT_EQ(core_limits(shared_pgweir().pid()), "0 0");
}

} // namespace
} // namespace pgweir::test
