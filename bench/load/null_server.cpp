// A PostgreSQL server that does no work: one epoll thread that answers every query with the same
// row, so that what is left of a query's cost is the proxy's. Trust only, text format only; simple
// and extended protocol, pipelined. Not a test double: it checks nothing.
#include "bench/load/canned_answers.hpp"
#include "bench/load/message_bytes.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace pgweir::bench {
namespace {

constexpr std::uint32_t ssl_request = 80877103;
constexpr std::uint32_t gssenc_request = 80877104;
constexpr std::uint32_t cancel_request = 80877102;
constexpr std::size_t read_size = 16384;

volatile std::sig_atomic_t stop_requested = 0;

/// One frontend's connection: bytes in, answers out. Knows no socket.
class conversation {
public:
    conversation(bool standby, std::uint32_t id) : standby_{standby}, id_{id} {}

    std::string out; // bytes to send; the owner empties it

    /// Consumes the whole messages at the front of `bytes`; returns how many bytes that were,
    /// or nothing if the connection is to be closed.
    std::optional<std::size_t> feed(std::string_view bytes) {
        std::size_t used = 0;
        for (;;) {
            const auto rest = bytes.substr(used);
            const std::size_t type_size = started_ ? 1 : 0;
            if (rest.size() < type_size + 4) {
                return used;
            }
            const std::size_t length = int32_at(rest.substr(type_size));
            if (length < 4) {
                return std::nullopt;
            }
            if (rest.size() < type_size + length) {
                return used;
            }
            const auto body = rest.substr(type_size + 4, length - 4);
            const bool go_on = started_ ? on_message(rest.front(), body) : on_startup(body);
            if (!go_on) {
                return std::nullopt;
            }
            used += type_size + length;
        }
    }

private:
    bool on_startup(std::string_view body) {
        if (body.size() < 4) {
            return false;
        }
        const auto code = int32_at(body);
        if (code == ssl_request || code == gssenc_request) {
            out.push_back('N');
            return true;
        }
        if (code == cancel_request) {
            return false;
        }
        started_ = true;
        put_message(out, 'R', std::string_view("\0\0\0\0", 4));
        const std::array<std::array<std::string_view, 2>, 11> parameters{{
            {"server_version", "15.0"},
            {"server_encoding", "UTF8"},
            {"client_encoding", "UTF8"},
            {"application_name", ""},
            {"is_superuser", "on"},
            {"session_authorization", "postgres"},
            {"DateStyle", "ISO, MDY"},
            {"IntervalStyle", "postgres"},
            {"TimeZone", "UTC"},
            {"integer_datetimes", "on"},
            {"standard_conforming_strings", "on"},
        }};
        for (const auto& [name, value] : parameters) {
            put_parameter(name, value);
        }
        put_parameter("in_hot_standby", standby_ ? "on" : "off");
        put_parameter("default_transaction_read_only", "off");
        std::string key;
        put_int32(key, id_);
        put_int32(key, 12345);
        put_message(out, 'K', key);
        put_ready();
        return true;
    }

    /// False: Terminate, or a message that this server has no answer to.
    bool on_message(char type, std::string_view body) {
        switch (type) {
        case 'Q':
            on_query(body);
            return true;
        case 'P':
            on_parse(body);
            return true;
        case 'B':
            on_bind(body);
            return true;
        case 'D':
            on_describe(body);
            return true;
        case 'E':
            run(portal(take_string(body)), false);
            return true;
        case 'C':
            put_message(out, '3', "");
            return true;
        case 'S':
            put_ready();
            return true;
        case 'H':
            return true;
        default:
            return false;
        }
    }

    void on_query(std::string_view body) {
        const auto sql = take_string(body);
        if (is_application_query(sql)) {
            run(fixed_answer(), true);
        } else {
            run(answer_to(sql, standby_), true);
        }
        put_ready();
    }

    void on_parse(std::string_view body) {
        const auto name = take_string(body);
        const auto sql = take_string(body);
        statement entry;
        entry.answer = is_application_query(sql)
                           ? nullptr
                           : std::make_shared<canned_answer>(answer_to(sql, standby_));
        for (std::size_t at = sql.find('$'); at != std::string_view::npos;
             at = sql.find('$', at + 1)) {
            std::uint16_t number = 0;
            std::from_chars(sql.data() + at + 1, sql.data() + sql.size(), number);
            entry.parameters = std::max(entry.parameters, number);
        }
        if (name.empty()) {
            unnamed_ = std::move(entry);
        } else {
            statements_.insert_or_assign(std::string(name), std::move(entry));
        }
        put_message(out, '1', "");
    }

    /// Portals are bound and executed one after the other by everything that measures here, so only
    /// the last one is kept, whatever its name.
    void on_bind(std::string_view body) {
        (void)take_string(body);
        portal_ = find(take_string(body)).answer;
        put_message(out, '2', "");
    }

    void on_describe(std::string_view body) {
        const bool is_statement = body.starts_with('S');
        body.remove_prefix(std::min<std::size_t>(1, body.size()));
        const auto name = take_string(body);
        if (!is_statement) {
            out.append(portal(name).description);
            return;
        }
        const auto& entry = find(name);
        std::string oids;
        put_int16(oids, entry.parameters);
        for (int i = 0; i < entry.parameters; ++i) {
            put_int32(oids, int4_oid);
        }
        put_message(out, 't', oids);
        out.append(entry.answer ? entry.answer->description : fixed_answer().description);
    }

    void run(const canned_answer& answer, bool with_description) {
        if (with_description && answer.has_rows) {
            out.append(answer.description);
        }
        out.append(answer.result);
        if (answer.status_after != '\0') {
            status_ = answer.status_after;
        }
    }

    struct statement {
        std::shared_ptr<const canned_answer> answer; // null: the fixed one
        std::uint16_t parameters = 0;
    };

    const statement& find(std::string_view name) {
        if (name.empty()) {
            return unnamed_;
        }
        const auto it = statements_.find(std::string(name));
        return it == statements_.end() ? unnamed_ : it->second;
    }

    const canned_answer& portal(std::string_view /*name*/) const {
        return portal_ ? *portal_ : fixed_answer();
    }

    void put_parameter(std::string_view name, std::string_view value) {
        std::string body;
        put_string(body, name);
        put_string(body, value);
        put_message(out, 'S', body);
    }

    void put_ready() { put_message(out, 'Z', std::string_view(&status_, 1)); }

    bool standby_;
    std::uint32_t id_;
    bool started_ = false;
    char status_ = 'I';
    statement unnamed_;
    std::unordered_map<std::string, statement> statements_;
    std::shared_ptr<const canned_answer> portal_;
};

struct connection {
    connection(int socket, bool standby, std::uint32_t id) : fd{socket}, talk{standby, id} {}
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;
    ~connection() { close(fd); }

    int fd;
    conversation talk;
    std::string unread;   // the beginning of a message that has not come whole
    std::size_t sent = 0; // of talk.out
    bool waits_to_send = false;
};

class server {
public:
    server(int listener, bool standby)
        : listener_{listener}, standby_{standby}, epoll_{epoll_create1(EPOLL_CLOEXEC)} {
        watch(EPOLL_CTL_ADD, listener_, EPOLLIN);
    }

    void run() {
        std::array<epoll_event, 256> events{};
        while (stop_requested == 0) {
            const int n = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
            for (int i = 0; i < n; ++i) {
                const auto& event = events[static_cast<std::size_t>(i)];
                if (event.data.fd == listener_) {
                    accept_all();
                    continue;
                }
                const auto it = connections_.find(event.data.fd);
                if (it != connections_.end() && !serve(*it->second, event.events)) {
                    connections_.erase(it);
                }
            }
        }
    }

private:
    void watch(int operation, int fd, std::uint32_t what) const {
        epoll_event event{};
        event.events = what;
        event.data.fd = fd;
        epoll_ctl(epoll_, operation, fd, &event);
    }

    void accept_all() {
        for (;;) {
            const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd < 0) {
                return;
            }
            const int on = 1;
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            connections_[fd] = std::make_unique<connection>(fd, standby_, ++last_id_);
            watch(EPOLL_CTL_ADD, fd, EPOLLIN);
        }
    }

    /// False if the connection is over.
    bool serve(connection& peer, std::uint32_t events) {
        if ((events & EPOLLOUT) != 0 && !flush(peer)) {
            return false;
        }
        if (peer.waits_to_send || (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) {
            return true;
        }
        const ssize_t n = recv(peer.fd, buffer_.data(), buffer_.size(), 0);
        if (n <= 0) {
            return n < 0 && (errno == EAGAIN || errno == EINTR);
        }
        std::string_view bytes(buffer_.data(), static_cast<std::size_t>(n));
        if (!peer.unread.empty()) {
            peer.unread.append(bytes);
            bytes = peer.unread;
        }
        const auto used = peer.talk.feed(bytes);
        if (!used) {
            return false;
        }
        std::string rest(bytes.substr(*used));
        peer.unread = std::move(rest);
        return flush(peer);
    }

    bool flush(connection& peer) {
        auto& out = peer.talk.out;
        while (peer.sent < out.size()) {
            const ssize_t n =
                send(peer.fd, out.data() + peer.sent, out.size() - peer.sent, MSG_NOSIGNAL);
            if (n < 0 && errno == EAGAIN) {
                if (!std::exchange(peer.waits_to_send, true)) {
                    watch(EPOLL_CTL_MOD, peer.fd, EPOLLIN | EPOLLOUT);
                }
                return true;
            }
            if (n < 0) {
                return false;
            }
            peer.sent += static_cast<std::size_t>(n);
        }
        out.clear();
        peer.sent = 0;
        if (std::exchange(peer.waits_to_send, false)) {
            watch(EPOLL_CTL_MOD, peer.fd, EPOLLIN);
        }
        return true;
    }

    int listener_;
    bool standby_;
    int epoll_;
    std::uint32_t last_id_ = 0;
    std::array<char, read_size> buffer_{};
    std::unordered_map<int, std::unique_ptr<connection>> connections_;
};

/// A listening socket on 127.0.0.1; `port` 0 takes a free one and is set to it. -1 with errno.
int listen_on(std::uint16_t& port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address); // as the socket API wants it
    if (bind(fd, generic, size) != 0 || listen(fd, SOMAXCONN) != 0 ||
        getsockname(fd, generic, &size) != 0) {
        return -1;
    }
    port = ntohs(address.sin_port);
    return fd;
}

void raise_file_limit() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int main_with(std::span<char*> arguments) {
    std::uint16_t port = 0;
    bool standby = false;
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        const std::string_view word = arguments[i];
        if (word == "--standby") {
            standby = true;
        } else if (word == "--port" && i + 1 < arguments.size()) {
            port = static_cast<std::uint16_t>(std::strtoul(arguments[++i], nullptr, 10));
        } else {
            std::fputs("usage: bench_null_server [--port PORT] [--standby]\n"
                       "Listens on 127.0.0.1; without a port on a free one, printed as 'port N'.\n",
                       stderr);
            return 2;
        }
    }
    raise_file_limit();
    const int listener = listen_on(port);
    if (listener < 0) {
        std::perror("bench_null_server: listen");
        return 1;
    }
    struct sigaction stop{};
    stop.sa_handler = [](int) { stop_requested = 1; };
    sigaction(SIGINT, &stop, nullptr);
    sigaction(SIGTERM, &stop, nullptr);
    std::printf("port %u\n", static_cast<unsigned>(port));
    std::fflush(stdout);
    server{listener, standby}.run();
    return 0;
}

} // namespace
} // namespace pgweir::bench

int main(int argc, char** argv) {
    return pgweir::bench::main_with({argv, static_cast<std::size_t>(argc)});
}
