// What our TCP sockets have in common, on both legs. Source: tcp(7), socket(7).
#pragma once

namespace pgweir {

struct settings;

/// No waiting to fill packets (an answer in two parts would wait for the peer's delayed
/// acknowledgement, 40 ms), and keepalive as the settings say. A listening socket passes them on to
/// what it accepts. Does nothing to Unix sockets.
void set_socket_options(int socket, const settings& values);

} // namespace pgweir
