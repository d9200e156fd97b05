// Replication connections (pg_basebackup, pg_receivewal, pg_recvlogical, standbys): a client that
// logs in with `replication` gets a connection to the primary of its own, and from the end of its
// login on all bytes pass 1:1 in both directions until either side ends. Lives on one worker.
#pragma once

#include "proxy/asio.hpp"
#include "proxy/net/stream.hpp"
#include "proxy/pool/connection_budget.hpp"
#include "proxy/pool/pool.hpp"
#include "proxy/session/cancel.hpp"
#include "proxy/session/cancel_registry.hpp"
#include "proxy/session/frontend_login.hpp"
#include "proxy/session/replication_mode.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace pgweir {

class worker;

/// A client whose login is over but for the server's part.
struct replication_client {
    std::shared_ptr<stream> io;
    std::string peer;
    bool local = false;
    login_result who;
    replication_mode mode = replication_mode::physical;
};

/// What a connection to a server is after its login; `permit` is the budget's.
struct replication_server {
    pool_key key;
    connection_budget::pool_slot* permit = nullptr;
    std::shared_ptr<stream> io;
    std::int32_t process_id = 0;
    std::string secret_key;
    std::string welcome; // messages for the client: parameters, notices
    std::string early;   // bytes behind the login
};

class replication_session final : public std::enable_shared_from_this<replication_session> {
public:
    replication_session(worker& owner, replication_client client, replication_server server);
    ~replication_session();
    replication_session(const replication_session&) = delete;
    replication_session& operator=(const replication_session&) = delete;

    /// The rest of the client's login; then bytes pass. `early`: what the client has sent behind
    /// its login.
    void begin(cancel_registry::identity identity, const std::string& early);
    /// Ends it with a FATAL error, if the client can be told between two messages.
    void fatal(std::string_view sqlstate, std::string_view message);
    /// Passes a cancel request on.
    void cancel(cancel_token asked);
    /// Looks for ends that nothing has told of; now and then.
    void look_for_end();

    [[nodiscard]] const replication_client& client() const { return client_; }
    [[nodiscard]] const replication_server& server() const { return server_; }
    [[nodiscard]] std::int32_t process_id() const { return identity_.process_id; }
    [[nodiscard]] std::chrono::steady_clock::time_point connected() const { return connected_; }

private:
    /// One side: what comes from it goes to the other.
    struct side final : stream::reader, stream::listener {
        explicit side(replication_session& session) : of{session} {}
        [[nodiscard]] bool wants_no_input() const override { return to->congested(); }
        void on_bytes(std::string_view chunk) override;
        void on_end(const error_code&) override { of.finish("connection ended"); }
        void on_drained() override { to->resume_reading(); }
        replication_session& of;
        stream* to = nullptr;
        bool is_server = false;
    };
    void finish(std::string_view why);

    worker& owner_;
    replication_client client_;
    replication_server server_;
    cancel_registry::identity identity_;
    std::chrono::steady_clock::time_point connected_ = std::chrono::steady_clock::now();
    side from_client_{*this};
    side from_server_{*this};
    message_boundary told_; // the client
    bool closed_ = false;
};

/// Opens the server connection and begins the session. A refusal: nothing was begun, and the client
/// is still to be told. `early`: what the client has sent behind its login.
task<std::optional<lease_refusal>>
start_replication(worker& owner, replication_client client, std::string early);

} // namespace pgweir
