#include "proxy/router/statement_kinds.hpp"

namespace pgweir {

kind_traits traits_of(sql::statement_kind kind) {
    using enum sql::statement_kind;
    switch (kind) {
    case empty:
        return {route_reason::pure_read, judged_by::text};
    case select:
    case copy_out:
    case explain:
        return {route_reason::pure_read, judged_by::names};
    case insert:
    case update:
    case delete_rows:
    case merge:
    case copy_in:
        return {route_reason::writes, judged_by::names};
    case show:
        return {route_reason::server_state, judged_by::text};
    case begin:
    case commit: // deferred triggers: told by the statements before it
    case rollback:
    case savepoint:
    case release_savepoint:
    case rollback_to_savepoint:
    case prepare_transaction:
    case commit_prepared:
    case rollback_prepared:
    case set_transaction:
        return {route_reason::transaction_control, judged_by::text};
    case set:
    case reset:
    case set_characteristics:
    case fetch: // told by DECLARE
    case close_cursor:
    case deallocate:
    case discard:
    case listen:
    case unlisten:
    case load:
        return {route_reason::session_state, judged_by::text};
    case declare_cursor:
    case prepare:
    case execute: // its parameters
        return {route_reason::session_state, judged_by::names};
    case ddl:
        return {route_reason::ddl, judged_by::definition};
    case utility:
        return {route_reason::utility, judged_by::definition};
    case notify:
    case lock_table:
    case explain_route:
        return {route_reason::utility, judged_by::text};
    case call:
        return {route_reason::utility, judged_by::call};
    case do_block:
        return {route_reason::utility, judged_by::block};
    case unknown:
        break;
    }
    return {};
}

} // namespace pgweir
