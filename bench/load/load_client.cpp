// Closed-loop load: N connections in one epoll thread, each sends its next query when the answer to
// the last one is complete. Logs in through libpq (any authentication), then speaks the protocol
// itself on libpq's socket, so that its own cost stays small beside the proxy's.
#include "bench/load/message_bytes.hpp"
#include "bench/load/process_tree.hpp"

#include <fcntl.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir::bench {
namespace {

using clock = std::chrono::steady_clock;
using std::chrono::duration;

enum class query_mode : std::uint8_t { simple, extended, prepared };

struct options {
    std::string conninfo;
    std::size_t connections = 8;
    std::chrono::duration<double> run_time{5};
    std::chrono::duration<double> warm_up{0.5};
    query_mode mode = query_mode::simple;
    std::uint32_t rows = 100000;
    std::string query = "SELECT abalance FROM pgbench_accounts WHERE aid = ";
    std::vector<pid_t> proxy_pids;
};

constexpr const char* usage =
    "usage: bench_load_client --conninfo STRING [options]\n"
    "  --conninfo STRING   libpq connection string (or PG* variables: give '')\n"
    "  --connections N     default 8\n"
    "  --mode MODE         simple, extended or prepared; default simple\n"
    "  --seconds S         measured time, default 5\n"
    "  --warm-up S         not measured, before it, default 0.5\n"
    "  --query TEXT        a random number from 1 to --rows is put behind it\n"
    "  --rows N            default 100000\n"
    "  --proxy-pid PID     print CPU us per query of this process and its children (repeatable)\n";

struct answer_progress {
    bool complete = false;
    bool failed = false;
};

/// Finds the end of an answer in a byte stream cut anywhere; keeps no message body.
class answer_scanner {
public:
    answer_progress scan(std::string_view bytes) {
        answer_progress progress;
        while (!bytes.empty()) {
            if (to_skip_ > 0) {
                const auto n = std::min(to_skip_, bytes.size());
                bytes.remove_prefix(n);
                to_skip_ -= n;
            } else {
                header_[have_++] = bytes.front();
                bytes.remove_prefix(1);
                if (have_ < header_.size()) {
                    continue;
                }
                have_ = 0;
                to_skip_ = int32_at(std::string_view(header_.data() + 1, 4)) - 4;
                progress.failed = progress.failed || header_[0] == 'E';
            }
            progress.complete = progress.complete || (to_skip_ == 0 && header_[0] == 'Z');
        }
        return progress;
    }

private:
    std::array<char, 5> header_{};
    std::size_t have_ = 0;
    std::size_t to_skip_ = 0;
};

void put_parse(std::string& out, std::string_view name, std::string_view sql) {
    std::string body;
    put_string(body, name);
    put_string(body, sql);
    put_int16(body, 0);
    put_message(out, 'P', body);
}

/// Bind with one text parameter, Describe of the portal, Execute, Sync: what libpq sends.
void put_bind_to_sync(std::string& out, std::string_view statement, std::string_view parameter) {
    std::string body;
    put_string(body, "");
    put_string(body, statement);
    put_int16(body, 0);
    put_int16(body, 1);
    put_int32(body, static_cast<std::uint32_t>(parameter.size()));
    body.append(parameter);
    put_int16(body, 0);
    put_message(out, 'B', body);
    put_message(out, 'D', std::string_view("P\0", 2));
    put_message(out, 'E', std::string_view("\0\0\0\0\0", 5));
    put_message(out, 'S', "");
}

class load_connection {
public:
    explicit load_connection(PGconn* session) : session_{session, &PQfinish} {
        const int on = 1;
        setsockopt(fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        fcntl(fd(), F_SETFL, fcntl(fd(), F_GETFL) | O_NONBLOCK);
    }

    [[nodiscard]] int fd() const { return PQsocket(session_.get()); }

    /// Queries are far smaller than a socket buffer and only one is under way: a short write is an
    /// error.
    bool send_query(const options& chosen, std::uint32_t number) {
        const std::string text = std::to_string(number);
        out_.clear();
        if (chosen.mode == query_mode::simple) {
            std::string body = chosen.query + text;
            body.push_back('\0');
            put_message(out_, 'Q', body);
        } else {
            const std::string_view name = chosen.mode == query_mode::prepared ? "load" : "";
            if (name.empty() || !prepared_) {
                put_parse(out_, name, chosen.query + "$1");
                prepared_ = true;
            }
            put_bind_to_sync(out_, name, text);
        }
        sent_at_ = clock::now();
        return send(fd(), out_.data(), out_.size(), MSG_NOSIGNAL) ==
               static_cast<ssize_t>(out_.size());
    }

    answer_progress take(std::string_view bytes) { return scanner_.scan(bytes); }
    [[nodiscard]] clock::time_point sent_at() const { return sent_at_; }

private:
    std::unique_ptr<PGconn, decltype(&PQfinish)> session_;
    answer_scanner scanner_;
    std::string out_;
    bool prepared_ = false;
    clock::time_point sent_at_;
};

struct measured {
    std::vector<std::uint32_t> latencies_ns;
    std::uint64_t failed = 0;
    double seconds = 0;
    cpu_usage cpu;
};

class load_run {
public:
    explicit load_run(const options& chosen)
        : options_{chosen}, epoll_{epoll_create1(EPOLL_CLOEXEC)}, row_{1, chosen.rows} {}

    /// False with a message on stderr if a connection could not be made.
    bool connect_all() {
        for (std::size_t i = 0; i < options_.connections; ++i) {
            PGconn* session = PQconnectdb(options_.conninfo.c_str());
            connections_.push_back(std::make_unique<load_connection>(session));
            if (PQstatus(session) != CONNECTION_OK) {
                std::fprintf(stderr, "bench_load_client: %s", PQerrorMessage(session));
                return false;
            }
            epoll_event event{};
            event.events = EPOLLIN;
            event.data.u64 = i;
            epoll_ctl(epoll_, EPOLL_CTL_ADD, connections_.back()->fd(), &event);
        }
        return true;
    }

    /// Nothing if a connection was lost.
    std::optional<measured> run() {
        for (auto& connection : connections_) {
            if (!connection->send_query(options_, row_(random_))) {
                return std::nullopt;
            }
        }
        if (!run_until(clock::now() +
                       std::chrono::duration_cast<clock::duration>(options_.warm_up))) {
            return std::nullopt;
        }
        result_ = {};
        const auto before = cpu_of(options_.proxy_pids);
        const auto start = clock::now();
        if (!run_until(start + std::chrono::duration_cast<clock::duration>(options_.run_time))) {
            return std::nullopt;
        }
        result_.seconds = duration<double>(clock::now() - start).count();
        const auto after = cpu_of(options_.proxy_pids);
        result_.cpu = {after.user_us - before.user_us, after.system_us - before.system_us};
        return std::move(result_);
    }

private:
    bool run_until(clock::time_point end) {
        std::array<epoll_event, 256> events{};
        while (clock::now() < end) {
            const int n = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 100);
            for (int i = 0; i < n; ++i) {
                if (!serve(*connections_[events[static_cast<std::size_t>(i)].data.u64])) {
                    std::fputs("bench_load_client: a connection was lost\n", stderr);
                    return false;
                }
            }
        }
        return true;
    }

    bool serve(load_connection& connection) {
        const ssize_t n = recv(connection.fd(), buffer_.data(), buffer_.size(), 0);
        if (n <= 0) {
            return n < 0 && (errno == EAGAIN || errno == EINTR);
        }
        const auto progress = connection.take({buffer_.data(), static_cast<std::size_t>(n)});
        result_.failed += progress.failed ? 1 : 0;
        if (!progress.complete) {
            return true;
        }
        const auto taken = std::chrono::nanoseconds(clock::now() - connection.sent_at()).count();
        result_.latencies_ns.push_back(
            static_cast<std::uint32_t>(std::min<std::int64_t>(taken, UINT32_MAX)));
        return connection.send_query(options_, row_(random_));
    }

    const options& options_;
    int epoll_;
    std::minstd_rand random_{20240229}; // the same numbers in each run
    std::uniform_int_distribution<std::uint32_t> row_;
    std::vector<std::unique_ptr<load_connection>> connections_;
    std::array<char, 65536> buffer_{};
    measured result_;
};

double percentile_us(std::vector<std::uint32_t>& sorted_ns, double share) {
    if (sorted_ns.empty()) {
        return 0;
    }
    const auto at = static_cast<std::size_t>(share * static_cast<double>(sorted_ns.size() - 1));
    return static_cast<double>(sorted_ns[at]) / 1000.0;
}

/// One "name value" pair a line.
void print(measured& result, bool with_cpu) {
    auto& ns = result.latencies_ns;
    std::ranges::sort(ns);
    const auto queries = static_cast<double>(ns.size());
    std::printf("queries %zu\nfailed %llu\nqps %.0f\n", ns.size(),
                static_cast<unsigned long long>(result.failed), queries / result.seconds);
    std::printf("p50_us %.1f\np95_us %.1f\np99_us %.1f\np99.9_us %.1f\n", percentile_us(ns, 0.5),
                percentile_us(ns, 0.95), percentile_us(ns, 0.99), percentile_us(ns, 0.999));
    if (with_cpu && queries > 0) {
        std::printf("proxy_cpu_us_per_query %.2f\nproxy_user_us_per_query %.2f\n"
                    "proxy_system_us_per_query %.2f\n",
                    (result.cpu.user_us + result.cpu.system_us) / queries,
                    result.cpu.user_us / queries, result.cpu.system_us / queries);
    }
}

std::optional<options> read_options(std::span<char*> arguments) {
    options chosen;
    for (std::size_t i = 1; i < arguments.size(); i += 2) {
        const std::string_view name = arguments[i];
        if (i + 1 == arguments.size()) {
            return std::nullopt;
        }
        const char* value = arguments[i + 1];
        if (name == "--conninfo") {
            chosen.conninfo = value;
        } else if (name == "--connections") {
            chosen.connections = std::strtoul(value, nullptr, 10);
        } else if (name == "--seconds") {
            chosen.run_time = duration<double>(std::strtod(value, nullptr));
        } else if (name == "--warm-up") {
            chosen.warm_up = duration<double>(std::strtod(value, nullptr));
        } else if (name == "--rows") {
            chosen.rows = static_cast<std::uint32_t>(std::strtoul(value, nullptr, 10));
        } else if (name == "--query") {
            chosen.query = value;
        } else if (name == "--proxy-pid") {
            chosen.proxy_pids.push_back(static_cast<pid_t>(std::strtol(value, nullptr, 10)));
        } else if (name == "--mode") {
            const std::string_view mode = value;
            if (mode != "simple" && mode != "extended" && mode != "prepared") {
                return std::nullopt;
            }
            chosen.mode = mode == "simple"     ? query_mode::simple
                          : mode == "extended" ? query_mode::extended
                                               : query_mode::prepared;
        } else {
            return std::nullopt;
        }
    }
    if (chosen.connections == 0 || chosen.rows == 0) {
        return std::nullopt;
    }
    return chosen;
}

} // namespace
} // namespace pgweir::bench

int main(int argc, char** argv) {
    using namespace pgweir::bench;
    const auto chosen = read_options({argv, static_cast<std::size_t>(argc)});
    if (!chosen) {
        std::fputs(usage, stderr);
        return 2;
    }
    load_run run{*chosen};
    if (!run.connect_all()) {
        return 1;
    }
    auto result = run.run();
    if (!result) {
        return 1;
    }
    print(*result, !chosen->proxy_pids.empty());
    return result->failed == 0 ? 0 : 1;
}
