#include "proxy/net/tls_keeper.hpp"

#include "proxy/net/tls_files.hpp"

#include <spdlog/spdlog.h>

#include <array>
#include <chrono>
#include <ctime>
#include <exception>
#include <utility>

namespace pgweir {

namespace {

tls_sides make_sides(const settings& values, const tls_sides& before) {
    tls_sides made;
    made.clients = make_client_tls(values, before.clients);
    made.servers = make_server_tls(values, before.servers);
    return made;
}

std::string time_text(std::int64_t seconds) {
    const auto at = static_cast<std::time_t>(seconds);
    std::tm parts{};
    ::gmtime_r(&at, &parts);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text.data();
}

void log_side(const char* side, std::int64_t first_expiry) {
    if (first_expiry == 0) {
        spdlog::info("TLS ready side={}", side);
        return;
    }
    const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    if (first_expiry <= now)
        spdlog::warn("TLS certificate has expired side={} expired={}", side,
                     time_text(first_expiry));
    else
        spdlog::info("TLS ready side={} expires={}", side, time_text(first_expiry));
}

} // namespace

struct tls_keeper::job {
    job(io_executor executor, settings v, tls_sides b)
        : done{std::move(executor)}, values{std::move(v)}, before{std::move(b)} {}

    void run() noexcept {
        try {
            made = make_sides(values, before);
        } catch (...) {
            failure = std::current_exception();
        }
    }

    wake_signal done; // on the control thread
    settings values;
    tls_sides before;
    tls_sides made;
    std::exception_ptr failure;
};

tls_keeper::tls_keeper(io_executor control, std::function<void()> on_files_changed)
    : control_{control},
      files_{std::make_shared<file_watch>(std::move(control), std::move(on_files_changed))} {}

tls_keeper::~tls_keeper() {
    stop();
    helper_.join();
}

task<tls_sides> tls_keeper::make(settings values, tls_sides before) {
    const auto work = std::make_shared<job>(control_, std::move(values), std::move(before));
    asio::post(helper_, [work, back = control_] {
        work->run();
        asio::post(back, [work] { work->done.wake(); });
    });
    co_await work->done.wait();
    if (work->failure) std::rethrow_exception(work->failure);
    co_return std::move(work->made);
}

tls_sides tls_keeper::make_now(const settings& values) {
    return make_sides(values, {});
}

void tls_keeper::watch(const settings& values) {
    files_->watch(tls_directories(values));
}

void tls_keeper::stop() {
    files_->stop();
}

void log_tls(const tls_sides& before, const tls_sides& now) {
    if (now.clients && now.clients != before.clients) log_side("client", now.clients->first_expiry);
    if (now.servers && now.servers != before.servers) log_side("server", now.servers->first_expiry);
}

} // namespace pgweir
