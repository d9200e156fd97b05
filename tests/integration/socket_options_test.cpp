// The options of pgweir's own sockets, read from its process.
#include "tests/support/proxied_test.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

namespace pgweir::test {
namespace {

class socket_options : public proxied_test {
protected:
    void SetUp() override { PGWEIR_ONLY(); }
};

std::uint16_t port_of(int socket, int (*name_of)(int, sockaddr*, socklen_t*)) {
    sockaddr_in name{};
    socklen_t size = sizeof name;
    if (name_of(socket, reinterpret_cast<sockaddr*>(&name), &size) != 0) return 0;
    return name.sin_family == AF_INET ? ntohs(name.sin_port) : 0;
}

int option(int socket, int level, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    ::getsockopt(socket, level, name, &value, &size);
    return value;
}

struct options_seen {
    int no_delay = -1;
    int keepalive = -1;
    int idle = -1;
    friend bool operator==(const options_seen&, const options_seen&) = default;
};

/// Those of the process's sockets whose peer has this port; the monitor's to a server are among
/// them.
std::vector<options_seen> options_towards(pid_t process, std::uint16_t port) {
    const auto pidfd = static_cast<int>(::syscall(SYS_pidfd_open, process, 0));
    std::vector<options_seen> seen;
    if (pidfd < 0) return seen;
    for (const auto& entry :
         std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/fd")) {
        const auto number = std::stoi(entry.path().filename());
        const auto copy = static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd, number, 0));
        if (copy < 0) continue;
        if (port_of(copy, &::getpeername) == port)
            seen.push_back({option(copy, IPPROTO_TCP, TCP_NODELAY),
                            option(copy, SOL_SOCKET, SO_KEEPALIVE),
                            option(copy, IPPROTO_TCP, TCP_KEEPIDLE)});
        ::close(copy);
    }
    ::close(pidfd);
    return seen;
}

TEST_F(socket_options, BothLegsWaitForNothingAndProbeSilentPeers) {
    pgweir_options options;
    options.settings["tcp_keepalive_idle"] = "17s";
    pgweir_process proxy{cluster().addresses(), options};
    auto client = logged_in(proxy.port());
    client.converse(wire::query("select 1"));
    const options_seen wanted{1, 1, 17};
    const auto ours = options_towards(proxy.pid(), port_of(client.descriptor(), &::getsockname));
    if (ours.empty()) GTEST_SKIP() << "the sockets of another process cannot be read here";
    EXPECT_THAT(ours, ::testing::ElementsAre(wanted));
    EXPECT_THAT(
        options_towards(proxy.pid(), static_cast<std::uint16_t>(cluster().primary().port())),
        ::testing::Contains(wanted));
}

TEST_F(socket_options, AReloadHoldsForThoseWhoComeAfterwards) {
    pgweir_options options;
    options.settings["tcp_keepalive_idle"] = "17s";
    pgweir_process proxy{cluster().addresses(), options};
    proxy.rewrite_settings({{"tcp_keepalive", "off"}});
    proxy.send_signal(SIGHUP);
    const auto keepalive = [&] {
        auto client = logged_in(proxy.port());
        const auto seen =
            options_towards(proxy.pid(), port_of(client.descriptor(), &::getsockname));
        return seen.empty() ? 0 : seen.front().keepalive;
    };
    EXPECT_TRUE(wait_until([&] { return keepalive() == 0; }));
}

} // namespace
} // namespace pgweir::test
