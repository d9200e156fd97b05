// Opens N connections, logs them in (libpq, any authentication), leaves them idle and says how much
// the proxy's memory grew for each, and what a login cost it. The descriptor limit is raised to the
// hard one.
#include "bench/load/process_tree.hpp"

#include <libpq-fe.h>
#include <poll.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace pgweir::bench {
namespace {

using clock = std::chrono::steady_clock;
using pg_connection = std::unique_ptr<PGconn, decltype(&PQfinish)>;

struct options {
    std::string conninfo;
    std::size_t clients = 10000;
    std::size_t at_once = 32;
    std::chrono::duration<double> settle{2};
    std::string query; // run once by each client before it idles; empty: none
    std::vector<pid_t> proxy_pids;
};

constexpr const char* usage =
    "usage: bench_idle_clients --conninfo STRING --proxy-pid PID [options]\n"
    "  --clients N     default 10000\n"
    "  --at-once N     logins under way at the same time, default 32\n"
    "  --query TEXT    each client runs it once before it idles; default: none\n"
    "  --settle S      idle time before memory is read, default 2\n"
    "  --proxy-pid PID process whose memory is read, with its children (repeatable)\n";

struct login {
    pg_connection session;
    PostgresPollingStatusType wants = PGRES_POLLING_WRITING;
};

/// Logs in `chosen.clients` connections, some at a time; what is returned is what succeeded.
class login_run {
public:
    explicit login_run(const options& chosen) : options_{chosen} {}

    std::vector<pg_connection> run() {
        while (done_.size() + failed_ < options_.clients) {
            while (under_way_.size() < options_.at_once &&
                   done_.size() + failed_ + under_way_.size() < options_.clients) {
                start_one();
            }
            step();
        }
        return std::move(done_);
    }

    [[nodiscard]] std::size_t failed() const { return failed_; }

private:
    void start_one() {
        pg_connection session{PQconnectStart(options_.conninfo.c_str()), &PQfinish};
        under_way_.push_back({std::move(session)});
    }

    void step() {
        std::vector<pollfd> waits;
        for (const auto& one : under_way_) {
            const bool reads = one.wants == PGRES_POLLING_READING;
            waits.push_back(
                {PQsocket(one.session.get()), static_cast<short>(reads ? POLLIN : POLLOUT), 0});
        }
        poll(waits.data(), waits.size(), 1000);
        std::vector<login> still;
        for (std::size_t i = 0; i < under_way_.size(); ++i) {
            auto& one = under_way_[i];
            if (waits[i].revents != 0 || waits[i].fd < 0) {
                one.wants = PQconnectPoll(one.session.get());
            }
            if (one.wants == PGRES_POLLING_OK) {
                done_.push_back(std::move(one.session));
            } else if (one.wants == PGRES_POLLING_FAILED) {
                if (failed_++ == 0) {
                    std::fprintf(stderr, "bench_idle_clients: %s",
                                 PQerrorMessage(one.session.get()));
                }
            } else {
                still.push_back(std::move(one));
            }
        }
        under_way_ = std::move(still);
    }

    const options& options_;
    std::vector<login> under_way_;
    std::vector<pg_connection> done_;
    std::size_t failed_ = 0;
};

void raise_file_limit(std::size_t clients) {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    const rlim_t wanted = clients + 100;
    if (limit.rlim_max < wanted) {
        const rlimit higher{wanted, wanted}; // needs the right to; else the hard limit has to do
        if (setrlimit(RLIMIT_NOFILE, &higher) == 0) {
            return;
        }
    }
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

std::size_t run_query_on_each(const std::vector<pg_connection>& sessions,
                              const std::string& query) {
    std::size_t failed = 0;
    for (const auto& session : sessions) {
        const std::unique_ptr<PGresult, decltype(&PQclear)> result{
            PQexec(session.get(), query.c_str()), &PQclear};
        const auto status = PQresultStatus(result.get());
        failed += status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK ? 0 : 1;
    }
    return failed;
}

std::size_t lost(const std::vector<pg_connection>& sessions) {
    std::size_t count = 0;
    for (const auto& session : sessions) {
        PQconsumeInput(session.get());
        count += PQstatus(session.get()) == CONNECTION_OK ? 0 : 1;
    }
    return count;
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
        } else if (name == "--clients") {
            chosen.clients = std::strtoul(value, nullptr, 10);
        } else if (name == "--at-once") {
            chosen.at_once = std::strtoul(value, nullptr, 10);
        } else if (name == "--settle") {
            chosen.settle = std::chrono::duration<double>(std::strtod(value, nullptr));
        } else if (name == "--query") {
            chosen.query = value;
        } else if (name == "--proxy-pid") {
            chosen.proxy_pids.push_back(static_cast<pid_t>(std::strtol(value, nullptr, 10)));
        } else {
            return std::nullopt;
        }
    }
    if (chosen.clients == 0 || chosen.at_once == 0 || chosen.proxy_pids.empty()) {
        return std::nullopt;
    }
    return chosen;
}

/// One "name value" pair a line. Returns the exit code.
int measure(const options& chosen) {
    // One login beforehand, so that what a proxy allocates once is not laid on the clients.
    options one = chosen;
    one.clients = 1;
    if (login_run{one}.run().empty()) {
        return 1;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    const auto before = memory_of(chosen.proxy_pids);
    const auto cpu_before = cpu_of(chosen.proxy_pids);
    const auto start = clock::now();
    login_run logins{chosen};
    const auto sessions = logins.run();
    const std::chrono::duration<double> taken = clock::now() - start;
    const auto cpu_after = cpu_of(chosen.proxy_pids);
    const auto failed_queries =
        chosen.query.empty() ? 0 : run_query_on_each(sessions, chosen.query);
    std::this_thread::sleep_for(chosen.settle);
    auto after = memory_of(chosen.proxy_pids);
    const auto gone = lost(sessions);

    const auto count = static_cast<double>(sessions.size());
    const auto per_client = [count](std::int64_t bytes) {
        return count > 0 ? static_cast<double>(bytes) / count : 0;
    };
    const double cpu =
        cpu_after.user_us + cpu_after.system_us - cpu_before.user_us - cpu_before.system_us;
    std::printf(
        "clients %zu\nfailed_logins %zu\nfailed_queries %zu\nlost %zu\nlogin_seconds %.1f\n",
        sessions.size(), logins.failed(), failed_queries, gone, taken.count());
    std::printf("proxy_cpu_us_per_login %.0f\n", count > 0 ? cpu / count : 0);
    std::printf("rss_before %lld\nrss_after %lld\nrss_bytes_per_client %.0f\n",
                static_cast<long long>(before.rss), static_cast<long long>(after.rss),
                per_client(after.rss - before.rss));
    if (!after.unshared.empty()) {
        const auto middle =
            after.unshared.begin() + static_cast<std::ptrdiff_t>(after.unshared.size() / 2);
        std::ranges::nth_element(after.unshared, middle);
        std::printf("unshared_bytes_of_median_process %lld\n", static_cast<long long>(*middle));
    }
    return logins.failed() == 0 && failed_queries == 0 && gone == 0 ? 0 : 1;
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
    raise_file_limit(chosen->clients);
    return measure(*chosen);
}
