#include "proxy/admin/admin_actions.hpp"

#include "proxy/admin/ask_workers.hpp"
#include "proxy/session/replication.hpp"
#include "proxy/session/session.hpp"

#include <poll.h>
#include <spdlog/spdlog.h>

namespace pgweir {

namespace {

constexpr std::chrono::milliseconds pause_poll{20};

admin_outcome failed(admin_error why) {
    admin_outcome outcome;
    outcome.error = std::move(why);
    return outcome;
}

bool is_of(const pool_key& key, const std::string& database) {
    return database.empty() || key.database == database;
}

/// Server connections of the database that are in use on this worker.
std::size_t in_use(worker& w, const std::string& database) {
    std::size_t count = 0;
    for (const auto& [key, p] : w.pools())
        if (is_of(key, database)) count += p->in_use();
    return count;
}

void cut_off(worker& w, std::uint16_t node) {
    std::vector<backend_ptr> busy;
    for (const auto& [key, p] : w.pools())
        if (key.node == node) busy.insert(busy.end(), p->all().begin(), p->all().end());
    for (const auto& b : busy)
        if (b->user() != nullptr) b->close();
    const auto passing = w.replications();
    for (const auto& [pid, r] : passing)
        if (r->server().key.node == node)
            r->fatal("57P01", "terminating connection due to administrator command");
}

bool end_client(worker& w, std::int32_t id) {
    constexpr std::string_view why = "terminating connection due to administrator command";
    const auto passing = w.replications().find(id);
    if (passing != w.replications().end()) {
        const auto ended = passing->second;
        ended->fatal("57P01", why);
        return true;
    }
    for (const auto& s : w.sessions()) {
        if (s->process_id() != id) continue;
        const auto ended = s;
        ended->fatal("57P01", why);
        return true;
    }
    return false;
}

bool needs_snapshots(show_topic topic) {
    switch (topic) {
    case show_topic::pools:
    case show_topic::clients:
    case show_topic::servers:
    case show_topic::databases:
    case show_topic::users:
    case show_topic::lists:
        return true;
    default:
        return false;
    }
}

} // namespace

task<admin_outcome> admin_actions::perform(admin_command command) {
    switch (command.word) {
    case admin_word::show:
        return show(command.topic);
    case admin_word::reload:
        return reload();
    case admin_word::pause:
        return pause(std::move(command.argument));
    case admin_word::resume:
        return resume(std::move(command.argument));
    case admin_word::attach:
    case admin_word::detach:
    case admin_word::drain:
        return order(std::move(command));
    case admin_word::reconnect:
        return reconnect(std::move(command.argument));
    case admin_word::kill_client:
        return kill_client(client_id_of(command.argument));
    case admin_word::switchover:
        return switchover(std::move(command.argument));
    case admin_word::shutdown:
    case admin_word::set:
        break;
    }
    return show(show_topic::help); // SET and SHUTDOWN are the console's own
}

task<admin_outcome> admin_actions::show(show_topic topic) {
    admin_outcome outcome;
    std::vector<worker_snapshot> snapshots;
    if (needs_snapshots(topic)) {
        std::function<worker_snapshot(worker&)> question = take_snapshot;
        auto asking = ask_workers(server_, on_, std::move(question));
        snapshots = co_await std::move(asking);
    }
    const auto pools = server_.budget().figures(connection_budget::clock::now());
    const auto live = on_.live();
    const auto view = on_.view_ptr();
    show_input from{snapshots,
                    *view,
                    live->values,
                    pools,
                    on_.paused(),
                    on_.all_paused(),
                    on_.shared().clients.load(),
                    {},
                    {},
                    "pgweir " PGWEIR_VERSION};
    for (const auto& w : server_.workers())
        add_counters(w->counters(), from.stats);
    from.running = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now() - started_);
    outcome.rows = rows_of(topic, from);
    co_return outcome;
}

task<admin_outcome> admin_actions::reload() {
    const auto problem = std::make_shared<std::string>();
    const auto answered = std::make_shared<wake_signal>(on_.executor());
    auto done = [&to = on_, problem, answered](std::string text) {
        to.post([problem, answered, text = std::move(text)]() mutable {
            *problem = std::move(text);
            answered->wake();
        });
    };
    server_.reload(std::move(done));
    co_await answered->wait();
    if (problem->empty()) co_return admin_outcome{};
    co_return failed(
        {"22023", "the settings are not reloaded: " + *problem, "The old ones stay in force."});
}

/// Clients that ask meanwhile wait. If the console goes away before all is at rest, the pause
/// stays.
task<admin_outcome> admin_actions::pause(std::string database) {
    if (on_.all_paused())
        co_return failed({"55000", "all databases are paused already", "RESUME ends that."});
    spdlog::info("paused by the console database={}", database.empty() ? "all" : database);
    std::function<std::size_t(worker&)> begin = [database](worker& w) {
        w.pause(database);
        return in_use(w, database);
    };
    std::function<std::size_t(worker&)> look = [database](worker& w) {
        return in_use(w, database);
    };
    steady_timer again{on_.executor()};
    auto question = begin;
    for (;;) {
        auto asking = ask_workers(server_, on_, question);
        const std::vector<std::size_t> busy = co_await std::move(asking);
        std::size_t all = 0;
        for (const auto n : busy)
            all += n;
        if (all == 0 || peer_is_gone()) co_return admin_outcome{};
        question = look;
        again.expires_after(pause_poll);
        co_await again.async_wait(nothrow);
    }
}

task<admin_outcome> admin_actions::resume(std::string database) {
    if (!database.empty() && on_.all_paused())
        co_return failed({"55000", "all databases are paused", "RESUME without a name ends that."});
    if (database.empty() && !on_.all_paused() && on_.paused().empty())
        co_return failed({"55000", "nothing is paused", ""});
    if (!database.empty() && !on_.is_paused(database))
        co_return failed({"55000", "database \"" + database + "\" is not paused", ""});
    spdlog::info("resumed by the console database={}", database.empty() ? "all" : database);
    std::function<bool(worker&)> question = [database](worker& w) {
        w.resume(database);
        return true;
    };
    auto asking = ask_workers(server_, on_, std::move(question));
    co_await std::move(asking);
    co_return admin_outcome{};
}

/// The answer comes when every worker has the view in which the order holds, so that what is closed
/// here is not opened again by a worker that does not know yet.
task<admin_outcome> admin_actions::order(admin_command command) {
    const auto found = choose_node(on_.view(), command.argument);
    if (const auto* const wrong = std::get_if<admin_error>(&found)) co_return failed(*wrong);
    const auto node = std::get<std::uint16_t>(found);
    const bool is_attach = command.word == admin_word::attach;
    const bool cuts = command.word == admin_word::detach;
    spdlog::info("node {} by the console node={}", tag_of(command), on_.view().nodes[node].name);
    server_.monitor().order(node, is_attach ? node_order::attached
                                  : cuts    ? node_order::detached
                                            : node_order::draining);
    // The control thread publishes within the order: what it posts after that comes behind the
    // view.
    const auto published = std::make_shared<wake_signal>(on_.executor());
    asio::post(server_.control(),
               [&to = on_, published] { to.post([published] { published->wake(); }); });
    co_await published->wait();
    if (is_attach) co_return admin_outcome{};
    server_.budget().retire([node](const pool_key& key) { return key.node == node; });
    std::function<bool(worker&)> question = [node, cuts](worker& w) {
        w.close_outdated();
        if (cuts) cut_off(w, node);
        return true;
    };
    auto asking = ask_workers(server_, on_, std::move(question));
    co_await std::move(asking);
    co_return admin_outcome{};
}

task<admin_outcome> admin_actions::reconnect(std::string database) {
    server_.budget().retire([&](const pool_key& key) { return is_of(key, database); });
    std::function<bool(worker&)> question = [](worker& w) {
        w.close_outdated();
        return true;
    };
    auto asking = ask_workers(server_, on_, std::move(question));
    co_await std::move(asking);
    co_return admin_outcome{};
}

task<admin_outcome> admin_actions::kill_client(std::int32_t id) {
    std::function<bool(worker&)> question = [id](worker& w) { return end_client(w, id); };
    auto asking = ask_workers(server_, on_, std::move(question));
    const auto answers = co_await std::move(asking);
    for (const bool found : answers)
        if (found) co_return admin_outcome{};
    co_return failed(
        {"42704", "there is no client " + std::to_string(id), "SHOW CLIENTS lists them."});
}

void admin_actions::shut_down(shutdown_mode how) {
    if (how == shutdown_mode::now)
        server_.stop_now();
    else
        server_.drain();
}

/// Seen without reading: the peer may have sent Terminate before it closed.
bool admin_actions::peer_is_gone() const {
    if (!io_->is_open()) return true;
    pollfd look{io_->socket().native_handle(), POLLRDHUP, 0};
    return ::poll(&look, 1, 0) > 0 && (look.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

} // namespace pgweir
