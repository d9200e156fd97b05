// Finds the other instances of pgweir: resolves the names in `peers` again and again. Control
// thread.
#pragma once

#include "proxy/asio.hpp"
#include "proxy/cluster/discovery.hpp"
#include "proxy/config/settings.hpp"
#include "proxy/session/peers.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace pgweir {

class peer_watch : public std::enable_shared_from_this<peer_watch> {
public:
    /// Called with the first list, and with each that differs from the one before.
    using publish_function = std::function<void(peer_list)>;

    peer_watch(asio::io_context& control, publish_function publish);

    /// `own_port`: where clients reach this instance.
    void start(const settings& values, std::uint16_t own_port);
    void reload(const settings& values);

private:
    static task<> run(std::shared_ptr<peer_watch> self);
    [[nodiscard]] task<> look();
    void judge();

    io_executor executor_;
    publish_function publish_;
    std::vector<node_setting> entries_;
    std::chrono::milliseconds interval_{1000};
    std::chrono::milliseconds patience_{5000};
    std::uint16_t own_port_ = 0;
    address_book addresses_;
    peer_list published_;
    steady_timer timer_;
};

} // namespace pgweir
