// Who a server's answer belongs to: the queue of everything sent to one PostgreSQL server that
// expects an answer, in order. A pure machine, one per server connection, after login. The owner
// tells it what it sends, then shows it the type of every message that arrives; it says what to do
// with that message. Nothing else decides who an answer is for. Source: PostgreSQL docs,
// protocol-flow; the finer points were tried on servers and are in tests/unit/protocol.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace pgweir::protocol {

/// What was sent, or stands in the place of something that was not.
enum class expect : std::uint8_t {
    query,              // Query: anything, up to ReadyForQuery
    function_call,      // FunctionCall: up to ReadyForQuery
    parse,              // ParseComplete
    bind,               // BindComplete
    describe_statement, // ParameterDescription, then RowDescription or NoData
    describe_portal,    // RowDescription or NoData
    execute,            // rows, COPY, then CommandComplete, EmptyQueryResponse or PortalSuspended
    close,              // CloseComplete
    sync,               // ReadyForQuery
    synthetic,          // nothing was sent: the owner answers `tag` itself when the queue gets here
};

enum class origin : std::uint8_t {
    frontend,
    injected, // nothing of its answer goes to the frontend
    helper,   // injected in front of a frontend's message that needs it: only its error is the
              // frontend's
};

/// What became of an entry.
enum class outcome : std::uint8_t { done, failed, skipped };

struct expectation {
    expect what = expect::sync;
    origin whose = origin::frontend;
    std::uint64_t tag = 0; // the owner's; entries with a tag are reported when they end
};

struct ended_expectation {
    expectation entry;
    outcome how = outcome::done;
};

/// What to do with a message from the server.
enum class verdict : std::uint8_t {
    forward,      // the frontend's
    swallow,      // the answer to something injected
    asynchronous, // NoticeResponse, ParameterStatus or NotificationResponse: the owner decides, see
                  // `head_is_injected`
    unsolicited,  // an ErrorResponse that answers nothing: the server says goodbye
    violation,    // cannot be here: the connection is out of step and must be closed
};

enum class copy_state : std::uint8_t { none, in, out };

class conversation {
public:
    /// Something is being sent. While messages are being skipped after an error, all but Sync are
    /// dropped at once, as the server does; returns false then: there is no point in sending it. A
    /// Sync while COPY IN is open returns false as well: the server would swallow it.
    bool add(expectation entry);

    /// A message arrived. `status` is the body's byte of ReadyForQuery ('I', 'T', 'E'), else
    /// ignored.
    verdict on_message(char type, char status);

    /// CopyDone or CopyFail went to the server.
    void on_copy_end_sent() { copy_ = copy_state::none; }

    /// Entries with a tag, and synthetic ones, that ended since the last call of `clear_ended`, in
    /// order.
    [[nodiscard]] const std::vector<ended_expectation>& ended() const { return ended_; }
    void clear_ended() { ended_.clear(); }

    [[nodiscard]] bool empty() const { return head_ == queue_.size(); }
    [[nodiscard]] std::size_t size() const { return queue_.size() - head_; }
    [[nodiscard]] char status() const { return status_; }
    [[nodiscard]] copy_state copy() const { return copy_; }
    /// After an error in the extended protocol, before the Sync that ends it was sent.
    [[nodiscard]] bool skipping() const { return skipping_; }
    [[nodiscard]] bool head_is_injected() const {
        return !empty() && queue_[head_].whose != origin::frontend;
    }
    /// The owner wants to know what comes of the entry that is being answered.
    [[nodiscard]] bool head_has_tag() const { return !empty() && queue_[head_].tag != 0; }
    /// How many ReadyForQuery the frontend is still to get.
    [[nodiscard]] std::size_t frontend_readies() const;
    /// A Query, FunctionCall or Execute whose answer might still be a CopyInResponse is under way.
    [[nodiscard]] bool may_open_copy() const;
    /// A COPY IN failed before or after the server read the Syncs that had been sent behind it:
    /// nobody can tell how many ReadyForQuery are still to come. Never false again: what is
    /// outstanding may be finished, nothing new be begun.
    [[nodiscard]] bool doubtful() const { return doubtful_; }
    /// Nothing outstanding, outside any transaction and COPY: the connection may serve another
    /// session.
    [[nodiscard]] bool at_rest() const {
        return empty() && status_ == 'I' && copy_ == copy_state::none && !skipping_;
    }

private:
    [[nodiscard]] const expectation& head() const { return queue_[head_]; }
    void end_head(outcome how);
    void settle_synthetic();
    void skip_to_sync();
    verdict on_error();
    verdict on_ready(char status);
    verdict on_copy_in();
    verdict answer(bool fits, bool ends);

    std::vector<expectation> queue_; // [head_, end) is outstanding
    std::size_t head_ = 0;
    std::vector<ended_expectation> ended_;
    char status_ = 'I';
    copy_state copy_ = copy_state::none;
    bool skipping_ = false;
    bool answered_ = false; // the head has had an answer that ReadyForQuery may follow
    std::size_t copy_syncs_ =
        0; // Syncs that the COPY IN under way will swallow, if it gets to read them
    std::size_t unsure_syncs_ = 0; // those of one that failed
    bool doubtful_ = false;
};

} // namespace pgweir::protocol
