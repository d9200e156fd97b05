#include "tests/support/wire_client.hpp"

#include "tests/support/scram_exchange.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace pgweir::test {

using clock = std::chrono::steady_clock;

wire_client::wire_client(int port, const std::string& host)
    : socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    ::inet_pton(AF_INET, host.c_str(), &address.sin_addr);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        close();
        throw std::runtime_error("cannot connect to port " + std::to_string(port));
    }
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

wire_client::wire_client(const std::filesystem::path& socket)
    : socket_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket.c_str(), sizeof address.sun_path - 1);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        close();
        throw std::runtime_error("cannot connect to " + socket.string());
    }
}

wire_client::~wire_client() {
    close();
}

wire_client::wire_client(wire_client&& other) noexcept
    : socket_{std::exchange(other.socket_, -1)}, input_{std::move(other.input_)},
      at_end_{other.at_end_}, pid_{other.pid_}, key_{std::move(other.key_)} {}

wire_client& wire_client::operator=(wire_client&& other) noexcept {
    if (this != &other) {
        close();
        socket_ = std::exchange(other.socket_, -1);
        input_ = std::move(other.input_);
        at_end_ = other.at_end_;
        pid_ = other.pid_;
        key_ = std::move(other.key_);
    }
    return *this;
}

bool wire_client::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

bool wire_client::send_in_pieces(std::string_view bytes, std::size_t size) {
    for (std::size_t at = 0; at < bytes.size(); at += size)
        if (!send(bytes.substr(at, size))) return false;
    return true;
}

/// Reads once. False at the deadline and at the end of the stream.
bool wire_client::fill(clock::time_point deadline) {
    if (at_end_ || socket_ < 0) return false;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now());
    pollfd readable{socket_, POLLIN, 0};
    if (::poll(&readable, 1, static_cast<int>(std::max<long>(left.count(), 0))) <= 0) return false;
    std::array<char, 65536> space;
    const auto received = ::recv(socket_, space.data(), space.size(), 0);
    if (received <= 0) {
        at_end_ = true;
        return false;
    }
    input_.append(space.data(), static_cast<std::size_t>(received));
    return true;
}

std::optional<wire_message> wire_client::read(std::chrono::milliseconds limit) {
    const auto deadline = clock::now() + limit;
    for (;;) {
        if (input_.size() >= 5) {
            const auto length = static_cast<std::uint32_t>(read_int32(input_, 1));
            if (length < 4) throw std::runtime_error("message with a length below 4");
            if (input_.size() > length) {
                wire_message message{input_[0], input_.substr(5, length - 4)};
                input_.erase(0, length + 1);
                return message;
            }
        }
        if (!fill(deadline)) return std::nullopt;
    }
}

std::vector<wire_message> wire_client::read_until_ready(int count,
                                                        std::chrono::milliseconds limit) {
    std::vector<wire_message> messages;
    const auto deadline = clock::now() + limit;
    while (count > 0) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now());
        auto message = read(std::max(left, std::chrono::milliseconds{0}));
        if (!message) break;
        if (message->type == 'Z') --count;
        messages.push_back(std::move(*message));
    }
    return messages;
}

std::vector<wire_message> wire_client::read_until(char last, std::chrono::milliseconds limit) {
    std::vector<wire_message> messages;
    while (auto message = read(limit)) {
        messages.push_back(std::move(*message));
        if (messages.back().type == last) break;
    }
    return messages;
}

std::vector<wire_message> wire_client::read_to_end(std::chrono::milliseconds limit) {
    return read_until('\0', limit);
}

std::optional<char> wire_client::read_byte(std::chrono::milliseconds limit) {
    const auto deadline = clock::now() + limit;
    while (input_.empty())
        if (!fill(deadline)) return std::nullopt;
    const char byte = input_.front();
    input_.erase(0, 1);
    return byte;
}

bool wire_client::closed_by_peer(std::chrono::milliseconds limit) {
    const auto deadline = clock::now() + limit;
    while (fill(deadline))
        input_.clear();
    return at_end_;
}

bool wire_client::silent_for(std::chrono::milliseconds duration) {
    if (!input_.empty()) return false;
    return !fill(clock::now() + duration) && !at_end_;
}

std::vector<wire_message> wire_client::converse(std::string_view bytes, int ready_count) {
    send(bytes);
    return read_until_ready(ready_count);
}

std::optional<wire_message> wire_client::answer_sasl(const account& who) {
    static std::atomic<int> counter = 0;
    scram_exchange scram{who.password, "test-nonce-" + std::to_string(++counter)};
    const auto first = scram.client_first();
    send(wire::message('p', wire::text("SCRAM-SHA-256") +
                                wire::int32(static_cast<std::int32_t>(first.size())) + first));
    auto reply = read();
    if (!reply || reply->type != 'R') return reply;
    send(wire::message('p', scram.client_final(std::string_view{reply->body}.substr(4))));
    reply = read();
    if (reply && reply->type == 'R' && !scram.verify(std::string_view{reply->body}.substr(4)))
        throw std::runtime_error("the server did not prove itself");
    return reply;
}

std::optional<wire_message> wire_client::authenticate(const account& who) {
    for (;;) {
        auto message = read();
        if (!message) throw std::runtime_error("lost while logging in");
        if (message->type == 'N' || message->type == 'v') continue;
        if (message->type != 'R') return message;
        switch (read_int32(message->body, 0)) {
        case 0:
            return std::nullopt;
        case 3:
            send(wire::password(who.password));
            break;
        case 5:
            send(wire::password(md5_password(who.name, who.password, message->body.substr(4))));
            break;
        case 10:
            message = answer_sasl(who);
            if (!message) throw std::runtime_error("lost while logging in");
            if (message->type != 'R') return message;
            break;
        default:
            throw std::runtime_error("unknown authentication request");
        }
    }
}

std::vector<wire_message> wire_client::login(const account& who,
                                             const std::string& database,
                                             const wire::startup_parameters& more) {
    wire::startup_parameters parameters{{"user", who.name}};
    if (!database.empty()) parameters.emplace_back("database", database);
    parameters.insert(parameters.end(), more.begin(), more.end());
    send(wire::startup(parameters));
    if (auto error = authenticate(who)) return {std::move(*error)};
    auto messages = read_until_ready();
    if (const auto* key = find(messages, 'K')) {
        pid_ = read_int32(key->body, 0);
        key_ = key->body.substr(4);
    }
    return messages;
}

void wire_client::reset() {
    const linger at_once{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close();
}

void wire_client::close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
}

void wire_client::shut_down_writing() {
    ::shutdown(socket_, SHUT_WR);
}

wire_client logged_in(int port,
                      const account& who,
                      const std::string& database,
                      const wire::startup_parameters& more) {
    wire_client client{port};
    const auto messages = client.login(who, database, more);
    if (const auto* error = find(messages, 'E'))
        throw std::runtime_error("login failed: " + field(*error, 'M'));
    if (statuses(messages) != "I") throw std::runtime_error("login was not finished");
    return client;
}

} // namespace pgweir::test
