// Looks at the nodes, judges them with `topology`, and publishes each new cluster_view. Runs on the
// control io_context (one thread, owned by the server); holds one libpq connection per node and
// never touches a worker's socket.
#pragma once

#include "proxy/cluster/cluster_view.hpp"
#include "proxy/cluster/monitor_settings.hpp"
#include "proxy/cluster/monitor_signals.hpp"
#include "proxy/cluster/view_changes.hpp"

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

namespace pgweir {

class monitor {
public:
    using publish_function = std::function<void(cluster_view_ptr)>;
    /// How many server connections there are to a node, those being opened included.
    using connections_function = std::function<std::uint32_t(std::uint16_t node)>;

    /// `control` and `signals` outlive the monitor. `publish` is called on the control thread, for
    /// every view; `connections` too, before a node that has left is forgotten (none: nobody else
    /// has any).
    monitor(boost::asio::io_context& control,
            monitor_settings settings,
            monitor_signals& signals,
            publish_function publish,
            connections_function connections = {});
    ~monitor();
    monitor(const monitor&) = delete;
    monitor& operator=(const monitor&) = delete;

    /// Any thread. Begins to look; the first view (no node known) is published at once.
    void start();
    /// Any thread. Ends all looks and closes all connections; `done` is called on the control
    /// thread when that has happened. The monitor may be destroyed after that.
    void stop(std::function<void()> done);

    /// Any thread. Look at this node now: 25006, 57P01, 57P03, a lost connection, a change of
    /// in_hot_standby. Coalesced and rate limited, so any client may cause it.
    void hint(std::uint16_t node);

    /// Any thread. A session waits for a position between the two calls: looks come every
    /// `waiting_interval`.
    void begin_waiting();
    void end_waiting();

    /// Any thread. The operator's word; wins for the life of the process. `attached` also lifts a
    /// fence.
    void order(std::uint16_t node, node_order order);

    /// Any thread. New settings: nodes are added, changed, or (no longer named) left as what runs
    /// there ends, and then forgotten.
    void reload(monitor_settings settings);

    class impl;

private:
    std::shared_ptr<impl> impl_;
};

} // namespace pgweir
