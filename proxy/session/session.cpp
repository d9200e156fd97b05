#include "proxy/session/session.hpp"

#include "protocol/error_response.hpp"
#include "protocol/session_parameters.hpp"
#include "protocol/simple_query.hpp"
#include "proxy/log.hpp"
#include "proxy/pool/own_query.hpp"

#include <spdlog/spdlog.h>

namespace pgweir {

namespace {

/// Marks a scratch unit as used for as long as a step runs: a step may set off another session's
/// step.
class borrowed_unit {
public:
    explicit borrowed_unit(worker& owner) : owner_{owner}, unit_{owner.borrow_unit()} {}
    ~borrowed_unit() { owner_.return_unit(); }
    borrowed_unit(const borrowed_unit&) = delete;
    borrowed_unit& operator=(const borrowed_unit&) = delete;
    unit& operator*() { return unit_; }

private:
    worker& owner_;
    unit& unit_;
};

// Client bytes kept while the session waits: beyond this nothing more is read.
constexpr std::size_t enough_kept = 64UL * 1024;

} // namespace

session::session(worker& owner, std::shared_ptr<stream> io, std::string peer, bool local)
    : owner_{owner}, serial_{owner.next_session_serial()}, io_{std::move(io)},
      peer_{std::move(peer)}, local_{local} {
    io_->set_listener(this);
}

session::~session() {
    io_->set_listener(nullptr);
}

bool session::wants_no_input() const {
    // While something is waited for, what has arrived is enough; a large message needs room to
    // arrive whole.
    const auto enough = std::max<std::size_t>(
        enough_kept, static_cast<std::size_t>(owner_.settings().unit_buffer_size.value));
    return kept_.size() > enough &&
           (waiting_ != wait_for::nothing || outstanding() || (lease_ && lease_->io().congested()));
}

void session::on_bytes(std::string_view chunk) {
    const auto self = shared_from_this();
    active_since_ = owner_.now();
    owner_.counters().bytes_received.add(chunk.size());
    // Every 64th chunk is timed on its way to the server: enough for a histogram, nothing for the
    // others.
    read_at_ = ++chunks_ % 64 == 0 ? clock::now() : clock::time_point{};
    if (kept_.empty()) {
        input_ = chunk;
        pump();
        kept_.assign(input_);
    } else {
        kept_.append(chunk);
        input_ = kept_;
        pump();
    }
    input_ = kept_;
}

/// Goes as far as possible. May be called from anywhere on the worker's thread; calls from within
/// only make it look again.
void session::pump() {
    if (in_pump_) {
        pump_again_ = true;
        return;
    }
    const auto self = shared_from_this();
    const bool from_kept = input_.data() == kept_.data();
    in_pump_ = true;
    try {
        do {
            pump_again_ = false;
            while (step()) {
            }
        } while (pump_again_);
    } catch (...) {
        // It may have been set off by another one's event: the end is this client's alone.
        in_pump_ = false;
        report_escaped("session", std::current_exception());
        return fatal(protocol::sqlstate::internal_error,
                     "pgweir: terminating connection because of an internal error");
    }
    in_pump_ = false;
    if (from_kept && input_.size() < kept_.size()) {
        kept_.erase(0, kept_.size() - input_.size());
        if (kept_.empty() && kept_.capacity() > 1024) std::string{}.swap(kept_);
        input_ = kept_;
    }
    if (!wants_no_input()) io_->resume_reading();
}

/// Deals with one message or unit at the front of the input; false: something must happen first.
bool session::step() {
    if (waiting_ != wait_for::nothing) read_at_ = {};
    if (closed_ || waiting_ != wait_for::nothing) return false;
    if (lease_) {
        if (lease_->io().congested()) return false;
        // A cancel under way must hit what it was meant for, or nothing (RULES E6).
        if (lease_->cancels() != 0 && !outstanding()) return false;
    }
    if (rest_ != 0) return stream_rest();
    if (draining_ && client_status() == 'I' && !outstanding() && !unit_open_ && !skipping_) {
        fatal(protocol::sqlstate::admin_shutdown,
              "pgweir: terminating connection: the proxy is shutting down");
        return false;
    }
    if (input_.empty()) return false;

    protocol::frame_header header;
    const auto found = protocol::read_header(input_, header);
    if (found == protocol::frame_status::incomplete) return false;
    if (found == protocol::frame_status::bad_length ||
        header.size > owner_.settings().max_message_size.value) {
        protocol_error("invalid message length");
        return false;
    }
    if (header.type == 'd' || header.type == 'c' || header.type == 'f')
        return take_copy_message(header);
    if (header.type == 'X') {
        finish("terminated by the client");
        return false;
    }
    if (skipping_) return skip_message(header);
    if (lease_ && lease_->conversation().copy() == protocol::copy_state::in &&
        (header.type == 'S' || header.type == 'H')) {
        // The server ignores these inside COPY; so do we, and know exactly what answers come.
        if (header.size > input_.size()) return false;
        take(static_cast<std::size_t>(header.size));
        return true;
    }
    borrowed_unit borrowed{owner_};
    auto& u = *borrowed;
    switch (
        scan_unit(input_, static_cast<std::size_t>(owner_.settings().unit_buffer_size.value), u)) {
    case unit_scan::bad:
        protocol_error("invalid frontend message type " +
                       std::to_string(static_cast<int>(header.type)));
        return false;
    case unit_scan::incomplete:
        return false;
    case unit_scan::complete:
        break;
    }
    return handle_unit(u);
}

void session::take(std::size_t bytes) {
    input_.remove_prefix(bytes);
}

/// The rest of a message whose start is dealt with.
bool session::stream_rest() {
    if (input_.empty()) return false;
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(rest_, input_.size()));
    if (rest_forward_ && lease_) lease_->io().send(input_.substr(0, n));
    rest_ -= n;
    take(n);
    return true;
}

/// CopyData, CopyDone, CopyFail: to the server while it takes them, dropped outside COPY as the
/// server itself would. Until it is known which of the two holds, they wait.
bool session::take_copy_message(const protocol::frame_header& header) {
    const bool open = lease_ && lease_->conversation().copy() == protocol::copy_state::in;
    if (!open && lease_ && lease_->conversation().may_open_copy()) return false;
    if (header.type != 'd' && header.size > input_.size()) return false;
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(header.size, input_.size()));
    rest_ = header.size - n;
    rest_forward_ = open;
    if (open) {
        lease_->io().append(input_.substr(0, n));
        if (header.type != 'd') lease_->conversation().on_copy_end_sent();
    }
    take(n);
    // Many small CopyData messages arrive at once: send them together.
    if (open && (input_.empty() || input_.front() != 'd' || lease_->io().congested() || rest_ != 0))
        lease_->io().flush();
    return true;
}

/// After an error of ours in the extended protocol everything up to Sync is ignored.
bool session::skip_message(const protocol::frame_header& header) {
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(header.size, input_.size()));
    if (header.type == 'S') {
        if (n < header.size) return false;
        if (outstanding()) return false;
        take(n);
        skipping_ = false;
        say_ready();
        return true;
    }
    rest_ = header.size - n;
    rest_forward_ = false;
    take(n);
    return true;
}

char session::client_status() const {
    if (lease_ && block_ != block_state::deferred && block_ != block_state::failed_here)
        return lease_->conversation().status();
    switch (block_) {
    case block_state::none:
        return 'I';
    case block_state::failed_here:
        return 'E';
    default:
        return 'T';
    }
}

void session::say_error(std::string_view sqlstate,
                        std::string_view message,
                        std::string_view detail,
                        std::string_view hint) {
    auto error = protocol::make_error(protocol::error_severity::error, sqlstate, message);
    error.detail = detail;
    error.hint = hint;
    encode(error, io_->out());
    owner_.counters().errors_from_proxy.add(sqlstate);
}

/// A server's ErrorResponse in its own words, but never FATAL: the client's connection lives on.
void session::say_server_error(std::string_view body) {
    const auto error = protocol::decode_error_response(body);
    if (!error)
        return say_error(protocol::sqlstate::connection_failure,
                         "pgweir: the server refused without saying why");
    auto told = *error;
    told.severity = told.severity_unlocalized = "ERROR";
    encode(told, io_->out());
    owner_.counters().errors_from_servers.add(told.sqlstate);
}

void session::say_ready() {
    encode(protocol::ready_for_query{static_cast<protocol::transaction_status>(client_status())},
           io_->out());
    io_->flush();
}

void session::protocol_error(std::string_view what) {
    owner_.counters().client_protocol_errors.add();
    fatal(protocol::sqlstate::protocol_violation, what);
}

void session::fatal(std::string_view sqlstate, std::string_view message) {
    if (closed_) return;
    encode(protocol::make_error(protocol::error_severity::fatal, sqlstate, message), io_->out());
    owner_.counters().errors_from_proxy.add(sqlstate);
    finish(message);
}

void session::close() {
    finish("closed");
}

/// The end, however it came. The server connection goes back if it is clean, else it is closed,
/// after a cancel if it works.
void session::finish(std::string_view why) {
    if (closed_) return;
    closed_ = true;
    const auto self = shared_from_this();
    leave_queue();
    leave_pin_queue();
    stop_waiting();
    if (owner_.settings().log_disconnections && began_)
        spdlog::info("client disconnected peer={} database={} user={}: {}", peer_,
                     log::quoted(database_), log::quoted(user_), why);
    count_pin(false);
    if (auto leased = std::exchange(lease_, nullptr)) {
        owner_.lease_ends(*leased);
        // A question of ours may be answered while the connection is washed.
        const bool busy = !leased->conversation().empty() && !probe_;
        leased->lend_to(nullptr);
        if (!borrowed_names_.empty()) leased->condemn();
        if (busy) {
            leased->condemn();
            open_cancel(leased, true);
        } else if ((probe_ || (leased->conversation().at_rest() && !unit_open_ &&
                               (pins_.any() || is_doubtful()))) &&
                   is_washable(pins_)) {
            reset_and_give_back(leased, owner_.settings().server_reset_query);
        } else if (pins_.any() || is_doubtful() || probe_ || unit_open_ ||
                   leased->conversation().status() != 'I') {
            leased->terminate();
        } else {
            leased->home().give_back(leased);
        }
    }
    io_->close_after_output();
    owner_.forget(self);
}

void session::on_end(const error_code&) {
    finish("the client went away");
}

void session::on_drained() {
    if (lease_) lease_->io().resume_reading();
    pump();
}

void session::drain(bool now) {
    draining_ = true;
    if (now)
        return fatal(protocol::sqlstate::admin_shutdown,
                     "pgweir: terminating connection: the proxy is shutting down");
    pump();
}

client_state session::state() const {
    if (!began_) return client_state::login;
    if (waiting_ == wait_for::lease || waiting_ == wait_for::primary ||
        waiting_ == wait_for::lost_read || waiting_ == wait_for::pin)
        return client_state::waiting;
    if (lease_) return pins_.any() ? client_state::pinned : client_state::active;
    return client_state::idle;
}

void session::begin(const login_result& who,
                    cancel_registry::identity identity,
                    welcome_ptr said,
                    std::string early) {
    began_ = true;
    user_ = who.user;
    database_ = who.database;
    application_name_ = who.application_name;
    identity_ = std::move(identity);
    policy_ = owner_.policy_of(database_, user_);
    catalog_ = &owner_.catalog_of(database_);
    forced_ = policy_->route;
    if (policy_->pool_mode == pool_mode::session) pins_.add(pin_reason::session_mode);
    said_ = std::move(said);
    for (const auto& [name, value] : who.parameters)
        startup_[to_lower(name)] = value;
    followed_ = startup_;
    traces_ = traces_of(startup_);
    note_followed();
    redirect_ = owner_.live()->policy->preference(database_, user_, application_name_);
    read_committed_default_ = said_->read_committed_default();
    floor_.begin_at(catalog_->marks->load(), owner_.asynchronous_commit_possible());
    set_consistency(policy_->consistency);

    auto& out = io_->out();
    out.reserve(512); // what most servers say fits
    said_->tell(startup_, out);
    for (const auto& [name, value] : startup_)
        if (said_->find(name)) told_[name] = value;
    encode(protocol::backend_key_data{identity_.process_id, identity_.secret_key}, out);
    say_ready();
    active_since_ = owner_.now();
    io_->start_reading(shared_from_this(), owner_.scratch());
    if (!early.empty()) on_bytes(early);
}

void session::tick(clock::time_point now) {
    if (closed_ || !began_) return;
    const auto& s = owner_.settings();
    const auto past = [&](std::chrono::milliseconds limit, clock::time_point since) {
        return limit.count() != 0 && now - since > limit;
    };
    const auto patient_now = owner_.patient(now);
    if (waiting_ == wait_for::look && patient_now >= wait_deadline_) {
        if (std::exchange(standby_waits_, false)) {
            owner_.counters().standby_wait_timeouts.add();
            return fail_waiting(protocol::sqlstate::cannot_connect_now,
                                "pgweir: no standby could answer within standby_wait_timeout, and "
                                "with primary_reads = never the primary must not");
        }
        stop_waiting();
        only_primary_ = true;
        note_read_turned_away();
        return pump();
    }
    if (waiting_ == wait_for::lost_read && patient_now >= wait_deadline_) {
        const auto why = lost_read_->why;
        return fail_waiting(why.sqlstate, why.message);
    }
    if (waiting_ == wait_for::primary && patient_now >= wait_deadline_) {
        // A block that waits for its own server ends with it.
        if (lease_) return lease_->give_up("pgweir: no primary within failover_timeout");
        if (owner_.view().primary)
            return fail_waiting(protocol::sqlstate::cannot_connect_now,
                                "pgweir: within failover_timeout the primary has not got from its "
                                "synchronous standbys what this session has seen on one");
        const auto why = owner_.view().no_primary_because;
        return fail_waiting(protocol::sqlstate::cannot_connect_now,
                            "pgweir: no primary within failover_timeout" +
                                (why.empty() ? std::string{} : " (" + why + ")"));
    }
    if (waiting_ == wait_for::pin) return tick_pin_wait(now);
    if (outstanding() && past(policy_->query_timeout, leased_at_) && !timed_out_) {
        timed_out_ = true;
        cancel();
        return;
    }
    if (outstanding() || waiting_ != wait_for::nothing) return;
    if (client_status() != 'I' && past(policy_->idle_transaction_timeout, active_since_))
        return fatal("25P03", "pgweir: terminating connection due to idle_transaction_timeout");
    if (past(s.client_idle_timeout, active_since_))
        return fatal(protocol::sqlstate::idle_session_timeout,
                     "pgweir: terminating connection due to client_idle_timeout");
}

} // namespace pgweir
