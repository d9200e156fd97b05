// One login under way, and its first part: what comes up to the StartupMessage. TLS, requests for
// encryption, cancel requests.
#pragma once

#include "protocol/startup.hpp"
#include "proxy/access/address_limits.hpp"
#include "proxy/asio.hpp"
#include "proxy/metrics/counters.hpp"
#include "proxy/net/message_stream.hpp"
#include "proxy/net/stream.hpp"

#include <boost/intrusive/list.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace pgweir {

class worker;

/// "10.0.0.1:5432" and "[::1]:5432" without the port.
[[nodiscard]] std::string_view host_of(std::string_view peer);

class login_attempt : public boost::intrusive::list_base_hook<
                          boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
public:
    login_attempt(worker& w, std::shared_ptr<stream> s, std::string p, bool l);
    ~login_attempt();
    login_attempt(const login_attempt&) = delete;
    login_attempt& operator=(const login_attempt&) = delete;

    /// One more from that address. False: too many already, and told so.
    [[nodiscard]] bool arrive();
    /// False: too many failures from that address.
    [[nodiscard]] bool may_ask() const;
    /// After the StartupMessage. False: too many failures from that address, and told so.
    [[nodiscard]] bool may_try();
    /// It failed to prove who it is.
    void note_failure();
    /// It is a client from here on, not a cancel request or an idle connection, and counts as one.
    void count_in();
    /// What counts as a client now is the session, and its address has one login less under way.
    void hand_over();
    [[nodiscard]] bool handed_over() const { return handed_over_; }
    /// A FATAL error, and the connection closes.
    void refuse(login_outcome what, std::string_view sqlstate, std::string_view message);
    /// It takes longer than client_login_timeout.
    void time_out();

    worker& owner;
    std::shared_ptr<stream> io;
    message_stream in;
    std::string peer;
    bool local;
    std::optional<host_address> address; // the peer's, once it has arrived
    const std::chrono::steady_clock::time_point began;
    std::string body; // of the packet that has come last …
    std::variant<protocol::startup_message, protocol::cancel_request> startup; // … and views of it
    std::size_t wanted = 0; // bytes, before anything can be said
    bool asked_tls = false;

private:
    address_limits::key_type from_{}; // nobody's until it has arrived
    bool counted_ = false;
    bool handed_over_ = false;
};

/// Those that client_login_timeout is running for, the oldest first.
using logins_under_way =
    boost::intrusive::list<login_attempt, boost::intrusive::constant_time_size<false>>;

/// Whether who connects says first for whom (`proxy_protocol_from`).
[[nodiscard]] bool is_balancer(const login_attempt& l);
/// The client is known by the address that its balancer tells of from here on. False: the
/// connection is refused or gone.
[[nodiscard]] task<bool> read_balancers_word(login_attempt& l);
/// How far a connection has come on the way to its StartupMessage.
enum class startup_step : std::uint8_t {
    begun,        // it is there
    ended,        // refused
    wants_bytes,  // more of them must arrive
    wants_tls,    // the handshake follows
    begins_tls,   // has begun already, without a request
    wants_cancel, // a CancelRequest, and the end
};
/// As far as what has arrived goes.
[[nodiscard]] startup_step take_startup(login_attempt& l);
/// From such a step on, up to the StartupMessage. False: the connection is refused, gone or was for
/// something else.
[[nodiscard]] task<bool> read_startup(login_attempt& l, startup_step from);

} // namespace pgweir
