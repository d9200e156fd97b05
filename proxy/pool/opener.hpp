// Opens server connections: connect, TLS, login, and the one question each new connection is asked.
#pragma once

#include "proxy/asio.hpp"
#include "proxy/cluster/cluster_view.hpp"
#include "proxy/net/stream.hpp"
#include "proxy/pool/pool.hpp"

#include <chrono>
#include <memory>

namespace pgweir {

class worker;

/// Starts opening a connection for `home`, which hears on_opened or on_open_failed exactly once,
/// within connect_timeout. The permit has been taken already.
void open_backend(worker& owner, pool& home);

/// A connection after its login and first question, not yet anybody's.
struct raw_connection {
    node_view node;
    std::shared_ptr<stream> io;
    backend_state state;
    pool::open_failure failure; // when opening failed
};
/// Connects, secures, logs in and asks the first question, within connect_timeout. The permit is
/// the caller's. `application_name` is for connections of pgweir's own; empty: none is given.
task<bool>
open_raw(worker& owner, const pool_key& key, raw_connection& made, std::string application_name);

/// TLS as server_tls_sslmode says, on a fresh connection to `node`. False: it demands what the
/// server does not give.
task<bool> secure(worker& owner, const node_view& node, stream& io);

/// A password in clear text stays on this machine.
[[nodiscard]] bool is_loopback(const std::string& address);

/// Writes all of `bytes`, plain or TLS.
task<error_code> write_all(stream& io, const std::string& bytes);

/// Connects to a node, without TLS or login yet. Null and `ec` on failure. The caller's deadline
/// closes the socket.
task<error_code> connect_to_node(const node_view& node, stream_socket& socket);

} // namespace pgweir
