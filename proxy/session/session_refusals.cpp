// What a standby could not do: the unit is asked of the primary, and its statement remembered
// (router/refused_statements.hpp).
#include "protocol/error_response.hpp"
#include "proxy/session/session.hpp"

namespace pgweir {

namespace {

/// Nothing else gives these on a standby, where no transaction writes, locks rows or is
/// serializable; a function that raises one itself is asked again for nothing, once.
/// Source: postgres.c, ProcessInterrupts; utility.c, PreventCommandIfReadOnly and
/// PreventCommandDuringRecovery; plancat.c, get_relation_info.
std::optional<retry_reason> refusal_in(std::string_view sqlstate, std::string_view body) {
    if (sqlstate == "25006") return retry_reason::read_only;
    if (sqlstate == "40001" || sqlstate == "40P01") return retry_reason::recovery_conflict;
    if (sqlstate != "0A000" && sqlstate != "55000") return std::nullopt;
    const auto message = protocol::find_error_field(body, 'M').value_or("");
    if (message.find("recovery") == std::string_view::npos &&
        message.find("hot standby") == std::string_view::npos)
        return std::nullopt;
    return retry_reason::not_in_recovery;
}

} // namespace

/// True: nothing of the unit's answer has gone out, and the primary will be asked instead.
bool session::on_refusal(backend& from, std::string_view sqlstate, std::string_view body) {
    const auto why = refusal_in(sqlstate, body);
    if (!why) return false;
    remember_refusal(*why);
    if (*why == retry_reason::read_only) owner_.hint_monitor(from.home().key().node);
    if (retry_.bytes.empty() || retry_.only_if_lost || !from.holds_answers()) return false;
    discarding_ = true;
    owner_.counters().retries[*why].add();
    from.drop_held();
    return true;
}

/// Of several statements in one unit nobody knows which one it was.
void session::remember_refusal(retry_reason why) {
    const auto kind = why == retry_reason::recovery_conflict ? refusal_kind::recovery_conflict
                                                             : refusal_kind::never_possible;
    auto& refused = catalog_->refused;
    const auto before = refused.size();
    refused.remember(std::exchange(asked_, 0), kind, owner_.now());
    owner_.counters().refused_statements.add(static_cast<std::int64_t>(refused.size()) -
                                             static_cast<std::int64_t>(before));
}

/// Asked again, this time of the primary, before whatever came after it. A block of nothing but
/// reads moves there, as it does at its first other statement (RULES A19).
void session::ask_again() {
    take_back_unit();
    only_primary_ = asked_again_ = true;
    if (block_ != block_state::on_standby) {
        if (lease_) end_lease();
    } else if (lease_) {
        begin_move();
    } else {
        block_ = block_state::deferred;
        moved_ = true;
    }
}

/// To the front of what the client has sent.
void session::take_back_unit() {
    kept_.assign(retry_.bytes + std::string{input_});
    input_ = kept_;
    retry_.clear();
    pins_if_done_.clear();
}

} // namespace pgweir
