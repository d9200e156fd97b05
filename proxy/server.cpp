#include "proxy/server.hpp"

#include "protocol/wipe.hpp"
#include "proxy/access/access_rules.hpp"
#include "proxy/admin/admin_service.hpp"
#include "proxy/config/values.hpp"
#include "proxy/http/http_endpoint.hpp"
#include "proxy/log.hpp"
#include "proxy/peer_watch.hpp"
#include "proxy/router/catalog_queries.hpp"
#include "proxy/router/routing_policy.hpp"
#include "proxy/server_settings.hpp"

#include <openssl/rand.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <fstream>
#include <sstream>

namespace pgweir {

namespace {

/// Empty if no file is named.
std::string read_file(std::string_view setting, const std::string& path) {
    if (path.empty()) return {};
    std::ifstream in{path, std::ios::binary};
    if (!in) throw std::runtime_error{"cannot read " + std::string{setting} + " " + path};
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

/// Logins that may wait for one LDAP server or PAM service.
constexpr std::size_t most_waiting_checks = 1000;

unsigned worker_count(const settings& s) {
    if (s.workers != 0) return std::min<unsigned>(s.workers, connection_budget::max_workers);
    // A worker relays far more than the servers of half the processors can answer, and fewer
    // threads wake up less often.
    return std::clamp(std::thread::hardware_concurrency() / 2, 1U, 16U);
}

} // namespace

server::server(settings_sources sources, loaded_settings first)
    : sources_{std::move(sources)}, start_messages_{std::move(first.messages)} {
    live_ = make_live(first.values, tls_keeper::make_now(first.values));
    load_users(first.values);
    shared_.salt_secret.resize(32);
    RAND_bytes(reinterpret_cast<unsigned char*>(shared_.salt_secret.data()), 32);
    make_workers();
    make_listeners();
    http_ = std::make_unique<http_endpoint>(*this);
    instances_ = std::make_shared<peer_watch>(control_, [this](peer_list now) {
        cancels_.set_instance(now.own);
        shared_.instances.set(std::move(now));
    });
}

server::~server() = default;

live_settings_ptr server::make_live(const settings& values, tls_sides tls) {
    auto live = std::make_shared<live_settings>();
    live->values = values;
    live->client_side_tls = std::move(tls.clients);
    live->server_side_tls = std::move(tls.servers);
    auto policy = routing_policy::compile(policy_text(values));
    if (!policy)
        throw std::runtime_error{policy.error().list + ": \"" + policy.error().entry + "\" " +
                                 policy.error().why};
    live->policy = std::make_shared<const routing_policy>(std::move(*policy));
    live->access = load_access_rules(values, files_on_disk());
    for (const auto& warning : live->access->warnings)
        spdlog::warn("{}", warning);
    return live;
}

void server::load_users(const settings& values) {
    auto users = read_file("users_file", values.users_file);
    auto pool_passwd = read_file("pool_passwd_file", values.pool_passwd_file);
    const auto problem = secrets_.load(values, users, pool_passwd);
    protocol::wipe(users);
    protocol::wipe(pool_passwd);
    if (!problem.empty()) throw std::runtime_error{problem};
}

void server::make_workers() {
    const auto& s = live_->values;
    const auto count = worker_count(s);
    const auto wake = [this](unsigned to, connection_budget::pool_slot& slot) {
        auto& w = *workers_[to];
        w.post(
            [&w, &slot] { w.pool_for(slot.key.node, slot.key.database, slot.key.user).on_wake(); });
    };
    const auto shed = [this](unsigned to, connection_budget::pool_slot& slot) {
        auto& w = *workers_[to];
        w.post(
            [&w, &slot] { w.pool_for(slot.key.node, slot.key.database, slot.key.user).on_shed(); });
    };
    const auto call_to_pin = [this](unsigned to, std::uint64_t serial) {
        auto& w = *workers_[to];
        w.post([&w, serial] { w.call_to_pin(serial); });
    };
    budget_ = std::make_unique<connection_budget>(
        count, s.fairness_slack, connection_budget::callbacks{wake, shed, call_to_pin});
    budget_->set_connect_rate(s.server_connect_rate);
    const auto watch = watch_settings();
    monitor_ = std::make_unique<pgweir::monitor>(
        control_, watch, monitor_signals_, [this](cluster_view_ptr v) { publish(std::move(v)); },
        [this](std::uint16_t node) { return budget_->node_connections(node); });
    catalog_source source;
    source.queries = [](std::uint32_t version) { return catalog_queries(version); };
    source.build = [this](const std::string& database, std::uint32_t version,
                          std::vector<catalog_result> results) {
        return catalog_from(database, version, results, live_->policy);
    };
    source.on_read = [this](bool good) {
        control_counters_.catalog_reads.add();
        if (!good) control_counters_.catalog_failures.add();
    };
    catalogs_ = std::make_unique<catalog_reader>(
        control_, watch, std::move(source), [this](const catalog_news& news) { publish(news); });
    admin_ = std::make_unique<admin_service>(*this);
    shared_.budget = budget_.get();
    shared_.signals = &monitor_signals_;
    shared_.monitor = monitor_.get();
    shared_.catalogs = catalogs_.get();
    shared_.cancels = &cancels_;
    shared_.secrets = &secrets_;
    checks_ = std::make_unique<check_threads>(s.password_check_threads, most_waiting_checks);
    shared_.checks = checks_.get();
    shared_.console = admin_.get();
    shared_.marks = &marks_;
    shared_.peers = &workers_;
    shared_.arrivals.set(s.max_logins_per_address, s.max_login_failures_per_address);
    shared_.on_defaults_changed = [this](default_changes what) {
        on_defaults_changed(std::move(what));
    };
    for (unsigned i = 0; i < count; ++i)
        workers_.push_back(std::make_unique<worker>(i, shared_, live_));
}

std::shared_ptr<listener> server::make_listener(worker& w) {
    return std::make_shared<listener>(
        w.executor(),
        [&w](stream_socket socket, std::string peer, bool local) {
            w.welcome_client(std::move(socket), std::move(peer), local);
        },
        [&w] { w.counters().accept_pauses.add(); });
}

void server::make_listeners() {
    const auto& s = live_->values;
    const auto backlog = static_cast<int>(s.listen_backlog);
    auto port = s.port;
    for (const auto& address : s.listen_address) {
        for (unsigned i = 0; i < workers_.size(); ++i) {
            auto& w = *workers_[i];
            auto at = make_listener(w);
            port = at->listen_tcp(address, port, backlog);
            at->tune(s);
            listeners_.push_back({i, std::move(at)});
        }
        spdlog::info("listening address={} port={}", address, port);
    }
    port_ = port;
    if (s.unix_socket_dir.empty()) return;
    auto at = make_listener(*workers_.front());
    const auto path = s.unix_socket_dir + "/.s.PGSQL." + std::to_string(port);
    at->listen_unix(path, s.unix_socket_permissions.value, backlog);
    listeners_.push_back({0, std::move(at)});
    spdlog::info("listening socket={}", path);
}

int server::run() {
    for (const auto& m : start_messages_) {
        if (m.level == settings_message::severity::warning)
            spdlog::warn("{}", to_string(m));
        else
            spdlog::info("{}", to_string(m));
    }
    http_->start();
    watch_signals();
    log_tls({}, tls_sides_of(*live_));
    tls_.watch(live_->values);
    monitor_->start();
    instances_->start(live_->values, port_);
    for (auto& w : workers_)
        w->start();
    for (auto& l : listeners_)
        workers_[l.worker]->post([at = l.at] { at->start(); });
    spdlog::info("pgweir {} started workers={} nodes={}", PGWEIR_VERSION, workers_.size(),
                 live_->values.nodes.size());
    manager_.ready([this] { return alive(); });
    control_.run();
    checks_->stop();
    for (auto& w : workers_)
        w->stop();
    return exit_code_;
}

void server::watch_signals() {
    signals_.add(SIGTERM);
    signals_.add(SIGINT);
    signals_.add(SIGHUP);
    std::signal(SIGPIPE, SIG_IGN);
    signals_.async_wait([this](const error_code& ec, int number) {
        if (ec) return;
        if (number == SIGHUP)
            reload([](const std::string&) {});
        else if (finishing_)
            stop_now();
        else
            drain();
        watch_signals();
    });
}

void server::count_looks() {
    control_counters_.checks.follow(monitor_signals_.looks_begun.load());
    control_counters_.check_failures.follow(monitor_signals_.looks_failed.load());
}

void server::publish(cluster_view_ptr view) {
    control_counters_.view_changes.add();
    if (view_) control_counters_.role_changes.add(count_role_changes(*view_, *view));
    view_ = view;
    for (const auto& node : view->nodes)
        if (!node.is_vacant) budget_->set_node_limit(node.id, server_connection_limit(node));
    catalogs_->on_view(*view);
    const auto looks_begun = monitor_signals_.looks_begun.load();
    for (const auto& late : defaults_.on_view(*view, looks_begun))
        retire_for(late.what, late.node);
    for (auto& w : workers_)
        w->post([&w = *w, view] { w.on_view(view); });
}

void server::publish(const catalog_news& news) {
    auto& seen = defaults_seen_[news.slot->database];
    const auto& rows = news.snapshot->login_defaults();
    // Another primary has files of its own, and the same settings of roles and databases.
    const auto primary = view_->primary ? view_->nodes[*view_->primary].name : std::string{};
    if (!primary.empty() && seen.on == primary) {
        auto what = differences(news.slot->database, seen.rows, rows);
        if (!what.empty()) on_defaults_changed(std::move(what));
    }
    seen = {primary, rows};
    for (auto& w : workers_)
        w->post([&w = *w, news] { w.on_catalog(news); });
}

void server::on_defaults_changed(default_changes what) {
    const auto look = monitor_signals_.looks_begun.load();
    retire_for(what, std::nullopt);
    shared_.welcomes.forget([&](const std::string& database, const std::string& user) {
        return concern(what, database, user);
    });
    marks_.raise_all(look);
    asio::post(control_, [this, what = std::move(what), look]() mutable {
        defaults_.changed(std::move(what), look, view_->asynchronous_commit);
    });
}

void server::retire_for(const default_changes& what, std::optional<std::uint16_t> node) {
    budget_->retire([&](const pool_key& key) {
        return (!node || key.node == *node) && concern(what, key.database, key.user);
    });
    for (auto& w : workers_)
        w->post([&w = *w] { w.close_outdated(); });
}

/// Connections that sessions may have on a node: never more than the server has, and pgweir's own
/// (the monitor's, the catalog readers') are inside the limit (RULES E2).
std::uint32_t server::server_connection_limit(const node_view& node) const {
    constexpr std::uint32_t own = 3;
    const auto& s = live_->values;
    std::uint32_t limit = UINT32_MAX;
    if (node.connections != 0)
        limit = node.connections > s.server_reserve ? node.connections - s.server_reserve : 1;
    if (s.max_server_connections != 0) limit = std::min(limit, s.max_server_connections);
    if (limit == UINT32_MAX) return limit;
    return limit > own ? limit - own : 1;
}

void server::drain() {
    asio::post(control_, [this] {
        if (finishing_) return;
        finishing_ = true;
        spawn(control_.get_executor(), "drain", finish());
    });
}

void server::stop_now() {
    asio::post(control_, [this] {
        if (!std::exchange(at_once_, true)) spdlog::info("shutting down mode=now");
        if (std::exchange(finishing_, true)) return; // the end under way takes notice
        spawn(control_.get_executor(), "stop", finish());
    });
}

/// Not ready, and serving: whoever sends clients here learns of the end first.
task<> server::say_farewell() {
    const auto deadline = std::chrono::steady_clock::now() + live_->values.shutdown_delay;
    spdlog::info("shutting down after shutdown_delay={}ms", live_->values.shutdown_delay.count());
    leaving_.store(true);
    steady_timer again{control_.get_executor()};
    while (!at_once_ && std::chrono::steady_clock::now() < deadline) {
        again.expires_after(std::chrono::milliseconds{20});
        co_await again.async_wait(nothrow);
    }
}

/// Not ready at once; after shutdown_delay idle sessions end, busy ones at the end of their
/// transaction, all at the latest after shutdown_timeout.
task<> server::finish() {
    const auto patience = live_->values.shutdown_delay + live_->values.shutdown_timeout;
    manager_.stopping(std::chrono::ceil<std::chrono::seconds>(patience) + std::chrono::seconds{5});
    if (!at_once_ && live_->values.shutdown_delay.count() != 0) co_await say_farewell();
    if (!at_once_) spdlog::info("shutting down mode=drain");
    shared_.draining.store(true);
    for (auto& l : listeners_)
        workers_[l.worker]->post([at = l.at] { at->stop(); });
    for (auto& w : workers_)
        w->post([&w = *w, now = at_once_] { w.drain(now); });
    const auto deadline = std::chrono::steady_clock::now() + live_->values.shutdown_timeout;
    steady_timer again{control_.get_executor()};
    while (shared_.clients.load() != 0 && !at_once_ &&
           std::chrono::steady_clock::now() < deadline) {
        again.expires_after(std::chrono::milliseconds{20});
        co_await again.async_wait(nothrow);
    }
    if (shared_.clients.load() != 0) {
        if (!at_once_) spdlog::warn("shutdown_timeout reached clients={}", shared_.clients.load());
        for (auto& w : workers_)
            w->post([&w = *w] { w.drain(true); });
    }
    for (auto& w : workers_)
        w->post([&w = *w] { w.close_all(); });
    // A moment for goodbyes to be written.
    again.expires_after(std::chrono::milliseconds{50});
    co_await again.async_wait(nothrow);
    http_->stop();
    tls_.stop();
    signals_.cancel();
    catalogs_->stop([this] { monitor_->stop([this] { control_.stop(); }); });
}

bool server::ready() const {
    if (leaving_.load() || shared_.draining.load()) return false;
    if (view_->primary) return true;
    if (live_->values.ready_requires == ready_condition::primary) return false;
    for (const auto& node : view_->nodes)
        if (node.health == node_health::up && node.order != node_order::detached) return true;
    return false;
}

bool server::alive() const {
    const auto now = std::chrono::duration_cast<std::chrono::nanoseconds>(
                         std::chrono::steady_clock::now().time_since_epoch())
                         .count();
    for (const auto& w : workers_) {
        const auto last = w->counters().last_tick_ns.load();
        if (last != 0 && now - last > 10'000'000'000) return false;
    }
    return true;
}

} // namespace pgweir
