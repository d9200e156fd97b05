#include "protocol/random.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <thread>
#include <vector>

namespace pgweir::protocol {
namespace {

std::string drawn(std::size_t size) {
    std::string bytes(size, '\0');
    EXPECT_TRUE(fill_random(bytes));
    return bytes;
}

TEST(Random, NeverGivesTheSameTwice) {
    std::set<std::string> seen;
    for (int i = 0; i < 2000; ++i) // many times what is in stock
        EXPECT_TRUE(seen.insert(drawn(18)).second);
}

TEST(Random, IsEachThreadsOwn) {
    std::vector<std::string> there;
    const auto draw = [&] {
        for (int i = 0; i < 100; ++i)
            there.push_back(drawn(16));
    };
    std::set<std::string> seen;
    for (int i = 0; i < 100; ++i)
        seen.insert(drawn(16));
    std::thread{draw}.join();
    std::thread{draw}.join();
    seen.insert(there.begin(), there.end());
    EXPECT_EQ(seen.size(), 300U);
}

// Neither zeros nor what was left unfilled at the end of a portion.
TEST(Random, FillsEverySizeToItsEnd) {
    for (const std::size_t size : {0U, 1U, 4U, 255U, 256U, 257U, 1024U, 5000U}) {
        std::set<char> last;
        for (int i = 0; i < 64 && size != 0; ++i)
            last.insert(drawn(size).back());
        EXPECT_TRUE(size == 0 || last.size() > 20) << size;
    }
    EXPECT_EQ(drawn(0), "");
}

} // namespace
} // namespace pgweir::protocol
