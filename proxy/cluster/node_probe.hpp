// One node's connection of the monitor and what is asked over it. Does the I/O of one check at a
// time and returns what it found; judges nothing. Control thread.
#pragma once

#include "proxy/cluster/monitor_settings.hpp"
#include "proxy/cluster/monitor_signals.hpp"
#include "proxy/cluster/node_evidence.hpp"
#include "proxy/cluster/pg_link.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace pgweir {

/// What one check found. Exactly one of answer and failure is there.
struct check_outcome {
    std::optional<node_answer> answer;
    std::optional<node_failure> failure;
    std::optional<node_details> details;    // asked at connect and every few seconds
    std::optional<setting_list> parameters; // after a new plain connection
};

class node_probe {
public:
    using clock = std::chrono::steady_clock;

    /// `settings` and `signals` outlive the probe.
    node_probe(io_executor executor,
               const monitor_settings& settings,
               monitor_signals& signals,
               monitored_node node);

    /// Connects if need be and looks once. On a standby the connection is a replication one where
    /// the role may.
    [[nodiscard]] task<check_outcome> check();

    /// TIMELINE_HISTORY over a brief connection. Empty: a network failure, ask again.
    [[nodiscard]] task<std::optional<timeline_history>> read_history(timeline_id timeline);

    /// The address that connections go to: of the present connection, else the first that the name
    /// resolved to.
    [[nodiscard]] const std::string& address() const { return address_; }
    void set_node(monitored_node node) { node_ = std::move(node); }
    /// What the host's name resolves to now; used where the resolver fails.
    void set_addresses(std::vector<std::string> addresses);

    void disconnect();
    /// Ends what is under way, for stopping.
    void interrupt();

private:
    enum class link_mode : std::uint8_t { plain, replication };
    using maybe_failure = std::optional<link_failure>;

    [[nodiscard]] task<maybe_failure> connect();
    [[nodiscard]] task<maybe_failure> open(pg_link& link, link_mode mode);
    [[nodiscard]] task<maybe_failure> look(node_answer& into);
    [[nodiscard]] task<maybe_failure> identify(node_answer& into);
    [[nodiscard]] task<maybe_failure> read_details(check_outcome& out);
    [[nodiscard]] setting_list options(link_mode mode, const std::vector<std::string>& addresses);
    [[nodiscard]] setting_list read_parameters() const;

    io_executor executor_;
    const monitor_settings& settings_;
    monitor_signals& signals_;
    monitored_node node_;
    pg_link link_;
    pg_link history_link_;
    link_mode mode_ = link_mode::plain;
    bool may_replicate_ = true; // until the server says no, for the life of the connection
    bool is_standby_ = false;   // at the latest look
    std::uint64_t system_identifier_ = 0;
    clock::time_point settings_due_{};
    clock::time_point senders_due_{};
    node_details details_;
    std::string address_;
    std::vector<std::string> addresses_; // the last good answer
};

} // namespace pgweir
