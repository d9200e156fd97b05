// What comes back from the leased server connection, and what it means for the session.
#include "protocol/error_response.hpp"
#include "protocol/session_parameters.hpp"
#include "protocol/simple_query.hpp"
#include "proxy/log.hpp"
#include "proxy/session/session.hpp"
#include "proxy/session/state_sql.hpp"

#include <spdlog/spdlog.h>

namespace pgweir {

namespace {

bool is_fatal(std::string_view body) {
    auto severity = protocol::find_error_field(body, 'V');
    if (!severity) severity = protocol::find_error_field(body, 'S');
    return severity && (*severity == "FATAL" || *severity == "PANIC");
}

/// Parameters that tell of the server rather than of the session: a standby's are not the client's
/// business (RULES B7).
bool is_of_server(std::string_view name) {
    return name == "in_hot_standby" || name == "server_version" ||
           name == "default_transaction_read_only";
}

/// Out of resources, trouble with the system, trouble within: another server may do better.
bool is_of_the_server(std::string_view sqlstate) {
    return sqlstate.starts_with("53") || sqlstate.starts_with("58") || sqlstate.starts_with("XX");
}

/// Found when the statement's own text was analysed: it points there, and no function was running.
bool is_about_the_text(std::string_view sqlstate, std::string_view body) {
    return sqlstate.starts_with("42") && protocol::find_error_field(body, 'P') &&
           !protocol::find_error_field(body, 'W');
}

} // namespace

bool session::on_server_message(backend& from,
                                char type,
                                std::string_view body,
                                protocol::verdict how) {
    switch (type) {
    case 'E':
        return on_error(from, body, how);
    case 'Z':
        return on_ready(from, how);
    case 'S':
        return on_parameter(from, body);
    case 'A':
        return on_notification(from, body);
    case 'G':
        // Its Sync was sent too early to count: the unit stays open until the one behind the data
        // (RULES B3).
        if (from.conversation().frontend_readies() == 0) unit_open_ = true;
        return how == protocol::verdict::forward;
    case 'N':
        return !from.conversation().head_is_injected() && !discarding_;
    case 'T':
    case 'n':
        if (!from.conversation().ended().empty())
            told_shape_ = shape_of(type == 'T' ? body : std::string_view{});
        return how == protocol::verdict::forward && !discarding_;
    case 'D':
        if (probe_ && how == protocol::verdict::swallow) on_probe_row(body);
        return how == protocol::verdict::forward && !discarding_;
    default:
        return how == protocol::verdict::forward && !discarding_;
    }
}

bool session::on_error(backend& from, std::string_view body, protocol::verdict how) {
    const auto sqlstate = protocol::find_sqlstate(body);
    if (how == protocol::verdict::unsolicited || is_fatal(body)) {
        // The connection's end follows; what the client is told depends on what was under way.
        owner_.hint_monitor(from.home().key().node);
        return false;
    }
    if (how == protocol::verdict::swallow) {
        if (waiting_ == wait_for::injection && injected_error_.empty())
            injected_error_.assign(body);
        return false;
    }
    if (discarding_) return false;
    if (from.state.standby && on_refusal(from, sqlstate, body)) return false;
    unit_failed_ = true;
    if (fragment_) skip_after_fragment_ = true;
    // What these refuse has done nothing at all.
    syntax_error_ = sqlstate == "42601" || sqlstate == "26000" || sqlstate == "34000" ||
                    (one_statement_ && is_about_the_text(sqlstate, body));
    owner_.counters().errors_from_servers.add(sqlstate);
    if (from.state.standby && is_of_the_server(sqlstate))
        owner_.outliers().on_failure(from.home().key().node);
    if (sqlstate == "0A000" &&
        protocol::find_error_field(body, 'R').value_or("") == "RevalidateCachedQuery")
        forget_shapes();
    if (sqlstate == "42P05" || sqlstate == "26000") return !rename_in_error(body);
    return true;
}

bool session::on_ready(backend& from, protocol::verdict how) {
    if (how == protocol::verdict::swallow) {
        if (fragment_) {
            fragment_ = false;
            note_answer(from);
            if (std::exchange(skip_after_fragment_, false)) skipping_ = true;
        } else {
            injection_answered_ = true;
        }
        return false;
    }
    // A fragment is sent last: an error before this was that of a unit in front of it.
    skip_after_fragment_ = false;
    if (discarding_) {
        discarding_ = false;
        replay_ = true;
        return false;
    }
    if (!changed_defaults_.empty()) announce_defaults(from); // before the answer counts
    note_answer(from);
    settle_pins();
    if (unit_failed_) {
        restores_startup_ = false;
        restores_names_.clear();
    }
    answer_failed_ = unit_failed_;
    if (unit_failed_ && has(doubt_, probe_parts::named)) doubt_ |= probe_parts::parameters;
    if (std::exchange(forgets_names_, false) && !answer_failed_) statements_.clear();
    for (const auto& name : std::exchange(deallocated_, {}))
        if (!answer_failed_) statements_.erase(name);
    unit_failed_ = syntax_error_ = timed_out_ = false;
    const auto status = from.conversation().status();
    if (status == 'I') {
        block_ = block_state::none;
        is_unproven_ = is_doubtful();
        owner_.counters().node(from.home().key().node).transactions.add();
    } else if (block_ != block_state::on_standby) {
        block_ = from.state.standby ? block_state::on_standby : block_state::on_primary;
    }
    // Something worked that the catalog does not know: somebody made it without passing here. Asked
    // about at most every few seconds, since what is known and not proved looks the same.
    if (std::exchange(doubted_unit_, false) && !answer_failed_ && catalog_->may_doubt(owner_.now()))
        ddl_unit_ = true;
    if (ddl_unit_ && status == 'I' && !from.state.standby) {
        ddl_unit_ = false;
        if (catalog_->slot) owner_.shared().catalogs->invalidate(catalog_->slot);
        publish_news();
    }
    active_since_ = owner_.now();
    return true;
}

/// Every answer raises the session's floor (RULES A3, A20). The look counter is read after the
/// answer was taken off the socket.
void session::note_answer(backend& from) {
    const auto look = owner_.signals().looks_begun.load();
    const auto node = from.home().key().node;
    if (from.state.standby) {
        floor_.on_standby_answer(node, from.state.role_epoch, from.id, look);
        return;
    }
    floor_.on_primary_answer(look, owner_.asynchronous_commit_possible());
    if (!pure_unit_ && catalog_->marks) catalog_->raise_mark(look);
}

/// Pins take effect when the unit that may have caused them is done; what failed in autocommit has
/// left nothing behind but what does not follow transactions.
void session::settle_pins() {
    auto wanted = std::exchange(pins_if_done_, {});
    if (!wanted.any()) return;
    // With units behind it nobody knows which of them wanted what: all pins stay then.
    if (unit_failed_ && client_status() == 'I' && !outstanding()) {
        pin_set lasting;
        for (const auto why : {pin_reason::advisory_lock, pin_reason::seed, pin_reason::library,
                               pin_reason::sql_prepare, pin_reason::held_by_connection})
            if (wanted.has(why)) lasting.add(why);
        if (wanted.has(pin_reason::opaque) && !syntax_error_) lasting.add(pin_reason::opaque);
        wanted = lasting;
    }
    wanted.without(pins_).each([&](pin_reason why) {
        owner_.counters().pins[why].add();
        spdlog::debug("session pinned pid={} reason={}", identity_.process_id, label(why));
    });
    pins_.add(wanted);
    if (pins_.any() && lease_) count_pin(true);
}

bool session::on_parameter(backend& from, std::string_view body) {
    if (preparing_) return false; // what a statement is parsed under, and back again
    const auto status = protocol::decode_parameter_status(body);
    if (!status) return false;
    const auto name = to_lower(status->name);
    if (is_of_server(name) && from.state.standby) return false;
    if (!from.conversation().head_is_injected() && !from.conversation().empty() &&
        name != "is_superuser" && name != "session_authorization" && name != "in_hot_standby") {
        // The client's own doing: it goes with the session from here on.
        followed_[name] = status->value;
        from.state.carried[name] = status->value;
        note_followed();
    } else if (const auto own = followed_.find(name);
               own != followed_.end() && from.conversation().head_is_injected()) {
        // The server's spelling of a value that we set.
        own->second = status->value;
        note_followed();
    }
    const auto told = told_.find(name);
    const auto believed =
        told != told_.end() ? std::string_view{told->second} : said_->find(name).value_or("");
    if (believed == status->value) return false;
    told_[name] = status->value;
    return true;
}

/// The process id in a notification is the server's; the client knows its own by the one that we
/// gave it (RULES B8).
bool session::on_notification(backend& from, std::string_view body) {
    auto note = protocol::decode_notification_response(body);
    if (!note) return true;
    if (note->process_id != from.state.process_id) return true;
    note->process_id = identity_.process_id;
    encode(*note, io_->out());
    return false;
}

void session::on_ended(backend&) {
    emit_ended();
}

void session::on_server_progress(backend& from) {
    if (closed_) return;
    if (std::exchange(replay_, false)) {
        ask_again();
        return pump();
    }
    if (std::exchange(injection_answered_, false)) {
        // What the injection was for goes out before anything else may have the connection; if it
        // ended the lease, nobody else would wake this session.
        on_injected_ready();
        pump();
        if (closed_) return;
    }
    if (names_used_ && give_names_back(from)) return;
    const bool free = lease_.get() == &from && from.conversation().at_rest() &&
                      waiting_ != wait_for::injection && !unit_open_;
    if (free && from.cancels() == 0) {
        if (restores_startup_ || !restores_names_.empty()) return restore_startup();
        rest_lease();
    }
    pump();
    // Only the beginning of a unit had come: it must not keep the connection.
    if (!closed_ && is_doubtful() && lease_.get() == &from && from.conversation().at_rest() &&
        waiting_ == wait_for::nothing && !unit_open_ && from.cancels() == 0)
        begin_probe();
}

/// RESET ALL and DISCARD took the session back to the server's defaults; its own start-up values
/// are defaults too (RULES D).
void session::restore_startup() {
    auto& carried = lease_->state.carried;
    if (has(doubt_, probe_parts::identity)) {
        // DISCARD ALL has taken these away as well; what they are will be asked.
        for (auto* const known : {&carried, &followed_}) {
            known->erase("role");
            known->erase("session_authorization");
        }
    }
    if (std::exchange(restores_startup_, false)) {
        // What the server reports is known by its reports, whether or not the reset was rolled
        // back.
        for (const auto& [name, value] : startup_) {
            carried.erase(name);
            followed_[name] = value;
        }
    }
    for (const auto& name : std::exchange(restores_names_, {})) {
        carried.erase(name);
        followed_[name] = startup_[name];
    }
    note_followed();
    if (carried == followed_) return pump();
    injections_ = {state_change_sql(lease_->state, followed_)};
    begin_injections();
}

} // namespace pgweir
