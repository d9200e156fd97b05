#include "proxy/metrics/labels.hpp"

namespace pgweir {

std::string_view label(client_state state) {
    switch (state) {
    case client_state::login:
        return "login";
    case client_state::idle:
        return "idle";
    case client_state::active:
        return "active";
    case client_state::waiting:
        return "waiting";
    case client_state::pinned:
        return "pinned";
    case client_state::replication:
        return "replication";
    }
    return "unknown";
}

std::string_view label(server_state state) {
    switch (state) {
    case server_state::connecting:
        return "connecting";
    case server_state::idle:
        return "idle";
    case server_state::active:
        return "active";
    case server_state::pinned:
        return "pinned";
    case server_state::preparing:
        return "preparing";
    case server_state::closing:
        return "closing";
    }
    return "unknown";
}

std::string_view label(statement_group group) {
    switch (group) {
    case statement_group::select:
        return "select";
    case statement_group::insert:
        return "insert";
    case statement_group::update:
        return "update";
    case statement_group::delete_rows:
        return "delete";
    case statement_group::merge:
        return "merge";
    case statement_group::copy:
        return "copy";
    case statement_group::transaction:
        return "transaction";
    case statement_group::session:
        return "session";
    case statement_group::ddl:
        return "ddl";
    case statement_group::call:
        return "call";
    case statement_group::other:
        return "other";
    }
    return "unknown";
}

std::string_view label(login_outcome result) {
    switch (result) {
    case login_outcome::accepted:
        return "accepted";
    case login_outcome::wrong_credentials:
        return "wrong_credentials";
    case login_outcome::refused:
        return "refused";
    case login_outcome::limit:
        return "limit";
    case login_outcome::broken:
        return "broken";
    case login_outcome::timed_out:
        return "timed_out";
    }
    return "unknown";
}

std::string_view label(queue_refusal reason) {
    switch (reason) {
    case queue_refusal::queue_full:
        return "queue_size";
    case queue_refusal::queue_timeout:
        return "queue_timeout";
    case queue_refusal::pinned_limit:
        return "max_pinned";
    case queue_refusal::no_primary:
        return "no_primary";
    case queue_refusal::shutdown:
        return "shutdown";
    }
    return "unknown";
}

std::string_view label(retry_reason reason) {
    switch (reason) {
    case retry_reason::read_only:
        return "read_only";
    case retry_reason::recovery_conflict:
        return "recovery_conflict";
    case retry_reason::not_in_recovery:
        return "not_in_recovery";
    case retry_reason::connection_lost:
        return "connection_lost";
    }
    return "unknown";
}

std::string_view label(cancel_result result) {
    switch (result) {
    case cancel_result::forwarded:
        return "forwarded";
    case cancel_result::nothing_to_cancel:
        return "nothing_to_cancel";
    case cancel_result::unknown_key:
        return "unknown_key";
    case cancel_result::passed_on:
        return "passed_on";
    case cancel_result::overload:
        return "overload";
    case cancel_result::failed:
        return "failed";
    }
    return "unknown";
}

} // namespace pgweir
