#include "proxy/access/host_lookup.hpp"

#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <utility>

namespace pgweir {

namespace {

constexpr std::chrono::seconds patience_for_names{10};

struct socket_address {
    sockaddr_storage storage{};
    socklen_t size = 0;
};

socket_address to_socket_address(const host_address& from) {
    socket_address to;
    if (from.is_v4) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        std::memcpy(&v4.sin_addr, from.bytes.data(), sizeof v4.sin_addr);
        std::memcpy(&to.storage, &v4, sizeof v4);
        to.size = sizeof v4;
    } else {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        std::memcpy(&v6.sin6_addr, from.bytes.data(), sizeof v6.sin6_addr);
        std::memcpy(&to.storage, &v6, sizeof v6);
        to.size = sizeof v6;
    }
    return to;
}

/// Of another family than the two: nothing.
std::optional<host_address> from_socket_address(const sockaddr* from) {
    if (from == nullptr) return std::nullopt;
    host_address to;
    if (from->sa_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, from, sizeof v4);
        to.is_v4 = true;
        std::memcpy(to.bytes.data(), &v4.sin_addr, sizeof v4.sin_addr);
        return to;
    }
    if (from->sa_family != AF_INET6) return std::nullopt;
    sockaddr_in6 v6{};
    std::memcpy(&v6, from, sizeof v6);
    std::memcpy(to.bytes.data(), &v6.sin6_addr, sizeof v6.sin6_addr);
    return to;
}

/// An address's owner may call it what he likes: a name counts only if its own owner agrees.
host_name_answer look_up(const host_address& client) {
    const auto asked = to_socket_address(client);
    std::array<char, NI_MAXHOST> name{};
    int failed = ::getnameinfo(reinterpret_cast<const sockaddr*>(&asked.storage), asked.size,
                               name.data(), name.size(), nullptr, 0, NI_NAMEREQD);
    if (failed == EAI_NONAME) return {true, {}};
    if (failed != 0) return {false, {}};
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* first = nullptr;
    failed = ::getaddrinfo(name.data(), nullptr, &wanted, &first);
    if (failed == EAI_NONAME) return {true, {}};
    if (failed != 0) return {false, {}};
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> all{first, &::freeaddrinfo};
    for (const auto* one = all.get(); one != nullptr; one = one->ai_next)
        if (from_socket_address(one->ai_addr) == client) return {true, name.data()};
    return {true, {}};
}

std::string name_of_user(uid_t user) {
    std::vector<char> buffer(16384);
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
        return {};
    return found->pw_name;
}

password_verdict answered() {
    password_verdict verdict;
    verdict.what = password_verdict::outcome::accepted;
    return verdict;
}

} // namespace

task<host_name_answer>
find_host_name(check_threads& threads, io_executor back, host_address client) {
    const auto answer = std::make_shared<host_name_answer>();
    std::function<password_verdict()> ask = [answer, client] {
        *answer = look_up(client);
        return answered();
    };
    std::string place = "the name service";
    const auto verdict =
        co_await threads.run(back, std::move(place), patience_for_names, std::move(ask));
    // Without a verdict the thread may still be writing.
    if (!verdict.accepted()) co_return host_name_answer{};
    co_return *answer;
}

task<std::string> find_system_user(check_threads& threads, io_executor back, uid_t user) {
    const auto answer = std::make_shared<std::string>();
    std::function<password_verdict()> ask = [answer, user] {
        *answer = name_of_user(user);
        return answered();
    };
    std::string place = "the user database";
    const auto verdict =
        co_await threads.run(back, std::move(place), patience_for_names, std::move(ask));
    if (!verdict.accepted()) co_return std::string{};
    co_return *answer;
}

std::vector<host_network> own_networks() {
    std::vector<host_network> found;
    ifaddrs* first = nullptr;
    if (::getifaddrs(&first) != 0) return found;
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> all{first, &::freeifaddrs};
    for (const auto* one = all.get(); one != nullptr; one = one->ifa_next) {
        if ((one->ifa_flags & IFF_UP) == 0) continue;
        const auto address = from_socket_address(one->ifa_addr);
        const auto mask = from_socket_address(one->ifa_netmask);
        if (address && mask) found.push_back({*address, mask->bytes});
    }
    return found;
}

} // namespace pgweir
