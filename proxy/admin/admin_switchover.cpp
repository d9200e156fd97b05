// SWITCHOVER: all clients are held between transactions while the configured command makes another
// server the primary. Whatever comes of it, they go on.
#include "proxy/admin/admin_actions.hpp"
#include "proxy/admin/ask_workers.hpp"
#include "proxy/admin/child_command.hpp"
#include "proxy/admin/switchover.hpp"
#include "proxy/config/values.hpp"
#include "proxy/session/session.hpp"

#include <spdlog/spdlog.h>

namespace pgweir {

namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds drain_poll{5};
constexpr milliseconds view_poll{10};
// A command that ended well has promoted somebody: so long may the monitor take to see it.
constexpr milliseconds patience_with_old_primary{5'000};

milliseconds since(clock::time_point then) {
    return std::chrono::duration_cast<milliseconds>(clock::now() - then);
}

admin_outcome failed(admin_error why) {
    admin_outcome outcome;
    outcome.error = std::move(why);
    return outcome;
}

std::string name_of(const cluster_view& view, std::uint16_t node) {
    return view.nodes[node].name;
}

admin_error command_failed(const child_outcome& ended,
                           const switchover_plan& plan,
                           const cluster_view& view,
                           const std::string& timeout) {
    admin_error why{"38000", {}, {}, ended.output};
    if (!ended.not_started.empty())
        why.message = "switchover_command cannot be run: " + ended.not_started;
    else if (ended.timed_out) {
        why.sqlstate = "57014";
        why.message = "switchover_command did not end within switchover_timeout (" + timeout + ")";
    } else if (ended.exit_code)
        why.message =
            "switchover_command failed with exit code " + std::to_string(*ended.exit_code);
    else
        why.message = "switchover_command was ended by signal " + std::to_string(ended.signal);
    if (!view.primary)
        why.hint = "There is no primary now; clients wait for one up to failover_timeout.";
    else if (*view.primary == plan.from)
        why.hint = "The primary is still " + name_of(view, plan.from) + "; clients go on with it.";
    else
        why.hint = "The primary is " + name_of(view, *view.primary) + " now all the same.";
    return why;
}

admin_error not_done(switchover_progress progress,
                     const switchover_plan& plan,
                     const cluster_view& view,
                     const std::string& output) {
    admin_error why{"55000", {}, {}, output};
    switch (progress) {
    case switchover_progress::another:
        why.message = "the primary is " + name_of(view, *view.primary) + " now, not " +
                      name_of(view, plan.to);
        break;
    case switchover_progress::read_only:
        why.sqlstate = "25006";
        why.message = "the primary is " + name_of(view, *view.primary) +
                      " now, but default_transaction_read_only is on there";
        break;
    case switchover_progress::nobody:
        why.message =
            "switchover_command ended well, but no primary is seen: " + view.no_primary_because;
        break;
    default:
        why.message =
            "switchover_command ended well, but the primary is still " + name_of(view, plan.from);
    }
    return why;
}

void log_output(const std::string& output) {
    std::string_view rest = output;
    while (!rest.empty()) {
        const auto end = std::min(rest.find('\n'), rest.size());
        spdlog::info("switchover_command: {}", rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
}

} // namespace

/// One at a time. Its end is logged once, here.
task<admin_outcome> admin_actions::switchover(std::string wanted) {
    if (server_.switching_over().exchange(true))
        co_return failed({"55006", "a switchover is under way already", ""});
    server_.counters().switchovers.add();
    const auto begun = clock::now();
    auto trying = held_switchover(std::move(wanted), begun);
    admin_outcome outcome;
    try {
        outcome = co_await std::move(trying);
    } catch (const std::exception& failure) {
        outcome = failed({"XX000", failure.what(), ""}); // the clients must go on
    }
    std::function<bool(worker&)> release = [](worker& w) {
        w.release();
        return true;
    };
    auto releasing = ask_workers(server_, on_, std::move(release));
    co_await std::move(releasing);
    const auto held = std::to_string(since(begun).count());
    if (outcome.error) {
        server_.counters().switchover_failures.add();
        spdlog::error("switchover failed sqlstate={} held_ms={}: {}", outcome.error->sqlstate, held,
                      outcome.error->message);
    } else {
        auto& row = outcome.rows.front();
        row.emplace_back(held);
        spdlog::info("switchover done from={} to={} drain_ms={} command_ms={} held_ms={}", *row[0],
                     *row[1], *row[2], *row[3], held);
    }
    server_.switching_over().store(false);
    co_return outcome;
}

/// Returns with the clients still held, if it came so far.
task<admin_outcome> admin_actions::held_switchover(std::string wanted, clock::time_point begun) {
    const auto live = on_.live();
    const auto& s = live->values;
    if (s.switchover_command.empty())
        co_return failed({"55000", "switchover_command is not set", "It is what SWITCHOVER runs."});
    const auto planned = plan_switchover(on_.view(), wanted);
    if (const auto* const wrong = std::get_if<admin_error>(&planned)) co_return failed(*wrong);
    const auto plan = std::get<switchover_plan>(planned);
    const auto before = on_.view_ptr();
    spdlog::info("switchover begins from={} to={}", name_of(*before, plan.from),
                 name_of(*before, plan.to));
    auto draining = drain_all(begun + s.switchover_drain_timeout);
    const auto why_not = co_await std::move(draining);
    if (why_not) co_return failed(*why_not);
    const auto drained = since(begun);

    // From here on the operator's console may go: what is begun is brought to its end.
    const auto commanded = clock::now();
    const auto deadline = commanded + s.switchover_timeout;
    spdlog::info("switchover command runs drain_ms={}", drained.count());
    server_.monitor().begin_waiting(); // it looks more often
    auto running = run_child(on_.executor(), s.switchover_command,
                             switchover_environment(*before, plan), deadline);
    const auto ended = co_await std::move(running);
    const auto ran = since(commanded);
    log_output(ended.output);
    switchover_progress progress = switchover_progress::unchanged;
    if (ended.exit_code == 0 && !ended.timed_out) {
        auto watching = watch_switchover(plan, deadline);
        progress = co_await std::move(watching);
    }
    server_.monitor().end_waiting();
    const auto now = on_.view_ptr();
    if (ended.exit_code != 0 || ended.timed_out)
        co_return failed(command_failed(ended, plan, *now, format_value(s.switchover_timeout)));
    if (progress != switchover_progress::done)
        co_return failed(not_done(progress, plan, *now, ended.output));
    admin_outcome outcome;
    admin_row row{name_of(*now, plan.from), name_of(*now, *now->primary),
                  std::to_string(drained.count()), std::to_string(ran.count())};
    outcome.rows.push_back(std::move(row));
    co_return outcome;
}

/// Holds all units that begin from now on, until those under way have ended. An error if they do
/// not in time, or the operator leaves.
task<std::optional<admin_error>> admin_actions::drain_all(clock::time_point deadline) {
    struct busy {
        std::size_t connections = 0;
        std::size_t pinned = 0;
    };
    std::function<busy(worker&)> question = [](worker& w) {
        w.hold();
        busy here;
        for (const auto& [key, p] : w.pools())
            here.connections += p->in_use();
        for (const auto& one : w.sessions())
            if (one->state() == client_state::pinned) ++here.pinned;
        return here;
    };
    steady_timer again{on_.executor()};
    for (;;) {
        auto asking = ask_workers(server_, on_, question);
        const std::vector<busy> answers = co_await std::move(asking);
        busy all;
        for (const auto& one : answers) {
            all.connections += one.connections;
            all.pinned += one.pinned;
        }
        if (all.connections == 0) co_return std::nullopt;
        if (peer_is_gone())
            co_return admin_error{"57014", "the switchover is given up: the console has left", ""};
        if (clock::now() >= deadline)
            co_return admin_error{
                "55006",
                "the switchover is given up: " + std::to_string(all.connections) +
                    " server connections are still in use after switchover_drain_timeout",
                "SHOW CLIENTS tells who uses them. Nothing has been done.",
                std::to_string(all.pinned) + " of them are kept by pinned sessions."};
        again.expires_after(drain_poll);
        co_await again.async_wait(nothrow);
    }
}

/// Waits until the monitor has seen the new primary, and every worker too.
task<switchover_progress> admin_actions::watch_switchover(switchover_plan plan,
                                                          clock::time_point deadline) {
    const auto look = on_.signals().looks_begun.load();
    const auto patience = clock::now() + patience_with_old_primary;
    steady_timer again{on_.executor()};
    for (;;) {
        const auto progress = judge_switchover(on_.view(), plan, look);
        const auto now = clock::now();
        const bool may_change = progress == switchover_progress::nobody ||
                                (progress != switchover_progress::done && now < patience);
        if (!may_change || now >= deadline) co_return progress;
        again.expires_after(view_poll);
        co_await again.async_wait(nothrow);
    }
}

} // namespace pgweir
