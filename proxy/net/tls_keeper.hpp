// Both sides' TLS contexts as settings and files have them: made on a thread of its own, since
// files may hang and a passphrase may take its time, and asked for again when files have changed.
// Owned by the server, used on the control thread.
#pragma once

#include "proxy/net/file_watch.hpp"
#include "proxy/net/tls.hpp"

#include <boost/asio/thread_pool.hpp>

#include <functional>
#include <memory>
#include <string>

namespace pgweir {

struct tls_sides {
    client_tls_ptr clients; // null: TLS is off
    server_tls_ptr servers;
    friend bool operator==(const tls_sides&, const tls_sides&) = default;
};

class tls_keeper {
public:
    tls_keeper(io_executor control, std::function<void()> on_files_changed);
    ~tls_keeper();
    tls_keeper(const tls_keeper&) = delete;
    tls_keeper& operator=(const tls_keeper&) = delete;

    /// As make_client_tls and make_server_tls, whose exceptions it throws: a side of `before` again
    /// where nothing has changed.
    task<tls_sides> make(settings values, tls_sides before);
    /// At once, on this thread: for the start.
    [[nodiscard]] static tls_sides make_now(const settings& values);

    /// Watches the files that these settings name.
    void watch(const settings& values);
    void stop();

private:
    struct job;

    io_executor control_;
    std::shared_ptr<file_watch> files_;
    asio::thread_pool helper_{1};
};

/// Log lines for what is new: until when the certificates are good.
void log_tls(const tls_sides& before, const tls_sides& now);

} // namespace pgweir
