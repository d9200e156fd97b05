#include "tests/support/load/mixed_load.hpp"

#include "tests/support/wait.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace pgweir::test {

namespace {

constexpr std::size_t messages_kept = 10;

} // namespace

int load_record::count(verdict what) const {
    const auto found = counts.find(what);
    return found == counts.end() ? 0 : found->second;
}

std::string load_record::errors_as_text() const {
    std::string text;
    for (const auto& [what, times] : errors)
        text += (text.empty() ? "" : ", ") + what + ": " + std::to_string(times);
    return text.empty() ? "none" : text;
}

mixed_load::mixed_load(const load_options& options) {
    load_listener& self = *this; // vector cannot convert to a private base
    clients_.reserve(static_cast<std::size_t>(options.clients));
    for (int number = 1; number <= options.clients; ++number)
        clients_.emplace_back(load_client_options{options.conninfo, number,
                                                  number <= options.readers, options.think_time,
                                                  options.seed},
                              self);
    thread_ = std::thread{[this] { run(); }};
    if (wait_until([this] { return logged_in_ == clients_.size(); }, 60s)) return;
    stop_ = true;
    thread_.join();
    throw std::runtime_error(std::to_string(logged_in_) + " clients have logged in; " +
                             record({}).errors_as_text());
}

mixed_load::~mixed_load() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
}

void mixed_load::on_ended(const load_event& event) {
    const std::lock_guard guard{mutex_};
    events_.push_back(event);
}

void mixed_load::serve(int poller, std::size_t index, moment now) {
    auto& client = clients_[index];
    client.go_on(now);
    auto& known = interests_[index];
    const interest wanted{client.socket(), client.wants_to_write()};
    if (wanted == known) return;
    // A closed descriptor has left the poller by itself.
    const int change = wanted.socket == known.socket ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    known = wanted;
    if (wanted.socket < 0) return;
    epoll_event watch{};
    watch.events = wanted.to_write ? EPOLLIN | EPOLLOUT : EPOLLIN;
    watch.data.u64 = index;
    ::epoll_ctl(poller, change, wanted.socket, &watch);
}

void mixed_load::run() {
    const int poller = ::epoll_create1(EPOLL_CLOEXEC);
    interests_.resize(clients_.size());
    std::array<epoll_event, 256> ready{};
    auto next_look = std::chrono::steady_clock::now();
    while (!stop_) {
        auto now = std::chrono::steady_clock::now();
        if (now >= next_look) {
            // Clients whose time has come; a look at all of them, but not at each wake-up.
            std::size_t logged_in = 0;
            bool at_work = false;
            for (std::size_t index = 0; index < clients_.size(); ++index) {
                auto& client = clients_[index];
                if (finishing_) client.finish();
                if (client.due() <= now) serve(poller, index, now);
                logged_in += client.logged_in() ? 1 : 0;
                at_work = at_work || client.at_work();
            }
            logged_in_ = logged_in;
            idle_ = finishing_ && !at_work;
            next_look = now + 2ms;
        }
        const int count = ::epoll_wait(poller, ready.data(), static_cast<int>(ready.size()), 2);
        now = std::chrono::steady_clock::now();
        for (int index = 0; index < count; ++index)
            serve(poller, ready[static_cast<std::size_t>(index)].data.u64, now);
    }
    for (const auto& client : clients_)
        if (client.at_work()) unanswered_.push_back(client.task().steps.front().text);
    ::close(poller);
}

bool mixed_load::finish(std::chrono::milliseconds limit) {
    finishing_ = true;
    const bool idle = wait_until([this] { return idle_.load(); }, limit);
    stop_ = true;
    thread_.join();
    return idle;
}

load_record mixed_load::record(moment from, moment to) const {
    load_record result;
    const std::lock_guard guard{mutex_};
    const auto ends_before = [](const load_event& event, moment when) {
        return event.ended < when;
    };
    auto at = std::lower_bound(events_.begin(), events_.end(), from, ends_before);
    for (; at != events_.end() && at->ended < to; ++at) {
        const auto what = judge(at->how);
        ++result.counts[what];
        if (what == verdict::fine && at->token != 0) {
            result.written.push_back(at->ended);
            result.tokens.push_back(at->token);
        } else if (what == verdict::fine) {
            result.read.push_back(at->ended);
            result.slowest_read =
                std::max(result.slowest_read, milliseconds{at->ended - at->began});
        } else {
            const auto state = at->how.connection_lost ? "connection lost" : at->how.sqlstate;
            ++result.errors[std::string{name_of(at->how.what)} + " " + state];
            if (what != verdict::in_flight && result.messages.size() < messages_kept)
                result.messages.push_back(std::string{name_of(what)} + ": " + at->message);
        }
    }
    return result;
}

std::size_t mixed_load::writes_since(moment from) const {
    return record(from).written.size();
}

std::size_t mixed_load::reads_since(moment from) const {
    return record(from).read.size();
}

} // namespace pgweir::test
