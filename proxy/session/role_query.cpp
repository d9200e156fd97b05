#include "proxy/session/role_query.hpp"

#include "protocol/rows.hpp"
#include "proxy/session/isolated_query.hpp"
#include "proxy/worker.hpp"

namespace pgweir {

namespace {

/// Not pg_has_role: a superuser is no member of roles that were not given to him.
constexpr std::string_view membership_query =
    "WITH RECURSIVE own(oid) AS ("
    "SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = $1 "
    "UNION SELECT m.roleid FROM pg_catalog.pg_auth_members AS m "
    "JOIN own ON m.member OPERATOR(pg_catalog.=) own.oid) "
    "SELECT r.rolname FROM pg_catalog.pg_roles AS r "
    "JOIN own ON r.oid OPERATOR(pg_catalog.=) own.oid";

task<role_answer> ask_now(worker& owner, std::string user, std::string database) {
    const auto found = std::make_shared<role_names>();
    const auto take = [found](std::string_view body) {
        const auto row = protocol::decode_data_row(body);
        if (row && !row->values.empty() && row->values[0]) found->emplace(*row->values[0]);
    };
    std::vector<isolated_query> queries;
    queries.push_back({membership_query, take});
    std::string name = "pgweir roles";
    auto said = co_await ask_isolated(owner, user, std::move(database), std::move(name),
                                      std::move(queries));
    role_answer answer;
    answer.why = std::move(said.why);
    if (!said.asked) co_return answer;
    answer.roles = found;
    owner.shared().roles.remember(user, found,
                                  worker::clock::now() + owner.settings().auth_cache_ttl);
    co_return answer;
}

} // namespace

task<role_answer> ask_for_roles(worker& owner, std::string user, std::string database) {
    return owner.role_questions().ask_once(owner, owner.executor(), std::move(user),
                                           std::move(database), &ask_now);
}

} // namespace pgweir
