// One client: its connection, its session state, and the server connection it holds while it needs
// one. Everything is driven by events on the worker's thread (client bytes, server bytes, a lease
// granted, a new cluster view); `pump` then goes as far as it can without waiting. The way of a
// query is told in proxy/README.md.
#pragma once

#include "protocol/rows.hpp"
#include "proxy/net/stream.hpp"
#include "proxy/pool/backend.hpp"
#include "proxy/pool/pool.hpp"
#include "proxy/router/read_your_writes.hpp"
#include "proxy/router/router.hpp"
#include "proxy/router/routing_policy.hpp"
#include "proxy/session/cancel.hpp"
#include "proxy/session/cancel_registry.hpp"
#include "proxy/session/frontend_login.hpp"
#include "proxy/session/parse_state.hpp"
#include "proxy/session/pending_change.hpp"
#include "proxy/session/pins.hpp"
#include "proxy/session/prepared_statements.hpp"
#include "proxy/session/session_doubt.hpp"
#include "proxy/session/session_probe.hpp"
#include "proxy/session/unit.hpp"
#include "proxy/worker.hpp"
#include "sql/facts.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pgweir {

class session final : public backend_user,
                      public lease_waiter,
                      public stream::listener,
                      public stream::reader,
                      public std::enable_shared_from_this<session> {
public:
    using clock = std::chrono::steady_clock;

    session(worker& owner, std::shared_ptr<stream> io, std::string peer, bool local);
    ~session();
    session(const session&) = delete;
    session& operator=(const session&) = delete;

    /// After the login: state from it, then reading begins. `early` came behind the login's
    /// messages.
    void begin(const login_result& who,
               cancel_registry::identity identity,
               welcome_ptr said,
               std::string early);
    /// Ends the session with a FATAL error.
    void fatal(std::string_view sqlstate, std::string_view message);
    /// Ends it without a word.
    void close();
    /// The process stops: end now if idle, at the end of the transaction otherwise.
    void drain(bool now);
    /// A new cluster view: a wait for a position, a primary, or a server connection may be over.
    void on_view();
    void on_catalog();
    /// Roles changed: a wait for a connection may be for the wrong node.
    void on_roles();
    /// It waits until it may keep a server connection, and now perhaps may.
    void on_called_to_pin();
    /// A cancel request with this session's key.
    void cancel(cancel_token asked = {});
    /// Ends what hangs on a client or server that is gone without a word (tcp_user_timeout).
    void look_for_silence(clock::time_point now);
    /// Time limits; a few times a second.
    void tick(clock::time_point now);

    [[nodiscard]] const std::string& database() const { return database_; }
    [[nodiscard]] const std::string& user() const { return user_; }
    [[nodiscard]] const std::string& peer() const { return peer_; }
    [[nodiscard]] const std::string& application_name() const { return application_name_; }
    [[nodiscard]] const backend_ptr& lease() const { return lease_; }
    [[nodiscard]] std::int32_t process_id() const { return identity_.process_id; }
    [[nodiscard]] client_state state() const;
    [[nodiscard]] const pin_set& pins() const { return pins_; }
    [[nodiscard]] bool is_tls() const { return io_->is_tls(); }
    [[nodiscard]] bool is_local() const { return local_; }
    [[nodiscard]] clock::time_point connected() const { return connected_; }
    [[nodiscard]] clock::time_point active_since() const { return active_since_; }
    [[nodiscard]] std::size_t statements() const { return statements_.size(); }
    [[nodiscard]] worker& owner() { return owner_; }
    [[nodiscard]] stream& io() { return *io_; }

    // stream::reader
    [[nodiscard]] bool wants_no_input() const override;
    void on_bytes(std::string_view chunk) override;
    void on_end(const error_code& ec) override;
    // stream::listener
    void on_drained() override;
    // lease_waiter
    void on_lease(backend_ptr leased) override;
    void on_lease_refused(const lease_refusal& why) override;
    void on_long_wait(std::chrono::milliseconds waited) override;
    // backend_user
    stream* frontend_stream() override { return io_.get(); }
    bool on_server_message(backend& from,
                           char type,
                           std::string_view body,
                           protocol::verdict how) override;
    void on_ended(backend& from) override;
    void on_server_progress(backend& from) override;
    void on_server_lost(backend& from, std::string_view farewell) override;
    void on_server_drained() override { pump(); }

private:
    /// What the session waits for, if anything.
    enum class wait_for : std::uint8_t { nothing, lease, primary, lost_read, look, injection, pin };
    /// How far the transaction block has come, as the client sees it.
    enum class block_state : std::uint8_t {
        none,
        deferred,   // BEGIN answered, no server knows of it yet
        on_standby, // a real block on a standby: only pure reads so far
        on_primary,
        failed_here, // its server is gone: everything fails until ROLLBACK
    };

    // session.cpp: the loop
    void pump();
    bool step();
    void take(std::size_t bytes);
    bool stream_rest();
    bool take_copy_message(const protocol::frame_header& header);
    bool skip_message(const protocol::frame_header& header);
    void protocol_error(std::string_view what);
    void say_error(std::string_view sqlstate,
                   std::string_view message,
                   std::string_view detail = {},
                   std::string_view hint = {});
    void say_server_error(std::string_view body);
    void say_ready();
    [[nodiscard]] char client_status() const;
    [[nodiscard]] bool outstanding() const { return lease_ && !lease_->conversation().empty(); }
    void finish(std::string_view why);

    // session_plan.cpp: what a unit is
    [[nodiscard]] bool plan(unit& u);
    void plan_use(unit& u, std::string_view name);
    void judge(unit& u);
    [[nodiscard]] bool is_refused(const sql::query_facts& facts) const;
    [[nodiscard]] route_session route_state() const;

    // session_route.cpp: where it goes; session_lease.cpp: a connection there
    bool handle_unit(unit& u);
    bool handle_with_lease(unit& u);
    [[nodiscard]] bool waits_for_its_primary(const unit& u);
    void look_again();
    [[nodiscard]] bool waits_for_view() const {
        return waiting_ == wait_for::look || waiting_ == wait_for::primary ||
               waiting_ == wait_for::lost_read;
    }
    bool handle_without_lease(unit& u);
    bool handle_in_failed_block(unit& u);
    bool go_to_primary(unit& u);
    bool go_to_standby(unit& u);
    void note_read_turned_away();
    bool request(unit& u, std::uint16_t node);
    bool begin_lease(unit& u, backend_ptr leased);
    void begin_move();
    bool prepare_lease(unit& u);
    void end_lease();
    void wait_until(wait_for what);
    void stop_waiting();
    void fail_unit(unit& u,
                   std::string_view sqlstate,
                   std::string_view message,
                   std::string_view server_error = {},
                   std::string_view hint = {});
    void fail_waiting(std::string_view sqlstate,
                      std::string_view message,
                      std::string_view server_error = {});
    [[nodiscard]] std::optional<std::uint16_t> choose_reader(bool& look_under_way);
    [[nodiscard]] std::optional<std::uint16_t> preferred_reader();
    [[nodiscard]] consistency wanted_consistency() const;
    [[nodiscard]] bool needs_standby(const unit& u) const;
    void wait_for_fresh_standby();
    [[nodiscard]] pool& pool_of(std::uint16_t node);

    // session_forward.cpp: sending it
    void forward_unit(unit& u);
    void keep_for_retry(const unit& u, bool first);
    void limit_retry();
    void forward_message(unit& u, const unit_message& m, std::string& out);
    void forward_parse(unit& u, std::string_view body, std::string_view whole, std::string& out);
    void forward_bind(unit& u, const unit_message& m, std::string& out);
    void forward_target(const unit& u, const unit_message& m, std::string& out);
    void forward_query(unit& u, std::string_view body, std::string_view whole, std::string& out);
    void ensure_prepared(const prepared_ptr& statement, std::string& out);
    void ensure_unnamed(const prepared_ptr& statement, std::string& out);
    void evict_prepared(std::string& out);
    [[nodiscard]] bool finds_foreign_sequences(const unit& u) const;
    void discard_sequences();
    void begin_injections();
    [[nodiscard]] std::uint64_t change(pending_change what);
    void note_effects(const unit& u);
    [[nodiscard]] bool is_opaque(const unit& u) const;
    void note_news(const unit& u);
    void publish_news();
    [[nodiscard]] bool meets_news(const unit& u) const;
    [[nodiscard]] bool may_set_off_native_code(const unit& u) const;
    [[nodiscard]] bool only_asks_sequences(const unit& u) const;
    void note_traces(const unit& u);
    [[nodiscard]] bool needs_unused_connection(const unit& u) const;

    // session_doubt.cpp: what a unit may have changed out of sight, and asking the server
    void note_doubt(const unit& u);
    [[nodiscard]] bool is_doubtful() const { return doubt_ != probe_parts::none; }
    void rest_lease();
    void begin_probe();
    void on_probe_row(std::string_view body);
    void end_probe();
    [[nodiscard]] bool may_superuser_log_in_as() const;
    [[nodiscard]] pin_set pins_of(const unit& u) const;
    [[nodiscard]] std::optional<pin_reason> pin_of(const sql::session_effect& e) const;
    void inject(std::string_view sql);

    // session_pins.cpp: the cap on server connections that sessions keep for themselves
    enum class pin_verdict : std::uint8_t { go_on, look_again, wait };
    [[nodiscard]] pin_verdict ask_to_pin(const unit& u, bool is_prepared);
    [[nodiscard]] pin_verdict wait_to_pin(const pin_set& wanted, bool is_prepared);
    void leave_pin_queue();
    void end_pin_wait();
    void fail_pin(lease_refusal why);
    void tick_pin_wait(clock::time_point now);
    [[nodiscard]] std::chrono::milliseconds time_to_queue() const;
    void count_pin(bool begins);
    /// What was granted and not used: the session keeps no connection.
    void drop_unused_pin() {
        if (pinned_in_ != nullptr && !pins_.any()) count_pin(false);
    }

    // session_answers.cpp: what comes back
    bool on_error(backend& from, std::string_view body, protocol::verdict how);
    bool on_ready(backend& from, protocol::verdict how);
    bool on_parameter(backend& from, std::string_view body);
    bool on_notification(backend& from, std::string_view body);
    void on_injected_ready();
    void announce_defaults(backend& from);
    void note_answer(backend& from);
    void settle_pins();
    void restore_startup();

    // session_loss.cpp: the server connection is gone
    struct server_loss {
        std::uint16_t node = 0;
        std::uint64_t role_epoch = 0;
        std::size_t readies = 0; // that the client is still owed
        std::string sqlstate;    // of the server's last words, if any
        std::string message;
        std::string given_up; // why pgweir itself has ended it; empty: it has not
        bool standby = false;
        bool open = false; // part of a unit was sent
        bool in_block = false;
        bool idle_on_standby = false; // in a block that may go on elsewhere
        bool injecting = false;
        bool moving = false;
        bool was_pinned = false;
        bool lost_state = false; // what it had changed was acknowledged, and not asked about yet
        bool nothing_applied = false; // of the names that the unit gives and takes
    };
    /// A read whose server was lost before it answered.
    struct lost_read {
        std::uint16_t node = 0;       // not there again …
        std::uint64_t role_epoch = 0; // … while this lasts
        std::uint64_t look = 0;       // the latest one that had begun
        unsigned sightings = 0;       // of that server alive, since then
        bool only_standbys = false;
        lease_refusal why; // what the client is told if nobody can
    };
    [[nodiscard]] server_loss take_loss(backend& from, std::string_view farewell);
    [[nodiscard]] bool is_suspect(const server_loss& what) const;
    [[nodiscard]] bool may_ask_again(const backend& from, const server_loss& what);
    void ask_elsewhere(const server_loss& what);
    [[nodiscard]] bool wait_for_standby(unit& u);
    [[nodiscard]] bool was_lost_there(const node_view& node) const;
    [[nodiscard]] bool end_lost_read(unit& u);
    void tell_of_loss(const server_loss& what);

    // session_cancel.cpp: what a cancel request meets
    void open_cancel(const backend_ptr& victim, bool then_close, cancel_token asked = {});

    // session_refusals.cpp: what a standby could not do
    [[nodiscard]] bool on_refusal(backend& from, std::string_view sqlstate, std::string_view body);
    void remember_refusal(retry_reason why);
    void ask_again();
    void take_back_unit();

    // session_statements.cpp: what names of prepared statements mean
    [[nodiscard]] prepared_ptr find_statement(std::string_view name) const;
    [[nodiscard]] prepared_ptr statement_now(std::string_view name) const;
    void destroy_unnamed();
    [[nodiscard]] bool parses_unnamed() const;
    [[nodiscard]] bool is_being_prepared(const prepared_ptr& statement) const;
    void note_followed();
    void note_commit_mode(std::string_view synchronous_commit);
    [[nodiscard]] parse_state parse_state_now(std::string& key);
    void emit_ended();
    void apply(const pending_change& change, protocol::outcome how);
    [[nodiscard]] bool rename_in_error(std::string_view body);
    [[nodiscard]] std::uint64_t learns_shape(const prepared_ptr& statement);
    void apply_shape(const pending_change& change);
    void forget_shapes();

    // session_prepare.cpp: what must be prepared, and confirmed, before a unit may go
    void plan_names(unit& u);
    bool send_unit(unit& u);
    [[nodiscard]] bool prepares_first(const unit& u);
    [[nodiscard]] bool needs_care(const prepared_statement& statement) const;
    [[nodiscard]] bool is_parsed_elsewise(const prepared_statement& statement) const;
    void begin_preparing(const unit& u);
    void prepare_with_care(const prepared_ptr& statement, std::string_view name, std::string& out);
    void end_preparing();
    void refuse_taken_name(std::string_view name, std::string& out);
    void fail_block();
    void borrow_name(std::string_view name, std::string& out);
    [[nodiscard]] bool is_borrowed(std::string_view name) const;
    bool give_names_back(const backend& from);
    void inject_query(std::string_view sql, std::string& out);

    // session_local.cpp: answered without a server
    [[nodiscard]] bool answers_here(const unit& u) const;
    [[nodiscard]] bool prepares_only_proven(const unit& u) const;
    [[nodiscard]] bool may_defer_begin(const unit& u, const sql::statement_facts& one) const;
    [[nodiscard]] std::string text_of(const unit& u) const;
    void answer_here(unit& u);
    void answer_begin(unit& u, const sql::statement_facts& one);
    void answer_command(unit& u, std::string_view tag);
    void answer_rows(unit& u,
                     std::string_view tag,
                     const std::vector<std::string>& columns,
                     const std::vector<std::vector<std::string>>& rows,
                     protocol::field_description each = {});
    void explain_route(unit& u, const sql::statement_facts& asked);
    void show_own_parameter(unit& u, const std::string& name);
    void show_position(unit& u);
    void take_over_position(unit& u, const std::string& text);
    void set_consistency(const consistency_setting& wanted);
    void show_session(unit& u);
    void show_pool(unit& u, std::string_view topic);
    [[nodiscard]] std::optional<std::uint16_t> reads_from();
    void set_own_parameter(unit& u, const sql::statement_facts& facts);

    worker& owner_;
    std::uint64_t serial_;
    std::shared_ptr<stream> io_;
    std::string peer_;
    std::string user_;
    std::string database_;
    std::string application_name_;
    cancel_registry::identity identity_;
    std::shared_ptr<const session_policy> policy_;
    database_catalog* catalog_ = nullptr;
    clock::time_point connected_ = clock::now();
    clock::time_point active_since_{}; // the present wait, or the last activity

    // client bytes
    std::string kept_;          // bytes not dealt with, between events
    std::string_view input_;    // the same, or the chunk just read
    std::uint64_t rest_ = 0;    // of a message that streams through: bytes still to come …
    bool rest_forward_ = false; // … and whether they go to the server

    // server side
    backend_ptr lease_;
    std::vector<pool*> pools_; // by node id
    clock::time_point leased_at_{};
    wait_for waiting_ = wait_for::nothing;
    std::string injected_error_;
    std::vector<std::string> injections_; // still to be sent, one Query each, every one confirmed

    // session state
    std::unordered_map<std::string, prepared_ptr> statements_;
    prepared_ptr unnamed_;
    bool unnamed_streams_ = false;        // the leased connection's is ours, too long to be known
    std::vector<pending_change> changes_; // until their place in the queue is reached
    std::uint64_t last_change_ = 0;
    parameter_map followed_;   // what this session set: start-up values, then SETs
    parameter_map startup_;    // what its start-up packet asked for
    name_set traces_;          // that it leaves on its server connections
    bool is_unproven_ = false; // a unit is done that may have changed it, not asked yet
    probe_parts doubt_ = probe_parts::none;   // what its units may have changed on the leased one …
    std::vector<std::string> doubtful_names_; // … and which parameters, by lower-case name
    std::optional<probe_reader> probe_;       // the server is being asked
    std::uint64_t unasked_ = 0;          // statements since then that may have changed a setting
    welcome_ptr said_;                   // what the client believes (ParameterStatus): at login …
    parameter_map told_;                 // … and what it was told otherwise
    std::uint64_t unasked_at_parse_ = 0; // the same, but for what the unit itself is about to run
    std::string parse_state_; // what it parses under: part of a prepared statement's identity …
    std::shared_ptr<const parse_parameters> parsed_under_; // … the same, made when it is needed
    std::vector<std::string> borrowed_names_; // statements under the client's names on the server
    std::vector<std::string> deallocated_;    // by the unit under way, if it succeeds
    prepared_ptr bound_;           // to the unnamed portal, while its columns are not known
    std::uint64_t told_shape_ = 0; // by the RowDescription or NoData that has just come
    pin_set pins_;
    pin_set pins_if_done_; // what the unit under way pins if it succeeds
    session_floor floor_;
    unsigned reads_turned_away_ = 0;  // since a standby answered, or one waited in vain …
    unsigned patience_for_reads_ = 3; // … and after how many of them the next one waits for a look
    forced_route forced_ = forced_route::automatic;
    consistency_setting consistency_;

    // blocks and units
    block_state block_ = block_state::none;
    std::string begin_text_;
    struct {
        std::string
            bytes; // the read that is being answered; empty: none, and the rest means nothing
        std::size_t changes = 0;   // of prepared statements in it
        bool only_if_lost = false; // it must not be asked twice of living servers
        bool only_prepares = false;
        bool by_standbys = false; // they may be asked
        void clear() { bytes.clear(); }
    } retry_;                            // to be asked again elsewhere if it must
    std::optional<lost_read> lost_read_; // the next unit
    std::uint64_t asked_ = 0;   // the fingerprint of the one statement that a standby answers
    bool only_primary_ = false; // the next unit goes to the primary whatever it is …
    bool asked_again_ = false;  // … because a standby has refused it
    bool unit_open_ = false;    // part of a unit went out without its Sync: the lease stays
    bool fragment_ = false; // a part that ended with Flush is being answered under a Sync of ours
    bool skip_after_fragment_ = false; // … and has failed
    bool skipping_ = false;            // after an error of ours: nothing counts up to Sync
    bool unit_failed_ = false;         // an ErrorResponse came since the last ReadyForQuery
    bool answer_failed_ = false;       // the same, of the ReadyForQuery that has just come
    bool syntax_error_ = false;        // … of a text that the server could not parse
    bool one_statement_ = false;       // is all that is outstanding
    bool discarding_ = false;   // the answer of a unit that is asked again elsewhere is thrown away
    bool replay_ = false;       // … and then asked again
    bool pure_unit_ = false;    // what is outstanding is proved to read only
    bool ddl_unit_ = false;     // the transaction may have changed the catalog …
    bool defines_code_ = false; // … and what statements set off …
    bool native_code_ = false;  // … or have brought functions in C or the like
    bool doubted_unit_ = false; // it names what the catalog does not prove
    bool commits_ = false;      // what is outstanding may commit
    bool injection_answered_ = false; // to be acted on when the server's bytes are used up
    bool refusing_ = false;           // a pin: the block is being failed on its server first
    bool preparing_ = false;          // what the next unit needs, or taking it away again
    bool names_shown_ = false;   // only the session's statements are on its server, by their names
    bool names_used_ = false;    // the unit that borrowed names has been sent
    bool shape_changed_ = false; // a statement that is being prepared has other columns by now
    bool moving_ = false;        // ROLLBACK on the standby is under way
    bool moved_ = false;         // the block goes on on the primary
    bool block_may_read_standby_ = false;
    bool block_has_snapshot_ = false; // one for all its statements: it cannot go on elsewhere
    bool restores_startup_ = false;   // RESET ALL or DISCARD took the start-up parameters away
    bool forgets_names_ = false; // a unit of several statements took all prepared statements away
    std::vector<sql::login_defaults> changed_defaults_; // by the transaction under way, for logins
    std::vector<std::string> restores_names_;           // … or RESET these of them
    bool timed_out_ = false;
    bool read_waits_ = false;    // for a primary, because no standby may answer it yet
    bool standby_waits_ = false; // a read, for a standby: the primary must not answer it
    std::optional<std::uint16_t> own_reader_; // where its first read went, if reads stay there
    connection_budget::pool_slot* pinned_in_ = nullptr; // counted there as pinned
    struct {
        connection_budget::pool_slot* in = nullptr; // null: not in a queue for a pin
        clock::time_point since{};
        std::string reasons;
        bool noticed = false;
    } pin_wait_;
    std::optional<redirect> redirect_;        // the operator's preference for this session's reads
    std::optional<lease_refusal> failure_;    // of the unit at the front of the input
    std::optional<lease_refusal> lost_block_; // what the next statement of a lost block is told
    backend_ptr granted_;                     // given by the pool, not taken up yet
    clock::time_point wait_deadline_{};
    clock::time_point unit_deadline_{}; // of its waits for a primary or a standby; zero: none yet
    clock::time_point read_at_{};       // of a chunk whose way is timed; most are not
    std::uint32_t chunks_ = 0;
    bool read_committed_default_ = true;
    bool in_pump_ = false;
    bool pump_again_ = false;
    bool local_ = false;
    bool began_ = false;
    bool closed_ = false;
    bool draining_ = false;
    bool watching_ = false;
};

} // namespace pgweir
