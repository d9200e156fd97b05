#include "tests/support/dns_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <random>
#include <stdexcept>

namespace pgweir::test {

namespace {

constexpr std::uint16_t domain_port = 53;
constexpr std::size_t header_size = 12;
constexpr std::uint8_t type_a = 1;

sockaddr_in at(const std::string& address) {
    sockaddr_in made{};
    made.sin_family = AF_INET;
    made.sin_port = htons(domain_port);
    ::inet_pton(AF_INET, address.c_str(), &made.sin_addr);
    return made;
}

/// The name of the one question, in lower case; empty if it is none. `end`: behind its type and
/// class. Source: RFC 1035, 4.1.2.
std::string name_asked(const std::string& message, std::size_t& end) {
    std::string name;
    std::size_t at = header_size;
    while (at < message.size() && message[at] != 0) {
        const auto length = static_cast<std::size_t>(message[at]);
        if (length > 63 || at + 1 + length >= message.size()) return {};
        name += (name.empty() ? "" : ".") + message.substr(at + 1, length);
        at += 1 + length;
    }
    end = at + 5;
    if (end > message.size()) return {};
    std::ranges::transform(name, name.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return name;
}

} // namespace

std::string dns_server::why_not() {
    if (::geteuid() != 0) return "port 53 and a mount namespace need root";
    const auto tried = run_command({"unshare", "-m", "--propagation", "private", "sh", "-c",
                                    "mount --bind /etc/resolv.conf /etc/resolv.conf"});
    return tried.exit_code == 0 ? "" : "no mount namespace: " + tried.output;
}

dns_server::dns_server() : directory_{"dns"} {
    std::random_device random;
    std::uniform_int_distribution<int> part{1, 250};
    for (int tries = 0; tries < 20; ++tries) {
        const auto address =
            "127.77." + std::to_string(part(random)) + "." + std::to_string(part(random));
        const auto here = at(address);
        socket_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (::bind(socket_, reinterpret_cast<const sockaddr*>(&here), sizeof here) == 0) {
            write_file(directory_.path() / "resolv.conf",
                       "nameserver " + address + "\noptions timeout:1 attempts:1\n");
            thread_ = std::thread{[this] { serve(); }};
            return;
        }
        ::close(socket_);
    }
    throw std::runtime_error("no address for a name server");
}

dns_server::~dns_server() {
    stopping_ = true;
    ::shutdown(socket_, SHUT_RDWR); // wakes recvfrom
    thread_.join();
    ::close(socket_);
}

void dns_server::set(const std::string& name, std::vector<std::string> addresses) {
    const std::lock_guard guard{mutex_};
    names_[name] = std::move(addresses);
}

std::vector<std::string> dns_server::wrapper() const {
    const auto file = (directory_.path() / "resolv.conf").string();
    return {"unshare",
            "-m",
            "--propagation",
            "private",
            "sh",
            "-c",
            "mount --bind " + file + " /etc/resolv.conf && exec \"$0\" \"$@\""};
}

void dns_server::serve() {
    timeval patience{0, 100'000};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    std::array<char, 1500> buffer{};
    while (!stopping_) {
        sockaddr_in from{};
        socklen_t length = sizeof from;
        auto* const peer = reinterpret_cast<sockaddr*>(&from);
        const auto n = ::recvfrom(socket_, buffer.data(), buffer.size(), 0, peer, &length);
        if (n < static_cast<ssize_t>(header_size)) continue;
        ++questions_;
        if (mood_ == mood::silent) continue;
        const auto answer = answer_to({buffer.data(), static_cast<std::size_t>(n)});
        ::sendto(socket_, answer.data(), answer.size(), 0, peer, length);
    }
}

std::string dns_server::answer_to(const std::string& question) {
    constexpr char server_failure = 2;
    constexpr char no_such_name = 3;
    std::size_t end = 0;
    const auto name = name_asked(question, end);
    std::vector<std::string> addresses;
    char code = mood_ == mood::fails || name.empty() ? server_failure : no_such_name;
    if (code == no_such_name) {
        const std::lock_guard guard{mutex_};
        const auto found = names_.find(name);
        if (found != names_.end()) {
            code = 0;
            if (question[end - 3] == type_a) addresses = found->second;
        }
    }
    auto answer = question.substr(0, std::max(end, header_size));
    answer[2] = static_cast<char>(0x84 | (question[2] & 1)); // an answer, authoritative
    answer[3] = static_cast<char>(0x80 | code);
    answer[6] = 0;
    answer[7] = static_cast<char>(addresses.size());
    std::fill_n(answer.begin() + 8, 4, '\0'); // nothing else
    for (const auto& address : addresses) {
        in_addr raw{};
        ::inet_pton(AF_INET, address.c_str(), &raw);
        constexpr std::string_view record{"\xc0\x0c\0\1\0\1\0\0\0\0\0\4", 12}; // TTL 0
        answer += record;
        answer.append(reinterpret_cast<const char*>(&raw), sizeof raw);
    }
    return answer;
}

} // namespace pgweir::test
