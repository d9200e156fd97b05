// One worker: a thread, its io_context, and everything that lives on it: client sessions, the
// server connections they use, the caches they share. Nothing here is touched by another thread
// except through `post`.
#pragma once

#include "proxy/access/address_limits.hpp"
#include "proxy/access/role_book.hpp"
#include "proxy/cluster/catalog_reader.hpp"
#include "proxy/cluster/cluster_view.hpp"
#include "proxy/cluster/monitor.hpp"
#include "proxy/config/settings.hpp"
#include "proxy/metrics/counters.hpp"
#include "proxy/net/tls.hpp"
#include "proxy/pool/connect_pace.hpp"
#include "proxy/pool/pool.hpp"
#include "proxy/router/catalog_snapshot.hpp"
#include "proxy/router/load_balancer.hpp"
#include "proxy/router/outlier_watch.hpp"
#include "proxy/router/refused_statements.hpp"
#include "proxy/router/wal_floor.hpp"
#include "proxy/session/auth_directory.hpp"
#include "proxy/session/auth_query.hpp"
#include "proxy/session/cancel.hpp"
#include "proxy/session/cancel_lane.hpp"
#include "proxy/session/cancel_registry.hpp"
#include "proxy/session/frontend_login.hpp"
#include "proxy/session/login_startup.hpp"
#include "proxy/session/peers.hpp"
#include "proxy/session/prepared_statements.hpp"
#include "proxy/session/role_query.hpp"
#include "proxy/session/unit.hpp"
#include "proxy/session/watch_list.hpp"
#include "proxy/session/welcome.hpp"
#include "sql/facts_cache.hpp"

#include <boost/asio/executor_work_guard.hpp>

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace pgweir {

class session;
class worker;
class replication_session;
struct replication_client;
struct replication_server;
class console_service;
class check_threads;

/// Look counters at the latest answers that may have committed something, by database: where
/// sessions begin to read from.
class commit_marks {
public:
    [[nodiscard]] std::shared_ptr<std::atomic<std::uint64_t>> of(const std::string& database) {
        const std::lock_guard guard{mutex_};
        auto& mark = marks_[database];
        if (!mark) mark = std::make_shared<std::atomic<std::uint64_t>>(for_all_);
        return mark;
    }
    /// What was answered then concerns every database: roles and their settings.
    void raise_all(std::uint64_t look) {
        const std::lock_guard guard{mutex_};
        for_all_ = std::max(for_all_, look);
        for (auto& [name, mark] : marks_) {
            auto seen = mark->load(std::memory_order_relaxed);
            while (seen < look && !mark->compare_exchange_weak(seen, look)) {
            }
        }
    }

private:
    std::mutex mutex_;
    std::unordered_map<std::string, std::shared_ptr<std::atomic<std::uint64_t>>> marks_;
    std::uint64_t for_all_ = 0;
};

/// What all workers share; owned by the server, outlives them.
struct shared_parts {
    connection_budget* budget = nullptr;
    monitor_signals* signals = nullptr;
    pgweir::monitor* monitor = nullptr;
    catalog_reader* catalogs = nullptr;
    cancel_registry* cancels = nullptr;
    peer_directory instances; // the other pgweirs
    address_limits arrivals;  // what strangers may ask for
    auth_directory* secrets = nullptr;
    check_threads* checks = nullptr; // of passwords that others know
    console_service* console = nullptr;
    commit_marks* marks = nullptr;
    std::vector<std::unique_ptr<worker>>* peers = nullptr;
    std::atomic<std::uint32_t> clients{0}; // logged in or logging in
    std::atomic<bool> draining{false};
    /// Some session has set synchronous_commit to what may not wait for the flush: what others see
    /// on the primary may not be flushed either (RULES A5). Stays for the life of the process.
    std::atomic<bool> asynchronous_commits{false};
    welcome_book welcomes;
    role_book roles;
    /// Any thread: what logins begin with has been changed (see defaults_watch).
    std::function<void(std::vector<sql::login_defaults>)> on_defaults_changed;
    std::string salt_secret; // random, for mock SCRAM exchanges
};

/// Settings and what is made from them; immutable, replaced as a whole by a reload.
struct live_settings {
    pgweir::settings values;
    std::shared_ptr<client_tls> client_side_tls; // null: TLS is off
    std::shared_ptr<server_tls> server_side_tls; // null: TLS is off
    std::shared_ptr<const class routing_policy> policy;
    std::shared_ptr<const struct access_rules> access;
};
using live_settings_ptr = std::shared_ptr<const live_settings>;

/// The catalog of one database as this worker has it.
struct database_catalog {
    std::shared_ptr<catalog_slot> slot;
    std::shared_ptr<const catalog> snapshot;
    std::uint64_t generation = 0;
    std::shared_ptr<std::atomic<std::uint64_t>> marks;
    std::chrono::steady_clock::time_point doubted{}; // when it was last read anew on suspicion
    bool sequence_state_asked = false; // somebody used currval or lastval here (RULES A13)
    refused_statements refused;        // what the primary answers though it looks like a read

    /// True at most every two seconds.
    [[nodiscard]] bool may_doubt(std::chrono::steady_clock::time_point now) {
        if (now - doubted < std::chrono::seconds{2}) return false;
        doubted = now;
        return true;
    }
    void raise_mark(std::uint64_t look) const {
        auto seen = marks->load(std::memory_order_relaxed);
        while (seen < look && !marks->compare_exchange_weak(seen, look)) {
        }
    }
    /// Null while no snapshot is as new as the latest known change of the catalog.
    [[nodiscard]] const std::shared_ptr<const catalog>& usable() const {
        static const std::shared_ptr<const catalog> none;
        return slot && generation >= slot->required.load(std::memory_order_acquire) ? snapshot
                                                                                    : none;
    }
};

class worker {
public:
    using clock = std::chrono::steady_clock;

    worker(unsigned id, shared_parts& shared, live_settings_ptr live);
    ~worker();
    worker(const worker&) = delete;
    worker& operator=(const worker&) = delete;

    void start();
    /// Any thread: runs `work` on this worker's thread.
    template <class Work> void post(Work work) { asio::post(io_, std::move(work)); }
    /// Any thread. Stops the loop and joins; everything must have been closed before.
    void stop();

    // --- on the worker's thread from here on ---

    /// A client's connection, accepted here.
    void welcome_client(stream_socket socket, std::string peer, bool local);
    void on_view(cluster_view_ptr view);
    void on_catalog(const catalog_news& news);
    void on_settings(live_settings_ptr live);
    /// From now on sessions end at their next idle moment; `now`: at once.
    void drain(bool now);
    [[nodiscard]] bool empty() const { return sessions_.empty(); }
    void start_session(std::shared_ptr<stream> io,
                       std::string peer,
                       bool local,
                       const login_result& who,
                       welcome_ptr said,
                       std::string early);
    void start_replication_session(replication_client client,
                                   replication_server server,
                                   const std::string& early);
    void cancel_session(std::int32_t process_id, cancel_token asked);
    /// Cancel requests that this worker sends: to servers, and to other instances of pgweir.
    [[nodiscard]] cancel_lane& server_cancels() { return server_cancels_; }
    [[nodiscard]] cancel_lane& peer_cancels() { return peer_cancels_; }
    [[nodiscard]] connect_pace& peer_cancel_pace() { return peer_cancel_pace_; }
    /// Closes all server connections; for the end.
    void close_all();
    /// Idle connections that the budget has retired meanwhile.
    void close_outdated();
    /// PAUSE and RESUME: no server connection of this database (empty: of any) is handed out or
    /// kept in between, in pools made meanwhile too.
    void pause(const std::string& database);
    void resume(const std::string& database);
    /// SWITCHOVER: nothing is handed out in between, whatever is paused or resumed meanwhile, and
    /// the time does not count for those who wait.
    void hold();
    void release();
    [[nodiscard]] bool is_paused(const std::string& database) const {
        return all_paused() || paused_.contains(database);
    }
    [[nodiscard]] bool all_paused() const { return all_paused_ || held_since_; }
    /// `now`, on a clock that stands still during a hold: for limits on waiting.
    [[nodiscard]] clock::time_point patient(clock::time_point now) const {
        return (held_since_ ? *held_since_ : now) - held_before_;
    }
    [[nodiscard]] const std::set<std::string, std::less<>>& paused() const { return paused_; }
    /// Resumes with the next cluster view, or soon.
    task<> next_view();
    /// The same, for who waits for something else as well.
    void wake_at_next_view(std::shared_ptr<wake_signal> wake) {
        view_wakes_.push_back(std::move(wake));
    }

    [[nodiscard]] pool&
    pool_for(std::uint16_t node, const std::string& database, const std::string& user);
    [[nodiscard]] std::map<pool_key, std::unique_ptr<pool>>& pools() { return pools_; }
    [[nodiscard]] pgweir::auth_questions& auth_questions() { return auth_questions_; }
    [[nodiscard]] pgweir::role_questions& role_questions() { return role_questions_; }
    /// Those that live now: they may end while each is dealt with.
    [[nodiscard]] std::vector<std::shared_ptr<session>> sessions() const;
    void forget(const std::shared_ptr<session>& gone);
    using replication_map = std::unordered_map<std::int32_t, std::shared_ptr<replication_session>>;
    /// By process id, as their clients know it.
    [[nodiscard]] const replication_map& replications() const { return replications_; }
    void forget(const std::shared_ptr<replication_session>& gone);
    [[nodiscard]] database_catalog& catalog_of(const std::string& database);

    /// Sessions that must look again when a new view arrives: for a position, or for a primary.
    watch_list<session>& view_watchers() { return view_watchers_; }
    /// Sessions that wait until they may keep a server connection, by serial.
    std::unordered_map<std::uint64_t, session*>& pin_waiters() { return pin_waiters_; }
    void call_to_pin(std::uint64_t serial);

    void send_backend(unsigned to,
                      connection_budget::pool_slot& slot,
                      int fd,
                      backend_state state,
                      std::uint64_t ticket);
    [[nodiscard]] std::shared_ptr<stream> adopt_socket(int fd, int family);
    void post_wake(pool& which);
    [[nodiscard]] bool closing() const { return closing_; }

    [[nodiscard]] unsigned id() const { return id_; }
    [[nodiscard]] logins_under_way& logins() { return logins_; }
    [[nodiscard]] asio::io_context& io() { return io_; }
    [[nodiscard]] io_executor executor() { return io_.get_executor(); }
    [[nodiscard]] std::span<char> scratch() { return scratch_; }
    [[nodiscard]] const pgweir::settings& settings() const { return live_->values; }
    [[nodiscard]] const live_settings_ptr& live() const { return live_; }
    [[nodiscard]] const cluster_view& view() const { return *view_; }
    [[nodiscard]] const cluster_view_ptr& view_ptr() const { return view_; }
    [[nodiscard]] shared_parts& shared() { return shared_; }
    [[nodiscard]] connection_budget& budget() { return *shared_.budget; }
    [[nodiscard]] monitor_signals& signals() { return *shared_.signals; }
    [[nodiscard]] worker_counters& counters() { return counters_; }
    [[nodiscard]] sql::facts_cache& facts() { return facts_; }
    [[nodiscard]] prepared_store& prepared() { return prepared_; }
    [[nodiscard]] std::minstd_rand& random() { return random_; }
    [[nodiscard]] std::string& build_buffer() { return build_; }
    /// judge_query, remembered for as long as facts and catalog are the same.
    [[nodiscard]] const route_decision& judged(const std::shared_ptr<const sql::query_facts>& facts,
                                               const std::shared_ptr<const catalog>& known);
    /// judge_risk, in the same way; asked for what is not a pure read.
    [[nodiscard]] const session_risk& risk_of(const std::shared_ptr<const sql::query_facts>& facts,
                                              const std::shared_ptr<const catalog>& known);
    /// A unit to work with, until it is returned; the last one borrowed is the first one returned.
    [[nodiscard]] unit& borrow_unit();
    void return_unit() { --units_in_use_; }
    [[nodiscard]] std::shared_ptr<const session_policy> policy_of(const std::string& database,
                                                                  const std::string& user);
    [[nodiscard]] std::vector<balance_candidate>& candidates() { return candidates_; }
    [[nodiscard]] random_state& balance() { return balance_; }
    [[nodiscard]] const sample_history& samples() const { return samples_; }
    /// Leases on a node held by this worker's sessions, for balancing.
    [[nodiscard]] std::uint32_t in_flight(std::uint16_t node) const {
        return node < in_flight_.size() ? in_flight_[node] : 0;
    }
    [[nodiscard]] outlier_watch& outliers() { return outliers_; }
    /// A read may have seen what is not flushed on the primary.
    [[nodiscard]] bool asynchronous_commit_possible() const {
        return view_->asynchronous_commit ||
               shared_.asynchronous_commits.load(std::memory_order_relaxed);
    }
    void lease_begins(const backend& b);
    void lease_ends(const backend& b);
    void count_statement(const backend& b, const unit& u);
    /// The time of the present tick, a tenth of a second coarse: no clock call.
    [[nodiscard]] clock::time_point now() const { return now_; }
    [[nodiscard]] std::uint64_t next_backend_id() {
        return std::uint64_t{id_} << 48U | ++last_backend_;
    }
    /// Unique in the process, never 0.
    [[nodiscard]] std::uint64_t next_session_serial() {
        return std::uint64_t{id_} << 48U | ++last_session_;
    }
    void hint_monitor(std::uint16_t node);
    void count_idle(std::uint16_t node, int by);

private:
    task<> tick_loop();
    void tick();
    void sweep_sessions();
    void tick_logins();
    void tick_pin_waiters();
    void apply_pauses();
    void tick_outliers();
    void count_facts();
    [[nodiscard]] bool on_node(const node_view& node);
    void on_new_primary(std::uint16_t id);
    void give_up_pools(std::uint16_t node, pool::which ones, const std::string& why);

    unsigned id_;
    shared_parts& shared_;
    live_settings_ptr live_;
    cluster_view_ptr view_;
    worker_counters counters_;
    // Its sockets and timers are used by its thread alone; what others post is locked.
    asio::io_context io_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO};
    asio::executor_work_guard<io_executor> guard_{io_.get_executor()};
    std::vector<char> scratch_;
    std::string build_;
    sql::facts_cache facts_;
    prepared_store prepared_;
    std::minstd_rand random_;
    std::vector<std::uint32_t> in_flight_;
    std::vector<std::unique_ptr<unit>> units_;
    std::size_t units_in_use_ = 0;
    struct judgement_kept {
        std::shared_ptr<const sql::query_facts> facts;
        std::shared_ptr<const catalog> known;
        route_decision route;
        std::optional<session_risk> risk;
    };
    [[nodiscard]] judgement_kept& judgement_of(const std::shared_ptr<const sql::query_facts>& facts,
                                               const std::shared_ptr<const catalog>& known);
    std::vector<judgement_kept> judged_; // by the facts' address
    std::vector<balance_candidate> candidates_;
    random_state balance_;
    outlier_watch outliers_;
    std::vector<outlier_watch::standby> readable_standbys_; // a buffer of tick_outliers
    sample_history samples_;
    std::map<std::pair<std::string, std::string>,
             std::shared_ptr<const session_policy>,
             database_and_user_less>
        policies_;
    std::vector<std::shared_ptr<wake_signal>> view_wakes_;
    std::vector<std::uint64_t> known_epochs_;
    std::vector<bool> known_readable_;
    std::vector<bool> known_silent_;
    std::optional<std::uint16_t> known_primary_;
    std::optional<std::uint16_t> latest_primary_;
    std::unordered_map<std::string, database_catalog> catalogs_;
    std::map<pool_key, std::unique_ptr<pool>> pools_;
    pgweir::auth_questions auth_questions_;
    pgweir::role_questions role_questions_;
    logins_under_way logins_;
    std::unordered_map<std::int32_t, std::shared_ptr<session>> sessions_; // by process id
    replication_map replications_;
    watch_list<session> view_watchers_;
    std::unordered_map<std::uint64_t, session*> pin_waiters_;
    cancel_lane server_cancels_{io_.get_executor()};
    cancel_lane peer_cancels_{io_.get_executor()};
    connect_pace peer_cancel_pace_;
    steady_timer tick_timer_{io_.get_executor()};
    clock::time_point now_ = clock::now();
    std::uint64_t last_backend_ = 0;
    std::uint64_t last_session_ = 0;
    unsigned ticks_ = 0;
    std::set<std::string, std::less<>> paused_;
    bool all_paused_ = false;
    std::optional<clock::time_point> held_since_;
    clock::duration held_before_{0}; // in all earlier holds
    bool closing_ = false;
    std::thread thread_;
};

} // namespace pgweir
