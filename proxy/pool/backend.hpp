// One connection to a PostgreSQL server after its login: its socket, its expectation queue, and
// what session state it carries. Lives on one worker; belongs to a pool; serves at most one user (a
// session) at a time.
#pragma once

#include "proxy/net/stream.hpp"
#include "proxy/pool/backend_state.hpp"
#include "proxy/session/prepared_statements.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pgweir {

class backend;
class pool;

/// Whoever holds a lease. All calls come on the worker's thread.
class backend_user {
public:
    /// Where messages for the frontend go; null: they are dropped.
    virtual stream* frontend_stream() = 0;
    /// A message that must be understood, whole, after the conversation took note of it. True:
    /// forward it as it is.
    virtual bool
    on_server_message(backend& from, char type, std::string_view body, protocol::verdict how) = 0;
    /// Entries of the conversation ended: emit synthetic answers now, in their place.
    virtual void on_ended(backend& from) = 0;
    /// All bytes that had arrived are dealt with; whatever was to be forwarded is on its way.
    virtual void on_server_progress(backend& from) = 0;
    /// The connection is gone. `farewell` is the server's last ErrorResponse body, if it sent one.
    virtual void on_server_lost(backend& from, std::string_view farewell) = 0;
    /// Output to the server had piled up and is written.
    virtual void on_server_drained() = 0;

protected:
    ~backend_user() = default;
};

class backend final : public stream::listener,
                      public stream::reader,
                      public std::enable_shared_from_this<backend> {
public:
    backend(pool& home, std::shared_ptr<stream> connection, backend_state state);
    ~backend();
    backend(const backend&) = delete;
    backend& operator=(const backend&) = delete;

    /// Starts reading. Call once.
    void run();

    void lend_to(backend_user* user) {
        user_ = user;
        holding_ = false;
        held_.clear();
    }
    [[nodiscard]] backend_user* user() const { return user_; }

    /// May serve another session: nothing outstanding, nothing half read or half written, no cancel
    /// under way.
    [[nodiscard]] bool at_rest() const;
    /// Something makes it unfit to be used again once it is free.
    void condemn() { condemned_ = true; }
    [[nodiscard]] bool condemned() const {
        return condemned_ || state.conversation.doubtful() || !io_->is_open();
    }

    /// From here on answers that commit to nothing (ParseComplete, RowDescription …) are kept back
    /// until one comes that does, so that a unit which fails on this server may still be asked
    /// elsewhere.
    void hold_answers() { holding_ = true; }
    void stop_holding() { holding_ = false; }
    /// Nothing of the unit's answer has gone to the frontend.
    [[nodiscard]] bool holds_answers() const { return holding_; }
    /// Part of a message went to the frontend, and its end has not come.
    [[nodiscard]] bool cut_short() const { return passing_ != 0 && passing_forward_; }
    /// Called from on_server_message: what is held, and the rest of the unit's answer so far, never
    /// reaches the frontend.
    void drop_held() { dropped_ = true; }

    /// Closes now; the pool and the user are told from the reading loop.
    void close();
    /// Closes now because the node cannot be relied on: whoever uses it is told `why` in place of
    /// the server's last words.
    void give_up(std::string_view why);
    /// Why that was; empty: it was not.
    [[nodiscard]] const std::string& given_up() const { return given_up_; }
    /// Says goodbye (Terminate) and closes.
    void terminate();
    /// Another worker could go on with it: a plain socket, at rest, fit.
    [[nodiscard]] bool can_move() const { return !io_->is_tls() && at_rest() && !condemned(); }
    /// Gives up socket and state so that another worker can go on; only at rest. Less than 0: not
    /// possible.
    [[nodiscard]] int detach(backend_state& into);

    [[nodiscard]] stream& io() const { return *io_; }
    [[nodiscard]] pool& home() const { return home_; }
    [[nodiscard]] protocol::conversation& conversation() { return state.conversation; }

    // Cancel requests under way for this connection: it is not handed on before they are through
    // (RULES E6).
    void cancel_begins() { ++cancels_; }
    void cancel_ends() { --cancels_; }
    [[nodiscard]] unsigned cancels() const { return cancels_; }

    // stream::reader
    [[nodiscard]] bool wants_no_input() const override;
    void on_bytes(std::string_view chunk) override;
    void on_end(const error_code& ec) override;
    // stream::listener
    void on_drained() override;

    backend_state state;
    prepared_ptr unnamed; // the unnamed statement as last prepared here; null: none, or unknown
    std::chrono::steady_clock::time_point idle_since{};
    std::uint64_t queries = 0;
    std::chrono::steady_clock::time_point timed_since{}; // a read whose answer is timed; mostly not
    std::uint64_t id = 0;                                // for SHOW

private:
    [[nodiscard]] std::size_t walk(std::string_view chunk);
    [[nodiscard]] bool take_message(char type, std::string_view body);
    void out_of_step(std::string_view what);
    void forward(std::string_view run, bool last);
    bool note_parameter(std::string_view body);
    bool idle_message(char type, std::string_view body);

    pool& home_;
    std::shared_ptr<stream> io_;
    backend_user* user_ = nullptr;
    std::string pending_;
    std::string farewell_;
    std::string given_up_;
    std::uint64_t passing_ = 0; // bytes of the current message still to come
    bool passing_forward_ = false;
    std::string held_;
    bool holding_ = false;
    bool dropped_ = false;
    bool condemned_ = false;
    bool detached_ = false;
    unsigned cancels_ = 0;
};

using backend_ptr = std::shared_ptr<backend>;

} // namespace pgweir
