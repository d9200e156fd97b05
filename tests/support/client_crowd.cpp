#include "tests/support/client_crowd.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <stdexcept>

namespace pgweir::test {

client_crowd::client_crowd(int port, std::string user, std::string database, std::size_t size)
    : port_{port}, startup_{wire::startup({{"user", std::move(user)},
                                           {"database", std::move(database)},
                                           {"application_name", "crowd"}})},
      poll_{::epoll_create1(EPOLL_CLOEXEC)}, members_(size) {
    if (poll_ < 0) throw std::runtime_error("no epoll");
}

client_crowd::~client_crowd() {
    for (const auto& each : members_)
        if (each.socket >= 0) ::close(each.socket);
    ::close(poll_);
}

void client_crowd::begin_login(member& who) {
    who.socket = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (who.socket < 0) throw std::runtime_error("no socket: too few file descriptors?");
    const int on = 1;
    ::setsockopt(who.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port_));
    who.began = clock::now();
    who.now = state::connecting;
    ++under_way_;
    if (::connect(who.socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 &&
        errno != EINPROGRESS)
        return leave(who, state::lost);
    epoll_event wanted{};
    wanted.events = EPOLLIN | EPOLLOUT;
    wanted.data.ptr = &who;
    ::epoll_ctl(poll_, EPOLL_CTL_ADD, who.socket, &wanted);
}

void client_crowd::begin_logins(std::chrono::milliseconds duration) {
    ended_ = 0;
    const auto start = clock::now();
    for (std::size_t index = 0; index < members_.size(); ++index) {
        const auto due = start + duration * index / members_.size();
        while (clock::now() < due)
            turn(std::chrono::milliseconds{1});
        begin_login(members_[index]);
        if (index % 16 == 0) turn(std::chrono::milliseconds{0});
    }
}

void client_crowd::ask(const std::function<std::string(std::size_t)>& sql,
                       std::chrono::milliseconds duration) {
    ended_ = 0;
    const auto start = clock::now();
    for (std::size_t index = 0; index < members_.size(); ++index) {
        auto& who = members_[index];
        if (who.now != state::idle) continue;
        while (clock::now() < start + duration * index / members_.size())
            turn(std::chrono::milliseconds{1});
        const auto bytes = wire::query(sql(index));
        who.began = clock::now();
        who.now = state::asking;
        who.answer.clear();
        who.sqlstate.clear();
        ++under_way_;
        if (::send(who.socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) !=
            static_cast<ssize_t>(bytes.size()))
            leave(who, state::lost);
    }
}

bool client_crowd::serve(std::chrono::milliseconds limit) {
    const auto deadline = clock::now() + limit;
    while (under_way_ != 0 && clock::now() < deadline)
        turn(std::chrono::milliseconds{10});
    return under_way_ == 0;
}

void client_crowd::turn(std::chrono::milliseconds wait) {
    std::array<epoll_event, 512> events;
    for (;;) {
        const int count = ::epoll_wait(poll_, events.data(), static_cast<int>(events.size()),
                                       static_cast<int>(wait.count()));
        for (int index = 0; index < count; ++index) {
            const auto& event = events.at(static_cast<std::size_t>(index));
            on_event(*static_cast<member*>(event.data.ptr), event.events);
        }
        if (count < static_cast<int>(events.size())) return;
    }
}

void client_crowd::on_event(member& who, unsigned events) {
    if (who.now == state::connecting && (events & EPOLLOUT) != 0) {
        epoll_event wanted{};
        wanted.events = EPOLLIN;
        wanted.data.ptr = &who;
        ::epoll_ctl(poll_, EPOLL_CTL_MOD, who.socket, &wanted);
        who.now = state::logging_in;
        if (::send(who.socket, startup_.data(), startup_.size(), MSG_NOSIGNAL) < 0)
            return leave(who, state::lost);
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read(who);
}

void client_crowd::read(member& who) {
    std::array<char, 4096> bytes;
    for (;;) {
        const auto got = ::recv(who.socket, bytes.data(), bytes.size(), 0);
        if (got < 0 && errno == EAGAIN) break;
        if (got <= 0) {
            const bool told = !who.sqlstate.empty() && who.now == state::logging_in;
            return leave(who, told ? state::refused : state::lost);
        }
        who.input.append(bytes.data(), static_cast<std::size_t>(got));
        std::size_t at = 0;
        while (who.input.size() - at >= 5) {
            const auto length = static_cast<std::size_t>(read_int32(who.input, at + 1));
            if (who.input.size() - at < length + 1) break;
            on_message(who, who.input[at], who.input.substr(at + 5, length - 4));
            at += length + 1;
        }
        who.input.erase(0, at);
    }
}

void client_crowd::on_message(member& who, char type, const std::string& body) {
    const wire_message message{type, body};
    if (type == 'E') who.sqlstate = field(message, 'C');
    if (type == 'D' && who.answer.empty()) {
        const auto values = columns(message);
        if (!values.empty() && values.front()) who.answer = *values.front();
    }
    if (type == 'Z') finish(who, state::idle);
}

void client_crowd::finish(member& who, state now) {
    const bool counts =
        who.now == state::connecting || who.now == state::logging_in || who.now == state::asking;
    who.now = now;
    if (!counts) return;
    who.ended = clock::now();
    who.place = ended_++;
    --under_way_;
}

void client_crowd::leave(member& who, state now) {
    ::close(who.socket);
    who.socket = -1;
    finish(who, now);
}

std::size_t client_crowd::count(state which) const {
    return static_cast<std::size_t>(std::count_if(
        members_.begin(), members_.end(), [&](const member& each) { return each.now == which; }));
}

std::chrono::milliseconds client_crowd::longest() const {
    clock::duration most{0};
    for (const auto& each : members_)
        most = std::max(most, each.ended - each.began);
    return std::chrono::duration_cast<std::chrono::milliseconds>(most);
}

std::chrono::milliseconds client_crowd::all() const {
    auto first = clock::time_point::max();
    auto last = clock::time_point::min();
    for (const auto& each : members_) {
        first = std::min(first, each.began);
        last = std::max(last, each.ended);
    }
    return std::chrono::duration_cast<std::chrono::milliseconds>(last - first);
}

std::string client_crowd::errors() const {
    std::map<std::string, int> by_state;
    for (const auto& each : members_)
        if (!each.sqlstate.empty()) ++by_state[each.sqlstate];
    std::string text;
    for (const auto& [state, number] : by_state)
        text += (text.empty() ? "" : ", ") + state + " " + std::to_string(number);
    return text;
}

long client_crowd::worst_displacement() const {
    long worst = 0;
    for (std::size_t index = 0; index < members_.size(); ++index)
        worst = std::max(worst, members_[index].place - static_cast<long>(index));
    return worst;
}

} // namespace pgweir::test
