#include "proxy/service_manager.hpp"

#include <gtest/gtest.h>

#include <string>

namespace pgweir {
namespace {

using namespace std::chrono_literals;

constexpr long our_pid = 42;

TEST(ServiceManager, IsToldNothingUnlessItAsks) {
    EXPECT_EQ(wishes_of({}, our_pid), service_manager_wishes{});
    EXPECT_EQ(wishes_of({nullptr, "30000000", "42"}, our_pid), service_manager_wishes{});
}

TEST(ServiceManager, NamesASocketByPathOrAbstractly) {
    EXPECT_EQ(wishes_of({"/run/systemd/notify", nullptr, nullptr}, our_pid).socket,
              "/run/systemd/notify");
    EXPECT_EQ(wishes_of({"@here", nullptr, nullptr}, our_pid).socket, std::string("\0here", 5));
}

TEST(ServiceManager, SocketsThatNoAddressCanNameAreLeftAlone) {
    for (const auto& text : {std::string{"relative"}, std::string{}, "/" + std::string(107, 'x')})
        EXPECT_EQ(wishes_of({text.c_str(), "1000", nullptr}, our_pid), service_manager_wishes{});
}

TEST(ServiceManager, WatchesTheProcessThatItNames) {
    EXPECT_EQ(wishes_of({"/s", "30000000", nullptr}, our_pid).watchdog, 30s);
    EXPECT_EQ(wishes_of({"/s", "30000000", "42"}, our_pid).watchdog, 30s);
    EXPECT_EQ(wishes_of({"/s", "30000000", "43"}, our_pid).watchdog, 0s);
    EXPECT_EQ(wishes_of({"/s", "soon", "42"}, our_pid).watchdog, 0s);
    EXPECT_EQ(wishes_of({"/s", "-5", "42"}, our_pid).watchdog, 0s);
}

} // namespace
} // namespace pgweir
