// What holds for one (database, user). See settings.hpp.
#include "proxy/config/settings.hpp"

#include <algorithm>

namespace pgweir {

namespace {

const override_settings&
overrides_of(const std::map<std::string, override_settings, std::less<>>& all,
             std::string_view name) {
    static const override_settings none;
    const auto found = all.find(name);
    return found == all.end() ? none : found->second;
}

/// Three quarters of the pool unless set; below its size where that leaves any, so that pins never
/// fill a pool.
std::uint32_t pinned_limit(std::uint32_t wanted, std::uint32_t pool_size) {
    const auto limit = wanted != 0 ? wanted : pool_size - (pool_size + 3) / 4;
    return std::max(1U, std::min(limit, pool_size - 1));
}

} // namespace

session_policy policy_for(const settings& all, std::string_view database, std::string_view user) {
    const auto& by_database = overrides_of(all.databases, database);
    const auto& by_user = overrides_of(all.users, user);
    const auto choose = [&](auto member, const auto& general) {
        return (by_user.*member).value_or((by_database.*member).value_or(general));
    };
    using o = override_settings;
    session_policy policy;
    policy.pool_size = choose(&o::pool_size, all.pool_size);
    policy.min_pool_size = std::min(choose(&o::min_pool_size, all.min_pool_size), policy.pool_size);
    policy.reserve_pool_size = choose(&o::reserve_pool_size, all.reserve_pool_size);
    policy.max_pinned = pinned_limit(choose(&o::max_pinned, all.max_pinned), policy.pool_size);
    policy.database_max_client_connections = by_database.max_client_connections.value_or(0);
    policy.user_max_client_connections = by_user.max_client_connections.value_or(0);
    policy.pool_mode = choose(&o::pool_mode, all.pool_mode);
    policy.splitting = choose(&o::splitting, all.splitting);
    policy.split_transactions = choose(&o::split_transactions, all.split_transactions);
    policy.read_only_repeatable_read_on_standby =
        choose(&o::read_only_repeatable_read_on_standby, all.read_only_repeatable_read_on_standby);
    policy.consistency = choose(&o::consistency, all.consistency);
    policy.route = choose(&o::route, forced_route::automatic);
    policy.queue_timeout = choose(&o::queue_timeout, all.queue_timeout);
    policy.query_timeout = choose(&o::query_timeout, all.query_timeout);
    policy.idle_transaction_timeout =
        choose(&o::idle_transaction_timeout, all.idle_transaction_timeout);
    return policy;
}

} // namespace pgweir
