// Accepts clients on TCP addresses and Unix sockets. Every worker has its own listening socket on
// each TCP port (SO_REUSEPORT); the Unix socket belongs to the first worker, which hands
// connections out in turn.
#pragma once

#include "proxy/asio.hpp"
#include "proxy/net/read_wait.hpp"

#include <functional>
#include <memory>
#include <string>

namespace pgweir {

struct settings;

class listener final : public read_wait::waiter, public std::enable_shared_from_this<listener> {
public:
    /// An accepted connection; `peer` is "address:port" or "unix".
    using accepted = std::function<void(stream_socket, std::string peer, bool local)>;

    /// Accepting stops for a while, for want of file descriptors or memory.
    using paused = std::function<void()>;

    listener(io_executor executor, accepted sink, paused on_pause);

    /// Throws std::runtime_error naming the address. `port` 0 picks a free one; returns the port.
    std::uint16_t listen_tcp(const std::string& address, std::uint16_t port, int backlog);
    void listen_unix(const std::string& path, unsigned permissions, int backlog);

    /// What is accepted from now on has these options. On the listener's thread, or before start().
    void tune(const settings& values);
    void start();
    /// On the listener's thread. No more connections; those accepted live on.
    void stop();

    // read_wait::waiter
    void on_readable(const error_code& ec) override;

private:
    std::uint16_t bind_tcp(const std::string& address, std::uint16_t port, int backlog);
    void listen(int backlog);
    void accept_some();
    /// The error of accept(2), 0 after a connection.
    [[nodiscard]] int accept_one();
    void pause(int error);

    stream_socket socket_;
    steady_timer pause_;
    accepted sink_;
    paused on_pause_;
    read_wait wait_;
    std::string unix_path_;
    bool stopped_ = false;
};

} // namespace pgweir
