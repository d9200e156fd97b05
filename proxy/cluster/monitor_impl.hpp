// The monitor's insides: a scheduler that begins rounds, and one coroutine per node that does its
// checks. Everything but the atomics runs on the control thread.
#pragma once

#include "proxy/asio.hpp"
#include "proxy/cluster/discovery.hpp"
#include "proxy/cluster/monitor.hpp"
#include "proxy/cluster/node_probe.hpp"
#include "proxy/cluster/topology.hpp"

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace pgweir {

class monitor::impl : public std::enable_shared_from_this<monitor::impl> {
public:
    using clock = std::chrono::steady_clock;

    impl(asio::io_context& control,
         monitor_settings settings,
         monitor_signals& signals,
         publish_function publish,
         connections_function connections);

    // Control thread.
    void start();
    void stop(std::function<void()> done);
    void on_hint(std::uint16_t id);
    void on_order(std::uint16_t id, node_order order);
    void on_reload(monitor_settings settings);
    void on_waiting() { round_timer_.cancel(); }

    // Any thread.
    [[nodiscard]] const io_executor& executor() const { return executor_; }
    [[nodiscard]] monitor_signals& signals() { return signals_; }
    /// True for the first of several hints that have not been taken yet.
    [[nodiscard]] bool raise_hint(std::uint16_t id);

private:
    struct watched_node {
        watched_node(const io_executor& executor,
                     const monitor_settings& settings,
                     monitor_signals& signals,
                     const monitored_node& node)
            : setting{node}, probe{executor, settings, signals, node}, wake{executor},
              pause{executor}, hint_timer{executor} {}

        monitored_node setting;
        node_probe probe;
        wake_signal wake;
        steady_timer pause;
        steady_timer hint_timer;
        bool hint_is_due = false;
        bool is_checking = false;
        bool reconnect = false;    // credentials changed
        bool is_configured = true; // else it is leaving, since left_at
        bool is_gone = false;      // forgotten: its coroutine ends
        clock::time_point left_at{};
        clock::time_point begun{};
        clock::time_point not_before{};
    };

    using watched_ptr = std::shared_ptr<watched_node>;

    // monitor_discovery.cpp: which nodes there are
    [[nodiscard]] task<> discover(std::shared_ptr<impl> self);
    void begin_discovery();
    void take_addresses(const std::string& name, std::optional<std::vector<std::string>> answer);
    void move_nodes(const std::string& name);
    void reconcile();
    void add_node(const monitored_node& node);
    void forget_nodes();

    void begin_round();
    void wake_standbys();
    void wake_standbys_after(std::chrono::milliseconds delay);
    [[nodiscard]] std::chrono::milliseconds pace();
    [[nodiscard]] task<> schedule(std::shared_ptr<impl> self);
    [[nodiscard]] task<> watch(std::shared_ptr<impl> self, watched_ptr which, std::uint16_t id);
    [[nodiscard]] task<> check(watched_ptr which, std::uint16_t id);
    [[nodiscard]] task<> read_history(watched_ptr which, std::uint16_t id);
    void take(watched_node& node, std::uint16_t id, check_outcome outcome);
    void publish();
    void on_end();

    io_executor executor_;
    monitor_settings settings_;
    monitor_signals& signals_;
    publish_function publish_;
    connections_function connections_;
    topology topology_;
    std::vector<watched_ptr> nodes_; // by id; null: vacant
    address_book addresses_;
    std::set<std::string> unresolved_; // said so already
    unsigned names_changed_ = 0;       // how often the settings named others
    bool discovered_ = false;          // these names have all been asked once
    steady_timer discovery_timer_;
    std::array<std::atomic<bool>, monitor_signals::max_nodes> hinted_{};
    steady_timer round_timer_;
    steady_timer standby_timer_;
    clock::time_point round_begun_{};
    bool active_ = true;
    cluster_view_ptr view_;
    bool started_ = false;
    bool stopping_ = false;
    std::size_t running_ = 0;
    std::function<void()> done_;
};

} // namespace pgweir
