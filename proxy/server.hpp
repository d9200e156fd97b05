// The process: builds the parts in order, starts them, reloads, drains and stops them in order.
// Lives in main; its own work is done on the control thread.
#pragma once

#include "proxy/access/check_threads.hpp"
#include "proxy/cluster/catalog_reader.hpp"
#include "proxy/cluster/monitor.hpp"
#include "proxy/config/load.hpp"
#include "proxy/defaults_watch.hpp"
#include "proxy/metrics/counters.hpp"
#include "proxy/net/listener.hpp"
#include "proxy/net/tls_keeper.hpp"
#include "proxy/service_manager.hpp"
#include "proxy/session/auth_directory.hpp"
#include "proxy/session/cancel_registry.hpp"
#include "proxy/worker.hpp"

#include <boost/asio/signal_set.hpp>

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace pgweir {

class admin_service;
class http_endpoint;
class peer_watch;

class server {
public:
    /// Throws settings_error or std::exception when it cannot start: a file that is not there, an
    /// address in use.
    server(settings_sources sources, loaded_settings first);
    ~server();
    server(const server&) = delete;
    server& operator=(const server&) = delete;

    /// Until told to stop; returns the exit code.
    [[nodiscard]] int run();

    /// Any thread. Reads the settings anew; empty, or what is wrong with them (the old ones stay).
    void reload(std::function<void(std::string problem)> done);
    /// Any thread. New clients are refused, transactions finish, idle clients are told; then the
    /// process ends.
    void drain();
    /// Any thread. Everything ends at once.
    void stop_now();

    // For the console, metrics and health: any thread unless said otherwise.
    [[nodiscard]] std::vector<std::unique_ptr<worker>>& workers() { return workers_; }
    [[nodiscard]] pgweir::monitor& monitor() { return *monitor_; }
    [[nodiscard]] connection_budget& budget() { return *budget_; }
    [[nodiscard]] shared_parts& shared() { return shared_; }
    [[nodiscard]] control_counters& counters() { return control_counters_; }
    /// Brings the monitor's looks into counters().
    void count_looks();
    /// True while a SWITCHOVER is under way: there is one at a time.
    [[nodiscard]] std::atomic<bool>& switching_over() { return switching_over_; }
    /// Control thread.
    [[nodiscard]] const cluster_view_ptr& view() const { return view_; }
    [[nodiscard]] const live_settings_ptr& live() const { return live_; }
    [[nodiscard]] asio::io_context& control() { return control_; }
    [[nodiscard]] bool ready() const;
    [[nodiscard]] bool alive() const;

private:
    /// Settings too, or only the files that hold certificates and keys.
    struct reload_request {
        bool settings_too = false;
        std::function<void(std::string)> done;
    };

    [[nodiscard]] static live_settings_ptr make_live(const settings& values, tls_sides tls);
    [[nodiscard]] static tls_sides tls_sides_of(const live_settings& live);
    [[nodiscard]] monitor_settings watch_settings() const;
    void load_users(const settings& values);
    void make_workers();
    [[nodiscard]] static std::shared_ptr<listener> make_listener(worker& w);
    void make_listeners();
    void watch_signals();
    void begin_reload(reload_request request);
    task<> reload_all();
    task<> reload_settings(std::function<void(std::string)> done);
    task<> reload_tls_files();
    void take_live(live_settings_ptr live);
    void retire_all();
    void publish(cluster_view_ptr view);
    void publish(const catalog_news& news);
    /// Any thread.
    void on_defaults_changed(default_changes what);
    void retire_for(const default_changes& what, std::optional<std::uint16_t> node);
    [[nodiscard]] std::uint32_t server_connection_limit(const node_view& node) const;
    task<> say_farewell();
    task<> finish();

    settings_sources sources_;
    std::vector<settings_message> start_messages_;
    live_settings_ptr live_;
    asio::io_context control_{1};
    asio::executor_work_guard<io_executor> guard_{control_.get_executor()};
    asio::basic_signal_set<io_executor> signals_{control_.get_executor()};
    service_manager manager_{control_};
    tls_keeper tls_{control_.get_executor(), [this] { begin_reload({}); }};
    std::string tls_fault_; // of the files as they are now; empty: they are in use
    std::deque<reload_request> reloads_;
    bool reloading_ = false;
    monitor_signals monitor_signals_;
    cancel_registry cancels_;
    auth_directory secrets_;
    std::unique_ptr<check_threads> checks_;
    commit_marks marks_;
    control_counters control_counters_;
    std::atomic<bool> switching_over_{false};
    defaults_watch defaults_;
    struct defaults_seen {
        std::string on; // the primary that was asked; empty: there was none
        std::vector<login_defaults_row> rows;
    };
    std::map<std::string, defaults_seen> defaults_seen_; // by database
    cluster_view_ptr view_ = std::make_shared<const cluster_view>();
    shared_parts shared_;
    std::unique_ptr<connection_budget> budget_;
    std::unique_ptr<pgweir::monitor> monitor_;
    std::unique_ptr<catalog_reader> catalogs_;
    std::unique_ptr<admin_service> admin_;
    std::unique_ptr<http_endpoint> http_;
    std::shared_ptr<peer_watch> instances_;
    std::uint16_t port_ = 0; // where clients are served
    std::vector<std::unique_ptr<worker>> workers_;
    struct listening {
        unsigned worker;
        std::shared_ptr<listener> at;
    };
    std::vector<listening> listeners_;
    bool finishing_ = false;
    std::atomic<bool> leaving_{false}; // told to stop, and not refusing anybody yet
    bool at_once_ = false;             // no patience with sessions any more
    int exit_code_ = 0;
};

} // namespace pgweir
