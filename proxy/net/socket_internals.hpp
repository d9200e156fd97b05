// What Asio keeps of a socket and does not show
// (boost/asio/detail/reactive_socket_service_base.hpp, the same in Boost 1.81 and 1.83): the only
// place that looks behind its public face.
#pragma once

#include "proxy/asio.hpp"

#include <boost/asio/detail/reactor.hpp>
#include <boost/asio/detail/socket_types.hpp>

namespace pgweir {

class socket_internals : private stream_socket {
    static auto& implementation(stream_socket& socket) {
        return (socket.*(&socket_internals::impl_)).get_implementation();
    }

public:
    static asio::detail::reactor::per_descriptor_data& reactor_data(stream_socket& socket) {
        return implementation(socket).reactor_data_;
    }

    /// Spares two system calls per connection: `socket` has just been given a descriptor that does
    /// not block and that nobody else has. Asio would ask the kernel to make it so, and would take
    /// it out of the poller before closing it.
    static void tell_unblocking_and_sole(stream_socket& socket) {
        auto& state = implementation(socket).state_;
        state |= asio::detail::socket_ops::user_set_non_blocking;
        state &= static_cast<unsigned char>(~asio::detail::socket_ops::possible_dup);
    }
};

} // namespace pgweir
