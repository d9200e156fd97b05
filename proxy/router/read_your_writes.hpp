// The floor of a session: the position that a standby must have replayed to answer it, so that a
// session never sees its own past. Pure; owned by one session, one thread. Copyable: a worker keeps
// one per database, and a session that begins copies it.
//
// "Look" is the monitor's atomic counter of looks at the servers. Every mark here is its value read
// (seq_cst) after an answer was taken off the socket; only a sample with a greater number bounds
// that answer.
#pragma once

#include "proxy/cluster/cluster_view.hpp"
#include "proxy/router/wal_floor.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pgweir {

enum class consistency_mode : std::uint8_t {
    session,  // own writes and what was seen before, whichever server answers
    bounded,  // at most `bound` behind the primary; own writes are not promised
    eventual, // any readable standby
    primary,  // the primary alone
};

struct consistency {
    consistency_mode mode = consistency_mode::session;
    std::chrono::milliseconds bound{0};          // of consistency_mode::bounded …
    std::chrono::steady_clock::time_point now{}; // … and when it is asked
};

/// What is known of one server connection to a standby. Default: none chosen yet; the answer then
/// tells whether the node may do, and the connection that is leased must be asked about again.
struct standby_connection {
    std::uint64_t serial = 0;        // unique in the process, 0: none
    std::uint64_t login_look = 0;    // the look counter when its login had finished
    std::optional<lsn> login_replay; // the standby's replay position as that login asked for it
};

enum class read_verdict : std::uint8_t {
    yes,
    no,
    /// A look that may settle it is under way: worth waiting for a few milliseconds, because asking
    /// the primary instead would raise the floor again.
    wait_for_look,
};

class session_floor {
public:
    /// The primary has answered a unit (error or not), has sent a notification, or its connection
    /// was lost with a unit under way. Reads count too: what they saw must not vanish.
    /// `asynchronous_commit_possible`: the session's synchronous_commit is not known to be on.
    void on_primary_answer(std::uint64_t look_now, bool asynchronous_commit_possible);
    /// A standby has answered, or was lost after part of an answer. `role_epoch` is the node's in
    /// the view that the unit was routed by.
    void on_standby_answer(std::uint16_t node,
                           std::uint64_t role_epoch,
                           std::uint64_t connection,
                           std::uint64_t look_now);
    /// A session begins after another one's commit that was answered at `look`, or (its present
    /// value) after everything that the primary has committed by now.
    void begin_at(std::uint64_t look, bool asynchronous_commit_possible) {
        on_primary_answer(look, asynchronous_commit_possible);
    }
    /// A position handed over (SET pgweir.lsn), see may_be_reached.
    void raise_to(wal_position position, const cluster_view& view);

    /// Turns marks into positions as far as samples allow. Cheap when there is nothing to settle.
    void settle(const cluster_view& view, const sample_history& history);

    /// Whether this node may answer the session's next read over this connection. Call settle()
    /// first. `looks_begun` is the look counter now.
    [[nodiscard]] read_verdict may_read(const cluster_view& view,
                                        std::uint16_t node,
                                        const standby_connection& connection,
                                        std::uint64_t looks_begun,
                                        consistency wanted) const;

    /// Whether the primary shows all that standbys have shown this session. Not so while a commit
    /// that it has seen there waits for its standbys (RULES A8): later, then. Call settle() first.
    [[nodiscard]] bool may_go_to_primary(const cluster_view& view) const;

    /// Waiting for a bound: the monitor should look more often.
    [[nodiscard]] bool is_waiting() const {
        return primary_mark_.has_value() || seen_on_.has_value();
    }
    /// The position that shows all this session knows of. Empty: not known yet (see is_waiting), or
    /// nothing seen.
    [[nodiscard]] std::optional<wal_position> position() const;

private:
    struct primary_mark {
        std::uint64_t look = 0;
        bool loose = false; // commits may be visible before they are flushed
    };
    struct standby_mark {
        std::uint16_t node = 0;
        std::uint64_t role_epoch = 0;
        std::uint64_t connection = 0;
        std::uint64_t look = 0;
    };
    /// An insert position that standbys may be slow to reach; a settled flush will lower it.
    struct provisional_floor {
        wal_position position;
        std::uint64_t look = 0;
    };

    /// Each: true once its mark has become a position.
    [[nodiscard]] bool settle_primary(const primary_mark& mark,
                                      const cluster_view& view,
                                      const sample_history& history);
    [[nodiscard]] bool settle_by_standbys(const primary_mark& mark,
                                          const cluster_view& view,
                                          const sample_history& history);
    [[nodiscard]] bool settle_standby(const standby_mark& mark,
                                      const cluster_view& view,
                                      const sample_history& history);
    [[nodiscard]] bool settle_provisional(const provisional_floor& provisional,
                                          const cluster_view& view,
                                          const sample_history& history);
    [[nodiscard]] read_verdict may_read_own(const cluster_view& view,
                                            const node_view& node,
                                            const standby_connection& connection,
                                            std::uint64_t looks_begun) const;
    [[nodiscard]] static read_verdict may_read_bounded(const cluster_view& view,
                                                       const node_view& node,
                                                       const standby_connection& connection,
                                                       std::uint64_t looks_begun,
                                                       consistency wanted);
    [[nodiscard]] static bool is_same_incarnation(const standby_mark& mark,
                                                  const node_view& node,
                                                  const standby_connection& connection);

    /// A bound of what a standby has shown.
    void raise_by_standby(wal_position position, const cluster_view& view);

    std::optional<wal_position> floor_;
    std::optional<wal_position> shown_by_standbys_; // only while the primary has yet to show it
    std::optional<provisional_floor> provisional_;
    std::optional<primary_mark> primary_mark_;
    std::optional<standby_mark> seen_on_;
};

/// "1:16/B374D848", timeline and position: what SHOW pgweir.lsn gives and SET pgweir.lsn takes.
[[nodiscard]] std::string to_string(const wal_position& position);
[[nodiscard]] std::optional<wal_position> parse_wal_position(std::string_view text);

/// Whether such a position can mean anything here: its timeline is in the primary's history, or no
/// history is known yet.
[[nodiscard]] bool may_be_reached(const wal_position& position, const cluster_view& view);

} // namespace pgweir
