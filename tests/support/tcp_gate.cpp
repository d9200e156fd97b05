#include "tests/support/tcp_gate.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <deque>
#include <list>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace pgweir::test {

namespace {

using clock = std::chrono::steady_clock;

struct rule {
    std::string marker;
    std::string forged_answer;
    std::optional<std::size_t> cut_after;
    std::string appended;
};

struct chunk {
    clock::time_point due;
    std::string bytes;
};

/// One relayed connection: what was read on a side waits in the other's queue.
struct relay {
    int client = -1;
    int server = -1;
    std::deque<chunk> to_client;
    std::deque<chunk> to_server;
    std::string recent;                     ///< tail of what the client sent, for markers
    std::optional<std::size_t> answer_left; ///< cut when so many more bytes have been answered
    std::string appended;                   ///< goes behind the server's next bytes
    bool dead = false;
};

void reset_socket(int socket) {
    const linger at_once{1, 0};
    ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ::close(socket);
}

sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    return address;
}

/// Empty: nothing to read now. An empty string: the stream ended.
std::optional<std::string> read_some(int socket) {
    std::array<char, 32768> space;
    const auto received = ::recv(socket, space.data(), space.size(), MSG_DONTWAIT);
    if (received < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
    if (received <= 0) return std::string{};
    return std::string(space.data(), static_cast<std::size_t>(received));
}

constexpr std::size_t queue_limit = 1 << 20;

std::size_t queued(const std::deque<chunk>& queue) {
    std::size_t total = 0;
    for (const auto& piece : queue)
        total += piece.bytes.size();
    return total;
}

} // namespace

struct tcp_gate::state {
    std::vector<int> targets;
    std::size_t accepted = 0;
    int listener = -1;
    int wake_read = -1;
    int wake_write = -1;
    int port = 0;
    mutable std::mutex mutex;
    bool stopping = false;
    std::optional<sockaddr_in> source;
    bool refusing = false;
    bool holding = false;
    std::chrono::milliseconds delay{0};
    std::vector<rule> rules;
    std::list<relay> relays;
    std::thread thread;

    void accept_one();
    void run();
    void turn(const std::vector<pollfd>& polled);
    void from_client(relay& link, std::string bytes);
    void from_server(relay& link, std::string bytes);
    static bool write_due(int socket, std::deque<chunk>& queue);
    void sweep();
    std::vector<pollfd> interests(int& wait_ms);
};

void tcp_gate::state::accept_one() {
    const int client = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) return;
    if (refusing) {
        reset_socket(client);
        return;
    }
    const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto address = loopback(targets[accepted++ % targets.size()]);
    if (source && ::bind(server, reinterpret_cast<const sockaddr*>(&*source), sizeof *source) != 0)
        std::perror("tcp_gate: bind");
    if (::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        ::close(server);
        reset_socket(client);
        return;
    }
    const int on = 1;
    ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto& link = relays.emplace_back();
    link.client = client;
    link.server = server;
}

void tcp_gate::state::from_client(relay& link, std::string bytes) {
    link.recent += bytes;
    for (auto each = rules.begin(); each != rules.end(); ++each) {
        if (link.recent.find(each->marker) == std::string::npos) continue;
        const auto now = *each;
        rules.erase(each);
        link.recent.clear();
        if (!now.forged_answer.empty()) {
            link.to_client.push_back({clock::now(), now.forged_answer});
            return;
        }
        link.answer_left = now.cut_after;
        link.appended = now.appended;
        break;
    }
    if (link.recent.size() > 4096) link.recent.erase(0, link.recent.size() - 1024);
    link.to_server.push_back({clock::now(), std::move(bytes)});
}

void tcp_gate::state::from_server(relay& link, std::string bytes) {
    if (link.answer_left) {
        if (bytes.size() >= *link.answer_left) {
            bytes.resize(*link.answer_left);
            ::send(link.client, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            link.dead = true;
            return;
        }
        *link.answer_left -= bytes.size();
    }
    bytes += std::exchange(link.appended, {});
    link.to_client.push_back({clock::now() + delay, std::move(bytes)});
}

bool tcp_gate::state::write_due(int socket, std::deque<chunk>& queue) {
    while (!queue.empty() && queue.front().due <= clock::now()) {
        auto& bytes = queue.front().bytes;
        const auto sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) return errno == EAGAIN || errno == EINTR;
        bytes.erase(0, static_cast<std::size_t>(sent));
        if (bytes.empty()) queue.pop_front();
    }
    return true;
}

std::vector<pollfd> tcp_gate::state::interests(int& wait_ms) {
    std::vector<pollfd> result{{listener, POLLIN, 0}, {wake_read, POLLIN, 0}};
    wait_ms = -1;
    for (auto& link : relays) {
        const auto events = [&](const std::deque<chunk>& in, const std::deque<chunk>& out) {
            int wanted = 0;
            if (!holding && queued(in) < queue_limit) wanted |= POLLIN;
            if (!holding && !out.empty() && out.front().due <= clock::now()) wanted |= POLLOUT;
            return static_cast<short>(wanted);
        };
        result.push_back({link.client, events(link.to_server, link.to_client), 0});
        result.push_back({link.server, events(link.to_client, link.to_server), 0});
        if (!holding && delay.count() > 0 && !link.to_client.empty()) wait_ms = 1;
    }
    // A held connection whose peer is gone would wake poll() for ever by POLLHUP.
    if (holding) result.resize(2);
    return result;
}

void tcp_gate::state::turn(const std::vector<pollfd>& polled) {
    std::size_t index = 2;
    for (auto& link : relays) {
        if (index + 1 >= polled.size()) break;
        const auto& client = polled[index++];
        const auto& server = polled[index++];
        if (client.fd != link.client || server.fd != link.server) break;
        if ((client.revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
            if (auto bytes = read_some(link.client)) {
                if (bytes->empty())
                    link.dead = true;
                else
                    from_client(link, std::move(*bytes));
            }
        }
        if (!link.dead && (server.revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
            if (auto bytes = read_some(link.server)) {
                if (bytes->empty()) {
                    write_due(link.client, link.to_client);
                    link.dead = true;
                } else {
                    from_server(link, std::move(*bytes));
                }
            }
        }
        if (!link.dead &&
            (!write_due(link.client, link.to_client) || !write_due(link.server, link.to_server)))
            link.dead = true;
    }
}

void tcp_gate::state::sweep() {
    for (auto link = relays.begin(); link != relays.end();) {
        if (!link->dead) {
            ++link;
            continue;
        }
        // What was answered before the end has been written; a close, not a reset, lets it arrive.
        if (link->answer_left)
            ::close(link->client);
        else if (link->to_client.empty() && link->to_server.empty())
            ::close(link->client);
        else
            reset_socket(link->client);
        ::close(link->server);
        link = relays.erase(link);
    }
}

void tcp_gate::state::run() {
    for (;;) {
        std::vector<pollfd> polled;
        int wait_ms = -1;
        {
            const std::lock_guard lock{mutex};
            if (stopping) return;
            sweep();
            polled = interests(wait_ms);
        }
        ::poll(polled.data(), polled.size(), wait_ms);
        const std::lock_guard lock{mutex};
        if ((polled[1].revents & POLLIN) != 0) read_some(wake_read);
        turn(polled);
        if ((polled[0].revents & POLLIN) != 0) accept_one();
    }
}

tcp_gate::tcp_gate(int target) : tcp_gate{std::vector{target}} {}

tcp_gate::tcp_gate(std::vector<int> targets) : state_{std::make_unique<state>()} {
    auto& self = *state_;
    self.targets = std::move(targets);
    self.listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto address = loopback(0);
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    std::array<int, 2> pair{};
    if (::bind(self.listener, generic, length) != 0 || ::listen(self.listener, 256) != 0 ||
        ::getsockname(self.listener, generic, &length) != 0 ||
        ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0)
        throw std::runtime_error("tcp_gate cannot listen");
    self.port = ntohs(address.sin_port);
    self.wake_read = pair[0];
    self.wake_write = pair[1];
    self.thread = std::thread{[&self] { self.run(); }};
}

namespace {

void wake(int descriptor) {
    const char byte = 'w';
    ::send(descriptor, &byte, 1, MSG_NOSIGNAL);
}

} // namespace

tcp_gate::~tcp_gate() {
    {
        const std::lock_guard lock{state_->mutex};
        state_->stopping = true;
    }
    wake(state_->wake_write);
    state_->thread.join();
    for (const auto& link : state_->relays) {
        ::close(link.client);
        ::close(link.server);
    }
    ::close(state_->listener);
    ::close(state_->wake_read);
    ::close(state_->wake_write);
}

int tcp_gate::port() const {
    return state_->port;
}

std::size_t tcp_gate::connections() const {
    const std::lock_guard lock{state_->mutex};
    return state_->relays.size();
}

void tcp_gate::come_from(const std::string& address) {
    const std::lock_guard lock{state_->mutex};
    auto& source = state_->source.emplace(loopback(0));
    if (::inet_pton(AF_INET, address.c_str(), &source.sin_addr) != 1)
        throw std::runtime_error("no IPv4 address: " + address);
}

void tcp_gate::refuse(bool on) {
    const std::lock_guard lock{state_->mutex};
    state_->refusing = on;
}

void tcp_gate::hold(bool on) {
    const std::lock_guard lock{state_->mutex};
    state_->holding = on;
    wake(state_->wake_write);
}

void tcp_gate::delay_answers(std::chrono::milliseconds by) {
    const std::lock_guard lock{state_->mutex};
    state_->delay = by;
}

void tcp_gate::cut_all() {
    const std::lock_guard lock{state_->mutex};
    for (auto& link : state_->relays)
        link.dead = true;
    wake(state_->wake_write);
}

void tcp_gate::cut_answer(const std::string& marker, std::size_t after) {
    const std::lock_guard lock{state_->mutex};
    state_->rules.push_back({marker, "", after, ""});
}

void tcp_gate::forge_answer(const std::string& marker, const std::string& bytes) {
    const std::lock_guard lock{state_->mutex};
    state_->rules.push_back({marker, bytes, {}, ""});
}

void tcp_gate::append_to_answer(const std::string& marker, const std::string& bytes) {
    const std::lock_guard lock{state_->mutex};
    state_->rules.push_back({marker, "", {}, bytes});
}

} // namespace pgweir::test
