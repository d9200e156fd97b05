// The monitor's insides: a scheduler that begins rounds, and one coroutine per node that does its
// checks. Everything but the atomics runs on the control thread.
#pragma once

#include "proxy/asio.hpp"
#include "proxy/cluster/monitor.hpp"
#include "proxy/cluster/node_probe.hpp"
#include "proxy/cluster/topology.hpp"

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace pgweir {

class monitor::impl : public std::enable_shared_from_this<monitor::impl> {
public:
    using clock = std::chrono::steady_clock;

    impl(asio::io_context& control,
         monitor_settings settings,
         monitor_signals& signals,
         publish_function publish);

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
        bool reconnect = false; // credentials changed
        bool is_configured = true;
        clock::time_point begun{};
        clock::time_point not_before{};
    };

    void add_node(const monitored_node& node);
    void begin_round();
    void wake_standbys();
    void wake_standbys_after(std::chrono::milliseconds delay);
    [[nodiscard]] std::chrono::milliseconds pace();
    [[nodiscard]] task<> schedule(std::shared_ptr<impl> self);
    [[nodiscard]] task<> watch(std::shared_ptr<impl> self, std::uint16_t id);
    [[nodiscard]] task<> check(std::uint16_t id);
    [[nodiscard]] task<> read_history(std::uint16_t id);
    void take(std::uint16_t id, check_outcome outcome);
    void publish();
    void on_end();

    io_executor executor_;
    monitor_settings settings_;
    monitor_signals& signals_;
    publish_function publish_;
    topology topology_;
    std::vector<std::unique_ptr<watched_node>> nodes_;
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
